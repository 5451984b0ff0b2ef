/* Frames over a unix socket: a client's end of a session, see frame.h. */
#ifndef COMPART_STREAM_H
#define COMPART_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "frame.h"
#include "queue.h"

struct stream {
	int fd;            /* its own, non-blocking; -1: none */
	bool ended;        /* the other side is gone, or made no sense */
	struct queue out;
	unsigned char *in; /* of FRAME_HEADER + FRAME_PAYLOAD_MAX bytes */
	size_t head, size;
};

/* Takes the socket over, -1 too; false with errno where there is no memory. */
bool stream_open(struct stream *stream, int fd);
void stream_close(struct stream *stream);

/* Queues a frame of session 0, and sends what the socket takes. */
void stream_send(struct stream *stream, uint8_t type, uint8_t channel, const void *payload, size_t size);
void stream_send_u32(struct stream *stream, uint8_t type, uint8_t channel, uint32_t number);
void stream_flush(struct stream *stream);

/* Reads what there is and fits; false when there was nothing. */
bool stream_fill(struct stream *stream);
/* The next whole frame, valid until the next stream_fill. */
bool stream_next(struct stream *stream, struct frame *frame);
/* As stream_next, but waits for one; false when the stream has ended. */
bool stream_await(struct stream *stream, struct frame *frame);

/* What poll(2) is to wait for. */
short stream_events(const struct stream *stream);

/*
 * Connects with the keeper of the guest whose folder that is, through a short name of the folder:
 * that of a socket has at most 107 bytes. Waits for one that has only just been started. Returns the
 * socket, or -1 with errno.
 */
int stream_dial(const char *folder);

#endif
