/* compart-guest exec: see guest.c. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "caught.h"
#include "clock.h"
#include "guest.h"
#include "session_end.h"
#include "session_io.h"
#include "words.h"

#define SIGNALS SESSION_IO_SOURCES

/* Has the caller to stop? */
static bool take_signal(struct session_io *io, int number)
{
	if (number == SIGCHLD)
		return false;
	if (number == SIGCONT)
		session_io_resume(io);
	if (session_io_signal(io, number))
		return number == SIGTSTP;
	if (io->state == SESSION_ASKED)
		caught_die(number);
	session_io_give_up(io);
	return false;
}

static void take_signals(struct session_io *io, int signal_fd)
{
	struct signalfd_siginfo info;

	while (read(signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
		if (!take_signal(io, (int)info.ssi_signo))
			continue;
		session_io_suspend(io);
		if (!caught_stop())
			(void)session_io_signal(io, SIGCONT);
	}
}

static void attend(struct session_io *io, int signal_fd)
{
	struct pollfd sources[SESSION_IO_SOURCES + 1];
	struct timespec left;

	while (io->state != SESSION_DONE) {
		session_io_sources(io, sources);
		sources[SIGNALS] = (struct pollfd){.fd = signal_fd, .events = POLLIN};
		if (ppoll(sources, SIGNALS + 1, clock_left(session_io_deadline(io), &left), NULL) < 0)
			continue;
		if (sources[SIGNALS].revents != 0)
			take_signals(io, signal_fd);
		session_io_turn(io, sources);
	}
}

int guest_exec(int argc, char **argv)
{
	struct session_flags flags = {0};
	struct session_io io;
	int at = session_flags_parse(&flags, argc, argv, 2);

	if (at + 2 >= argc || strcmp(argv[at + 1], "--") != 0)
		guest_usage();
	flags.command = argv + at + 2;
	int signal_fd = caught_open();
	int fd = stream_dial(argv[at]);
	if (fd < 0 && errno != ENOENT && errno != ECONNREFUSED)
		words_fail("%s: %s", argv[at], strerror(errno));
	if (fd < 0)
		return session_end_tell_guest(argv[at]);
	if (signal_fd < 0 || !session_io_open(&io, fd, &flags))
		return EXIT_GUEST;
	attend(&io, signal_fd);
	session_io_close(&io);
	if (io.lost)
		return session_end_tell_guest(argv[at]);
	session_end_tell_oom(io.oom_kills);
	return io.status;
}
