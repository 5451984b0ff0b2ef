/* See stream.h. */
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ROOM (FRAME_HEADER + FRAME_PAYLOAD_MAX)

/* How long a keeper may take from its start until it listens: a second. */
#define LOOK_NS 500000
#define LOOKS 2000

bool stream_open(struct stream *stream, int fd)
{
	*stream = (struct stream){.fd = fd, .in = malloc(ROOM)};
	if (fd >= 0)
		(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	return stream->in != NULL;
}

void stream_close(struct stream *stream)
{
	if (stream->fd >= 0)
		close(stream->fd);
	queue_free(&stream->out);
	free(stream->in);
	*stream = (struct stream){.fd = -1, .ended = true};
}

void stream_send(struct stream *stream, uint8_t type, uint8_t channel, const void *payload, size_t size)
{
	const struct frame frame = {.size = (uint32_t)size, .type = type, .channel = channel};
	unsigned char header[FRAME_HEADER];

	if (stream->ended)
		return;
	frame_encode(header, &frame);
	if (!queue_add(&stream->out, header, sizeof header) || !queue_add(&stream->out, payload, size))
		abort();
	stream_flush(stream);
}

void stream_send_u32(struct stream *stream, uint8_t type, uint8_t channel, uint32_t number)
{
	const unsigned char bytes[] = {(unsigned char)number, (unsigned char)(number >> 8),
				       (unsigned char)(number >> 16), (unsigned char)(number >> 24)};

	stream_send(stream, type, channel, bytes, sizeof bytes);
}

/* What cannot be sent is no end: what was said before may be there to be read yet. */
void stream_flush(struct stream *stream)
{
	while (stream->out.size > 0) {
		ssize_t count = send(stream->fd, queue_first(&stream->out), stream->out.size, MSG_NOSIGNAL);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0 && errno == EAGAIN)
			return;
		queue_drop(&stream->out, count < 0 ? stream->out.size : (size_t)count);
	}
}

bool stream_fill(struct stream *stream)
{
	ssize_t count;

	if (stream->ended)
		return false;
	memmove(stream->in, stream->in + stream->head, stream->size);
	stream->head = 0;
	do
		count = read(stream->fd, stream->in + stream->size, ROOM - stream->size);
	while (count < 0 && errno == EINTR);
	if (count < 0 && errno == EAGAIN)
		return false;
	if (count <= 0)
		stream->ended = true;
	else
		stream->size += (size_t)count;
	return count > 0;
}

bool stream_next(struct stream *stream, struct frame *frame)
{
	int length = frame_decode(frame, stream->in + stream->head, stream->size);

	if (length < 0) {
		stream->ended = true;
		stream->size = 0;
	}
	if (length <= 0)
		return false;
	stream->head += (size_t)length;
	stream->size -= (size_t)length;
	return true;
}

short stream_events(const struct stream *stream)
{
	return (short)(POLLIN | (stream->out.size > 0 ? POLLOUT : 0));
}

bool stream_await(struct stream *stream, struct frame *frame)
{
	while (!stream_next(stream, frame)) {
		struct pollfd source = {.fd = stream->fd, .events = stream_events(stream)};
		if (stream->ended)
			return false;
		if (poll(&source, 1, -1) > 0) {
			stream_flush(stream);
			(void)stream_fill(stream);
		}
	}
	return true;
}

int stream_dial(const char *folder)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	int at = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = at < 0 ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/guest.sock", at);
	int error = fd < 0 ? errno : 0;
	for (int look = 0; fd >= 0 && look < LOOKS; look++) {
		if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0) {
			error = 0;
			break;
		}
		error = errno;
		if ((error != ENOENT && error != ECONNREFUSED) || faccessat(at, "guest.ending", F_OK, 0) == 0)
			break;
		nanosleep(&pause, NULL);
	}
	if (error != 0 && fd >= 0) {
		close(fd);
		fd = -1;
	}
	if (at >= 0)
		close(at);
	errno = error;
	return fd;
}
