/* See queue.h. */
#include "queue.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST ((size_t)4096)
#define ROOM_KEPT ((size_t)64 * 1024)

static bool make_room(struct queue *queue, size_t size)
{
	size_t room = queue->room < ROOM_FIRST ? ROOM_FIRST : queue->room;

	if (queue->head + queue->size + size <= queue->room)
		return true;
	/* Moved only when at least half is free: else each byte would be moved again and again. */
	if (queue->size + size <= queue->room / 2) {
		memmove(queue->bytes, queue->bytes + queue->head, queue->size);
		queue->head = 0;
		return true;
	}
	while (room < queue->size + size)
		room *= 2;
	unsigned char *bytes = malloc(room);
	if (bytes == NULL)
		return false;
	if (queue->size != 0)
		memcpy(bytes, queue->bytes + queue->head, queue->size);
	free(queue->bytes);
	*queue = (struct queue){.bytes = bytes, .size = queue->size, .room = room};
	return true;
}

bool queue_add(struct queue *queue, const void *bytes, size_t size)
{
	if (size == 0)
		return true;
	if (!make_room(queue, size))
		return false;
	memcpy(queue->bytes + queue->head + queue->size, bytes, size);
	queue->size += size;
	return true;
}

const unsigned char *queue_first(const struct queue *queue)
{
	return queue->bytes + queue->head;
}

void queue_drop(struct queue *queue, size_t size)
{
	queue->head += size;
	queue->size -= size;
	if (queue->size != 0)
		return;
	queue->head = 0;
	if (queue->room > ROOM_KEPT)
		queue_free(queue);
}

void queue_free(struct queue *queue)
{
	free(queue->bytes);
	*queue = (struct queue){0};
}
