/* See fd.h. The descriptors come from a stranger: node leaves its sockets in either mode. */
#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* Whether the call that just failed is worth repeating; waits for the descriptor if need be. */
static bool try_again(int fd, short events)
{
	struct pollfd waited = {.fd = fd, .events = events};

	if (errno == EINTR)
		return true;
	if (errno != EAGAIN)
		return false;
	return poll(&waited, 1, -1) >= 0 || errno == EINTR;
}

ssize_t fd_read(int fd, void *buffer, size_t size)
{
	ssize_t count;

	do
		count = read(fd, buffer, size);
	while (count < 0 && try_again(fd, POLLIN));
	return count;
}

bool fd_write(int fd, const void *buffer, size_t size)
{
	const char *rest = buffer;

	while (size > 0) {
		ssize_t count = write(fd, rest, size);
		if (count < 0 && !try_again(fd, POLLOUT))
			return false;
		if (count > 0) {
			rest += count;
			size -= (size_t)count;
		}
	}
	return true;
}

static void close_span(unsigned int first, unsigned int last)
{
	if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
		return;
	/* Before Linux 5.9. */
	long limit = sysconf(_SC_OPEN_MAX);
	for (unsigned int fd = first; fd <= last && (long)fd < limit; fd++)
		close((int)fd);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

void fd_close_others(int *kept, size_t count)
{
	unsigned int first = STDERR_FILENO + 1;

	qsort(kept, count, sizeof *kept, by_number);
	for (size_t i = 0; i < count; i++) {
		close_span(first, (unsigned int)kept[i] - 1);
		first = (unsigned int)kept[i] + 1;
	}
	close_span(first, UINT_MAX);
}

int fd_open_null(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_NOCTTY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -1;
	return fd;
}

int fd_parse(const char *text)
{
	char *end;
	long fd = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || fd <= STDERR_FILENO || fd > INT_MAX)
		return -1;
	return (int)fd;
}
