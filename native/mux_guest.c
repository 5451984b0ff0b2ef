/* See mux.h: the side of the guest. */
#include <string.h>

#include "mux.h"
#include "mux_state.h"

static void end_session(struct mux *mux, struct mux_session *session)
{
	if (session->client != MUX_NOBODY) {
		mux->clients[session->client].session = NULL;
		mux->clients[session->client].closing = true;
	}
	session->number = 0;
}

static void forward(struct mux *mux, const struct mux_session *session, const struct frame *frame)
{
	struct frame told = *frame;

	told.session = 0;
	if (session->client != MUX_NOBODY)
		mux_put(&mux->clients[session->client].out, &told);
}

static const char *take_data(struct mux *mux, struct mux_session *session, const struct frame *frame)
{
	const uint8_t channel = frame->channel;

	if (!session->started || channel == 0 || session->ended[channel])
		return "data where there can be none";
	if (frame->size > session->credit[channel])
		return "data over its credit";
	session->ended[channel] = frame->size == 0;
	session->credit[channel] -= frame->size;
	if (session->client != MUX_NOBODY && !session->unread[channel]) {
		forward(mux, session, frame);
		return NULL;
	}
	session->owed[channel] += frame->size;
	mux->debts = true;
	return NULL;
}

static const char *take_credit(struct mux *mux, struct mux_session *session, const struct frame *frame)
{
	const uint32_t more = frame_u32(frame, 0);

	if (!session->started || frame->channel != 0 || frame->size != 4 || more == 0 ||
	    more > FRAME_CREDIT - session->stdin_credit)
		return "credit for what was not sent";
	session->stdin_credit += more;
	forward(mux, session, frame);
	return NULL;
}

/* STARTED, and the ends: told to the owner and to the client. */
static const char *take_turn(struct mux *mux, struct mux_session *session, const struct frame *frame)
{
	const bool starts = frame->type == FRAME_STARTED;

	if (session->started != (frame->type == FRAME_EXIT))
		return "a command's start or end out of turn";
	if ((starts && frame->size != 4) || (frame->type == FRAME_EXIT && frame->size != 8))
		return "a command's start or end of the wrong size";
	session->started = true;
	mux->events->session(mux->owner, session->client, frame);
	forward(mux, session, frame);
	if (!starts)
		end_session(mux, session);
	return NULL;
}

static const char *take(struct mux *mux, const struct frame *frame)
{
	struct mux_session *session;

	if (frame->session == 0) {
		bool hello = frame->type == FRAME_HELLO;
		if (!hello && frame->type != FRAME_REPORT && frame->type != FRAME_LOG &&
		    frame->type != FRAME_MOUNTED && frame->type != FRAME_DOWN)
			return "a frame of no session";
		if (frame->type != FRAME_LOG && hello == mux->ready)
			return "no greeting, or a second one";
		mux->ready = mux->ready || hello;
		mux->events->guest(mux->owner, frame);
		return NULL;
	}
	session = mux_session_find(mux, frame->session);
	if (session == NULL)
		return "a frame of a session that is not";
	switch (frame->type) {
	case FRAME_DATA:
		return take_data(mux, session, frame);
	case FRAME_CREDIT_MORE:
		return take_credit(mux, session, frame);
	case FRAME_STARTED:
	case FRAME_FAILED:
	case FRAME_EXIT:
		return take_turn(mux, session, frame);
	default:
		return "a frame that is not the guest's";
	}
}

/* Frames that are whole in what came are taken where they are; only one that is not is kept. */
static long take_whole(struct mux *mux, const unsigned char *bytes, size_t size, const char **fault)
{
	struct frame frame;
	size_t taken = 0;

	while (*fault == NULL) {
		int length = frame_decode(&frame, bytes + taken, size - taken);
		if (length < 0)
			*fault = "no frame";
		if (length <= 0)
			break;
		*fault = take(mux, &frame);
		taken += (size_t)length;
	}
	return (long)taken;
}

/* How many bytes the kept frame lacks, as far as its own bytes tell. */
static size_t lacking(const struct mux *mux)
{
	const struct frame header = {.size = FRAME_HEADER, .payload = mux->partial};

	if (mux->partial_size < FRAME_HEADER)
		return FRAME_HEADER - mux->partial_size;
	return FRAME_HEADER + frame_u32(&header, 0) - mux->partial_size;
}

const char *mux_guest_take(struct mux *mux, const unsigned char *bytes, size_t size)
{
	const char *fault = NULL;

	while (mux->partial_size > 0 && size > 0 && fault == NULL) {
		size_t lacks = lacking(mux), count = size < lacks ? size : lacks;
		memcpy(mux->partial + mux->partial_size, bytes, count);
		mux->partial_size += count;
		bytes += count;
		size -= count;
		if (take_whole(mux, mux->partial, mux->partial_size, &fault) > 0)
			mux->partial_size = 0;
	}
	if (size == 0 || fault != NULL)
		return fault;
	long taken = take_whole(mux, bytes, size, &fault);
	mux->partial_size = size - (size_t)taken;
	if (fault == NULL)
		memcpy(mux->partial, bytes + taken, mux->partial_size);
	return fault;
}
