/* See init_pids.h, and "Control Group v2" of the kernel's documentation. */
#include "init_pids.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init.h"

#define GROUP "guest"
#define COMMANDS GROUP "/commands"
#define INIT GROUP "/init"

static int commands_fd = -1, init_fd = -1, events_fd = -1;

/* A cgroup2 that is mounted nowhere; its groups are the same wherever the root's own init mounts it. */
static int open_groups(void)
{
	int context = fsopen("cgroup2", FSOPEN_CLOEXEC), groups = -1;

	if (context >= 0 && fsconfig(context, FSCONFIG_SET_FLAG, "nsdelegate", NULL, 0) == 0 &&
	    fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		groups = fsmount(context, FSMOUNT_CLOEXEC, 0);
	if (context >= 0)
		close(context);
	return groups;
}

static bool write_file(int groups, const char *file, const char *text)
{
	int fd = openat(groups, file, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return written;
}

void pids_hold(const char *limit)
{
	if (limit == NULL)
		return;
	int groups = open_groups();
	if (groups < 0 || !write_file(groups, "cgroup.subtree_control", "+pids") ||
	    mkdirat(groups, GROUP, 0755) < 0 || !write_file(groups, GROUP "/pids.max", limit) ||
	    mkdirat(groups, COMMANDS, 0755) < 0 || mkdirat(groups, INIT, 0755) < 0)
		init_fail(errno, "--pids: this kernel cannot hold %s tasks", limit);
	commands_fd = openat(groups, COMMANDS "/cgroup.procs", O_WRONLY | O_CLOEXEC);
	init_fd = openat(groups, INIT "/cgroup.procs", O_WRONLY | O_CLOEXEC);
	events_fd = openat(groups, GROUP "/pids.events", O_RDONLY | O_CLOEXEC);
	if (commands_fd < 0 || init_fd < 0 || events_fd < 0)
		init_fail(errno, "--pids: no group for %s tasks", limit);
	close(groups);
}

bool pids_held(void)
{
	return events_fd >= 0;
}

bool pids_enter(void)
{
	return commands_fd < 0 || write(commands_fd, "0", 1) == 1;
}

void pids_enter_init(void)
{
	if (init_fd < 0)
		return;
	if (write(init_fd, "0", 1) != 1 || unshare(CLONE_NEWCGROUP) < 0)
		init_fail(errno, "--pids: init cannot be held");
}

uint64_t pids_denied(void)
{
	char text[64];
	ssize_t count = events_fd < 0 ? -1 : pread(events_fd, text, sizeof text - 1, 0);

	text[count < 0 ? 0 : count] = '\0';
	return strncmp(text, "max ", 4) == 0 ? strtoull(text + 4, NULL, 10) : 0;
}
