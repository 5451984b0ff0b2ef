/* See children.h. */
#include "children.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

pid_t children_other(pid_t than)
{
	FILE *children = fopen("/proc/thread-self/children", "re");
	long pid, found = 0;

	while (children != NULL && fscanf(children, "%ld", &pid) == 1)
		if (pid != than)
			found = pid;
	if (children != NULL)
		fclose(children);
	return (pid_t)found;
}

void children_reap(pid_t one, pid_t other)
{
	FILE *children = fopen("/proc/thread-self/children", "re");
	long pid;

	/* One that is passed over, because another left the list before it, is met at the next end. */
	while (children != NULL && fscanf(children, "%ld", &pid) == 1)
		if (pid != one && pid != other)
			(void)waitpid((pid_t)pid, NULL, WNOHANG);
	if (children != NULL)
		fclose(children);
}

void children_kill(void)
{
	for (pid_t pid; (pid = children_other(0)) != 0;) {
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
}
