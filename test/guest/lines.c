/*
 * An init that leaves what comes in on its serial line unread for a while, then sends all of it back: what a busy program
 * in a guest does. /proc/cmdline has after= (milliseconds) and bytes=.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <termios.h>
#include <unistd.h>

static long number_of(const char *cmdline, const char *key)
{
	const char *at = strstr(cmdline, key);

	return at == NULL ? 0 : strtol(at + strlen(key), NULL, 10);
}

static void write_all(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t done = write(fd, text, size);

		if (done <= 0)
			return;
		text += done;
		size -= (size_t)done;
	}
}

static int open_line(void)
{
	struct termios raw;
	int line;

	mount("dev", "/dev", "devtmpfs", 0, "");
	line = open("/dev/ttyS1", O_RDWR | O_NOCTTY);
	if (line < 0 || tcgetattr(line, &raw) != 0)
		return -1;
	cfmakeraw(&raw);
	tcsetattr(line, TCSANOW, &raw);
	return line;
}

int main(void)
{
	static char cmdline[4096], text[1 << 16];
	int proc, line;
	long left;

	mount("proc", "/proc", "proc", 0, "");
	proc = open("/proc/cmdline", O_RDONLY);
	if (read(proc, cmdline, sizeof(cmdline) - 1) < 0)
		return 1;
	line = open_line();
	if (line < 0)
		return 1;
	write_all(line, "!", 1);
	usleep((useconds_t)number_of(cmdline, "after=") * 1000);
	for (left = number_of(cmdline, "bytes="); left > 0;) {
		ssize_t got = read(line, text, sizeof(text));

		if (got <= 0)
			break;
		write_all(line, text, (size_t)got);
		left -= got;
	}
	tcdrain(line);
	reboot(RB_POWER_OFF);
	return 1;
}
