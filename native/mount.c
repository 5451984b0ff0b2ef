/* See mount.h. */
#include "mount.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* A slave: what the host mounts or unmounts later still arrives, nothing goes back. */
int mount_unshare(void)
{
	if (unshare(CLONE_NEWNS) < 0)
		return errno;
	return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ? errno : 0;
}

static int check_regular(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return errno;
	return S_ISREG(status.st_mode) ? 0 : S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
}

int mount_bind_file(const char *target, const char *source)
{
	int error = check_regular(source);

	if (error == 0)
		error = check_regular(target);
	if (error == 0 && mount(source, target, NULL, MS_BIND, NULL) < 0)
		error = errno;
	return error;
}
