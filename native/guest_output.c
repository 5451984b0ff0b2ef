/*
 * What commands print: see guest_session.h.
 *
 * A command that has ended may leave the pipe open in processes that go on. All that it wrote itself is
 * in the pipe by then (FIONREAD) and is passed on, however slow the client. For last words of others,
 * say of `> >(tee log)`, there is a grace of GRACE_MS since the last of them, and of LIMIT_MS in all;
 * then the session ends without them, as with docker and other than with ssh, which waits for ever.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "guest_session.h"

#define GRACE_MS 200
#define LIMIT_MS 2000

static void output_ready(struct watch *self)
{
	((struct output *)self)->ready = true;
}

bool output_open(struct output *output, const struct sessions *sessions, int fd)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = &output->watch};

	output->watch.ready = output_ready;
	output->fd = fd;
	output->credit = FRAME_CREDIT;
	return epoll_ctl(sessions->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

void output_end(struct session *session, struct output *output, struct wire *wire)
{
	struct frame frame = {.type = FRAME_DATA, .channel = output->channel, .session = session->number};

	if (output->fd < 0)
		return;
	close(output->fd);
	output->fd = -1;
	wire_send(wire, &frame);
}

void output_exited(struct session *session, struct output *output, int64_t now_ms)
{
	int there = 0;

	session->grace_ms = now_ms + GRACE_MS;
	session->limit_ms = now_ms + LIMIT_MS;
	if (output->fd < 0)
		return;
	/* A terminal is hung up with the end of its session, and says so after its last byte. */
	if (!output->terminal && ioctl(output->fd, FIONREAD, &there) == 0)
		output->owed = (uint64_t)there;
	output->ready = true;
}

/* The bytes that may be sent now: of credit, of room, and of the buffer. */
static size_t allowed(const struct session *session, const struct output *output, const struct wire *wire)
{
	size_t most = FRAME_PAYLOAD_MAX;

	if (session->hung_up)
		return most;
	if (output->credit < most)
		most = (size_t)output->credit;
	return wire_room(wire) < most ? wire_room(wire) : most;
}

bool output_busy(const struct session *session, const struct output *output, const struct wire *wire)
{
	return output->fd >= 0 && output->ready && allowed(session, output, wire) > 0;
}

static void pass_on(struct session *session, struct output *output, struct wire *wire,
		    const unsigned char *bytes, size_t size, int64_t now_ms)
{
	struct frame frame = {.size = (uint32_t)size, .type = FRAME_DATA, .channel = output->channel,
			      .session = session->number, .payload = bytes};

	if (output->owed > 0)
		session->limit_ms = now_ms + LIMIT_MS;
	output->owed -= size < output->owed ? size : output->owed;
	session->grace_ms = now_ms + GRACE_MS;
	/* Nobody is there to take it; the command must not stand still for that. */
	if (session->hung_up)
		return;
	output->credit -= size;
	wire_send(wire, &frame);
}

static void read_on(struct session *session, struct output *output, struct wire *wire, int64_t now_ms)
{
	static unsigned char bytes[FRAME_PAYLOAD_MAX];
	size_t size = allowed(session, output, wire);

	while (output->ready && size > 0) {
		ssize_t count = read(output->fd, bytes, size);
		if (count < 0 && errno == EINTR)
			continue;
		/* A terminal that nobody has open any more says EIO. */
		if (count == 0 || (count < 0 && errno != EAGAIN)) {
			output_end(session, output, wire);
			return;
		}
		/* A pipe that was emptied wakes for the next byte; a terminal gives less at a time. */
		output->ready = count > 0 && (output->terminal || (size_t)count == size);
		if (count > 0)
			pass_on(session, output, wire, bytes, (size_t)count, now_ms);
		if (!output->terminal)
			return;
		size = allowed(session, output, wire);
	}
}

void output_move(struct session *session, struct output *output, struct wire *wire, int64_t now_ms)
{
	if (output->fd < 0)
		return;
	read_on(session, output, wire, now_ms);
	if (output->fd < 0 || !session->exited || output->owed > 0)
		return;
	if (now_ms >= session->limit_ms || (!output->ready && now_ms >= session->grace_ms))
		output_end(session, output, wire);
}
