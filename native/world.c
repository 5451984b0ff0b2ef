/* See world.h. */
#include "world.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GROUPS_MAX 64

struct line {
	char *text;
	size_t size;
	size_t used;
	bool failed;
};

static void add(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct line *line, const char *format, ...)
{
	va_list arguments;

	if (line->failed)
		return;
	va_start(arguments, format);
	int length = vsnprintf(line->text + line->used, line->size - line->used, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= line->size - line->used) {
		errno = E2BIG;
		line->failed = true;
		return;
	}
	line->used += (size_t)length;
}

/* A file, and which one it is; a file that is not there is a fact as well. */
static void add_file(struct line *line, const char *name, const char *path)
{
	struct stat stat_now;

	if (stat(path, &stat_now) < 0)
		add(line, "%s=none ", name);
	else
		add(line, "%s=%ju:%ju ", name, (uintmax_t)stat_now.st_dev, (uintmax_t)stat_now.st_ino);
}

static void add_namespaces(struct line *line)
{
	static const char *const types[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};
	char path[64];

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		snprintf(path, sizeof path, "/proc/self/ns/%s", types[i]);
		add_file(line, types[i], path);
	}
}

/* Another build of the program has another planner. */
static void add_build(struct line *line, const char *root, const char *file)
{
	char path[PATH_MAX];
	struct stat stat_now;
	int length = snprintf(path, sizeof path, "%s/%s", root, file);

	if (length < 0 || (size_t)length >= sizeof path || stat(path, &stat_now) < 0)
		line->failed = true;
	else
		add(line, "build=%ju:%ju:%jd.%09ld ", (uintmax_t)stat_now.st_dev, (uintmax_t)stat_now.st_ino,
		    (intmax_t)stat_now.st_mtim.tv_sec, stat_now.st_mtim.tv_nsec);
}

static void add_ids(struct line *line)
{
	gid_t groups[GROUPS_MAX];
	uid_t real, effective, saved;
	gid_t real_group, effective_group, saved_group;
	int count = getgroups(GROUPS_MAX, groups);

	if (count < 0 || getresuid(&real, &effective, &saved) < 0 ||
	    getresgid(&real_group, &effective_group, &saved_group) < 0) {
		line->failed = true;
		return;
	}
	add(line, "uid=%u:%u:%u gid=%u:%u:%u groups=", real, effective, saved, real_group, effective_group,
	    saved_group);
	for (int i = 0; i < count; i++)
		add(line, "%u,", groups[i]);
}

static void add_rights(struct line *line)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
	struct rlimit file_size;
	const mode_t mask = umask(0);

	umask(mask);
	if (syscall(SYS_capget, &header, data) < 0 || getrlimit(RLIMIT_FSIZE, &file_size) < 0) {
		line->failed = true;
		return;
	}
	add(line, " caps=%x:%x nnp=%d umask=%o fsize=%ju", data[0].effective, data[1].effective,
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), mask, (uintmax_t)file_size.rlim_cur);
}

bool world_describe(const char *root, char *text, size_t size)
{
	struct line line = {.text = text, .size = size};

	add_build(&line, "", "proc/self/exe");
	add_build(&line, root, "dist/bin/main.cjs");
	add_namespaces(&line);
	add_file(&line, "root", "/");
	add_ids(&line);
	add_rights(&line);
	return !line.failed;
}
