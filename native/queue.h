/* A queue of bytes in memory: what waits for somebody slower. */
#ifndef COMPART_QUEUE_H
#define COMPART_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct queue {
	unsigned char *bytes;
	size_t head, size, room; /* size bytes from head on, in an allocation of room */
};

/* Appends; false where there is no memory for it, nothing changed then. */
bool queue_add(struct queue *queue, const void *bytes, size_t size);

/* The first of queue->size bytes; valid until the next call. */
const unsigned char *queue_first(const struct queue *queue);

/* Forgets the first bytes. */
void queue_drop(struct queue *queue, size_t size);

void queue_free(struct queue *queue);

#endif
