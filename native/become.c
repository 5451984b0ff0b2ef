/* The end of a launch: what takes the steps of the plan and becomes the command, or says why not. */
#include "launch.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "fd.h"
#include "monitor.h"

#define EXIT_CANNOT_EXECUTE 126
#define EXIT_NOT_FOUND 127

/* One line in one write: the reader may take it for whole, whatever a path has in it. */
_Noreturn void launch_fail(struct launch *launch, int code, const char *step, int error)
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

void launch_parse(struct launch *launch, char *text, size_t size)
{
	struct plan_error error = {0};

	if (plan_parse(&launch->plan, text, size, &error))
		return;
	/* The key alone: a value of the environment may be a secret. */
	const char *key = error.record == NULL ? "" : error.record;
	snprintf(launch->detail, sizeof launch->detail, "%s%s%.*s", error.reason,
		 *key == '\0' ? "" : ": ", (int)strcspn(key, "="), key);
	launch_fail(launch, EXIT_LAUNCH, "plan", error.number);
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

_Noreturn void launch_become(struct launch *launch, char **command)
{
	static const char ready = MONITOR_READY;
	const char *step = "";

	int error = launch_take_steps(launch, &step);
	if (error != 0)
		launch_fail(launch, EXIT_LAUNCH, step, error);
	if (launch->plan.monitor)
		(void)fd_write(launch->report_fd, &ready, 1);
	/* It is in all of its groups now, where it can be found without its parent. */
	if (launch->bound)
		prctl(PR_SET_PDEATHSIG, 0);
	execvp(command[0], command);
	error = errno;
	snprintf(launch->detail, sizeof launch->detail, "%s", command[0]);
	launch_fail(launch, exec_exit_code(command[0], error), "exec", error);
}
