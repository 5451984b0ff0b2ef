/*
 * How a process gets into a group without waiting. Whoever writes to cgroup.procs takes a lock that
 * no other process can fork under, and after a while without such a write waits for an RCU grace
 * period first, 5 to 15 ms (cgroup_threadgroup_rwsem and rcu_sync_enter, kernel/cgroup/cgroup.c).
 * Two ways go without it: a process of one thread that writes 0 into the tasks file of a v1 group
 * (Linux 5.6), and one that is born in a v2 group (clone3(2), CLONE_INTO_CGROUP, Linux 5.7).
 */
#ifndef COMPART_BIRTH_H
#define COMPART_BIRTH_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

/* Opens what the caller, of one thread, writes 0 to for joining the group whose cgroup.procs this is. */
int birth_open(const char *procs);

/*
 * As fork(2), the child in the first v2 group that the plan names where the kernel puts it there;
 * then born is that group's cgroup.procs, else it is empty.
 */
pid_t birth_fork(const char *plan, size_t size, char born[PATH_MAX]);

#endif
