/* See signals.h. */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>

int signals_reset(uint64_t ignored, int *which)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int number = 1; number < NSIG; number++) {
		uint64_t bit = UINT64_C(1) << (number - 1);

		action.sa_handler = (ignored & bit) != 0 ? SIG_IGN : SIG_DFL;
		/* SIGKILL, SIGSTOP and the two the C library keeps cannot be set: they are at
		 * their default already, so that only asking for them to be ignored is wrong. */
		if (sigaction(number, &action, NULL) < 0 && (ignored & bit) != 0) {
			*which = number;
			return errno;
		}
	}
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? errno : 0;
}
