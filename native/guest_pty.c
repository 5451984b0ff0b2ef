/* Terminals of commands: see guest_spawn.h, pty(7). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "guest_spawn.h"

#define TTY_GROUP 5 /* as devpts is mounted with */

void pty_resize(int master, unsigned short rows, unsigned short columns)
{
	struct winsize size = {.ws_row = rows, .ws_col = columns};

	(void)ioctl(master, TIOCSWINSZ, &size);
}

static int prepare(int slave, const struct user *user)
{
	struct termios mode;

	/* A character that takes more than a byte is erased as one. */
	if (tcgetattr(slave, &mode) < 0)
		return errno;
	mode.c_iflag |= IUTF8;
	if (tcsetattr(slave, TCSANOW, &mode) < 0)
		return errno;
	if (user != NULL && user->uid != 0 && fchown(slave, user->uid, TTY_GROUP) < 0)
		return errno;
	return 0;
}

int pty_open(int *master, int *slave, unsigned short rows, unsigned short columns, const struct user *user)
{
	int locked = 0, fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return errno;
	*slave = ioctl(fd, TIOCSPTLCK, &locked) < 0 ? -1 : ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	int error = *slave < 0 ? errno : prepare(*slave, user);
	if (error != 0) {
		if (*slave >= 0)
			close(*slave);
		close(fd);
		return error;
	}
	pty_resize(fd, rows, columns);
	*master = fd;
	return 0;
}

/* Only where the terminal reads lines; the first one after half a line but hands that over. */
void pty_send_end(int master, bool line_begun)
{
	struct termios mode;
	char keys[2];

	if (tcgetattr(master, &mode) < 0 || (mode.c_lflag & ICANON) == 0)
		return;
	memset(keys, mode.c_cc[VEOF], sizeof keys);
	(void)!write(master, keys, line_begun ? 2 : 1);
}
