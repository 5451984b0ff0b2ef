/* See init_wire.h. A system call of the guest is dear (15 us): packets go by the batch. */
#include "init_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "link.h"

#define BATCH 16
#define WAITING_MAX ((size_t)1024 * 1024) /* more of what has to come is a peer that takes nothing */

struct batch {
	struct mmsghdr headers[BATCH];
	struct iovec pieces[BATCH];
	unsigned char packets[BATCH][LINK_PACKET_MAX];
	unsigned int at, count; /* of those to send */
};

struct wire {
	int fd;
	struct link *link;
	const char *broken;
	unsigned char *waiting; /* frames for which the link had no room */
	size_t waiting_used, waiting_size;
	size_t partial_used;
	struct batch in, out;
	unsigned char partial[FRAME_HEADER + FRAME_PAYLOAD_MAX]; /* the frame that is arriving */
};

static void prepare(struct batch *batch)
{
	for (int i = 0; i < BATCH; i++) {
		batch->pieces[i] = (struct iovec){batch->packets[i], LINK_PACKET_MAX};
		batch->headers[i].msg_hdr.msg_iov = &batch->pieces[i];
		batch->headers[i].msg_hdr.msg_iovlen = 1;
	}
}

struct wire *wire_new(int packet_fd)
{
	struct wire *wire = calloc(1, sizeof *wire);

	if (wire == NULL)
		return NULL;
	wire->fd = packet_fd;
	wire->link = link_new();
	prepare(&wire->in);
	prepare(&wire->out);
	return wire->link == NULL ? NULL : wire;
}

void wire_break(struct wire *wire, const char *reason)
{
	if (wire->broken == NULL)
		wire->broken = reason;
}

const char *wire_broken(const struct wire *wire)
{
	return wire->broken;
}

static void keep(struct wire *wire, const void *bytes, size_t size)
{
	size_t needed = wire->waiting_used + size;

	if (needed > WAITING_MAX) {
		wire_break(wire, "the host asks and does not listen");
		return;
	}
	if (needed > wire->waiting_size) {
		size_t larger = needed * 2;
		unsigned char *waiting = realloc(wire->waiting, larger);
		if (waiting == NULL) {
			wire_break(wire, "no memory for what the host is to be told");
			return;
		}
		wire->waiting = waiting;
		wire->waiting_size = larger;
	}
	memcpy(wire->waiting + wire->waiting_used, bytes, size);
	wire->waiting_used = needed;
}

static void put(struct wire *wire, const void *bytes, size_t size)
{
	size_t taken = wire->waiting_used > 0 ? 0 : link_write(wire->link, bytes, size);

	if (taken < size)
		keep(wire, (const unsigned char *)bytes + taken, size - taken);
}

void wire_send(struct wire *wire, const struct frame *frame)
{
	unsigned char header[FRAME_HEADER];

	if (wire->broken != NULL)
		return;
	frame_encode(header, frame);
	put(wire, header, sizeof header);
	if (frame->size > 0)
		put(wire, frame->payload, frame->size);
}

void wire_send_text(struct wire *wire, uint8_t type, uint32_t session, const char *text, size_t size)
{
	struct frame frame = {.size = (uint32_t)size, .type = type, .session = session};

	frame.payload = (const unsigned char *)text;
	wire_send(wire, &frame);
}

void wire_send_u32(struct wire *wire, uint8_t type, uint8_t channel, uint32_t session, uint32_t number)
{
	struct frame frame = {.size = 4, .type = type, .channel = channel, .session = session};
	unsigned char payload[4];

	for (int i = 0; i < 4; i++)
		payload[i] = (unsigned char)(number >> (8 * i));
	frame.payload = payload;
	wire_send(wire, &frame);
}

size_t wire_room(const struct wire *wire)
{
	size_t room = wire->waiting_used > 0 || wire->broken != NULL ? 0 : link_room(wire->link);

	return room > FRAME_HEADER ? room - FRAME_HEADER : 0;
}

static void move_waiting(struct wire *wire)
{
	size_t taken = wire->waiting_used == 0 ? 0 : link_write(wire->link, wire->waiting, wire->waiting_used);

	if (taken == 0)
		return;
	wire->waiting_used -= taken;
	memmove(wire->waiting, wire->waiting + taken, wire->waiting_used);
}

static void fill(struct wire *wire, int64_t now_ms)
{
	struct batch *out = &wire->out;

	out->at = out->count = 0;
	move_waiting(wire);
	while (out->count < BATCH) {
		size_t size = link_next(wire->link, out->packets[out->count], now_ms);
		if (size == 0)
			break;
		out->pieces[out->count++].iov_len = size;
	}
}

bool wire_flush(struct wire *wire, int64_t now_ms)
{
	struct batch *out = &wire->out;

	while (wire->broken == NULL) {
		if (out->at == out->count)
			fill(wire, now_ms);
		if (out->count == 0)
			return false;
		int sent = sendmmsg(wire->fd, out->headers + out->at, out->count - out->at, 0);
		if (sent > 0)
			out->at += (unsigned int)sent;
		else if (errno == EAGAIN)
			return true;
		else if (errno == ENOBUFS || errno == ENOMEM)
			out->at++; /* lost: the link sends it again */
		else if (errno != EINTR)
			wire_break(wire, "the link to the host is gone");
	}
	return false;
}

/* Completes the frame that is arriving; returns how many of the bytes it took. */
static size_t complete(struct wire *wire, const unsigned char *bytes, size_t size, wire_taken *taken,
		       void *context)
{
	struct frame frame;
	size_t wanted = FRAME_HEADER;

	if (wire->partial_used >= FRAME_HEADER && frame_decode(&frame, wire->partial, FRAME_HEADER) >= 0)
		wanted = FRAME_HEADER + frame.size;
	wanted -= wire->partial_used;
	size_t count = size < wanted ? size : wanted;
	memcpy(wire->partial + wire->partial_used, bytes, count);
	wire->partial_used += count;
	int result = frame_decode(&frame, wire->partial, wire->partial_used);
	if (result < 0)
		wire_break(wire, "the host sent what is no frame");
	if (result > 0) {
		wire->partial_used = 0;
		taken(context, &frame);
	}
	return count;
}

static void take_bytes(struct wire *wire, const unsigned char *bytes, size_t size, wire_taken *taken,
		       void *context)
{
	while (size > 0 && wire->broken == NULL) {
		struct frame frame;
		int result = wire->partial_used > 0 ? 0 : frame_decode(&frame, bytes, size);
		size_t count = result > 0 ? (size_t)result : 0;
		if (result > 0)
			taken(context, &frame);
		else if (result == 0)
			count = complete(wire, bytes, size, taken, context);
		else
			wire_break(wire, "the host sent what is no frame");
		bytes += count;
		size -= count;
	}
}

bool wire_receive(struct wire *wire, int64_t now_ms, wire_taken *taken, void *context)
{
	struct batch *in = &wire->in;

	if (wire->broken != NULL)
		return false;
	int count = recvmmsg(wire->fd, in->headers, BATCH, MSG_DONTWAIT, NULL);
	if (count < 0 && errno != EAGAIN && errno != EINTR)
		wire_break(wire, "the link to the host is gone");
	for (int i = 0; i < count && wire->broken == NULL; i++) {
		const unsigned char *bytes = NULL;
		int size = link_take(wire->link, in->packets[i], in->headers[i].msg_len, now_ms, &bytes);
		if (size < 0)
			wire_break(wire, "the host sent what is no packet of the link");
		else if (size > 0)
			take_bytes(wire, bytes, (size_t)size, taken, context);
	}
	return count == BATCH;
}

int64_t wire_deadline(const struct wire *wire)
{
	return link_deadline(wire->link);
}

bool wire_pending(const struct wire *wire)
{
	return wire->broken == NULL && (wire->waiting_used > 0 || link_pending(wire->link));
}
