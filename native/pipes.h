/* Pipes for splice(2): held by a connection only while data waits in one, kept for the next one after. */
#ifndef COMPART_PIPES_H
#define COMPART_PIPES_H

#include <stdbool.h>
#include <stddef.h>

#define PIPES_KEPT_MAX 64
#define PIPES_BYTES (1 << 18)

struct pipes {
	int kept[PIPES_KEPT_MAX][2];
	size_t count;
};

/* Sees to it that so many are kept; false with errno when they are not to be had. */
bool pipes_spare(struct pipes *pipes, size_t count);

/* An empty pipe, non-blocking; false when there is none to be had. */
bool pipes_take(struct pipes *pipes, int pipe[2]);

/* Only an empty one may be given to the next. The ends are -1 then. */
void pipes_give(struct pipes *pipes, int pipe[2], bool empty);

#endif
