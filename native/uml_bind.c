/*
 * See uml.h. The way of a mount from the host into the sandbox of a guest that runs.
 *
 * A copy of the caller's mounts, in a mount namespace that the sandbox's user namespace owns: so the copy is made
 * with the rights of the caller's user and no more, root or not, as at boot. What is found there is copied out of
 * sight, given its attributes, and put where the guest's kernel sees it, all of it at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox.h"
#include "tree.h"
#include "uml.h"

static int fail(struct uml_error *error, const char *what)
{
	return sandbox_fail(error, "bind", errno, "%s", what);
}

/* Of the caller's mounts as they are now, from which nothing comes any more. */
static int enter_copy(const struct uml *uml, struct uml_error *error)
{
	if (uml->user_fd < 0 || uml->mount_fd < 0 || uml->late_fd < 0)
		return sandbox_fail(error, "bind", EOPNOTSUPP, "the guest's namespaces");
	/* A copy of the keeper, whom nobody in the sandbox is to look into. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setns(uml->user_fd, CLONE_NEWUSER) < 0 ||
	    unshare(CLONE_NEWNS) < 0 || tree_make_private() < 0)
		return fail(error, "the guest's namespaces");
	return 0;
}

/* The mode of what is at the path, if that is what was asked for. */
static int find_source(const struct uml_bind *bind, mode_t *mode, struct uml_error *error)
{
	struct stat found;
	const int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const int source = root < 0 ? -1 : tree_find_plain(root, bind->from);

	if (source < 0 || fstat(source, &found) < 0)
		return fail(error, bind->from);
	close(root);
	if (found.st_dev != bind->device || found.st_ino != bind->inode)
		return sandbox_fail(error, "bind", ESTALE, "the guest's keeper sees something else there: %s",
				    bind->from);
	if (!S_ISDIR(found.st_mode) && !S_ISREG(found.st_mode))
		return sandbox_fail(error, "bind", EINVAL, "%s is neither a folder nor a file", bind->from);
	*mode = found.st_mode;
	return source;
}

static int make_place(const struct uml *uml, const char *name, mode_t source)
{
	(void)umask(0);
	return S_ISDIR(source) ? mkdirat(uml->late_fd, name, 0755)
			       : mknodat(uml->late_fd, name, S_IFREG | 0444, 0);
}

static int put(const struct uml *uml, const char *name, int tree)
{
	if (setns(uml->mount_fd, CLONE_NEWNS) < 0)
		return -1;
	const int folder = open("/" SANDBOX_LATE, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return folder < 0 ? -1 : tree_attach(tree, folder, name);
}

int uml_bind(const struct uml *uml, const struct uml_bind *bind, struct uml_error *error)
{
	mode_t mode = 0;

	if (enter_copy(uml, error) < 0)
		return -1;
	const int source = find_source(bind, &mode, error);
	if (source < 0)
		return -1;
	const int tree =
		tree_copy(source, true, TREE_NOSUID | TREE_NODEV | (bind->writable ? 0U : TREE_RDONLY));
	if (tree < 0)
		return fail(error, bind->from);
	if (make_place(uml, bind->name, mode) < 0)
		return fail(error, "a place for it");
	return put(uml, bind->name, tree) < 0 ? fail(error, "its place") : 0;
}

/* A place that is removed takes with it what other namespaces have mounted there (fs/namei.c, vfs_rmdir). */
int uml_unbind(const struct uml *uml, const char *name)
{
	if (unlinkat(uml->late_fd, name, 0) == 0 || (errno == EISDIR && unlinkat(uml->late_fd, name, AT_REMOVEDIR) == 0))
		return 0;
	return errno == ENOENT ? 0 : errno;
}
