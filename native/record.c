/* See record.h. */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "replace.h"

#define STARTTIME_AFTER_COMM 20 /* field 22; the name of the command is field 2 */

/* The name may have anything in it, a parenthesis too: what counts is after the last. */
static int read_start_time(pid_t pid, unsigned long long *ticks)
{
	char path[64], text[1024];

	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	ssize_t count = fd_read(fd, text, sizeof text - 1);
	close(fd);
	text[count < 0 ? 0 : count] = '\0';
	const char *field = strrchr(text, ')');
	for (int i = 0; field != NULL && i < STARTTIME_AFTER_COMM; i++)
		field = strchr(field + 1, ' ');
	if (field == NULL)
		return EINVAL;
	*ticks = strtoull(field + 1, NULL, 10);
	return 0;
}

int record_write(const char *folder, const char *name, pid_t pid)
{
	char text[64];
	unsigned long long ticks = 0;

	int error = read_start_time(pid, &ticks);
	if (error != 0)
		return error;
	int length = snprintf(text, sizeof text, "%ld_%llu", (long)pid, ticks);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	error = replace_file(fd, name, text, (size_t)length);
	close(fd);
	return error;
}
