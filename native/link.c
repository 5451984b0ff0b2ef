/*
 * See link.h. Packets are counted in 64 bits here; on the wire the count goes from 1 to
 * LINK_SEQUENCE_MAX and begins at 1 again (0 is the count of nothing yet).
 */
#include "link.h"

#include <stdlib.h>
#include <string.h>

#ifndef LINK_SEQUENCE_MAX /* smaller for the fuzzer, which would not live to see the end */
#define LINK_SEQUENCE_MAX UINT32_MAX
#endif
#define ETHERNET_SIZE 14
#define HEADER_SIZE (ETHERNET_SIZE + 10)
#define BUFFER_SIZE ((size_t)2 * LINK_WINDOW * LINK_DATA_MAX)
#define BACKOFF_MAX 4 /* 16 times the retry: a peer may be frozen for hours */

struct link {
	uint64_t acked, sent, made;   /* arrived there; given out (again); cut off so far */
	uint64_t received;            /* from the peer, in order */
	uint16_t sizes[LINK_WINDOW];  /* of packet n at n % LINK_WINDOW, from acked to made */
	size_t begin, used, cut;      /* the ring: its first byte; bytes kept; of them in packets made */
	size_t ahead;                 /* bytes in the packets from acked to sent */
	int64_t since_ms;             /* of the last sign of life of what is under way */
	unsigned int backoff;
	bool ack_owed, broken;
	unsigned char ring[BUFFER_SIZE];
};

static void put_u16(unsigned char *to, unsigned int number)
{
	to[0] = (unsigned char)number;
	to[1] = (unsigned char)(number >> 8);
}

static void put_u32(unsigned char *to, uint32_t number)
{
	put_u16(to, number & 0xffff);
	put_u16(to + 2, number >> 16);
}

static unsigned int get_u16(const unsigned char *from)
{
	return from[0] | (unsigned int)from[1] << 8;
}

static uint32_t get_u32(const unsigned char *from)
{
	return get_u16(from) | (uint32_t)get_u16(from + 2) << 16;
}

static uint32_t wire_of(uint64_t count)
{
	return count == 0 ? 0 : (uint32_t)((count - 1) % LINK_SEQUENCE_MAX + 1);
}

struct link *link_new(void)
{
	return calloc(1, sizeof(struct link));
}

void link_free(struct link *link)
{
	free(link);
}

size_t link_room(const struct link *link)
{
	return link->broken ? 0 : BUFFER_SIZE - link->used;
}

size_t link_write(struct link *link, const void *bytes, size_t size)
{
	size_t end = (link->begin + link->used) % BUFFER_SIZE, first;

	if (size > link_room(link))
		size = link_room(link);
	if (size == 0)
		return 0;
	first = size < BUFFER_SIZE - end ? size : BUFFER_SIZE - end;
	memcpy(link->ring + end, bytes, first);
	memcpy(link->ring, (const unsigned char *)bytes + first, size - first);
	link->used += size;
	return size;
}

bool link_pending(const struct link *link)
{
	return !link->broken && link->used > 0;
}

/* The ethertype is what tells; the addresses are of nobody (locally administered). */
static void put_header(const struct link *link, unsigned char *packet, uint64_t count, size_t size)
{
	static const unsigned char ethernet[ETHERNET_SIZE] = {
		2, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, LINK_ETHERTYPE >> 8, LINK_ETHERTYPE & 0xff};

	memcpy(packet, ethernet, ETHERNET_SIZE);
	put_u32(packet + ETHERNET_SIZE, wire_of(count));
	put_u32(packet + ETHERNET_SIZE + 4, wire_of(link->received));
	put_u16(packet + ETHERNET_SIZE + 8, (unsigned int)size);
	if (HEADER_SIZE + size < LINK_PACKET_MIN)
		memset(packet + HEADER_SIZE + size, 0, LINK_PACKET_MIN - HEADER_SIZE - size);
}

static void copy_out(const struct link *link, unsigned char *to, size_t offset, size_t size)
{
	size_t from = (link->begin + offset) % BUFFER_SIZE;
	size_t first = size < BUFFER_SIZE - from ? size : BUFFER_SIZE - from;

	memcpy(to, link->ring + from, first);
	memcpy(to + first, link->ring, size - first);
}

static int64_t retry_at(const struct link *link)
{
	return link->since_ms + ((int64_t)LINK_RETRY_MS << link->backoff);
}

static void go_back(struct link *link, int64_t now_ms)
{
	link->sent = link->acked;
	link->ahead = 0;
	link->since_ms = now_ms;
	if (link->backoff < BACKOFF_MAX)
		link->backoff++;
}

/* Cuts the next packet off what waits: sent again, it has to be the same packet. */
static bool make_packet(struct link *link)
{
	size_t size = link->used - link->cut;

	if (size == 0 || link->made - link->acked == LINK_WINDOW)
		return false;
	size = size < LINK_DATA_MAX ? size : LINK_DATA_MAX;
	link->made++;
	link->sizes[link->made % LINK_WINDOW] = (uint16_t)size;
	link->cut += size;
	return true;
}

size_t link_next(struct link *link, unsigned char *packet, int64_t now_ms)
{
	size_t size = 0;

	if (link->broken)
		return 0;
	if (link->made > link->acked && now_ms >= retry_at(link))
		go_back(link, now_ms);
	if (link->sent < link->made || make_packet(link)) {
		if (link->sent == link->acked)
			link->since_ms = now_ms;
		link->sent++;
		size = link->sizes[link->sent % LINK_WINDOW];
		copy_out(link, packet + HEADER_SIZE, link->ahead, size);
		link->ahead += size;
		put_header(link, packet, link->sent, size);
	} else if (link->ack_owed) {
		put_header(link, packet, 0, 0);
	} else {
		return 0;
	}
	link->ack_owed = false;
	return HEADER_SIZE + size < LINK_PACKET_MIN ? LINK_PACKET_MIN : HEADER_SIZE + size;
}

int64_t link_deadline(const struct link *link)
{
	return link->broken || link->made == link->acked ? -1 : retry_at(link);
}

static void forget_acked(struct link *link, uint32_t count, int64_t now_ms)
{
	for (; count > 0; count--) {
		link->acked++;
		size_t size = link->sizes[link->acked % LINK_WINDOW];
		link->begin = (link->begin + size) % BUFFER_SIZE;
		link->used -= size;
		link->cut -= size;
		/* What is being sent again may be acknowledged before its turn has come. */
		if (link->sent < link->acked)
			link->sent = link->acked;
		else
			link->ahead -= size;
	}
	link->since_ms = now_ms;
	link->backoff = 0;
}

/* False if it was never sent. An old one that comes late says nothing. */
static bool take_ack(struct link *link, uint32_t ack, int64_t now_ms)
{
	uint64_t modulus = LINK_SEQUENCE_MAX;

	if (ack > modulus)
		return false;
	uint64_t ahead = (ack + modulus - wire_of(link->acked) % modulus) % modulus;
	if (ahead > link->made - link->acked)
		return modulus - ahead <= link->acked;
	if (ahead > 0)
		forget_acked(link, (uint32_t)ahead, now_ms);
	return true;
}

int link_take(struct link *link, const unsigned char *packet, size_t size, int64_t now_ms,
	      const unsigned char **bytes)
{
	if (link->broken)
		return -1;
	if (size < ETHERNET_SIZE || packet[12] != LINK_ETHERTYPE >> 8 ||
	    packet[13] != (LINK_ETHERTYPE & 0xff))
		return 0;
	size_t data = size < HEADER_SIZE ? SIZE_MAX : get_u16(packet + ETHERNET_SIZE + 8);
	uint32_t sequence = data == SIZE_MAX ? 0 : get_u32(packet + ETHERNET_SIZE);
	if (data > LINK_DATA_MAX || data > size - HEADER_SIZE || (sequence == 0) != (data == 0) ||
	    !take_ack(link, get_u32(packet + ETHERNET_SIZE + 4), now_ms)) {
		link->broken = true;
		return -1;
	}
	if (sequence == 0)
		return 0;
	link->ack_owed = true;
	if (sequence != wire_of(link->received + 1))
		return 0;
	link->received++;
	*bytes = packet + HEADER_SIZE;
	return (int)data;
}
