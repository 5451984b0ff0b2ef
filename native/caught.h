/* The signals of a program that stands for a command elsewhere: read from a descriptor, and handed on. */
#ifndef COMPART_CAUGHT_H
#define COMPART_CAUGHT_H

#include <stdbool.h>

/*
 * Blocks those to be handed on, but what came ignored, and SIGCHLD, and returns the descriptor to read
 * them from (non-blocking, close-on-exec), or -1 with errno. SIGTTIN and SIGTTOU are blocked as well:
 * reading in the background is an error then.
 */
int caught_open(void);

/*
 * Stops the caller as SIGTSTP would have, and returns when it goes on. False where it was not stopped,
 * since nobody could make it go on: no SIGCONT comes then.
 */
bool caught_stop(void);

/* Ends the caller as the signal would have. */
_Noreturn void caught_die(int number);

#endif
