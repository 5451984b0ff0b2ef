/* What the router program, the holder and the uplink share. */
#ifndef COMPART_ROUTER_H
#define COMPART_ROUTER_H

#include <sys/types.h>

#define ROUTER_DETAIL_MAX 256

/* What the holder (or the uplink on its way to the exec) and the router tell each other. */
enum router_word_kind {
	ROUTER_FAIL,  /* number: an errno; step and detail as the router will say them */
	ROUTER_HELD,  /* the namespaces are there; number: the pid of the uplink, or 0 */
	ROUTER_ENDED, /* the uplink ended; number: its wait status; pid: the daemon it left, or 0 */
	ROUTER_KEEP,  /* the holder is to stay; it answers the same */
};

struct router_word {
	enum router_word_kind kind;
	int number;
	pid_t pid;
	const char *step; /* a literal: both ends are one program */
	char detail[ROUTER_DETAIL_MAX + 1];
};

struct router {
	int peer_fd;
	int words[2]; /* [0] the router's end, [1] the holder's */
	int ready[2]; /* the uplink writes, the router reads */
	int exit[2];  /* the uplink reads, only the holder has the writing end */
	int log_fd;   /* what the uplink prints */
	char **uplink; /* empty: none */
	pid_t holder;
};

/* A message each way: whole or not at all. */
void router_tell(int fd, const struct router_word *word);

/* Tells of a failure and ends the caller. */
_Noreturn void router_tell_failure(int fd, const char *step, int error, const char *detail);

#endif
