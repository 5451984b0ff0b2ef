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
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "launch.h"
#include "monitor.h"

#define EXIT_LAUNCH 125
#define EXIT_CANNOT_EXECUTE 126
#define EXIT_NOT_FOUND 127

/* One line in one write: the reader may take it for whole, whatever a path has in it. */
static _Noreturn void fail(struct launch *launch, int code, const char *step, int error)
{
	char line[LAUNCH_DETAIL_MAX + 64];

	for (char *c = launch->detail; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	int length = snprintf(line, sizeof line, "fail %s %d %s\n", step, error, launch->detail);
	signal(SIGPIPE, SIG_IGN); /* the reader may be gone; the exit code must still tell */
	(void)fd_write(launch->report_fd, line, (size_t)length);
	_exit(code);
}

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
	struct plan_error error = {0};
	size_t size = 0;
	char *text = read_plan(fd, &size);

	if (text == NULL)
		fail(launch, EXIT_LAUNCH, "plan", errno);
	close(fd);
	if (plan_parse(&launch->plan, text, size, &error))
		return;
	/* The key alone: a value of the environment may be a secret. */
	const char *key = error.record == NULL ? "" : error.record;
	snprintf(launch->detail, sizeof launch->detail, "%s%s%.*s", error.reason,
		 *key == '\0' ? "" : ": ", (int)strcspn(key, "="), key);
	fail(launch, EXIT_LAUNCH, "plan", error.number);
}

/* As execvp(3) looks for it, whether or not it may be executed. */
static bool command_exists(const char *command)
{
	const char *path = getenv("PATH");
	char file[PATH_MAX];

	if (strchr(command, '/') != NULL)
		return access(command, F_OK) == 0;
	if (*command == '\0')
		return false;
	for (path = path == NULL ? "/bin:/usr/bin" : path;; path++) {
		size_t length = strcspn(path, ":");
		int written = snprintf(file, sizeof file, "%.*s%s%s", (int)length, path,
				       length == 0 ? "" : "/", command);
		if (written > 0 && (size_t)written < sizeof file && access(file, F_OK) == 0)
			return true;
		path += length;
		if (*path == '\0')
			return false;
	}
}

/* The codes of the shell and env(1). ENOENT of a file that is there: its interpreter is not. */
static int exec_exit_code(const char *command, int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return command_exists(command) ? EXIT_CANNOT_EXECUTE : EXIT_NOT_FOUND;
	case EACCES:
	case EISDIR:
	case ELIBBAD:
	case ENOEXEC:
	case EPERM:
	case ETXTBSY:
		return EXIT_CANNOT_EXECUTE;
	default:
		return EXIT_LAUNCH;
	}
}

/* Under a monitor, the child comes back from here, reporting to it. */
static void start_monitor(struct launch *launch)
{
	int error = launch_own_session();

	if (error != 0)
		fail(launch, EXIT_LAUNCH, "setsid", error);
	int report_fd = monitor_fork(&launch->plan, launch->result_fd);
	if (report_fd < 0)
		fail(launch, EXIT_LAUNCH, "fork", errno);
	launch->report_fd = report_fd;
}

static _Noreturn void run(struct launch *launch, char **command)
{
	static const char ready = MONITOR_READY;
	const char *step = "";

	if (launch->plan.monitor)
		start_monitor(launch);
	int error = launch_take_steps(launch, &step);
	if (error != 0)
		fail(launch, EXIT_LAUNCH, step, error);
	if (launch->plan.monitor)
		(void)fd_write(launch->report_fd, &ready, 1);
	execvp(command[0], command);
	error = errno;
	snprintf(launch->detail, sizeof launch->detail, "%s", command[0]);
	fail(launch, exec_exit_code(command[0], error), "exec", error);
}

/* A descriptor above the standard ones, which belong to the command. */
static int parse_fd(const char *text)
{
	char *end;
	long fd = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || fd <= STDERR_FILENO || fd > INT_MAX)
		return -1;
	return (int)fd;
}

int main(int argc, char **argv)
{
	struct launch launch = {.report_fd = -1};
	int plan_fd = argc < 5 ? -1 : parse_fd(argv[1]);
	int result_fd = argc < 5 ? -1 : parse_fd(argv[2]);

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
	run(&launch, argv + 4);
}
