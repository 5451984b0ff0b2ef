/* The supervisor of a detached command: see monitor.c. */
#ifndef COMPART_MONITOR_H
#define COMPART_MONITOR_H

#include "plan.h"

/* What the child sends on the report descriptor when only the exec is left to do. */
#define MONITOR_READY '+'

/*
 * Forks. Returns in the child only, with the descriptor on which it sends MONITOR_READY and then,
 * if the exec fails, its fail line; the parent becomes the monitor and does not come back.
 * Returns -1 with errno when there is no child.
 */
int monitor_fork(struct plan *plan, int result_fd);

#endif
