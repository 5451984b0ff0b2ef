/* The process that is a private router's user, network and mount namespace. */
#ifndef COMPART_HOLDER_H
#define COMPART_HOLDER_H

#include "router.h"

/* Becomes the holder, which dies with its parent until it is told to be kept. */
_Noreturn void holder_run(struct router *router, pid_t parent);

#endif
