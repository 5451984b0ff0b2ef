/*
 * The launch plan: what a process does to itself before it becomes the command.
 *
 * A plan is a run of NUL-terminated strings: PLAN_HEADER, then key=value records, then "end".
 * The keys, those with a + as often as wanted, in any order but that of the + among themselves:
 *
 *   hold=1           wait for a byte before all else
 *   setsid=1         lead a session
 *   cgroup=FILE +    write 0 into this cgroup.procs
 *   ns=TYPE:FILE +   enter the namespace: cgroup ipc mnt net pid time user uts (as setns(2) has it,
 *                    pid is for the children to come), each once
 *   sysctl=NAME:VALUE +
 *                    written to /proc/sys/NAME of the network namespace entered: NAME begins with
 *                    net/ and has only a-z 0-9 _ - and / in it; needs ns=net
 *   userns=UID:GID   a user namespace of its own, where the effective ids are these: no capability
 *                    is left over the namespaces entered before
 *   bind=TARGET:SOURCE +
 *                    SOURCE over TARGET, regular files by absolute paths, TARGET without a colon;
 *                    in a mount namespace of its own
 *   capdrop=N +      out of the bounding set and every other; N is 0 to 63, one that the kernel
 *                    does not have is gone already
 *   groups=N,N       the supplementary groups, all of them; empty for none
 *   gid=N uid=N      real, effective and saved
 *   nnp=1            no new privileges
 *   clearenv=1 unsetenv=NAME + env=NAME=VALUE +
 *                    applied in the order they stand in
 *   workdir=FOLDER   entered as the user the ids make
 *   sigignore=N +    ignored by the command; every other signal is at its default
 *   monitor=1        leave a monitor behind
 *   adopt=1          the parent of the command, its monitor or the front, becomes that of every descendant which
 *                    loses its own (PR_SET_CHILD_SUBREAPER), so that none gets out of its sight
 *   guard=PID        that parent kills the command should this process end before it
 *   finish=ARG +     what the monitor becomes when the command has ended, its ending appended:
 *                    exited:N or signaled:N
 *   timeout_ms=N expire=ARG +
 *                    what the monitor runs once when N ms have passed since the exec
 *
 * They are taken in this order: hold setsid cgroup ns sysctl userns bind capdrop groups gid uid nnp
 * env workdir signals. A step that fails is reported by that name (env has the three of its own).
 *
 * Parsing is pure (no system call but the allocator's), so that it can be fuzzed; a plan that
 * parses is complete and within every bound below, and only the kernel can still refuse it.
 */
#ifndef COMPART_PLAN_H
#define COMPART_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_HEADER "compart-plan/1"
#define PLAN_END "end"
#define PLAN_ADOPT "adopt="
#define PLAN_GUARD "guard="
#define PLAN_PID_MAX (4 * 1024 * 1024) /* PID_MAX_LIMIT of the kernel */
#define PLAN_BYTES_MAX ((size_t)8 * 1024 * 1024)
#define PLAN_RECORDS_MAX ((size_t)65536)
#define PLAN_CGROUPS_MAX 32
#define PLAN_NAMESPACES_MAX 8
#define PLAN_SYSCTLS_MAX 32
#define PLAN_BINDS_MAX 32
#define PLAN_CAPABILITY_MAX 63
#define PLAN_GROUPS_MAX ((size_t)65536) /* NGROUPS_MAX of the kernel */
#define PLAN_SIGNAL_MAX 64
#define PLAN_TIMEOUT_MAX_MS UINT64_C(1000000000000)

/* A numeric user or group id; text is NULL when the plan does not set it. */
struct plan_id {
	const char *text;
	uint32_t value;
};

struct plan_namespace {
	const char *text; /* TYPE:PATH as given, for messages */
	const char *path;
	int flag; /* CLONE_NEW* */
};

struct plan_sysctl {
	const char *name;
	const char *value;
};

/* text is NULL when the plan does not ask for one. */
struct plan_userns {
	const char *text; /* UID:GID as given, for messages */
	uint32_t uid;
	uint32_t gid;
};

struct plan_bind {
	const char *target;
	const char *source;
};

enum plan_env_action { PLAN_ENV_CLEAR, PLAN_ENV_UNSET, PLAN_ENV_SET };

struct plan_env {
	enum plan_env_action action;
	const char *name;
	const char *value;
};

/* An argv. It is NULL-terminated and has room for one more argument before the NULL. */
struct plan_argv {
	char **items;
	size_t count;
};

struct plan {
	bool hold;
	bool monitor;
	bool adopt;
	bool setsid;
	bool nnp;
	uint64_t timeout_ms; /* 0: none */
	uint64_t guard;      /* a pid, 0: none */
	uint64_t ignored;    /* bit N-1: signal N is to be ignored */
	uint64_t dropped;    /* bit N: capability N is to be dropped */

	const char *cgroups[PLAN_CGROUPS_MAX];
	size_t cgroup_count;
	struct plan_namespace namespaces[PLAN_NAMESPACES_MAX];
	size_t namespace_count;
	struct plan_sysctl sysctls[PLAN_SYSCTLS_MAX];
	size_t sysctl_count;
	struct plan_userns userns;
	struct plan_bind binds[PLAN_BINDS_MAX];
	size_t bind_count;

	const char *groups_text; /* NULL: leave the supplementary groups alone */
	uint32_t *groups;
	size_t group_count;
	struct plan_id gid;
	struct plan_id uid;

	struct plan_env *env; /* in the order of the plan */
	size_t env_count;
	const char *workdir;

	struct plan_argv finish;
	struct plan_argv expire;
};

struct plan_error {
	int number;         /* errno */
	const char *reason; /* a literal */
	const char *record; /* the record at fault, only its key is fit to print; or NULL */
};

/*
 * Parses size bytes at text, which is cut up in place and must outlive the plan.
 * Returns false and fills *error when the plan is refused. Either way the plan wants plan_free().
 */
bool plan_parse(struct plan *plan, char *text, size_t size, struct plan_error *error);

void plan_free(struct plan *plan);

#endif
