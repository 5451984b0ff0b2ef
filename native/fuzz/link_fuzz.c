/*
 * Fuzzes the link: two ends, each writing numbered bytes as it likes, over a channel that loses,
 * repeats and reorders packets as the input says. Then the channel heals, and all has to have
 * arrived, in order. The first byte may ask for garbage in between: then an end may break, but no
 * wrong byte may ever arrive. Built with a short sequence, so that it wraps.
 */
#include <stdlib.h>
#include <string.h>

#include "link.h"

#define FLIGHT_MAX 8
#define HEAL_ROUNDS 200000
#define AGE_MAX (LINK_SEQUENCE_MAX / 2) /* packets until one still flying would be taken for a later one */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct packet {
	unsigned char *bytes;
	size_t size;
	uint64_t born; /* when so many had been sent, by both */
};

struct end {
	struct link *link;
	uint64_t written, arrived;
	struct packet flight[FLIGHT_MAX]; /* on their way to this end */
	size_t flying;
	uint64_t *sent; /* packets, by both */
};

static void expect(bool held)
{
	if (!held)
		abort();
}

static unsigned char pattern(uint64_t at)
{
	return (unsigned char)(at * 131 + (at >> 8) * 17 + (at >> 16));
}

static void write_some(struct end *end, size_t size)
{
	static unsigned char bytes[64 * 1024];

	size = size < sizeof bytes ? size : sizeof bytes;
	for (size_t i = 0; i < size; i++)
		bytes[i] = pattern(end->written + i);
	size_t room = link_room(end->link), taken = link_write(end->link, bytes, size);
	expect(taken == (size < room ? size : room));
	expect(link_room(end->link) == room - taken);
	end->written += taken;
}

static void take(struct end *end, const unsigned char *bytes, size_t size, int64_t now, bool honest)
{
	const unsigned char *data = NULL;
	int count = link_take(end->link, bytes, size, now, &data);

	expect(count >= 0 || !honest);
	expect(count <= LINK_DATA_MAX);
	for (int i = 0; honest && i < count; i++)
		expect(data[i] == pattern(end->arrived + (uint64_t)i));
	if (count > 0)
		end->arrived += (uint64_t)count;
}

/* One packet into the channel; what the channel cannot hold is lost. */
static bool send_one(struct end *from, struct end *to, int64_t now)
{
	unsigned char packet[LINK_PACKET_MAX];
	size_t size = link_next(from->link, packet, now);

	if (size == 0)
		return false;
	expect(size >= LINK_PACKET_MIN && size <= LINK_PACKET_MAX);
	++*from->sent;
	if (to->flying == FLIGHT_MAX)
		return true;
	struct packet *slot = &to->flight[to->flying++];
	slot->bytes = malloc(size);
	expect(slot->bytes != NULL);
	memcpy(slot->bytes, packet, size);
	slot->size = size;
	slot->born = *from->sent;
	return true;
}

static void land(struct end *end, size_t which, bool repeat, bool lost, int64_t now, bool honest)
{
	if (end->flying == 0)
		return;
	which %= end->flying;
	struct packet packet = end->flight[which];
	if (!lost && *end->sent - packet.born <= AGE_MAX)
		take(end, packet.bytes, packet.size, now, honest);
	if (repeat)
		return;
	free(packet.bytes);
	memmove(end->flight + which, end->flight + which + 1,
		(--end->flying - which) * sizeof *end->flight);
}

static void heal(struct end *a, struct end *b, int64_t now)
{
	for (int round = 0; link_pending(a->link) || link_pending(b->link); round++) {
		expect(round < HEAL_ROUNDS);
		bool sent = send_one(a, b, now);
		sent = send_one(b, a, now) || sent;
		land(a, 0, false, false, now, true);
		land(b, 0, false, false, now, true);
		if (!sent && a->flying + b->flying == 0) {
			int64_t one = link_deadline(a->link), two = link_deadline(b->link);
			expect(one >= 0 || two >= 0 || !(link_pending(a->link) || link_pending(b->link)));
			now = one < 0 || (two >= 0 && two < one) ? two : one;
		}
	}
	expect(a->arrived == b->written && b->arrived == a->written);
	expect(link_deadline(a->link) == -1 && link_deadline(b->link) == -1);
}

static int64_t step(struct end *ends, uint8_t code, uint8_t word, int64_t now, bool honest)
{
	struct end *self = &ends[code & 1], *other = &ends[~code & 1];

	switch (code >> 1 & 7) {
	case 0:
		write_some(self, (size_t)word * 257);
		break;
	case 1:
		for (int i = 0; i < word % 40 && send_one(self, other, now); i++)
			;
		break;
	case 2:
		land(self, word, false, false, now, honest);
		break;
	case 3:
		land(self, word, true, false, now, honest);
		break;
	case 4:
		land(self, word, false, true, now, honest);
		break;
	case 5:
		return now + word;
	case 6:
		while (self->flying > 0)
			land(self, 0, false, false, now, honest);
		break;
	default:
		write_some(self, word);
	}
	return now;
}

/* Bytes of the input as a packet, its ethertype put right: what follows is the fuzzer's. */
static size_t inject(struct end *end, const uint8_t *data, size_t size, int64_t now)
{
	size_t length = size == 0 ? 0 : 1 + data[0] % 64;

	if (length > size)
		length = size;
	unsigned char *bytes = malloc(length == 0 ? 1 : length);
	expect(bytes != NULL);
	if (length != 0)
		memcpy(bytes, data, length);
	if (length > 13) {
		bytes[12] = LINK_ETHERTYPE >> 8;
		bytes[13] = LINK_ETHERTYPE & 0xff;
	}
	take(end, bytes, length, now, false);
	free(bytes);
	return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t sent = 0;
	struct end ends[2] = {{.link = link_new(), .sent = &sent}, {.link = link_new(), .sent = &sent}};
	bool honest = size == 0 || data[0] % 4 != 0;
	int64_t now = 0;

	expect(ends[0].link != NULL && ends[1].link != NULL);
	for (size_t at = 1; at + 1 < size; at += 2) {
		if (!honest && data[at] >> 4 == 15)
			at += inject(&ends[data[at] & 1], data + at + 2, size - at - 2, now);
		else
			now = step(ends, data[at], data[at + 1], now, honest);
	}
	if (honest)
		heal(&ends[0], &ends[1], now);
	for (int i = 0; i < 2; i++) {
		while (ends[i].flying > 0)
			free(ends[i].flight[--ends[i].flying].bytes);
		link_free(ends[i].link);
	}
	return 0;
}
