/* See sandbox_step.h. */
#include "sandbox_step.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox.h"
#include "tree.h"

/* On a mount that is read-only a device still works; its owner and mode can no longer be changed. */
#define FOR_DEVICES (TREE_RDONLY | TREE_NOSUID | TREE_NOEXEC)

static bool same_device(int fd, int other)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev;
}

/* The entry of the folder, made if the folder is on a file system of the sandbox's own. */
static int enter(const struct stage *stage, int folder, const char *name, bool as_folder)
{
	const int found = tree_find_plain(folder, name);

	if (found >= 0 || errno != ENOENT)
		return found;
	if (!same_device(folder, stage->root) && !same_device(folder, stage->tmp)) {
		errno = ENOENT;
		return -1;
	}
	if ((as_folder ? mkdirat(folder, name, 0755) : mknodat(folder, name, S_IFREG | 0444, 0)) < 0)
		return -1;
	return tree_find_plain(folder, name);
}

/* What is at the path of the sandbox, made with all that leads to it where it is missing. */
static int make_place(const struct stage *stage, const char *path, bool as_folder)
{
	char name[NAME_MAX + 1];
	int at = tree_find_plain(stage->root, path);

	if (at >= 0 || errno != ENOENT)
		return at;
	at = fcntl(stage->root, F_DUPFD_CLOEXEC, 0);
	while (at >= 0 && *path != '\0') {
		const size_t length = strcspn(++path, "/");
		const bool last = path[length] == '\0';
		int next = -1;
		if (length < sizeof name) {
			snprintf(name, sizeof name, "%.*s", (int)length, path);
			next = enter(stage, at, name, as_folder || !last);
		} else {
			errno = ENAMETOOLONG;
		}
		const int error = errno;
		close(at);
		errno = error;
		at = next;
		path += length;
	}
	return at;
}

static bool is_folder(int fd, mode_t *mode)
{
	struct stat status = {0};

	if (fstat(fd, &status) < 0)
		return false;
	*mode = status.st_mode;
	return S_ISDIR(status.st_mode);
}

static int put(int tree, int place)
{
	if (place < 0)
		return -1;
	const int result = tree_attach(tree, place, "");
	const int error = errno;
	close(place);
	errno = error;
	return result;
}

static int bind(struct stage *stage, const struct boot_step *step)
{
	static const unsigned int flags[] = {
		[BOOT_BIND_RO] = TREE_RDONLY | TREE_NOSUID | TREE_NODEV,
		[BOOT_BIND_RW] = TREE_NOSUID | TREE_NODEV,
		[BOOT_BIND_DEV] = FOR_DEVICES,
	};
	const int source = tree_find(stage->host, step->from);
	mode_t mode = 0;

	if (source < 0)
		return sandbox_fail(stage->error, "bind", errno, "%s", step->from);
	const bool folder = is_folder(source, &mode);
	if (step->kind == BOOT_BIND_DEV && !S_ISCHR(mode) && !S_ISBLK(mode))
		return sandbox_fail(stage->error, "bind", ENOTTY, "%s is no device", step->from);
	const int tree = tree_copy(source, true, flags[step->kind]);
	if (tree < 0)
		return sandbox_fail(stage->error, "bind", errno, "%s", step->from);
	if (put(tree, make_place(stage, step->to, folder)) < 0)
		return sandbox_fail(stage->error, "bind", errno, "%s at %s", step->from, step->to);
	close(source);
	close(tree);
	return 0;
}

/*
 * What is to be covered: -1 with errno 0 where nothing is. Where the caller may not even look, it is
 * the first folder closed to it that goes, since it could be opened later.
 */
static int find_covered(const struct stage *stage, const char *path)
{
	char shorter[PATH_MAX];
	int found = tree_find_plain(stage->root, path);

	snprintf(shorter, sizeof shorter, "%s", path);
	while (found < 0 && errno == EACCES && strrchr(shorter, '/') != shorter) {
		*strrchr(shorter, '/') = '\0';
		found = tree_find_plain(stage->root, shorter);
	}
	if (found < 0 && (errno == ENOENT || errno == ENOTDIR))
		errno = 0;
	return found;
}

/* An empty folder of its own each, since places may be made in it; one empty file for all. */
static int make_cover(struct stage *stage, bool folder, mode_t covered)
{
	char name[16] = "file";
	int made;

	if (folder) {
		snprintf(name, sizeof name, "%u", stage->covered++);
		made = mkdirat(stage->covers, name, (covered & S_ISVTX) != 0 ? 01777 : 0755);
	} else {
		made = mknodat(stage->covers, name, S_IFREG | 0444, 0);
	}
	if (made < 0 && (folder || errno != EEXIST))
		return -1;
	const int source = openat(stage->covers, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (source < 0)
		return -1;
	const int tree = tree_copy(source, false, TREE_NOSUID | TREE_NODEV | TREE_NOEXEC);
	const int error = errno;
	close(source);
	errno = error;
	return tree;
}

static int cover(struct stage *stage, const struct boot_step *step)
{
	const int place = find_covered(stage, step->to);
	mode_t mode = 0;

	if (place < 0 && errno == 0)
		return 0;
	const bool folder = place >= 0 && is_folder(place, &mode);
	const int tree = place < 0 ? -1 : make_cover(stage, folder, mode);
	if (tree < 0 || put(tree, place) < 0)
		return sandbox_fail(stage->error, "cover", errno, "%s", step->to);
	close(tree);
	return 0;
}

int sandbox_step(struct stage *stage, const struct boot_step *step)
{
	return step->kind == BOOT_COVER ? cover(stage, step) : bind(stage, step);
}
