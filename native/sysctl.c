/* See sysctl.h. */
#include "sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int sysctl_write(const char *name, const char *value)
{
	const size_t size = strlen(value);
	char path[PATH_MAX];
	int length = snprintf(path, sizeof path, "/proc/sys/%s", name);

	if (length < 0 || (size_t)length >= sizeof path)
		return ENAMETOOLONG;
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	/* Once: of a value that is nearly right the kernel takes the beginning, and would ignore
	 * the rest if it were written after it. */
	ssize_t count = write(fd, value, size);
	int error = count < 0 ? errno : (size_t)count == size ? 0 : EINVAL;
	close(fd);
	return error;
}
