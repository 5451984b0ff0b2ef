/* See birth.h. */
#include "birth.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "plan.h"

#define PROCS "/cgroup.procs"
#define TASKS "/tasks"
#define RECORD "cgroup="

/* The length of the group's own path, or -1. */
static int group_length(const char *procs)
{
	const size_t length = strlen(procs);

	if (length <= strlen(PROCS) || length >= PATH_MAX || strcmp(procs + length - strlen(PROCS), PROCS) != 0)
		return -1;
	return (int)(length - strlen(PROCS));
}

int birth_open(const char *procs)
{
	char tasks[PATH_MAX];
	const int length = group_length(procs);

	if (length > 0) {
		snprintf(tasks, sizeof tasks, "%.*s" TASKS, length, procs);
		int fd = open(tasks, O_WRONLY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	return open(procs, O_WRONLY | O_CLOEXEC);
}

/* The folder of a v2 group, or -1 for every other. */
static int open_v2(const char *procs)
{
	char folder[PATH_MAX];
	struct statfs system;
	const int length = group_length(procs);

	if (length <= 0)
		return -1;
	snprintf(folder, sizeof folder, "%.*s", length, procs);
	int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && fstatfs(fd, &system) == 0 && system.f_type == CGROUP2_SUPER_MAGIC)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The first v2 group of the plan, its cgroup.procs in *procs; -1 if it has none. */
static int first_v2(const char *plan, size_t size, const char **procs)
{
	const char *const end = plan + size;

	for (const char *record = plan; record < end && strcmp(record, PLAN_END) != 0;
	     record += strlen(record) + 1) {
		if (strncmp(record, RECORD, strlen(RECORD)) != 0)
			continue;
		int fd = open_v2(record + strlen(RECORD));
		if (fd >= 0) {
			*procs = record + strlen(RECORD);
			return fd;
		}
	}
	return -1;
}

/*
 * As fork(2), the child in the group. Linux 6.18 kills every child that is born in a group which was
 * ever told to kill (cgroup.kill), as its count of kills is compared with that of the
 * parent's group (kill_seq, cgroup_css_set_fork): a child has been born when it has said so. -1 else.
 */
static pid_t fork_into(int group_fd)
{
	struct clone_args arguments = {
		.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (__u64)group_fd};
	int ends[2];
	char word = 'b';

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
	if (pid == 0)
		(void)fd_write(ends[1], &word, sizeof word);
	close(ends[1]);
	const bool born = pid == 0 || (pid > 0 && fd_read(ends[0], &word, sizeof word) == sizeof word);
	close(ends[0]);
	if (born)
		return pid;
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	return -1;
}

pid_t birth_fork(const char *plan, size_t size, char born[PATH_MAX])
{
	const char *procs = "";
	int fd = first_v2(plan, size, &procs);

	if (fd >= 0) {
		snprintf(born, PATH_MAX, "%s", procs);
		pid_t pid = fork_into(fd);
		close(fd);
		if (pid >= 0)
			return pid;
	}
	*born = '\0';
	return fork();
}
