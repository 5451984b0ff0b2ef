/* See frame.h. */
#include "frame.h"

#include <string.h>

static void put_u32(unsigned char *to, uint32_t number)
{
	for (int i = 0; i < 4; i++)
		to[i] = (unsigned char)(number >> (8 * i));
}

static uint32_t get_u32(const unsigned char *from)
{
	return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
	       (uint32_t)from[3] << 24;
}

void frame_encode(unsigned char *header, const struct frame *frame)
{
	put_u32(header, frame->size);
	header[4] = frame->type;
	header[5] = frame->channel;
	header[6] = header[7] = 0;
	put_u32(header + 8, frame->session);
}

/* A header that breaks a rule is refused before its payload has come: it may never come. */
static bool is_possible(const struct frame *frame, const unsigned char *header)
{
	bool channelled = frame->type == FRAME_DATA || frame->type == FRAME_CREDIT_MORE;

	return frame->size <= FRAME_PAYLOAD_MAX && frame->type != 0 && frame->type <= FRAME_TYPE_MAX &&
	       frame->channel <= (channelled ? 2 : 0) && header[6] == 0 && header[7] == 0;
}

int frame_decode(struct frame *frame, const unsigned char *bytes, size_t size)
{
	if (size < FRAME_HEADER)
		return 0;
	frame->size = get_u32(bytes);
	frame->type = bytes[4];
	frame->channel = bytes[5];
	frame->session = get_u32(bytes + 8);
	frame->payload = bytes + FRAME_HEADER;
	if (!is_possible(frame, bytes))
		return -1;
	return size - FRAME_HEADER < frame->size ? 0 : (int)(FRAME_HEADER + frame->size);
}

const char *frame_record(const struct frame *frame, size_t *at, const char **key, size_t *key_size)
{
	if (*at >= frame->size)
		return NULL;
	const char *record = (const char *)frame->payload + *at;
	const char *end = memchr(record, '\0', frame->size - *at);
	const char *equals = end == NULL ? NULL : memchr(record, '=', (size_t)(end - record));
	if (equals == NULL || equals == record) {
		*at = SIZE_MAX;
		return NULL;
	}
	*at += (size_t)(end - record) + 1;
	*key = record;
	*key_size = (size_t)(equals - record);
	return equals + 1;
}

bool frame_has_more(const struct frame *frame)
{
	return frame->size >= FRAME_MORE_SIZE && memcmp(frame->payload, FRAME_MORE, FRAME_MORE_SIZE) == 0;
}

uint32_t frame_u32(const struct frame *frame, size_t offset)
{
	if (offset > frame->size || frame->size - offset < 4)
		return 0;
	return get_u32(frame->payload + offset);
}
