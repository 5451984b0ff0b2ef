/* See guard.h. */
#include "guard.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

int guard_watch(pid_t guard)
{
	if (guard == 0)
		return -1;
	/* Close-on-exec by itself. Before Linux 5.3 there is no such descriptor. */
	long fd = syscall(SYS_pidfd_open, guard, 0);
	if (fd >= 0)
		return (int)fd;
	return errno == ESRCH ? GUARD_GONE : -1;
}

void guard_lost(int *guard_fd, pid_t command)
{
	if (*guard_fd >= 0)
		close(*guard_fd);
	*guard_fd = -1;
	kill(command, SIGKILL);
}
