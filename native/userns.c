/* See userns.h. */
#include "userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The kernel takes a map in one write or not at all. */
static int write_self(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	int error = write(fd, text, strlen(text)) < 0 ? errno : 0;
	close(fd);
	return error;
}

static int map(const char *path, uint32_t inside, uint32_t outside)
{
	char line[32];

	snprintf(line, sizeof line, "%u %u 1", inside, outside);
	return write_self(path, line);
}

int userns_unshare(uint32_t uid, uint32_t gid)
{
	const uid_t outer_uid = geteuid();
	const gid_t outer_gid = getegid();

	if (unshare(CLONE_NEWUSER) < 0)
		return errno;
	/* Who may not map others may map the own group only where groups cannot be shed. */
	int error = write_self("/proc/self/setgroups", "deny");
	if (error == 0)
		error = map("/proc/self/gid_map", gid, outer_gid);
	if (error == 0)
		error = map("/proc/self/uid_map", uid, outer_uid);
	return error;
}
