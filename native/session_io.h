/* A command in a guest on the caller's own descriptors 0 to 2: one end of a session, see frame.h. */
#ifndef COMPART_SESSION_IO_H
#define COMPART_SESSION_IO_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "output.h"
#include "session_flags.h"
#include "stream.h"

#define SESSION_IO_SOURCES 4

enum session_io_state {
	SESSION_ASKED,   /* START is sent: nothing of the caller's has been touched yet */
	SESSION_RUNS,
	SESSION_ENDED,   /* its status is known; output may wait to be written */
	SESSION_DONE
};

struct session_io {
	enum session_io_state state;
	int status;       /* exit status, as a shell has it; valid from SESSION_ENDED on */
	uint32_t oom_kills;
	struct stream stream;
	const struct session_flags *flags;
	int input_fd;
	bool lost;        /* the stream ended before the command did: the status is EXIT_GUEST */
	bool input_open, input_tty, suspended;
	uint32_t credit;  /* bytes of stdin that may be sent */
	int64_t look_ms;  /* when to look whether the terminal is ours again; CLOCK_NEVER */
	struct output outputs[2];
	bool told[2];     /* the guest knows that nobody reads */
};

/* Takes the socket and asks for the command; false where it cannot be asked for, told on stderr. */
bool session_io_open(struct session_io *io, int fd, const struct session_flags *flags);
/* Gives back what was the caller's. */
void session_io_close(struct session_io *io);

/* Fills in SESSION_IO_SOURCES of them; what poll(2) made of them goes to session_io_turn. */
void session_io_sources(struct session_io *io, struct pollfd *sources);
void session_io_turn(struct session_io *io, const struct pollfd *sources);
/* When to take a turn without an event. */
int64_t session_io_deadline(const struct session_io *io);

/*
 * Hands a signal on to the command. False for one that has to end the caller: there is no command yet,
 * or not any more.
 */
bool session_io_signal(struct session_io *io, int number);
/* Nothing more is heard or written. */
void session_io_give_up(struct session_io *io);
/* To be called before the caller stops, and when it goes on. */
void session_io_suspend(struct session_io *io);
void session_io_resume(struct session_io *io);

#endif
