/* See output.h. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Opened again to be read, a FIFO by name does not tell poll(2) of writers that were gone before. */
static bool can_reopen(int fd, int mode)
{
	struct stat status;
	struct statfs system;

	if (isatty(fd))
		return true;
	return fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode) &&
	       (mode != O_RDONLY || (fstatfs(fd, &system) == 0 && system.f_type == PIPEFS_MAGIC));
}

int output_reopen(int fd, int mode)
{
	char path[32];

	if (!can_reopen(fd, mode))
		return fd;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int own = open(path, mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return own < 0 ? fd : own;
}

static enum output_kind kind_of(int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return OUTPUT_FILE;
	if (S_ISSOCK(status.st_mode))
		return OUTPUT_SOCKET;
	return S_ISFIFO(status.st_mode) || isatty(fd) ? OUTPUT_CAREFUL : OUTPUT_FILE;
}

void output_open(struct output *output, int fd)
{
	const int own = output_reopen(fd, O_WRONLY);

	*output = (struct output){.fd = own, .kind = own != fd ? OUTPUT_OWN : kind_of(fd)};
}

void output_close(struct output *output)
{
	if (output->kind == OUTPUT_OWN)
		close(output->fd);
	output->kind = OUTPUT_FILE;
	queue_free(&output->queue);
}

static ssize_t write_some(const struct output *output, const unsigned char *bytes, size_t size)
{
	struct pollfd room = {.fd = output->fd, .events = POLLOUT};

	if (output->kind == OUTPUT_SOCKET)
		return send(output->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (output->kind == OUTPUT_CAREFUL && poll(&room, 1, 0) <= 0) {
		errno = EAGAIN;
		return -1;
	}
	return write(output->fd, bytes, output->kind == OUTPUT_CAREFUL && size > PIPE_BUF ? PIPE_BUF : size);
}

/* Returns how many bytes are done with. */
static size_t write_all(struct output *output, const unsigned char *bytes, size_t size)
{
	size_t done = 0;

	while (done < size && output->error == 0) {
		ssize_t count = write_some(output, bytes + done, size - done);
		if (count >= 0)
			done += (size_t)count;
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			output->error = errno;
	}
	if (output->error != 0)
		done = size;
	output->consumed += (uint32_t)done;
	return done;
}

void output_flush(struct output *output)
{
	if (output->queue.size > 0)
		queue_drop(&output->queue,
			   write_all(output, queue_first(&output->queue), output->queue.size));
}

void output_put(struct output *output, const unsigned char *bytes, size_t size)
{
	size_t done = output->queue.size == 0 ? write_all(output, bytes, size) : 0;

	if (!queue_add(&output->queue, bytes + done, size - done))
		abort();
}
