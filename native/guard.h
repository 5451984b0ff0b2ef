/*
 * The guard of a command: a process that looks for what gets out of the compartment (--strict). Whoever may kill it would
 * have nobody look, so that the parent of the command, its monitor or the front, kills the command when the guard ends.
 */
#ifndef COMPART_GUARD_H
#define COMPART_GUARD_H

#include <sys/types.h>

/* Readable at the end of that process; -1 where there is none to be seen, GUARD_GONE if it has ended. */
#define GUARD_GONE (-2)
int guard_watch(pid_t guard);

/* Kills the command, whose guard has ended, and looks no more: what is given is -1 afterwards. */
void guard_lost(int *guard_fd, pid_t command);

#endif
