/* The frames of the agent (frame.h) over the link (link.h) over a packet socket. */
#ifndef COMPART_INIT_WIRE_H
#define COMPART_INIT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"

struct wire;

/* Takes the socket over. NULL when there is no memory. */
struct wire *wire_new(int packet_fd);

/*
 * Sends a frame that has to come: it waits in memory when the link has no room. DATA is sent only if
 * wire_room said so, by which everything stays in order.
 */
void wire_send(struct wire *wire, const struct frame *frame);
void wire_send_text(struct wire *wire, uint8_t type, uint32_t session, const char *text, size_t size);
void wire_send_u32(struct wire *wire, uint8_t type, uint8_t channel, uint32_t session, uint32_t number);

/* Bytes of DATA for which there is room: 0 while anything waits. */
size_t wire_room(const struct wire *wire);

/* Moves packets out as long as the socket takes them; true if it is to be asked when it is writable. */
bool wire_flush(struct wire *wire, int64_t now_ms);

/* Takes what has arrived, calling taken for each frame; false once the socket has no more for now. */
typedef void wire_taken(void *context, const struct frame *frame);
bool wire_receive(struct wire *wire, int64_t now_ms, wire_taken *taken, void *context);

/* When wire_flush wants to be called again (clock.h). */
int64_t wire_deadline(const struct wire *wire);

/* Is anything on its way that has not arrived? */
bool wire_pending(const struct wire *wire);

/* The peer broke a rule and is not believed again; the first reason stays. */
void wire_break(struct wire *wire, const char *reason);
/* NULL while nothing is broken. */
const char *wire_broken(const struct wire *wire);

#endif
