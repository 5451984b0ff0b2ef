/* What the fuzzer of the mux knows of its clients and its guest, and what each of them can say: see mux_fuzz.c. */
#ifndef COMPART_MUX_WORLD_H
#define COMPART_MUX_WORLD_H

#include "mux.h"

#define CLIENTS 4
#define SESSIONS 64
#define CHUNK 5000

enum state { NONE, ASKED, STARTED, ENDED };

/* What one end of a session knows: to send, consumed and not told yet, and how many bytes there were. */
struct end {
	enum state state;
	uint32_t number, credit[3], consumed[3];
	uint64_t sent[3], arrived[3];
	bool ended[3], unread[3];
	int client; /* of a guest's end: whose it is; -1: unknown any more */
};

struct world {
	struct mux *mux;
	const uint8_t *input;
	size_t left;
	bool garbage;
	int numbers[CLIENTS]; /* of the clients; -1: none */
	struct end clients[CLIENTS], sessions[SESSIONS];
	int asked[1024], first_asked, count_asked; /* whose START comes next to the guest */
};

void expect(bool held);

/* The next byte of the input; 0 at its end. */
unsigned int next(struct world *world);

/* Frames of the end: each returns its size. */
size_t make(unsigned char *bytes, const struct end *end, uint8_t type, uint8_t channel, const void *payload,
	    size_t size);
size_t data(struct world *world, struct end *end, uint8_t channel, unsigned char *bytes);
size_t credit(struct end *end, uint8_t channel, unsigned char *bytes);

/* DATA for the end. */
void arrive(struct end *end, const struct frame *frame, bool garbage);

/* The session that the guest has of that number, or NULL. */
struct end *session_of(struct world *world, uint32_t number);
/* One that the guest has, from a place on that the input says; where it has none, any. */
struct end *choose_session(struct world *world);

#endif
