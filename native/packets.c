/* The packets of the guest's link: see keeper.h and link.h. */
#include <errno.h>
#include <sys/socket.h>

#include "clock.h"
#include "keeper.h"

#define AT_ONCE 256 /* then the others have their turn */

static void take(struct keeper *keeper, const unsigned char *packet, size_t size)
{
	const unsigned char *bytes = NULL;
	int count = link_take(keeper->packets.link, packet, size, clock_now_ms(), &bytes);
	const char *fault = NULL;

	if (count > 0)
		fault = mux_guest_take(keeper->mux, bytes, (size_t)count);
	if (count < 0)
		fault = "a packet that can be none of the link's";
	if (fault != NULL)
		keeper_kill(keeper, "protocol", "%s", fault);
}

bool packets_receive(struct keeper *keeper)
{
	unsigned char packet[LINK_PACKET_MAX];

	for (int i = 0; i < AT_ONCE && !keeper->packets.ended && keeper->reason == NULL; i++) {
		ssize_t count = recv(keeper->uml.link_fd, packet, sizeof packet, MSG_DONTWAIT);
		if (count > 0)
			take(keeper, packet, (size_t)count);
		else if (count == 0 || (errno != EAGAIN && errno != EINTR))
			keeper->packets.ended = true; /* the kernel is gone: its death tells why */
		else if (errno == EAGAIN)
			return false;
	}
	return !keeper->packets.ended && keeper->reason == NULL;
}

void packets_send(struct keeper *keeper)
{
	struct packets *packets = &keeper->packets;

	packets->full = false;
	while (!packets->ended) {
		struct queue *out = mux_guest_out(keeper->mux);
		if (out->size > 0)
			queue_drop(out, link_write(packets->link, queue_first(out), out->size));
		if (packets->held_size == 0)
			packets->held_size = link_next(packets->link, packets->held, clock_now_ms());
		if (packets->held_size == 0)
			return;
		ssize_t count = send(keeper->uml.link_fd, packets->held, packets->held_size,
				     MSG_DONTWAIT | MSG_NOSIGNAL);
		packets->full = count < 0 && (errno == EAGAIN || errno == ENOBUFS);
		if (packets->full)
			return;
		if (count < 0 && errno != EINTR)
			packets->ended = true;
		if (count >= 0)
			packets->held_size = 0;
	}
}
