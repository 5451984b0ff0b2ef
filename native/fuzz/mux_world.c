/* See mux_world.h. */
#include "mux_world.h"

#include <stdlib.h>
#include <string.h>

void expect(bool held)
{
	if (!held)
		abort();
}

unsigned int next(struct world *world)
{
	if (world->left == 0)
		return 0;
	world->left--;
	return *world->input++;
}

static unsigned char pattern(uint64_t at, int channel)
{
	return (unsigned char)(at * 7 + (at >> 8) * 31 + (uint64_t)channel * 101);
}

size_t make(unsigned char *bytes, const struct end *end, uint8_t type, uint8_t channel,
		   const void *payload, size_t size)
{
	const struct frame frame = {.size = (uint32_t)size, .type = type, .channel = channel,
				    .session = end->number};

	frame_encode(bytes, &frame);
	if (size > 0)
		memcpy(bytes + FRAME_HEADER, payload, size);
	return FRAME_HEADER + size;
}

size_t data(struct world *world, struct end *end, uint8_t channel, unsigned char *bytes)
{
	unsigned char payload[CHUNK];
	size_t size = (size_t)next(world) * 20 % CHUNK;

	size = size < end->credit[channel] ? size : end->credit[channel];
	for (size_t i = 0; i < size; i++)
		payload[i] = pattern(end->sent[channel] + i, channel);
	end->credit[channel] -= (uint32_t)size;
	end->sent[channel] += size;
	end->ended[channel] = size == 0;
	return make(bytes, end, FRAME_DATA, channel, payload, size);
}

size_t credit(struct end *end, uint8_t channel, unsigned char *bytes)
{
	const uint32_t more = end->consumed[channel];

	end->consumed[channel] = 0;
	return make(bytes, end, FRAME_CREDIT_MORE, channel, &more, sizeof more);
}

void arrive(struct end *end, const struct frame *frame, bool garbage)
{
	expect(frame->channel < 3 && (garbage || frame->size <= FRAME_CREDIT));
	for (size_t i = 0; i < frame->size && !garbage; i++)
		expect(frame->payload[i] == pattern(end->arrived[frame->channel] + i, frame->channel));
	end->arrived[frame->channel] += frame->size;
	end->consumed[frame->channel] += frame->size;
}

struct end *session_of(struct world *world, uint32_t number)
{
	for (int i = 0; i < SESSIONS; i++)
		if (world->sessions[i].state != NONE && world->sessions[i].number == number)
			return &world->sessions[i];
	return NULL;
}

struct end *choose_session(struct world *world)
{
	size_t place = next(world), i = 0;

	while (i < SESSIONS && world->sessions[(place + i) % SESSIONS].state == NONE)
		i++;
	return &world->sessions[(place + i) % SESSIONS];
}
