/* See sandbox.h: the namespaces and the ids. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"

/* What user_namespaces(7) prints for the initial one: all ids but the one that means none. */
#define ALL_IDS "0 0 4294967295"

int sandbox_fail(struct uml_error *error, const char *step, int number, const char *format, ...)
{
	va_list values;

	error->step = step;
	error->number = number;
	va_start(values, format);
	vsnprintf(error->detail, sizeof error->detail, format, values);
	va_end(values);
	return -1;
}

pid_t sandbox_clone(struct uml_error *error)
{
	const unsigned long flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
				    CLONE_NEWUTS | CLONE_NEWNET | SIGCHLD;
	const pid_t child = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, 0UL);

	if (child < 0)
		sandbox_fail(error, "sandbox", errno, "namespaces of its own");
	return child;
}

/* The kernel takes a map in one write or not at all; before it took one, another may be tried. */
static int write_to(pid_t child, const char *name, const char *text)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/%s", (int)child, name);
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	const int error = write(fd, text, strlen(text)) < 0 ? errno : 0;
	close(fd);
	return error;
}

/* Does the caller's user namespace know every id, as only the initial one does unless made so? */
static bool knows_all_ids(void)
{
	unsigned int inside, outside, count;
	char line[64] = "";
	const int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	const ssize_t size = fd < 0 ? -1 : fd_read(fd, line, sizeof line - 1);

	if (fd >= 0)
		close(fd);
	return size > 0 && sscanf(line, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 &&
	       outside == 0 && count == UINT32_MAX;
}

static int map_own(pid_t child)
{
	char line[64];

	snprintf(line, sizeof line, "%u %u 1", geteuid(), geteuid());
	int error = write_to(child, "uid_map", line);
	if (error != 0)
		return error;
	/* Who may not map others may map the own group only where groups cannot be shed. */
	error = write_to(child, "setgroups", "deny");
	if (error != 0)
		return error;
	snprintf(line, sizeof line, "%u %u 1", getegid(), getegid());
	return write_to(child, "gid_map", line);
}

/* A root that was left too few capabilities for all ids still has its own. */
int sandbox_map_ids(pid_t child, struct uml_error *error)
{
	int number = EPERM;

	if (geteuid() == 0 && knows_all_ids())
		number = write_to(child, "uid_map", ALL_IDS);
	if (number == 0)
		number = write_to(child, "gid_map", ALL_IDS);
	else if (number == EPERM)
		number = map_own(child);
	return number == 0 ? 0 : sandbox_fail(error, "sandbox", number, "ids of user %u", geteuid());
}
