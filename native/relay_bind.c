/* The listening socket of a relay (see relay.h). */
#include <errno.h>
#include <string.h>

#include "relay.h"

#define BACKLOG 4096 /* the kernel has the last word: net.core.somaxconn */

static bool set(int fd, int level, int option)
{
	const int on = 1;

	return setsockopt(fd, level, option, &on, sizeof on) == 0;
}

/*
 * What a wildcard received must be answered from the address it was sent to. TCP does that by
 * itself; it wants its port back while connections of an earlier relay linger.
 */
static bool set_options(const struct relay *relay, int fd)
{
	const bool v6 = relay->listen.address.any.sa_family == AF_INET6;

	if (v6 && !set(fd, IPPROTO_IPV6, IPV6_V6ONLY))
		return false;
	if (!relay->udp)
		return set(fd, SOL_SOCKET, SO_REUSEADDR);
	return v6 ? set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO) : set(fd, IPPROTO_IP, IP_PKTINFO);
}

struct relay_failure relay_bind(struct relay *relay)
{
	const int fd = endpoint_socket(&relay->listen, relay->udp ? SOCK_DGRAM : SOCK_STREAM);

	relay->listen_fd = fd;
	if (fd < 0 || !set_options(relay, fd))
		return (struct relay_failure){"socket", errno, relay->protocol};
	if (relay->device != NULL && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, relay->device,
						(socklen_t)strlen(relay->device)) < 0)
		return (struct relay_failure){"device", errno, relay->device};
	/* Of two that are bound and do not listen yet, it is listen(2) that refuses the second. */
	if (bind(fd, &relay->listen.address.any, relay->listen.size) < 0 ||
	    (!relay->udp && listen(fd, BACKLOG) < 0))
		return (struct relay_failure){"bind", errno, NULL};
	return (struct relay_failure){0};
}
