/* The guest's /dev/tty1, which one client at a time may have: see keeper.h. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "keeper.h"

/*
 * The kernel's line loses its input for ever once about 4 KB of it are unread (line_throttle of
 * arch/um/drivers/line.c, before it was mended): so it gets a little, and time to be read. How long that
 * takes depends on how much of the host's CPU the guest gets: of a longer text, it gets the next piece
 * when it has answered a question besides.
 */
#define PIECE ((size_t)1024)
#define PAUSE_MS 20
#define ANSWER_MS 2000 /* then it gets the next piece without */
#define IN_MAX ((size_t)4096)
#define OUT_MAX ((size_t)256 * 1024) /* beyond it a terminal that does not read misses something */

void tty_line_attach(struct keeper *keeper, int client)
{
	struct queue *backlog = &keeper->tty.backlog;

	keeper->tty.client = client;
	mux_client_raw(keeper->mux, client);
	if (!queue_add(mux_client_out(keeper->mux, client), queue_first(backlog), backlog->size))
		abort();
	queue_free(backlog);
}

void tty_line_detach(struct keeper *keeper, int client)
{
	if (keeper->tty.client == client)
		keeper->tty.client = -1;
}

bool tty_line_takes(const struct keeper *keeper)
{
	return keeper->tty.in.size < IN_MAX;
}

size_t tty_line_type(struct keeper *keeper, const unsigned char *bytes, size_t size)
{
	size_t room = tty_line_takes(keeper) ? IN_MAX - keeper->tty.in.size : 0;
	size_t taken = size < room ? size : room;

	if (!queue_add(&keeper->tty.in, bytes, taken))
		abort();
	return taken;
}

static bool may_type(const struct keeper *keeper)
{
	return keeper->tty.in.size > 0 && clock_now_ms() >= keeper->tty.next_ms;
}

int64_t tty_line_deadline(const struct keeper *keeper)
{
	return keeper->tty.in.size > 0 && !may_type(keeper) ? keeper->tty.next_ms : CLOCK_NEVER;
}

short tty_line_events(const struct keeper *keeper)
{
	return (short)(POLLIN | (may_type(keeper) ? POLLOUT : 0));
}

static void keep(struct queue *backlog, const unsigned char *bytes, size_t size)
{
	if (!queue_add(backlog, bytes, size))
		abort();
	if (backlog->size > TTY_BACKLOG)
		queue_drop(backlog, backlog->size - TTY_BACKLOG);
}

static bool print(struct keeper *keeper)
{
	unsigned char bytes[4096];
	ssize_t count = recv(keeper->uml.tty_fd, bytes, sizeof bytes, MSG_DONTWAIT);

	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (count <= 0) { /* the kernel is gone: its death tells why */
		close(keeper->uml.tty_fd);
		keeper->uml.tty_fd = -1;
		return false;
	}
	if (keeper->tty.client < 0) {
		keep(&keeper->tty.backlog, bytes, (size_t)count);
		return true;
	}
	struct queue *out = mux_client_out(keeper->mux, keeper->tty.client);
	if (out->size < OUT_MAX && !queue_add(out, bytes, (size_t)count))
		abort();
	return true;
}

void tty_line_turn(struct keeper *keeper, short events)
{
	struct queue *in = &keeper->tty.in;

	for (int i = 0; i < 64 && (events & ~POLLOUT) != 0 && print(keeper); i++)
		continue;
	if (!may_type(keeper) || keeper->uml.tty_fd < 0)
		return;
	ssize_t count = send(keeper->uml.tty_fd, queue_first(in), in->size < PIECE ? in->size : PIECE,
			     MSG_DONTWAIT | MSG_NOSIGNAL);
	if (count <= 0)
		return;
	queue_drop(in, (size_t)count);
	keeper->tty.next_ms = clock_now_ms() + PAUSE_MS;
	keeper->tty.waits = in->size > 0 && mux_guest_ready(keeper->mux);
	if (!keeper->tty.waits)
		return;
	keeper->tty.next_ms += ANSWER_MS;
	report_ask(keeper);
}

void tty_line_reported(struct keeper *keeper)
{
	if (!keeper->tty.waits || keeper->report.asked > 0)
		return;
	keeper->tty.waits = false;
	keeper->tty.next_ms = clock_now_ms() + PAUSE_MS;
}
