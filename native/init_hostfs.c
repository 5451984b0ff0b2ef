/*
 * What the guest sees of the host: see init.h. Each by a hostfs of its own, whose folder is a path of the
 * sandbox, whatever the guest's own root is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "init.h"

int init_mount_hostfs(const char *folder, const char *at, bool writable)
{
	return mount("none", at, "hostfs", writable ? 0 : MS_RDONLY, folder) < 0 ? errno : 0;
}

int init_take_out(const char *path)
{
	return open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

/* A hostfs of a file cannot be mounted on a folder, which tells it (ENOTDIR): it comes by its own folder. */
int init_open_hostfs(const struct guest_mount *wanted, const char *at, int *tree, bool *is_file)
{
	char file[4096 + 32], folder[4096];
	const char *slash = strrchr(wanted->from, '/');

	snprintf(file, sizeof file, "%s%s", at, slash);
	int error = init_mount_hostfs(wanted->from, at, wanted->writable);
	*is_file = error == ENOTDIR;
	if (*is_file) {
		snprintf(folder, sizeof folder, "%.*s", (int)(slash - wanted->from) + 1, wanted->from);
		error = init_mount_hostfs(folder, at, wanted->writable);
	}
	if (error != 0)
		return error;
	*tree = init_take_out(*is_file ? file : at);
	return *tree < 0 ? errno : 0;
}
