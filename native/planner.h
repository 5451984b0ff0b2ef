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

#endif
