/*
 * compart [VERB ...]
 *
 * What bin/compart is. For `run`, `exec` and `boot` it is the parent of the command: it stays in the
 * caller's process group with the caller's descriptors, signal dispositions and environment, and
 * has a service of this user plan for it (warm.h), or starts a planner beside it, in a session of its
 * own. When the planner has made the groups the front is handed the plan, and when the command has
 * ended and the planner has read the counters, the front is told the status and exits without waiting
 * for the planner. The program of every other verb takes its place.
 *
 * The planner speaks in frames on a socket: a length of 4 bytes (of what follows), a kind, a body.
 *     L  launch: "TIMEOUT_MS WORDS" NUL, the plan (plan.h), the command line: its words, each with
 *        a NUL, and after them WORDS of the front's own last words, byte for byte
 *     g  go: a held command goes on
 *     E  end: one byte, the exit status
 *     O, S  from a service only: bytes for stdout, for stderr
 * The front answers in lines: "pid N", what the launch says ("ready", "fail STEP ERRNO DETAIL"),
 * "timeout" and 5 s later "kill" when TIMEOUT_MS have passed since the exec, "exited:N" or
 * "signaled:N".
 */
#include "front.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"
#include "foreground.h"
#include "launch.h"
#include "planner.h"
#include "signals.h"
#include "warm.h"

#define WORLD "world"
#define FRAME_MAX (2 * PLAN_BYTES_MAX)

_Noreturn void front_fail(const char *what, int error)
{
	fprintf(stderr, FRONT_NAME "%s: %s\n", what, strerror(error));
	_exit(EXIT_LAUNCH);
}

void front_say(const struct front *front, const char *format, ...)
{
	char line[LAUNCH_DETAIL_MAX + 64];
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	if (length >= (int)sizeof line)
		length = (int)sizeof line - 1;
	(void)fd_write(front->channel, line, (size_t)length);
}

/* It ended without a word: of its own accord, killed, or never started. */
static _Noreturn void planner_ended(const struct front *front)
{
	int status = 0, which;

	/* Nobody would hold it to its timeout or take its compartment away. */
	if (front->command != 0 && !front->ended)
		kill(front->command, SIGKILL);
	/* The channel closes a moment before the end, until which gc would take the owner for alive. */
	if (front->planner != 0)
		while (waitpid(front->planner, &status, 0) < 0 && errno == EINTR)
			continue;
	if (front->command != 0) {
		fputs(FRONT_NAME "the planner ended; compart gc removes what is left\n", stderr);
		_exit(EXIT_LAUNCH);
	}
	if (front->planner == 0) {
		fputs(FRONT_NAME "the service ended\n", stderr);
		_exit(EXIT_LAUNCH);
	}
	if (WIFSIGNALED(status)) {
		(void)signals_reset(0, &which);
		raise(WTERMSIG(status));
	}
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_LAUNCH);
}

/* The planner has said all it had to say: nobody waits for its own end. */
static _Noreturn void end(const struct front *front, unsigned char status)
{
	if (front->command == 0) {
		foreground_die_of_kept(front);
		if (front->unwritten && status == 0)
			_exit(EXIT_LAUNCH);
	}
	_exit(status);
}

/* Nobody may read it any more: what the command did is told by the status all the same. */
static void print(struct front *front, int fd, const char *text, size_t size)
{
	if (fd_write(fd, text, size) || errno == EPIPE || fd != STDOUT_FILENO)
		return;
	if (!front->unwritten)
		fprintf(stderr, FRONT_NAME "cannot write to stdout: %s\n", strerror(errno));
	front->unwritten = true;
}

static bool read_all(int fd, void *buffer, size_t size)
{
	for (char *rest = buffer; size > 0;) {
		ssize_t count = fd_read(fd, rest, size);
		if (count <= 0)
			return false;
		rest += count;
		size -= (size_t)count;
	}
	return true;
}

static void hear_planner(struct front *front)
{
	uint32_t size;

	if (!read_all(front->channel, &size, sizeof size))
		planner_ended(front);
	if (size == 0 || size > FRAME_MAX)
		front_fail("frame", EINVAL);
	char *frame = malloc(size);
	if (frame == NULL)
		front_fail("frame", ENOMEM);
	if (!read_all(front->channel, frame, size))
		planner_ended(front);
	switch (*frame) {
	case 'L':
		foreground_start(front, frame + 1, size - 1);
		break;
	case 'g':
		if (front->report_fd >= 0)
			(void)fd_write(front->report_fd, "g", 1);
		break;
	case 'O':
		print(front, STDOUT_FILENO, frame + 1, size - 1);
		break;
	case 'S':
		print(front, STDERR_FILENO, frame + 1, size - 1);
		break;
	case 'E':
		end(front, size > 1 ? (unsigned char)frame[1] : EXIT_LAUNCH);
	default:
		front_fail("frame", EINVAL);
	}
	free(frame);
}

static _Noreturn void attend(struct front *front)
{
	struct timespec left;

	for (;;) {
		struct pollfd sources[] = {
			{.fd = front->signal_fd, .events = POLLIN},
			{.fd = front->report_fd, .events = POLLIN},
			{.fd = front->channel, .events = POLLIN},
			{.fd = front->guard_fd, .events = POLLIN},
		};
		int ready = ppoll(sources, 4, clock_left(front->deadline_ms, &left), NULL);
		if (ready == 0)
			foreground_expire(front);
		if (ready <= 0)
			continue;
		if (sources[0].revents != 0)
			foreground_take_signals(front);
		if (sources[1].revents != 0 && front->report_fd >= 0)
			foreground_hear(front);
		if (sources[2].revents != 0)
			hear_planner(front);
		/* After the others: a guard ends as well when the front's own end is near. */
		if (sources[3].revents != 0)
			foreground_lose_guard(front);
	}
}

static bool is_foreground(const char *verb)
{
	return verb != NULL && (strcmp(verb, "run") == 0 || strcmp(verb, "exec") == 0 ||
				strcmp(verb, "boot") == 0);
}

int main(int argc, char **argv)
{
	struct front front = {
		.argv = argv, .argc = argc, .report_fd = -1, .guard_fd = -1, .deadline_ms = CLOCK_NEVER};

	const int64_t began_us = clock_wall_us();

	unsetenv(PLANNER_VARIABLE);
	if (argc == 2 && strcmp(argv[1], WORLD) == 0)
		warm_print_world();
	if (argc < 2 || !is_foreground(argv[1]))
		planner_exec(argc, argv);
	int null_fd = fd_open_null();
	if (null_fd < 0)
		front_fail("/dev/null", errno);
	close(null_fd);
	front.on_terminal = tcgetattr(STDIN_FILENO, &front.terminal) == 0;
	foreground_watch_signals(&front);
	if (!warm_ask(argc, argv, began_us, &front.channel))
		front.planner = planner_start(argc, argv, began_us, &front.channel);
	attend(&front);
}
