/* The program that connects a private router with the network outside it. */
#ifndef COMPART_UPLINK_H
#define COMPART_UPLINK_H

#include <stdbool.h>

#include "router.h"

/* Whether a word of the command line has the placeholder, in braces, in it. */
bool uplink_wants(char *const *command, const char *placeholder);

/* Becomes the uplink once the holder says so; dies with the holder. */
_Noreturn void uplink_run(struct router *router, pid_t holder);

#endif
