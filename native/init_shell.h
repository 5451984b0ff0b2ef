/* A shell on /dev/tty1 for whoever presses Enter there, again after each end. */
#ifndef COMPART_INIT_SHELL_H
#define COMPART_INIT_SHELL_H

#include <stdbool.h>
#include <sys/types.h>

#include "guest_session.h"

struct shell {
	struct watch watch; /* first */
	const char *file;   /* NULL: none */
	int fd, epoll_fd;   /* the terminal while nobody is there; -1 */
	pid_t pid;          /* of the shell while somebody is */
	bool ready, unguarded;
};

/* Waits for Enter; a guest without that terminal goes on without a shell. */
void shell_wait(struct shell *shell);

/* Starts the shell, if Enter was pressed. */
void shell_move(struct shell *shell);

/* A child has ended: if it is the shell, waits again. */
void shell_reaped(struct shell *shell, pid_t pid);

#endif
