/* Fuzzes the frame parser: any bytes, and what it accepts is within its bounds and encodes to the same. */
#include <stdlib.h>
#include <string.h>

#include "frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool held)
{
	if (!held)
		abort();
}

static void check_text(const struct frame *frame)
{
	const char *key, *value;
	size_t at = 0, key_size, before = 0, sum = 0;

	while ((value = frame_record(frame, &at, &key, &key_size)) != NULL) {
		expect(at > before && at <= frame->size);
		expect(key == (const char *)frame->payload + before && key_size > 0 && key[key_size] == '=');
		sum += key_size + 1 + strlen(value) + 1;
		before = at;
	}
	expect(at == SIZE_MAX || (at == frame->size && sum == frame->size));
	expect(frame_record(frame, &at, &key, &key_size) == NULL);
}

static void check_frame(const struct frame *frame, const unsigned char *bytes)
{
	unsigned char header[FRAME_HEADER];
	uint32_t sum = 0;

	expect(frame->size <= FRAME_PAYLOAD_MAX && frame->type >= 1 && frame->type <= FRAME_TYPE_MAX);
	expect(frame->channel <= 2 && frame->payload == bytes + FRAME_HEADER);
	frame_encode(header, frame);
	expect(memcmp(header, bytes, FRAME_HEADER) == 0);
	for (size_t at = 0; at < frame->size; at++)
		sum += frame->payload[at] + frame_u32(frame, at);
	expect(frame_u32(frame, frame->size) == 0 && frame_u32(frame, SIZE_MAX) == 0);
	(void)sum;
	check_text(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* An allocation of its own, so that the sanitizer sees a read past its end. */
	unsigned char *bytes = malloc(size == 0 ? 1 : size);
	struct frame frame;
	size_t at = 0;
	int taken;

	expect(bytes != NULL);
	if (size != 0)
		memcpy(bytes, data, size);
	while ((taken = frame_decode(&frame, bytes + at, size - at)) > 0) {
		expect((size_t)taken == FRAME_HEADER + frame.size && (size_t)taken <= size - at);
		check_frame(&frame, bytes + at);
		at += (size_t)taken;
	}
	expect(taken == 0 || taken == -1);
	free(bytes);
	return 0;
}
