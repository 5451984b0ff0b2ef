/* See tree.h. By system call: the C library has these since 2.36 only. */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(TREE_RDONLY == MOUNT_ATTR_RDONLY && TREE_NOSUID == MOUNT_ATTR_NOSUID &&
		       TREE_NODEV == MOUNT_ATTR_NODEV && TREE_NOEXEC == MOUNT_ATTR_NOEXEC,
	       "the kernel's own");

static int set_attributes(int fd, const char *path, struct mount_attr *attributes)
{
	const unsigned int flags = AT_RECURSIVE | (*path == '\0' ? AT_EMPTY_PATH : 0U);

	return (int)syscall(SYS_mount_setattr, fd, path, flags, attributes, sizeof *attributes);
}

int tree_make_private(void)
{
	struct mount_attr attributes = {.propagation = MS_PRIVATE};

	return set_attributes(AT_FDCWD, "/", &attributes);
}

static int close_failed(int fd)
{
	const int error = errno;

	close(fd);
	errno = error;
	return -1;
}

static int configure(int context, unsigned int command, const char *key, const char *value)
{
	return (int)syscall(SYS_fsconfig, context, command, key, value, 0);
}

static int configure_tmpfs(int context, uint64_t bytes, unsigned int files, const char *mode)
{
	char size[32], count[16];

	snprintf(size, sizeof size, "%llu", (unsigned long long)bytes);
	snprintf(count, sizeof count, "%u", files);
	if (configure(context, FSCONFIG_SET_STRING, "size", size) < 0 ||
	    configure(context, FSCONFIG_SET_STRING, "nr_inodes", count) < 0 ||
	    configure(context, FSCONFIG_SET_STRING, "mode", mode) < 0)
		return -1;
	return configure(context, FSCONFIG_CMD_CREATE, NULL, NULL);
}

int tree_tmpfs(uint64_t bytes, unsigned int files, const char *mode, unsigned int flags, int *context)
{
	const int made = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);

	if (made < 0)
		return -1;
	if (configure_tmpfs(made, bytes, files, mode) < 0)
		return close_failed(made);
	const int tree = (int)syscall(SYS_fsmount, made, FSMOUNT_CLOEXEC, flags);
	if (tree < 0 || context == NULL)
		close_failed(made);
	else
		*context = made;
	return tree;
}

int tree_seal(int context)
{
	if (configure(context, FSCONFIG_SET_FLAG, "ro", NULL) < 0)
		return -1;
	return configure(context, FSCONFIG_CMD_RECONFIGURE, NULL, NULL);
}

int tree_copy(int source, bool recursive, unsigned int flags)
{
	struct mount_attr attributes = {.attr_set = flags};
	const unsigned int how = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
				 (recursive ? (unsigned int)AT_RECURSIVE : 0U);
	const int tree = (int)syscall(SYS_open_tree, source, "", how);

	if (tree < 0)
		return -1;
	return set_attributes(tree, "", &attributes) < 0 ? close_failed(tree) : tree;
}

int tree_attach(int tree, int target, const char *name)
{
	const unsigned int flags =
		MOVE_MOUNT_F_EMPTY_PATH | (*name == '\0' ? (unsigned int)MOVE_MOUNT_T_EMPTY_PATH : 0U);

	return (int)syscall(SYS_move_mount, tree, "", target, name, flags);
}

static int find(int root, const char *path, uint64_t resolve)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = resolve};
	int fd;

	/* EAGAIN: something was renamed meanwhile, and the kernel is not sure. */
	do
		fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
	while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	return fd;
}

int tree_find(int root, const char *path)
{
	return find(root, path, RESOLVE_IN_ROOT);
}

int tree_find_plain(int root, const char *path)
{
	return find(root, path, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
}

int tree_become_root(int root, const char *old)
{
	if (fchdir(root) < 0)
		return -1;
	return (int)syscall(SYS_pivot_root, ".", old);
}
