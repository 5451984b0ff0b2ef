/*
 * The clients of a datagram relay: found by address, the longest idle first to go.
 * They are numbered, and a number outlives its session: an event that comes late meets the next
 * session of that number, or none, and no freed memory.
 */
#ifndef COMPART_SESSIONS_H
#define COMPART_SESSIONS_H

#include <stdint.h>

#include "endpoint.h"

#define SESSIONS_MAX 4096
#define SESSIONS_NONE (-1)

/* A client, and which of our addresses it sent to: the answer must come from there. */
struct session_key {
	struct sockaddr_in6 client; /* or a sockaddr_in, the rest zero */
	struct in6_addr local;      /* or an in_addr, the rest zero */
};

struct session {
	struct session_key key;
	int fd; /* connected with the target; -1 while the number is free */
	int64_t used_ms;
	int chain;        /* the next of the same hash, or the next free */
	int newer, older; /* by use */
};

struct sessions {
	struct session items[SESSIONS_MAX];
	int buckets[SESSIONS_MAX];
	int free;
	int newest, oldest;
	uint64_t seed; /* so that no client can choose its bucket */
};

void sessions_init(struct sessions *sessions);

/* The number of the session of that key, or SESSIONS_NONE. */
int sessions_find(const struct sessions *sessions, const struct session_key *key);

/* A new one, which is the newest; the oldest ends for it if need be. */
int sessions_add(struct sessions *sessions, const struct session_key *key, int fd, int64_t now_ms);

/* Makes it the newest. */
void sessions_use(struct sessions *sessions, int number, int64_t now_ms);

/* Closes its socket and frees its number. */
void sessions_end(struct sessions *sessions, int number);

#endif
