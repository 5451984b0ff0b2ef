/* The console and the end: see init.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "init.h"

#define FAILED "125" /* as of launch.h: compart's own failure, not the command's */

/* A kernel without CONFIG_DEVTMPFS_MOUNT leaves /dev to init. */
void init_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	if (fd < 0 && mount("dev", "/dev", "devtmpfs", MS_NOSUID, NULL) == 0)
		fd = open("/dev/console", O_RDWR | O_NOCTTY);
	for (int standard = 0; fd >= 0 && standard <= STDERR_FILENO; standard++)
		if (standard != fd)
			dup2(fd, standard);
	if (fd > STDERR_FILENO)
		close(fd);
}

static void say(int error, const char *format, va_list words)
{
	static const char name[] = "compart-init: ";
	char line[1024];
	size_t used = sizeof name - 1, room = sizeof line - 2;

	memcpy(line, name, used);
	int length = vsnprintf(line + used, room - used, format, words);
	used += length < 0 ? 0 : (size_t)length < room - used ? (size_t)length : room - used - 1;
	if (error != 0) {
		length = snprintf(line + used, room - used, ": %s", strerror(error));
		used += (size_t)length < room - used ? (size_t)length : room - used - 1;
	}
	line[used++] = '\n';
	(void)fd_write(STDERR_FILENO, line, used);
}

void init_say(int error, const char *format, ...)
{
	va_list words;

	va_start(words, format);
	say(error, format, words);
	va_end(words);
}

/* A proc that is mounted nowhere: the root may have no place for one yet, or never. */
static int open_proc(void)
{
	int context = fsopen("proc", FSOPEN_CLOEXEC), proc = -1;

	if (context >= 0 && fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		proc = fsmount(context, FSMOUNT_CLOEXEC, 0);
	if (context >= 0)
		close(context);
	return proc;
}

/* What the kernel exits with (arch/um/kernel/exitcode.c). */
static void set_exit_code(void)
{
	int proc = open_proc(), fd = proc < 0 ? -1 : openat(proc, "exitcode", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)fd_write(fd, FAILED, sizeof FAILED - 1);
}

void init_fail(int error, const char *format, ...)
{
	va_list words;

	va_start(words, format);
	say(error, format, words);
	va_end(words);
	set_exit_code();
	sync();
	init_power_off();
}

void init_power_off(void)
{
	for (;;) {
		reboot(RB_POWER_OFF);
		pause();
	}
}

uint64_t init_uptime_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}
