/*
 * See init_late.h. In a child, since a place in the guest may be of a file system that does not answer. Its exit
 * status is the errno.
 */
#include "init_late.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init.h"
#include "init_report.h"

#define NAMESPACE "/proc/self/ns/mnt"
#define SCRATCH "/proc" /* a folder that every root has, covered where nobody else is */
#define FROM "hostfs:"

struct asked {
	struct guest_mount mount;
	uint32_t number;
	bool force;
};

static void read_asked(struct asked *asked, const struct frame *frame)
{
	const char *key, *value;
	size_t at = 0, size;

	while ((value = frame_record(frame, &at, &key, &size)) != NULL) {
		if (size == 6 && memcmp(key, "number", size) == 0)
			asked->number = (uint32_t)strtoul(value, NULL, 10);
		else if (size == 5 && memcmp(key, "mount", size) == 0)
			asked->mount.from = value + sizeof FROM - 1;
		else if (size == 2 && memcmp(key, "at", size) == 0)
			asked->mount.at = value;
		else if (size == 4 && memcmp(key, "mode", size) == 0)
			asked->mount.writable = value[1] == 'w';
		else if (size == 5 && memcmp(key, "force", size) == 0)
			asked->force = *value == '1';
	}
}

/* Opened where nobody sees it on the way, in a mount namespace of the child's own. */
static int open_mount(const struct guest_mount *wanted, int *tree, bool *is_file)
{
	const int outside = open(NAMESPACE, O_RDONLY | O_CLOEXEC);

	if (outside < 0 || unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return errno;
	const int error = init_open_hostfs(wanted, SCRATCH, tree, is_file);
	return error != 0 || setns(outside, CLONE_NEWNS) == 0 ? error : errno;
}

/* What is there already, and in the way. 0 or an errno. */
static int judge_place(const char *at, bool is_file)
{
	struct statx status;

	if (statx(AT_FDCWD, at, 0, STATX_TYPE, &status) < 0)
		return 0; /* it is made, or that fails */
	if ((status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0)
		return EBUSY;
	return S_ISDIR(status.stx_mode) != is_file ? 0 : is_file ? EISDIR : ENOTDIR;
}

static int make(const struct asked *asked)
{
	int tree;
	bool is_file;
	int error = open_mount(&asked->mount, &tree, &is_file);

	if (error == 0)
		error = judge_place(asked->mount.at, is_file);
	return error != 0 ? error : init_put(tree, asked->mount.at, is_file);
}

static int end(const struct asked *asked)
{
	return umount2(asked->mount.at, asked->force ? MNT_DETACH : 0) < 0 ? errno : 0;
}

static void tell(struct late *late, uint32_t number, int error)
{
	struct report report = {0};

	report_number(&report, "number", number);
	report_number(&report, "errno", (uint64_t)error);
	wire_send_text(late->wire, FRAME_MOUNTED, 0, report.text, report.used);
}

void late_take(struct late *late, const struct frame *frame)
{
	struct asked asked = {{.from = FROM, .at = ""}, .number = 0};
	size_t place = 0;

	read_asked(&asked, frame);
	while (place < LATE_MAX && late->children[place].pid != 0)
		place++;
	const pid_t pid = place == LATE_MAX ? -1 : fork();
	if (pid == 0)
		_exit(frame->type == FRAME_MOUNT ? make(&asked) : end(&asked));
	if (pid < 0) {
		tell(late, asked.number, place == LATE_MAX ? EAGAIN : errno);
		return;
	}
	late->children[place].pid = pid;
	late->children[place].number = asked.number;
}

void late_reaped(struct late *late, pid_t pid, int status)
{
	for (size_t i = 0; i < LATE_MAX; i++) {
		if (late->children[i].pid != pid)
			continue;
		late->children[i].pid = 0;
		tell(late, late->children[i].number, WIFEXITED(status) ? WEXITSTATUS(status) : EINTR);
	}
}
