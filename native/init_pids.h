/*
 * --pids: the guest's own limit on tasks, which tells a command EAGAIN where the host's would tell its kernel only that
 * there is no memory. All commands, or all of the root's init, are in one control group; init and its sessions' ways
 * in and out are not, and a command that is started where the limit is reached is still started.
 */
#ifndef COMPART_INIT_PIDS_H
#define COMPART_INIT_PIDS_H

#include <stdbool.h>
#include <stdint.h>

/* limit: digits, or NULL for none. Does not return where it cannot be held. */
void pids_hold(const char *limit);

/* Is there a limit? */
bool pids_held(void);

/* The calling process, which is about to be a command, comes under the limit. False with errno. */
bool pids_enter(void);

/* The calling process, which is about to be the root's init, comes under it, and sees no group above its own. */
void pids_enter_init(void);

/* Forks that the limit has refused. */
uint64_t pids_denied(void);

#endif
