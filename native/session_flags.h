/* What a command in a guest is to be, by the words of the command line: see guest.c. */
#ifndef COMPART_SESSION_FLAGS_H
#define COMPART_SESSION_FLAGS_H

#include <stdbool.h>
#include <stddef.h>

#include "stream.h"

struct session_flags {
	const char *workdir, *user;
	char **env;     /* K=V */
	size_t env_count;
	bool inherit;
	bool tty;       /* a terminal of its own */
	char **command; /* NULL-terminated; NULL: none */
};

/*
 * Takes the flags at argv[at] and after; returns where the first word is that is none of them. A wrong
 * one is the end of the program (status 2).
 */
int session_flags_parse(struct session_flags *flags, int argc, char **argv, int at);

/* Sends START. What no START can hold is told on stderr, and false returned. */
bool session_flags_start(const struct session_flags *flags, struct stream *stream);

#endif
