/* See connection.h. */
#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURN_ROUNDS 16 /* at most PIPES_BYTES each */

struct connection *connection_new(int client, int target, bool connecting)
{
	struct connection *connection = malloc(sizeof *connection);

	if (connection != NULL)
		*connection = (struct connection){
			.halves = {{.from = client, .to = target, .pipe = {-1, -1}},
				   {.from = target, .to = client, .pipe = {-1, -1}}},
			.connecting = connecting,
		};
	return connection;
}

static ssize_t move(int from, int to, size_t size)
{
	ssize_t count;

	do
		count = splice(from, NULL, to, NULL, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (count < 0 && errno == EINTR);
	return count;
}

/*
 * The reader has gone. What it said before may still be on its way to the other side, which is
 * therefore not closed: the direction only ends here.
 */
static enum connection_state stop(struct half *half, struct pipes *pipes)
{
	half->torn = errno == ECONNRESET;
	pipes_give(pipes, half->pipe, false);
	half->held = 0;
	half->ended = half->handed = true;
	return CONNECTION_WAITS;
}

/* A pipe that is filled only when empty leaves no doubt which side an EAGAIN is about. */
static enum connection_state move_rounds(struct half *half, const struct half *back,
					 struct pipes *pipes)
{
	for (int round = 0; round < TURN_ROUNDS; round++) {
		if (half->held == 0 && !half->ended) {
			ssize_t count = move(half->from, half->pipe[1], PIPES_BYTES);
			if (count < 0)
				return errno == EAGAIN ? CONNECTION_WAITS : CONNECTION_BREAKS;
			half->ended = count == 0;
			half->held = (size_t)count;
		}
		while (half->held > 0) {
			ssize_t count = move(half->pipe[0], half->to, half->held);
			if (count <= 0)
				return count < 0 && errno == EAGAIN ? CONNECTION_WAITS
								    : stop(half, pipes);
			half->held -= (size_t)count;
		}
		if (half->ended && back->torn)
			return CONNECTION_BREAKS;
		if (half->ended) {
			half->handed = true;
			(void)shutdown(half->to, SHUT_WR);
			return CONNECTION_WAITS;
		}
	}
	return CONNECTION_HAS_MORE;
}

static enum connection_state pump_half(struct half *half, const struct half *back,
				       struct pipes *pipes)
{
	if (half->handed)
		return CONNECTION_WAITS;
	if (half->pipe[0] < 0 && !pipes_take(pipes, half->pipe))
		return CONNECTION_STARVES;
	enum connection_state state = move_rounds(half, back, pipes);
	if (half->held == 0)
		pipes_give(pipes, half->pipe, true);
	return state;
}

enum connection_state connection_pump(struct connection *connection, struct pipes *pipes)
{
	struct half *halves = connection->halves;
	enum connection_state state = pump_half(&halves[0], &halves[1], pipes);
	enum connection_state other = pump_half(&halves[1], &halves[0], pipes);

	if (other > state)
		state = other;
	if (state == CONNECTION_WAITS && halves[0].handed && halves[1].handed)
		return CONNECTION_ENDS;
	return state;
}

void connection_reset(int fd)
{
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(fd);
}

void connection_close(struct connection *connection, struct pipes *pipes, bool broken)
{
	for (int i = 0; i < 2; i++) {
		struct half *half = &connection->halves[i];
		pipes_give(pipes, half->pipe, half->held == 0);
		if (broken)
			connection_reset(half->from);
		else
			close(half->from);
	}
	connection->closed = true;
}
