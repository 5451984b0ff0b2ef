/* See mux.h. What both sides need; mux_client.c and mux_guest.c are the sides. */
#include "mux.h"

#include <stdlib.h>
#include <string.h>

#include "mux_state.h"

struct mux *mux_new(const struct mux_events *events, void *owner)
{
	struct mux *mux = calloc(1, sizeof *mux);

	if (mux == NULL)
		return NULL;
	mux->partial = malloc(FRAME_HEADER + FRAME_PAYLOAD_MAX);
	if (mux->partial == NULL) {
		free(mux);
		return NULL;
	}
	mux->events = events;
	mux->owner = owner;
	return mux;
}

void mux_free(struct mux *mux)
{
	for (size_t i = 0; i < MUX_CLIENTS_MAX; i++) {
		queue_free(&mux->clients[i].out);
		queue_free(&mux->clients[i].start);
	}
	queue_free(&mux->to_guest);
	free(mux->partial);
	free(mux);
}

void mux_put(struct queue *queue, const struct frame *frame)
{
	unsigned char header[FRAME_HEADER];

	frame_encode(header, frame);
	if (!queue_add(queue, header, sizeof header) || !queue_add(queue, frame->payload, frame->size))
		abort();
}

/* A number comes again only after all its place's others: what crossed a session's end meets nobody. */
struct mux_session *mux_session_begin(struct mux *mux, int client)
{
	for (uint32_t place = 0; place < MUX_SESSIONS_MAX; place++) {
		struct mux_session *session = &mux->sessions[place];
		if (session->number != 0)
			continue;
		uint32_t uses = session->uses % (UINT32_MAX / MUX_SESSIONS_MAX) + 1;
		*session = (struct mux_session){
			.number = uses * MUX_SESSIONS_MAX + place,
			.uses = uses,
			.client = client,
			.stdin_credit = FRAME_CREDIT,
			.credit = {0, FRAME_CREDIT, FRAME_CREDIT},
		};
		mux->clients[client].session = session;
		return session;
	}
	return NULL;
}

struct mux_session *mux_session_find(struct mux *mux, uint32_t number)
{
	struct mux_session *session = &mux->sessions[number % MUX_SESSIONS_MAX];

	return number != 0 && session->number == number && session->complete ? session : NULL;
}

static void pay(struct mux *mux, struct mux_session *session, uint8_t channel)
{
	const uint32_t owed = session->owed[channel];
	const unsigned char bytes[] = {(unsigned char)owed, (unsigned char)(owed >> 8),
				       (unsigned char)(owed >> 16), (unsigned char)(owed >> 24)};
	const struct frame frame = {.size = sizeof bytes, .type = FRAME_CREDIT_MORE, .channel = channel,
				    .session = session->number, .payload = bytes};

	if (owed < FRAME_CREDIT / 4)
		return;
	mux_put(&mux->to_guest, &frame);
	session->credit[channel] += owed;
	session->owed[channel] = 0;
}

struct queue *mux_guest_out(struct mux *mux)
{
	if (!mux->debts)
		return &mux->to_guest;
	for (size_t i = 0; i < MUX_SESSIONS_MAX; i++) {
		struct mux_session *session = &mux->sessions[i];
		if (session->number == 0)
			continue;
		if (mux->to_guest.size >= MUX_GUEST_HIGH)
			return &mux->to_guest;
		if (session->hangup)
			mux_put(&mux->to_guest, &(struct frame){.type = FRAME_HANGUP,
								 .session = session->number});
		session->hangup = false;
		pay(mux, session, 1);
		pay(mux, session, 2);
	}
	mux->debts = false;
	return &mux->to_guest;
}

void mux_guest_send(struct mux *mux, uint8_t type, const void *payload, size_t size)
{
	mux_put(&mux->to_guest,
		&(struct frame){.size = (uint32_t)size, .type = type, .payload = payload});
}

bool mux_guest_ready(const struct mux *mux)
{
	return mux->ready;
}
