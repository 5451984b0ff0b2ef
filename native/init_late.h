/* Mounts that the host asks for while the guest runs: MOUNT and UNMOUNT of frame.h. */
#ifndef COMPART_INIT_LATE_H
#define COMPART_INIT_LATE_H

#include <stdint.h>
#include <sys/types.h>

#include "frame.h"
#include "init_wire.h"

#define LATE_MAX 64

struct late {
	struct {
		pid_t pid; /* 0: none */
		uint32_t number;
	} children[LATE_MAX]; /* each at one of them */
	struct wire *wire;
};

/* Begins it; the answer follows. */
void late_take(struct late *late, const struct frame *frame);

/* A child has ended: if it was one of these, the host is told. */
void late_reaped(struct late *late, pid_t pid, int status);

#endif
