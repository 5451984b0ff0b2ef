/*
 * Commands that run in the guest, as the host's frames say (frame.h): many at once, none of which
 * makes another wait. What may happen is kept small: descriptors say that they are ready, frames come,
 * children end, time passes; sessions_move then does what can be done.
 */
#ifndef COMPART_GUEST_SESSION_H
#define COMPART_GUEST_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "frame.h"
#include "init_wire.h"

/* What epoll(7) hands back: edge-triggered, each edge told to whom it concerns. */
struct watch {
	void (*ready)(struct watch *self);
};

struct session;

/* stdout or stderr of the command, or the terminal. */
struct output {
	struct watch watch; /* first */
	int fd;             /* -1: ended */
	uint8_t channel;
	bool ready, terminal;
	uint64_t credit;
	uint64_t owed; /* bytes that were there when the command ended */
};

/* stdin of the command, or the terminal. */
struct input {
	struct watch watch; /* first */
	int fd;             /* -1: closed */
	bool ready, watched, ended, terminal, line_begun;
	uint32_t credit, consumed; /* that the host has left; not given back to it yet */
	unsigned char *bytes;      /* that wait: FRAME_CREDIT of room */
	size_t begin, used;
};

struct session {
	struct session *next;
	uint32_t number;
	pid_t pid;
	bool terminal, exited, hung_up, over;
	int status;
	uint64_t oom_kills; /* of the guest, at the start */
	int64_t grace_ms, limit_ms, kill_ms;
	struct input input;
	struct output outputs[2];
};

/* Of a START that is not whole yet. */
struct pieces {
	unsigned char *bytes;
	size_t size;
	bool begun;
	struct frame whole;
};

struct sessions {
	struct session *first;
	struct pieces pieces;
	struct wire *wire;
	int epoll_fd;
	bool guarded; /* this process is spared by the OOM killer, which its children inherit */
};

void sessions_start(struct sessions *sessions, const struct frame *frame);

/*
 * The whole START that this is the last piece of, valid until the next call; NULL where more of it has
 * to come, or where the wire is broken for it.
 */
const struct frame *pieces_take(struct pieces *pieces, const struct frame *frame, struct wire *wire);

/* DATA, CREDIT_MORE, SIGNAL, RESIZE, HANGUP. One for a session that is over comes too late, no more. */
void sessions_take(struct sessions *sessions, const struct frame *frame, int64_t now_ms);

/* A child has ended; true if it was a session's command. */
bool sessions_reaped(struct sessions *sessions, pid_t pid, int status, int64_t now_ms);

/* Does what can be done now. The host has yet to take what this sends. */
void sessions_move(struct sessions *sessions, int64_t now_ms);

/* Has sessions_move left something that it could do at once? */
bool sessions_busy(const struct sessions *sessions);

/* When sessions_move has something to do without anything else happening (clock.h). */
int64_t sessions_deadline(const struct sessions *sessions);

/* Of one session: its descriptors (guest_output.c, guest_input.c). */
bool output_open(struct output *output, const struct sessions *sessions, int fd);
void output_move(struct session *session, struct output *output, struct wire *wire, int64_t now_ms);
void output_exited(struct session *session, struct output *output, int64_t now_ms);
/* Could output_move go on at once? Its descriptor does not say so a second time. */
bool output_busy(const struct session *session, const struct output *output, const struct wire *wire);
void output_end(struct session *session, struct output *output, struct wire *wire);

void input_open(struct input *input, int fd);
void input_take(struct session *session, const struct frame *frame, struct wire *wire);
void input_move(struct session *session, struct sessions *sessions);
void input_close(struct input *input);

/* Sends the signal to every process of the session; returns how many there are. */
size_t session_signal_all(pid_t session, int number);

#endif
