/* See terminal.h. Nothing here is stopped: the caller blocks SIGTTOU, which only changing it would send. */
#include "terminal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios before;
static int raw_fd = -1;

void terminal_size(uint16_t *rows, uint16_t *columns)
{
	struct winsize size = {0};

	*rows = 24;
	*columns = 80;
	for (int fd = STDOUT_FILENO; fd >= STDIN_FILENO; fd--) {
		if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_row == 0 || size.ws_col == 0)
			continue;
		*rows = size.ws_row;
		*columns = size.ws_col;
		return;
	}
}

bool terminal_is_ours(int fd)
{
	pid_t foreground = tcgetpgrp(fd);

	/* None, or not the one that could stop us. */
	return foreground < 0 || foreground == getpgrp();
}

bool terminal_raw(int fd)
{
	struct termios raw;

	if (raw_fd >= 0)
		return true;
	if (!terminal_is_ours(fd) || tcgetattr(fd, &before) < 0)
		return false;
	raw = before;
	cfmakeraw(&raw);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	/* Not flushed: what was typed ahead is for the command. */
	if (tcsetattr(fd, TCSANOW, &raw) < 0)
		return false;
	static bool registered;
	if (!registered)
		registered = atexit(terminal_restore) == 0;
	raw_fd = fd;
	return true;
}

void terminal_restore(void)
{
	const int fd = raw_fd;

	raw_fd = -1;
	/* In the background it is the shell's by now, which has restored it itself. */
	if (fd >= 0 && terminal_is_ours(fd))
		while (tcsetattr(fd, TCSANOW, &before) < 0 && errno == EINTR)
			continue;
}
