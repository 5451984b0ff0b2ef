/* The planner: bin/compart.js, beside which this program is installed, run by Node. */
#ifndef COMPART_PLANNER_H
#define COMPART_PLANNER_H

#include <sys/types.h>

/* Names the descriptor of the channel, to the planner only. */
#define PLANNER_VARIABLE "COMPART_FRONT"

/* Becomes the planner; argv is the caller's own, argv[0] to be replaced. */
_Noreturn void planner_exec(int argc, char **argv);

/* Starts it with one end of a channel, whose other end is returned in *channel. */
pid_t planner_start(int argc, char **argv, int *channel);

/*
 * The first move between groups after about 30 ms without one waits for an RCU grace period, 5 to
 * 15 ms (cgroup_threadgroup_rwsem, kernel/cgroup/cgroup.c); those that follow do not. A child that
 * moves to where it is already changes nothing and has that wait over by the time the command joins
 * its groups. Returns the child, or -1; where it is not allowed, nothing is lost but the time.
 */
pid_t planner_quicken_joins(void);

#endif
