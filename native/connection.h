/* A client and the target it is connected with. */
#ifndef COMPART_CONNECTION_H
#define COMPART_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "endpoint.h"
#include "pipes.h"

/* One direction. */
struct half {
	int from;
	int to;
	int pipe[2];  /* -1 while nothing is held */
	size_t held;  /* bytes in the pipe */
	bool ended;   /* from has no more */
	bool handed;  /* and to has been told */
	bool torn;    /* to was reset: said to the writer, and not to the reader any more */
};

struct connection {
	struct half halves[2]; /* from the client, from the target */
	bool connecting;
	bool closed;
	bool queued;
	struct connection *next; /* in the queue of its loop */
};

enum connection_state {
	CONNECTION_WAITS,  /* for an event on one of its sockets */
	CONNECTION_HAS_MORE, /* and lets others have their turn first */
	CONNECTION_STARVES,  /* there is no pipe to be had */
	CONNECTION_ENDS,
	CONNECTION_BREAKS,
};

/* NULL with errno. Takes both sockets. */
struct connection *connection_new(int client, int target, bool connecting);

/* Moves what can be moved without waiting. */
enum connection_state connection_pump(struct connection *connection, struct pipes *pipes);

/* Closes both sockets; broken, with a reset, so that nobody takes a part for the whole. */
void connection_close(struct connection *connection, struct pipes *pipes, bool broken);

/* Closes a socket with a reset. */
void connection_reset(int fd);

#endif
