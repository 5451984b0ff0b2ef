/* See mux.h: the side of the clients. */
#include <stdlib.h>
#include <string.h>

#include "mux.h"
#include "mux_state.h"

int mux_client_add(struct mux *mux)
{
	for (int i = 0; i < MUX_CLIENTS_MAX; i++) {
		if (mux->clients[i].used)
			continue;
		mux->clients[i] = (struct mux_client){.used = true};
		return i;
	}
	return -1;
}

void mux_client_gone(struct mux *mux, int number)
{
	struct mux_client *client = &mux->clients[number];
	struct mux_session *session = client->session;

	queue_free(&client->out);
	queue_free(&client->start);
	*client = (struct mux_client){0};
	if (session == NULL)
		return;
	if (!session->complete) {
		session->number = 0;
		return;
	}
	session->client = MUX_NOBODY;
	session->hangup = true;
	/* What was on its way to the client is nobody's now: the command must be able to end. */
	for (int channel = 1; channel <= 2; channel++)
		session->owed[channel] = FRAME_CREDIT - session->credit[channel];
	mux->debts = true;
}

bool mux_client_heard(const struct mux *mux, int client)
{
	return mux->to_guest.size < MUX_GUEST_HIGH && (mux->ready || mux->clients[client].session == NULL);
}

void mux_client_send(struct mux *mux, int client, uint8_t type, const void *payload, size_t size)
{
	mux_put(&mux->clients[client].out,
		&(struct frame){.size = (uint32_t)size, .type = type, .payload = payload});
}

void mux_client_close(struct mux *mux, int client)
{
	mux->clients[client].closing = true;
}

bool mux_client_closing(const struct mux *mux, int client)
{
	return mux->clients[client].closing;
}

void mux_client_raw(struct mux *mux, int client)
{
	mux->clients[client].raw = true;
}

bool mux_client_is_raw(const struct mux *mux, int client)
{
	return mux->clients[client].raw;
}

struct queue *mux_client_out(struct mux *mux, int client)
{
	return &mux->clients[client].out;
}

static bool take_start(struct mux *mux, int number, const struct frame *frame)
{
	static const char crowded[] = "step=fork\0errno=11\0detail=too many commands in the guest\0status=125";
	struct mux_client *client = &mux->clients[number];
	struct mux_session *session = client->session;

	if (session == NULL)
		session = mux_session_begin(mux, number);
	if (session == NULL) {
		mux_client_send(mux, number, FRAME_FAILED, crowded, sizeof crowded);
		client->closing = true;
		return true;
	}
	const struct frame told = {.size = frame->size, .type = FRAME_START, .session = session->number,
				   .payload = frame->payload};
	session->start_size += frame->size;
	session->complete = !frame_has_more(frame);
	mux_put(&client->start, &told);
	if (session->complete) {
		if (!queue_add(&mux->to_guest, queue_first(&client->start), client->start.size))
			abort();
		queue_free(&client->start);
	}
	return session->start_size <= FRAME_START_MAX;
}

static bool take_data(struct mux_session *session, const struct frame *frame)
{
	const uint8_t channel = frame->channel;

	if (session->ended[channel] && channel == 0)
		return false;
	if (channel != 0) {
		bool again = session->unread[channel];
		session->unread[channel] = true;
		return frame->size == 0 && !again;
	}
	session->ended[0] = frame->size == 0;
	if (frame->size > session->stdin_credit)
		return false;
	session->stdin_credit -= frame->size;
	return true;
}

static bool take_credit(struct mux_session *session, const struct frame *frame)
{
	const uint32_t more = frame_u32(frame, 0);
	uint32_t *credit = &session->credit[frame->channel];

	if (frame->channel == 0 || frame->size != 4 || more == 0 ||
	    more > FRAME_CREDIT - *credit - session->owed[frame->channel])
		return false;
	*credit += more;
	return true;
}

/* Is this something that a client may say now? */
static bool take(struct mux *mux, int number, const struct frame *frame)
{
	struct mux_session *session = mux->clients[number].session;

	if (frame->session != 0)
		return false;
	if (frame->type == FRAME_START && (session == NULL || !session->complete))
		return take_start(mux, number, frame);
	if (session == NULL || !session->complete)
		return false;
	switch (frame->type) {
	case FRAME_DATA:
		return take_data(session, frame);
	case FRAME_CREDIT_MORE:
		return take_credit(session, frame);
	case FRAME_SIGNAL:
	case FRAME_RESIZE:
		return frame->size == 4;
	default:
		return frame->type == FRAME_HANGUP && frame->size == 0;
	}
}

long mux_client_take(struct mux *mux, int number, const unsigned char *bytes, size_t size)
{
	struct mux_client *client = &mux->clients[number];
	struct frame frame;
	size_t taken = 0;

	while (!client->closing && !client->raw) {
		int length = frame_decode(&frame, bytes + taken, size - taken);
		if (length < 0)
			return -1;
		if (length == 0 || mux->to_guest.size >= MUX_GUEST_HIGH)
			return (long)taken;
		if (frame.type == FRAME_CONTROL && frame.session == 0 && client->session == NULL) {
			mux->events->control(mux->owner, number, &frame);
			taken += (size_t)length;
			continue;
		}
		if (!mux->ready)
			return frame.type == FRAME_START ? (long)taken : -1;
		if (!take(mux, number, &frame))
			return -1;
		taken += (size_t)length;
		if (frame.type == FRAME_START)
			continue;
		frame.session = client->session->number;
		mux_put(&mux->to_guest, &frame);
	}
	return client->raw ? (long)taken : (long)size;
}
