/*
 * compart-launch PLANFD RESULTFD -- CMD [ARG...]
 *
 * Makes itself what the plan says (its cgroups, namespaces, ids, environment), then becomes the
 * command, which is thereby born inside its compartment and never moved into it.
 *
 * It speaks on RESULTFD only: nothing and a close on success, else one line
 *     fail STEP ERRNO DETAIL
 * and exit 127 (no such command), 126 (a command that cannot be executed) or 125 (all the rest).
 * With hold=1 it says "ready" first and goes on when it is sent a byte (its peer gone: step hold).
 * With monitor=1 it stays as the monitor of the command, its child, and says "pid N" and "exec" on
 * success; held, it is the child that says "pid N" and "ready", and "exec" follows alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "launch.h"
#include "monitor.h"

/* Reads to the end record, or the end of the file, and no further than the bound. */
static char *read_plan(int fd, size_t *size)
{
	static const char end[] = "\0" PLAN_END;
	size_t room = (size_t)64 * 1024, used = 0;
	char *text = malloc(room);

	while (text != NULL) {
		ssize_t count = fd_read(fd, text + used, room - used);
		if (count < 0)
			break;
		/* The end record may straddle two reads. */
		size_t from = used < sizeof end ? 0 : used - sizeof end;
		used += (size_t)count;
		*size = used;
		if (count == 0 || used > PLAN_BYTES_MAX ||
		    memmem(text + from, used - from, end, sizeof end) != NULL)
			return text;
		if (used == room) {
			char *larger = realloc(text, room *= 2);
			if (larger == NULL)
				break;
			text = larger;
		}
	}
	int error = errno;
	free(text);
	errno = error;
	return NULL;
}

static void load_plan(struct launch *launch, int fd)
{
	size_t size = 0;
	char *text = read_plan(fd, &size);

	if (text == NULL)
		launch_fail(launch, EXIT_LAUNCH, "plan", errno);
	close(fd);
	launch_parse(launch, text, size);
}

/* Under a monitor, the child comes back from here, reporting to it. */
static void start_monitor(struct launch *launch)
{
	int error = launch_own_session();

	if (error != 0)
		launch_fail(launch, EXIT_LAUNCH, "setsid", error);
	int report_fd = monitor_fork(&launch->plan, launch->result_fd);
	if (report_fd < 0)
		launch_fail(launch, EXIT_LAUNCH, "fork", errno);
	launch->report_fd = report_fd;
}

int main(int argc, char **argv)
{
	struct launch launch = {.report_fd = -1};
	int plan_fd = argc < 5 ? -1 : fd_parse(argv[1]);
	int result_fd = argc < 5 ? -1 : fd_parse(argv[2]);

	if (plan_fd < 0 || result_fd < 0 || plan_fd == result_fd || strcmp(argv[3], "--") != 0) {
		fputs("usage: compart-launch PLANFD RESULTFD -- CMD [ARG...]\n", stderr);
		return EXIT_LAUNCH;
	}
	if (fcntl(result_fd, F_SETFD, FD_CLOEXEC) < 0) {
		perror("compart-launch: RESULTFD");
		return EXIT_LAUNCH;
	}
	/* Every disposition is set anew before the exec. */
	signal(SIGPIPE, SIG_IGN);
	launch.result_fd = launch.report_fd = result_fd;
	load_plan(&launch, plan_fd);
	if (launch.plan.monitor)
		start_monitor(&launch);
	launch_become(&launch, argv + 4);
}
