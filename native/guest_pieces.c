/* A START in several frames, for arguments and an environment that are too long for one: see guest_session.h. */
#include <stdlib.h>
#include <string.h>

#include "guest_session.h"

static bool fits(const struct pieces *pieces, const struct frame *frame, bool more)
{
	const bool marked = more || (frame->size >= FRAME_MORE_SIZE &&
				     memcmp(frame->payload, FRAME_LAST, FRAME_MORE_SIZE) == 0);

	return marked && (!pieces->begun || pieces->whole.session == frame->session) &&
	       pieces->size + frame->size <= FRAME_START_MAX;
}

const struct frame *pieces_take(struct pieces *pieces, const struct frame *frame, struct wire *wire)
{
	const bool more = frame_has_more(frame);
	unsigned char *bytes;

	if (!pieces->begun && !more)
		return frame;
	if (!fits(pieces, frame, more)) {
		wire_break(wire, "the host sent pieces that are not of one command");
		return NULL;
	}
	bytes = realloc(pieces->bytes, pieces->size + frame->size);
	if (bytes == NULL) {
		wire_break(wire, "no memory for a command");
		return NULL;
	}
	memcpy(bytes + pieces->size, frame->payload + FRAME_MORE_SIZE, frame->size - FRAME_MORE_SIZE);
	pieces->bytes = bytes;
	pieces->size += frame->size - FRAME_MORE_SIZE;
	pieces->begun = more;
	pieces->whole = (struct frame){.size = (uint32_t)pieces->size, .type = FRAME_START,
				       .session = frame->session, .payload = bytes};
	if (more)
		return NULL;
	pieces->size = 0;
	return &pieces->whole;
}
