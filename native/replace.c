/* See replace.h. */
#include "replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "fd.h"

static int write_new(int folder, const char *name, const char *text, size_t size)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno;
	int error = fd_write(fd, text, size) ? 0 : errno;
	if (close(fd) < 0 && error == 0)
		error = errno;
	return error;
}

int replace_file(int folder, const char *name, const char *text, size_t size)
{
	char temporary[128];

	snprintf(temporary, sizeof temporary, ".%s.%ld", name, (long)getpid());
	int error = write_new(folder, temporary, text, size);
	if (error == 0 && renameat(folder, temporary, folder, name) < 0)
		error = errno;
	if (error != 0 && error != EEXIST)
		(void)unlinkat(folder, temporary, 0);
	return error;
}
