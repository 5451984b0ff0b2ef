/* What commands are told: see guest_session.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "guest_session.h"
#include "guest_spawn.h"

static void input_ready(struct watch *self)
{
	((struct input *)self)->ready = true;
}

void input_open(struct input *input, int fd)
{
	input->watch.ready = input_ready;
	input->fd = fd;
	input->ready = true;
	input->credit = FRAME_CREDIT;
}

void input_close(struct input *input)
{
	if (input->fd >= 0)
		close(input->fd);
	input->fd = -1;
	free(input->bytes);
	input->bytes = NULL;
	input->used = 0;
}

/* The host gets its credit back by the quarter: a frame for each write would be a packet for each. */
static void give_back(struct session *session, struct wire *wire, size_t size)
{
	struct input *input = &session->input;

	input->consumed += (uint32_t)size;
	if (input->consumed < FRAME_CREDIT / 4 || input->ended)
		return;
	wire_send_u32(wire, FRAME_CREDIT_MORE, 0, session->number, input->consumed);
	input->credit += input->consumed;
	input->consumed = 0;
}

/* Returns how many were taken. One whose reader is gone takes all: the bytes are nobody's. */
static size_t write_on(struct input *input, const unsigned char *bytes, size_t size)
{
	size_t taken = 0;

	while (input->fd >= 0 && input->ready && taken < size) {
		ssize_t count = write(input->fd, bytes + taken, size - taken);
		if (count > 0)
			taken += (size_t)count;
		else if (count == 0 || errno == EAGAIN)
			input->ready = false;
		else if (errno != EINTR)
			input_close(input);
	}
	if (taken > 0)
		input->line_begun = bytes[taken - 1] != '\n';
	return input->fd < 0 ? size : taken;
}

static void keep(struct input *input, const unsigned char *bytes, size_t size, struct wire *wire)
{
	if (size == 0)
		return;
	if (input->bytes == NULL)
		input->bytes = malloc(FRAME_CREDIT);
	if (input->bytes == NULL) {
		wire_break(wire, "no memory for what a command is told");
		return;
	}
	if (input->begin > 0)
		memmove(input->bytes, input->bytes + input->begin, input->used);
	input->begin = 0;
	memcpy(input->bytes + input->used, bytes, size);
	input->used += size;
}

void input_take(struct session *session, const struct frame *frame, struct wire *wire)
{
	struct input *input = &session->input;
	size_t taken = 0;

	if (frame->size > input->credit || (input->ended && frame->size > 0)) {
		wire_break(wire, "the host sent more than it may to a command");
		return;
	}
	input->credit -= frame->size;
	if (frame->size == 0)
		input->ended = true;
	if (input->used == 0)
		taken = write_on(input, frame->payload, frame->size);
	if (input->fd < 0)
		taken = frame->size;
	keep(input, frame->payload + taken, frame->size - taken, wire);
	give_back(session, wire, taken);
}

/* For one that was full: from now on it says when it no longer is. */
static void watch(struct input *input, const struct sessions *sessions)
{
	struct epoll_event event = {.events = EPOLLOUT | EPOLLET, .data.ptr = &input->watch};

	if (input->watched || input->fd < 0)
		return;
	input->watched = true;
	if (epoll_ctl(sessions->epoll_fd, EPOLL_CTL_ADD, input->fd, &event) < 0)
		input_close(input);
}

void input_move(struct session *session, struct sessions *sessions)
{
	struct input *input = &session->input;

	if (input->fd < 0)
		return;
	if (input->used > 0 && input->ready) {
		size_t used = input->used;
		size_t taken = write_on(input, input->bytes + input->begin, used);
		if (input->fd >= 0) {
			input->begin += taken;
			input->used -= taken;
		}
		give_back(session, sessions->wire, taken);
	}
	if (input->used > 0) {
		watch(input, sessions);
		return;
	}
	if (!input->ended || input->fd < 0)
		return;
	if (input->terminal)
		pty_send_end(input->fd, input->line_begun);
	input_close(input);
}
