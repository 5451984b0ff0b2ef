/*
 * The warm path: a service of this user, if one listens in the state folder (`compart warm`), plans in
 * the place of a planner that would have to be started. It speaks the same frames (front.c), and before
 * them one of
 *     a  accepted: it plans, and its end is the planner's
 *     d  declined: it has done nothing
 * and while it plans
 *     O  written to stdout    S  written to stderr
 * since it has no descriptor of the caller's. It is told all that a planner has from its parent, in a
 * frame of kind H: NUL-terminated strings, which are WARM_HEADER, the world (world.h), this program,
 * when it began, its pid, its directory, the count of words, the words, and the environment.
 */
#ifndef COMPART_WARM_H
#define COMPART_WARM_H

#include <stdbool.h>
#include <stdint.h>

#define WARM_HEADER "compart-warm/1"

/*
 * Asks the service. False where there is none, it is not this user's, or it does not plan for a caller
 * like this one; else *channel is connected to it. Never waits longer than WARM_PATIENCE_MS.
 */
bool warm_ask(int argc, char **argv, int64_t began_us, int *channel);

/* The words of `compart world`, by which the service knows its own: prints the world and exits. */
_Noreturn void warm_print_world(void);

#endif
