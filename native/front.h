/* What the parts of the front share: see front.c. */
#ifndef COMPART_FRONT_H
#define COMPART_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>
#include <sys/types.h>

#define FRONT_NAME "compart: "
#define FRONT_BIT(number) (UINT64_C(1) << ((number)-1))

struct front {
	char **argv;      /* its own, NULL-terminated */
	int argc;
	pid_t planner;    /* 0: a service */
	int channel;      /* to the planner */
	pid_t command;    /* 0: not started yet */
	bool adopts;      /* what its command leaves without a parent */
	int guard_fd;     /* readable when the command's guard has ended; -1: none (guard.h) */
	bool ended;       /* the command was started and is reaped */
	int report_fd;    /* to the command until it is executed; else -1 */
	int signal_fd;
	uint64_t ignored; /* signals that came ignored, as nohup(1) leaves them */
	uint64_t kept;    /* signals for a command that is not there yet */
	int64_t timeout_ms;
	int64_t deadline_ms;
	bool expired;
	bool unwritten;          /* a part of the answer: a disk is full */
	bool on_terminal;        /* stdin is one, which was set like this: */
	struct termios terminal;
};

/* "compart: WHAT: REASON" and the exit status of everything that is not the command's. */
_Noreturn void front_fail(const char *what, int error);

/* Tells the planner; one that is gone shows when the channel is read. */
void front_say(const struct front *front, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
