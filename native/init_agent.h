/*
 * init's part in the guest once it is up: what the host asks for is done (frame.h). It is process 1, or
 * stands beside the init of the root.
 */
#ifndef COMPART_INIT_AGENT_H
#define COMPART_INIT_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "guest_session.h"
#include "init_late.h"
#include "init_power.h"
#include "init_shell.h"

struct agent_times {
	uint64_t kernel_us, init_us; /* HELLO */
};

struct agent {
	struct sessions sessions;
	struct wire *wire;
	int epoll_fd, signal_fd, packet_fd;
	bool blocked;   /* the packet socket is to say when it can be written */
	bool childless; /* nothing is left that could end */
	struct watch packets, signals;
	struct power power;
	struct shell shell;
	struct late late;
};

/* Serves the host over the packet socket until it says POWEROFF. shell may be NULL. */
_Noreturn void agent_run(int packet_fd, const struct agent_times *times, const char *shell);

#endif
