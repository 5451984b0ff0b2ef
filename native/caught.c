/* See caught.h. */
#include "caught.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "signals.h"
#include "terminal.h"

static const int handed_on[] = {SIGTERM, SIGINT,  SIGHUP,  SIGQUIT, SIGUSR1,
				SIGUSR2, SIGWINCH, SIGCONT, SIGTSTP};

int caught_open(void)
{
	struct sigaction now;
	sigset_t watched, blocked;

	sigemptyset(&watched);
	/* A blocked signal is queued even where it is ignored: these must not be blocked. */
	for (size_t i = 0; i < sizeof handed_on / sizeof handed_on[0]; i++)
		if (sigaction(handed_on[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaddset(&watched, handed_on[i]);
	sigaddset(&watched, SIGCHLD);
	blocked = watched;
	sigaddset(&blocked, SIGTTIN);
	sigaddset(&blocked, SIGTTOU);
	/* Ignored, SIGCHLD would reap. */
	if (sigprocmask(SIG_BLOCK, &blocked, NULL) < 0 || signal(SIGCHLD, SIG_DFL) == SIG_ERR ||
	    signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -1;
	return signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool caught_stop(void)
{
	sigset_t stop, before, pending;

	/* Not SIGSTOP: where nobody could make it go on, the kernel does not stop it. */
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &stop, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return sigpending(&pending) == 0 && sigismember(&pending, SIGCONT) == 1;
}

void caught_die(int number)
{
	int which;

	terminal_restore();
	raise(number); /* blocked until the reset */
	(void)signals_reset(0, &which);
	_exit(128 + number);
}
