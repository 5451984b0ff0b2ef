/* The children of the caller, those it has adopted among them (PR_SET_CHILD_SUBREAPER). */
#ifndef COMPART_CHILDREN_H
#define COMPART_CHILDREN_H

#include <sys/types.h>

/* The pid of one that is not this one, or 0. */
pid_t children_other(pid_t than);

/* Takes note of the ends of all but these two, which somebody else waits for. */
void children_reap(pid_t one, pid_t other);

/* Kills them all, and what they leave to the caller, and waits for their ends. */
void children_kill(void);

#endif
