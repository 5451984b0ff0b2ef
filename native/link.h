/*
 * A stream of bytes in both directions over packets, which may be lost: between the guest's init and
 * the keeper, over an Ethernet device that carries nothing else (UML's vector driver on one end of a
 * socketpair). The host's end never loses any; the guest's does when its kernel has no memory for one.
 *
 * A packet is an Ethernet header with LINK_ETHERTYPE, then, little endian:
 *
 *   u32 sequence  of this packet, from 1 on; 0 carries no data and is not counted
 *   u32 ack       the last sequence that arrived in order
 *   u16 size      bytes of data that follow, at most LINK_DATA_MAX (the rest is padding)
 *
 * Go-back-N: at most LINK_WINDOW packets are under way; what was not acknowledged within
 * LINK_RETRY_MS is sent again, all of it, in order. A packet out of order is dropped and the last
 * in order acknowledged. A peer that acknowledges what was never sent breaks the link.
 *
 * No system call but the allocator's is made here, so that it can be fuzzed and tested: the caller
 * gives packets and the time, and takes packets and bytes.
 */
#ifndef COMPART_LINK_H
#define COMPART_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINK_ETHERTYPE 0x88B5
#define LINK_MTU 7680
#define LINK_PACKET_MAX (14 + LINK_MTU)
#define LINK_DATA_MAX (LINK_MTU - 10)
#define LINK_PACKET_MIN 60
#define LINK_WINDOW 32
#define LINK_RETRY_MS 50

struct link; /* opaque */

struct link *link_new(void);
void link_free(struct link *link);

/* Room in the send buffer, in bytes: link_write takes that much at once. */
size_t link_room(const struct link *link);
/* Queues bytes to be sent; returns how many were taken. */
size_t link_write(struct link *link, const void *bytes, size_t size);
/* Is anything queued or not acknowledged yet? */
bool link_pending(const struct link *link);

/*
 * The next packet to send at this time, its bytes (LINK_PACKET_MIN at least) in packet, which has
 * room for LINK_PACKET_MAX; 0 when there is none. It may be given the same packet again later.
 */
size_t link_next(struct link *link, unsigned char *packet, int64_t now_ms);
/* When link_next wants to be asked again without a packet in between; -1: never (clock.h). */
int64_t link_deadline(const struct link *link);

/*
 * Takes a packet. Bytes in order are at *bytes (valid until the next call), their count is returned;
 * 0 for none, -1 when the link is broken. Packets of other ethertypes are passed over.
 */
int link_take(struct link *link, const unsigned char *packet, size_t size, int64_t now_ms,
	      const unsigned char **bytes);

#endif
