/*
 * The planner: dist/bin/planner, the program compiled, where that is built and does what is asked;
 * else bin/compart.js, run by Node. Both are of the installation that this program is of.
 */
#ifndef COMPART_PLANNER_H
#define COMPART_PLANNER_H

#include <stdint.h>
#include <sys/types.h>

/*
 * To the planner only: "FD:US:PATH", the descriptor of the channel, when the front began (CLOCK_REALTIME)
 * and its own path.
 */
#define PLANNER_VARIABLE "COMPART_FRONT"

/* Goes before the names of variables that the planner is not to be steered by. */
#define PLANNER_HIDDEN "COMPART_HIDDEN_"

/* The path of this very program, and of the installation that it is of. */
const char *planner_own_path(void);
const char *planner_root(void);

/* Becomes the planner; argv is the caller's own, argv[0] to be replaced. */
_Noreturn void planner_exec(int argc, char **argv);

/* Starts it with one end of a channel, whose other end is returned in *channel. */
pid_t planner_start(int argc, char **argv, int64_t began_us, int *channel);

/*
 * The first move between groups after a while without one waits for an RCU grace period, 5 to 15 ms
 * (cgroup_threadgroup_rwsem, kernel/cgroup/cgroup.c; rcu_sync_enter); those that follow within a
 * grace period do not. A child that keeps moving to where it is already changes nothing, and has
 * that wait over, and not due again, when the command joins its groups. It ends by itself after
 * a quarter of a second, or when it is killed. Returns it, or -1; where it is not allowed to move,
 * nothing is lost but the time.
 */
pid_t planner_quicken_joins(void);

#endif
