/* What the two sides of the mux share: see mux.h. */
#ifndef COMPART_MUX_STATE_H
#define COMPART_MUX_STATE_H

#include "mux.h"

#define MUX_NOBODY (-1)

struct mux_client {
	bool used, closing, raw;
	struct mux_session *session; /* NULL until START */
	struct queue out;
	struct queue start; /* of a START that is not complete yet: the guest gets it in one go */
};

struct mux_session {
	uint32_t number;        /* 0: free; its place in the table, and how often that was used */
	uint32_t uses;
	int client;             /* or MUX_NOBODY: gone */
	bool complete;          /* all of START is said: the guest knows it */
	bool started;           /* the guest has said so */
	bool hangup;            /* to be said yet */
	bool ended[3];          /* the channel, by the side that sends on it */
	bool unread[3];         /* the client wants no more of this channel */
	size_t start_size;
	uint32_t stdin_credit;  /* that the client may send */
	uint32_t credit[3];     /* that the guest may send, by channel */
	uint32_t owed[3];       /* credit to be given to the guest yet */
};

struct mux {
	const struct mux_events *events;
	void *owner;
	bool ready;
	bool debts; /* some session has credit or a hang-up to be told to the guest */
	struct queue to_guest;
	unsigned char *partial; /* a frame of the guest that is not whole yet */
	size_t partial_size;
	struct mux_client clients[MUX_CLIENTS_MAX];
	struct mux_session sessions[MUX_SESSIONS_MAX];
};

/* Appends a frame; no memory is the end of the program. */
void mux_put(struct queue *queue, const struct frame *frame);

/* A new session of the client; NULL where there are too many. */
struct mux_session *mux_session_begin(struct mux *mux, int client);
/* The session of that number; NULL for none. */
struct mux_session *mux_session_find(struct mux *mux, uint32_t number);

#endif
