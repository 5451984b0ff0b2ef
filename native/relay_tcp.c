/*
 * A relay of connections: one loop, edge-triggered, that sleeps while nothing moves.
 *
 * A connection that still has something to move when its turn is over, and one that is closed and
 * may still be named by an event of the same batch, is put in a queue that is worked off after it.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "connection.h"
#include "relay.h"

#define BATCH 256
#define ACCEPTS 64      /* in one turn */
#define PIPES_SPARE 4   /* before one more is accepted: clients alone must not take every descriptor */
#define STARVED_MS 10   /* until a pipe is asked for again */
#define PAUSED_MS 1000  /* until a descriptor is, if it is others who have them all */

struct tcp {
	const struct relay *relay;
	int epoll_fd;
	int spare_fd; /* the target's socket of the next client, so that none is accepted in vain */
	bool paused;  /* out of descriptors: the listening socket is not listened to */
	bool starved;
	struct connection *queue;
	struct pipes pipes;
};

static void listen_to(struct tcp *tcp, bool on)
{
	struct epoll_event event = {.events = on ? EPOLLIN : 0};

	tcp->paused = !on;
	(void)epoll_ctl(tcp->epoll_fd, EPOLL_CTL_MOD, tcp->relay->listen_fd, &event);
}

static void enqueue(struct tcp *tcp, struct connection *connection)
{
	if (connection->queued)
		return;
	connection->queued = true;
	connection->next = tcp->queue;
	tcp->queue = connection;
}

static void end(struct tcp *tcp, struct connection *connection, bool broken)
{
	connection_close(connection, &tcp->pipes, broken);
	enqueue(tcp, connection);
	if (tcp->paused)
		listen_to(tcp, true);
}

static bool watch(const struct tcp *tcp, int fd, struct connection *connection)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = connection};

	return epoll_ctl(tcp->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* The client is not looked at before: what it sends waits in its socket. */
static bool is_connected(struct tcp *tcp, struct connection *connection)
{
	int error = 0;
	socklen_t size = sizeof error;

	if (!connection->connecting)
		return true;
	if (getsockopt(connection->halves[0].to, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ||
	    error != 0 || !watch(tcp, connection->halves[0].from, connection))
		return false;
	connection->connecting = false;
	return true;
}

static void serve(struct tcp *tcp, struct connection *connection)
{
	if (connection->closed)
		return;
	if (!is_connected(tcp, connection)) {
		end(tcp, connection, true);
		return;
	}
	switch (connection_pump(connection, &tcp->pipes)) {
	case CONNECTION_WAITS:
		break;
	case CONNECTION_STARVES:
		tcp->starved = true;
		enqueue(tcp, connection);
		break;
	case CONNECTION_HAS_MORE:
		enqueue(tcp, connection);
		break;
	case CONNECTION_ENDS:
		end(tcp, connection, false);
		break;
	case CONNECTION_BREAKS:
		end(tcp, connection, true);
		break;
	}
}

static void start(struct tcp *tcp, int client)
{
	const struct endpoint *target = &tcp->relay->target;
	const int on = 1, fds[] = {client, tcp->spare_fd};
	struct connection *connection = NULL;

	for (int i = 0; i < 2; i++) {
		(void)setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		(void)setsockopt(fds[i], SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	}
	int failed = connect(tcp->spare_fd, &target->address.any, target->size);
	if (failed == 0 || errno == EINPROGRESS)
		connection = connection_new(client, tcp->spare_fd, true);
	if (connection == NULL) {
		connection_reset(client);
		close(tcp->spare_fd);
	} else if (!watch(tcp, tcp->spare_fd, connection)) {
		end(tcp, connection, true);
	}
	tcp->spare_fd = -1;
}

static bool is_exhausted(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void accept_some(struct tcp *tcp)
{
	for (int i = 0; i < ACCEPTS; i++) {
		if (tcp->spare_fd < 0)
			tcp->spare_fd = endpoint_socket(&tcp->relay->target, SOCK_STREAM);
		int client = tcp->spare_fd < 0 || !pipes_spare(&tcp->pipes, PIPES_SPARE)
				     ? -1
				     : accept4(tcp->relay->listen_fd, NULL, NULL,
					       SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client >= 0) {
			start(tcp, client);
		} else if (is_exhausted(errno)) {
			listen_to(tcp, false);
			return;
		} else if (errno == EAGAIN) {
			return;
		}
	}
}

static void work_off(struct tcp *tcp)
{
	struct connection *connection = tcp->queue;

	tcp->queue = NULL;
	tcp->starved = false;
	while (connection != NULL) {
		struct connection *next = connection->next;
		connection->queued = false;
		if (connection->closed)
			free(connection);
		else
			serve(tcp, connection);
		connection = next;
	}
}

_Noreturn void relay_tcp_serve(const struct relay *relay)
{
	static struct tcp tcp = {.spare_fd = -1};
	struct epoll_event events[BATCH], listening = {.events = EPOLLIN};

	tcp.relay = relay;
	tcp.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_ctl(tcp.epoll_fd, EPOLL_CTL_ADD, relay->listen_fd, &listening) < 0)
		_exit(EXIT_FAILURE);
	for (;;) {
		int timeout = tcp.starved      ? STARVED_MS
			      : tcp.queue != NULL ? 0
			      : tcp.paused        ? PAUSED_MS
						  : -1;
		int count = epoll_wait(tcp.epoll_fd, events, BATCH, timeout);
		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr == NULL)
				accept_some(&tcp);
			else
				serve(&tcp, events[i].data.ptr);
		}
		work_off(&tcp);
		if (count == 0 && timeout == PAUSED_MS)
			listen_to(&tcp, true);
	}
}
