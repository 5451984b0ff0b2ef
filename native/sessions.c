/* See sessions.h. */
#include "sessions.h"

#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* FNV-1a, begun at a secret. */
static int *bucket(const struct sessions *sessions, const struct session_key *key)
{
	uint64_t hash = UINT64_C(14695981039346656037) ^ sessions->seed;
	const unsigned char *bytes = (const unsigned char *)key;

	for (size_t i = 0; i < sizeof *key; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
	return (int *)&sessions->buckets[(hash ^ hash >> 32) % SESSIONS_MAX];
}

void sessions_init(struct sessions *sessions)
{
	if (getrandom(&sessions->seed, sizeof sessions->seed, GRND_NONBLOCK) < 0)
		sessions->seed = (uint64_t)getpid();
	for (int i = 0; i < SESSIONS_MAX; i++) {
		sessions->buckets[i] = SESSIONS_NONE;
		sessions->items[i].fd = -1;
		sessions->items[i].chain = i + 1 < SESSIONS_MAX ? i + 1 : SESSIONS_NONE;
	}
	sessions->newest = sessions->oldest = SESSIONS_NONE;
}

int sessions_find(const struct sessions *sessions, const struct session_key *key)
{
	int number = *bucket(sessions, key);

	while (number != SESSIONS_NONE &&
	       memcmp(&sessions->items[number].key, key, sizeof *key) != 0)
		number = sessions->items[number].chain;
	return number;
}

static void unlink_use(struct sessions *sessions, struct session *session)
{
	int *newer = session->older == SESSIONS_NONE ? &sessions->oldest
						     : &sessions->items[session->older].newer;
	int *older = session->newer == SESSIONS_NONE ? &sessions->newest
						     : &sessions->items[session->newer].older;
	*newer = session->newer;
	*older = session->older;
}

static void link_newest(struct sessions *sessions, int number, int64_t now_ms)
{
	struct session *session = &sessions->items[number];

	session->used_ms = now_ms;
	session->newer = SESSIONS_NONE;
	session->older = sessions->newest;
	if (sessions->newest == SESSIONS_NONE)
		sessions->oldest = number;
	else
		sessions->items[sessions->newest].newer = number;
	sessions->newest = number;
}

int sessions_add(struct sessions *sessions, const struct session_key *key, int fd, int64_t now_ms)
{
	if (sessions->free == SESSIONS_NONE)
		sessions_end(sessions, sessions->oldest);
	const int number = sessions->free;
	struct session *session = &sessions->items[number];
	int *head = bucket(sessions, key);

	sessions->free = session->chain;
	session->key = *key;
	session->fd = fd;
	session->chain = *head;
	*head = number;
	link_newest(sessions, number, now_ms);
	return number;
}

void sessions_use(struct sessions *sessions, int number, int64_t now_ms)
{
	unlink_use(sessions, &sessions->items[number]);
	link_newest(sessions, number, now_ms);
}

void sessions_end(struct sessions *sessions, int number)
{
	struct session *session = &sessions->items[number];
	int *link = bucket(sessions, &session->key);

	while (*link != number)
		link = &sessions->items[*link].chain;
	*link = session->chain;
	unlink_use(sessions, session);
	close(session->fd);
	session->fd = -1;
	session->chain = sessions->free;
	sessions->free = number;
}
