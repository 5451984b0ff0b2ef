/*
 * A standard descriptor that output goes to: never waited for, and never left non-blocking, since the
 * caller has it too.
 */
#ifndef COMPART_OUTPUT_H
#define COMPART_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue.h"

enum output_kind {
	OUTPUT_OWN,     /* opened again, non-blocking */
	OUTPUT_SOCKET,  /* asked not to wait, each time */
	OUTPUT_FILE,    /* never waits */
	OUTPUT_CAREFUL, /* pieces that a pipe takes at once, when it says it does */
};

struct output {
	int fd;
	enum output_kind kind;
	int error;          /* of the write that failed; EPIPE: nobody reads */
	uint32_t consumed;  /* bytes written, or dropped after the error */
	struct queue queue; /* what waits */
};

/* Opens the descriptor again where that gives one of its own (pipes, terminals); else it stays itself. */
int output_reopen(int fd, int mode);

void output_open(struct output *output, int fd);
void output_close(struct output *output);

/* Writes what can be written now, queues the rest. */
void output_put(struct output *output, const unsigned char *bytes, size_t size);
/* Writes what is queued, as far as it goes. */
void output_flush(struct output *output);

#endif
