/* The command of the front: started, signalled, watched. */
#ifndef COMPART_FOREGROUND_H
#define COMPART_FOREGROUND_H

#include <stddef.h>

#include "front.h"

/* Blocks what is to be handled, but what came ignored, and remembers that. */
void foreground_watch_signals(struct front *front);

/* Starts the command of a launch request, which is cut up in place; its failures go to the planner. */
void foreground_start(struct front *front, char *request, size_t size);

/* Hands on the signals that have arrived, then looks what became of the command. */
void foreground_take_signals(struct front *front);

/* Hands on what the command says on its way to the exec. */
void foreground_hear(struct front *front);

/* The guard of the command has ended: so does the command, unless it has already. */
void foreground_lose_guard(struct front *front);

/* The command's time is up: first to be asked, then to be killed; the planner does both. */
void foreground_expire(struct front *front);

/* Ends the front as the signal would have ended the command that never came to be. */
void foreground_die_of_kept(const struct front *front);

#endif
