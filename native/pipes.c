/* See pipes.h. */
#include "pipes.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static bool make(int pipe[2])
{
	if (pipe2(pipe, O_NONBLOCK | O_CLOEXEC) < 0) {
		pipe[0] = pipe[1] = -1;
		return false;
	}
	/* A user has only so many pages in pipes (pipe-user-pages-soft): a small one does too. */
	(void)fcntl(pipe[1], F_SETPIPE_SZ, PIPES_BYTES);
	return true;
}

bool pipes_spare(struct pipes *pipes, size_t count)
{
	while (pipes->count < count) {
		int pipe[2];
		if (!make(pipe))
			return false;
		pipes_give(pipes, pipe, true);
	}
	return true;
}

bool pipes_take(struct pipes *pipes, int pipe[2])
{
	if (pipes->count == 0)
		return make(pipe);
	pipes->count--;
	memcpy(pipe, pipes->kept[pipes->count], sizeof pipes->kept[0]);
	return true;
}

void pipes_give(struct pipes *pipes, int pipe[2], bool empty)
{
	if (pipe[0] < 0)
		return;
	if (empty && pipes->count < PIPES_KEPT_MAX) {
		memcpy(pipes->kept[pipes->count++], pipe, sizeof pipes->kept[0]);
	} else {
		close(pipe[0]);
		close(pipe[1]);
	}
	pipe[0] = pipe[1] = -1;
}
