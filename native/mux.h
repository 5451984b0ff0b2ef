/*
 * The sessions of a guest: what its clients say goes to it, and what it says to them. Bytes in,
 * bytes out; no system call but the allocator's is made here, so that it can be fuzzed.
 *
 * What waits is bounded. To the guest: clients are heard only while less than MUX_GUEST_HIGH bytes
 * wait, but for one START, which is told whole. To a client: what the guest sends is within the credit that the client gave, and a client
 * for which more than MUX_CLIENT_MAX bytes wait has lied about what it took. Credit is end to end
 * and never above FRAME_CREDIT: who gives or uses more is not believed again.
 */
#ifndef COMPART_MUX_H
#define COMPART_MUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"
#include "queue.h"

#define MUX_CLIENTS_MAX 256
#define MUX_SESSIONS_MAX 512 /* those whose client is gone and whose end is not told yet, too */
#define MUX_GUEST_HIGH ((size_t)256 * 1024)
/* Both channels in frames of one byte, and credit for as many of stdin. */
#define MUX_CLIENT_MAX ((size_t)FRAME_CREDIT * (2 * (FRAME_HEADER + 1) + FRAME_HEADER + 4) + FRAME_PAYLOAD_MAX)

struct mux; /* opaque */

/* What the mux does not know what to do with. The frame is valid during the call only. */
struct mux_events {
	void (*guest)(void *owner, const struct frame *frame);               /* HELLO, REPORT, LOG, MOUNTED, DOWN */
	void (*control)(void *owner, int client, const struct frame *frame); /* CONTROL */
	void (*session)(void *owner, int client, const struct frame *frame); /* STARTED, FAILED, EXIT */
};

struct mux *mux_new(const struct mux_events *events, void *owner);
void mux_free(struct mux *mux);

/* A new client: its number, or -1 where there are too many. */
int mux_client_add(struct mux *mux);
/* The client is gone, and its number free: its command is hung up. */
void mux_client_gone(struct mux *mux, int client);
/*
 * Takes the whole frames at the beginning of what a client said, as far as there is room for them;
 * returns the bytes taken, or -1 for a client that is not to be heard again.
 */
long mux_client_take(struct mux *mux, int client, const unsigned char *bytes, size_t size);
/* Would mux_client_take take a frame now? */
bool mux_client_heard(const struct mux *mux, int client);
/* A frame to the client. */
void mux_client_send(struct mux *mux, int client, uint8_t type, const void *payload, size_t size);
/* The client has been told everything and may be closed once its queue is empty. */
void mux_client_close(struct mux *mux, int client);
bool mux_client_closing(const struct mux *mux, int client);
/* From now on the bytes are the owner's, both ways. */
void mux_client_raw(struct mux *mux, int client);
bool mux_client_is_raw(const struct mux *mux, int client);
/* What waits for the client. */
struct queue *mux_client_out(struct mux *mux, int client);

/* Takes what the guest said: NULL, or a literal that says what was wrong with it. */
const char *mux_guest_take(struct mux *mux, const unsigned char *bytes, size_t size);
/* A frame to the guest as a whole. */
void mux_guest_send(struct mux *mux, uint8_t type, const void *payload, size_t size);
/* What waits for the guest, what it is owed added. */
struct queue *mux_guest_out(struct mux *mux);
/* Has HELLO come? */
bool mux_guest_ready(const struct mux *mux);

#endif
