/* See planner.h. */
#include "planner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "front.h"
#include "launch.h"
#include "signals.h"

#define SCRIPT "bin/compart.js"
#define DEPTH 3 /* native/build/compart */
#define CHANNEL_FD 3 /* PLANNER_VARIABLE says so */
#define MOVES 60
#define MOVE_INTERVAL_NS 4000000L

/* The script of this installation, whatever name it was started by. */
static const char *script_path(void)
{
	static char path[PATH_MAX + sizeof SCRIPT];
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);

	if (length < 0)
		front_fail("/proc/self/exe", errno);
	path[length] = '\0';
	for (int i = 0; i < DEPTH; i++) {
		char *slash = strrchr(path, '/');
		if (slash == NULL)
			front_fail(path, ENOENT);
		*slash = '\0';
	}
	strcat(path, "/" SCRIPT);
	return path;
}

_Noreturn void planner_exec(int argc, char **argv)
{
	char **line = calloc((size_t)argc + 2, sizeof *line);

	if (line == NULL)
		front_fail("node", ENOMEM);
	line[0] = "node";
	line[1] = (char *)script_path();
	for (int i = 1; i < argc; i++)
		line[i + 1] = argv[i];
	execvp(line[0], line);
	if (errno != ENOENT)
		front_fail("node", errno);
	fputs(FRONT_NAME "node: not found\n", stderr);
	_exit(EXIT_LAUNCH);
}

/*
 * In the child. A session of its own keeps the signals of the terminal away from it, and lets it
 * print while its group is not in the foreground.
 */
static _Noreturn void become_planner(int argc, char **argv, pid_t parent, int channel)
{
	int kept[] = {CHANNEL_FD}, which;

	/* It owns the compartment: gone with a front that is killed, it leaves it to gc. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_LAUNCH);
	setsid();
	if (channel == CHANNEL_FD ? fcntl(channel, F_SETFD, 0) < 0 : dup2(channel, CHANNEL_FD) < 0)
		front_fail("dup2", errno);
	/* The command's descriptors are held open by nobody else than it would be without compart. */
	fd_close_others(kept, 1);
	(void)signals_reset(0, &which);
	setenv(PLANNER_VARIABLE, "3", 1);
	/* Node reads these certificates before it does anything else; the planner connects nowhere. */
	unsetenv("NODE_EXTRA_CA_CERTS");
	planner_exec(argc, argv);
}

pid_t planner_start(int argc, char **argv, int *channel)
{
	const pid_t self = getpid();
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		front_fail("socketpair", errno);
	pid_t pid = fork();
	if (pid < 0)
		front_fail("fork", errno);
	if (pid == 0)
		become_planner(argc, argv, self, ends[1]);
	close(ends[1]);
	*channel = ends[0];
	return pid;
}

/* The cgroup.procs file of the caller's group in one hierarchy; false if none is mounted as usual. */
static bool own_group(char *file, size_t size)
{
	char line[PATH_MAX + 64], controller[32], path[PATH_MAX];
	FILE *groups = fopen("/proc/self/cgroup", "re");
	bool found = false;

	if (groups == NULL)
		return false;
	while (!found && fgets(line, sizeof line, groups) != NULL) {
		*controller = '\0';
		if (sscanf(line, "%*d::%4095[^\n]", path) != 1 &&
		    sscanf(line, "%*d:%31[a-z]:%4095[^\n]", controller, path) != 2)
			continue;
		int length = snprintf(file, size, "/sys/fs/cgroup/%s%s%s/cgroup.procs", controller,
				      *controller == '\0' ? "" : "/", path[1] == '\0' ? "" : path + 1);
		found = length > 0 && (size_t)length < size;
	}
	fclose(groups);
	return found;
}

pid_t planner_quicken_joins(void)
{
	char file[PATH_MAX];
	const struct timespec between = {.tv_nsec = MOVE_INTERVAL_NS};
	int none[1];
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd_close_others(none, 0);
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		close(fd);
	int fd = own_group(file, sizeof file) ? open(file, O_WRONLY | O_CLOEXEC) : -1;
	for (int move = 0; move < MOVES && fd >= 0 && fd_write(fd, "0", 1); move++)
		nanosleep(&between, NULL);
	_exit(0);
}
