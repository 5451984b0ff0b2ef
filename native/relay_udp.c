/*
 * A relay of datagrams: for each client a socket of its own to the target, so that the target tells
 * clients apart and the answers find back. What cannot be sent at once is lost, as datagrams are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "clock.h"
#include "relay.h"
#include "sessions.h"

#define BATCH 256
#define TURN 64 /* datagrams */
#define IDLE_MS 60000
#define DATAGRAM_MAX 65536
#define LISTENING UINT32_MAX

struct udp {
	const struct relay *relay;
	int epoll_fd;
	bool v6;
	struct sessions sessions;
	char datagram[DATAGRAM_MAX];
};

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static void read_local(struct msghdr *message, struct session_key *key)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof info);
			memcpy(&key->local, &info.ipi_spec_dst, sizeof info.ipi_spec_dst);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof info);
			key->local = info.ipi6_addr;
		}
	}
}

/* The interface is left to the routes, or to the scope of the client's address. */
static void answer(const struct udp *udp, struct session_key *key, size_t size)
{
	union control control = {0};
	struct iovec data = {.iov_base = (char *)udp->datagram, .iov_len = size};
	struct msghdr message = {
		.msg_name = &key->client,
		.msg_namelen = udp->relay->listen.size,
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
	};
	struct in_pktinfo v4 = {0};
	struct in6_pktinfo v6 = {.ipi6_addr = key->local};
	const size_t length = udp->v6 ? sizeof v6 : sizeof v4;

	memcpy(&v4.ipi_spec_dst, &key->local, sizeof v4.ipi_spec_dst);
	message.msg_controllen = CMSG_SPACE(length);
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	c->cmsg_level = udp->v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	c->cmsg_type = udp->v6 ? IPV6_PKTINFO : IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(length);
	memcpy(CMSG_DATA(c), udp->v6 ? (void *)&v6 : (void *)&v4, length);
	(void)sendmsg(udp->relay->listen_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int open_target(struct udp *udp)
{
	const struct endpoint *target = &udp->relay->target;
	int fd = endpoint_socket(target, SOCK_DGRAM);

	if (fd < 0 && errno == EMFILE && udp->sessions.oldest != SESSIONS_NONE) {
		sessions_end(&udp->sessions, udp->sessions.oldest);
		fd = endpoint_socket(target, SOCK_DGRAM);
	}
	if (fd >= 0 && connect(fd, &target->address.any, target->size) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int start(struct udp *udp, const struct session_key *key, int64_t now_ms)
{
	struct epoll_event event = {.events = EPOLLIN};
	int fd = open_target(udp);

	if (fd < 0)
		return SESSIONS_NONE;
	int number = sessions_add(&udp->sessions, key, fd, now_ms);
	event.data.u32 = (uint32_t)number;
	if (epoll_ctl(udp->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
		return number;
	sessions_end(&udp->sessions, number);
	return SESSIONS_NONE;
}

static void hear_clients(struct udp *udp, int64_t now_ms)
{
	for (int i = 0; i < TURN; i++) {
		struct session_key key = {0};
		union control control;
		struct iovec data = {.iov_base = udp->datagram, .iov_len = sizeof udp->datagram};
		struct msghdr message = {
			.msg_name = &key.client,
			.msg_namelen = sizeof key.client,
			.msg_iov = &data,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof control,
		};
		ssize_t size = recvmsg(udp->relay->listen_fd, &message, MSG_DONTWAIT);
		if (size < 0)
			return;
		read_local(&message, &key);
		int number = sessions_find(&udp->sessions, &key);
		if (number == SESSIONS_NONE)
			number = start(udp, &key, now_ms);
		else
			sessions_use(&udp->sessions, number, now_ms);
		/* A refusal of an earlier datagram is told at the next, which is then not sent. */
		if (number != SESSIONS_NONE &&
		    send(udp->sessions.items[number].fd, udp->datagram, (size_t)size,
			 MSG_DONTWAIT) < 0 &&
		    errno == ECONNREFUSED)
			(void)send(udp->sessions.items[number].fd, udp->datagram, (size_t)size,
				   MSG_DONTWAIT);
	}
}

static void hear_target(struct udp *udp, int number, int64_t now_ms)
{
	struct session *session = &udp->sessions.items[number];

	for (int i = 0; i < TURN && session->fd >= 0; i++) {
		ssize_t size = recv(session->fd, udp->datagram, sizeof udp->datagram, MSG_DONTWAIT);
		if (size < 0)
			return;
		sessions_use(&udp->sessions, number, now_ms);
		answer(udp, &session->key, (size_t)size);
	}
}

/* Ends the idle; how long to the next, or -1: without a session there is no clock. */
static int expire(struct sessions *sessions)
{
	while (sessions->oldest != SESSIONS_NONE) {
		int64_t left = sessions->items[sessions->oldest].used_ms + IDLE_MS - clock_now_ms();
		if (left > 0)
			return (int)left;
		sessions_end(sessions, sessions->oldest);
	}
	return -1;
}

_Noreturn void relay_udp_serve(const struct relay *relay)
{
	static struct udp udp;
	struct epoll_event events[BATCH], listening = {.events = EPOLLIN};

	udp.relay = relay;
	udp.v6 = relay->listen.address.any.sa_family == AF_INET6;
	udp.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	sessions_init(&udp.sessions);
	listening.data.u32 = LISTENING;
	if (epoll_ctl(udp.epoll_fd, EPOLL_CTL_ADD, relay->listen_fd, &listening) < 0)
		_exit(EXIT_FAILURE);
	for (;;) {
		int count = epoll_wait(udp.epoll_fd, events, BATCH, expire(&udp.sessions));
		int64_t now_ms = clock_now_ms();
		for (int i = 0; i < count; i++) {
			if (events[i].data.u32 == LISTENING)
				hear_clients(&udp, now_ms);
			else
				hear_target(&udp, (int)events[i].data.u32, now_ms);
		}
	}
}
