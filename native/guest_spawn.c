/*
 * Commands: see guest_spawn.h. The child shares the memory of its parent until it has been executed
 * (vfork(2) on a stack of its own): copying it costs the guest more than all the rest, and what fails
 * is simply written down. Hence nothing of the C library that keeps state is called in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest_spawn.h"
#include "init_pids.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define SHELL "/bin/sh"
#define STACK_SIZE ((size_t)64 * 1024)

static bool fail(struct spawn *spawn, const char *step)
{
	spawn->step = step;
	spawn->error = errno;
	return false;
}

static bool take_descriptors(struct spawn *spawn)
{
	if (setsid() < 0)
		return fail(spawn, "fork");
	for (int i = 0; i < 3; i++)
		if (dup2(spawn->fds[i], i) < 0)
			return fail(spawn, "fork");
	if (spawn->terminal && ioctl(0, TIOCSCTTY, 0) < 0)
		return fail(spawn, "pty");
	return true;
}

/* Of this process alone: one that vforked does not share it (fs/proc/base.c, __set_oom_adj). */
static void give_up_guard(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, "0", 1);
	close(fd);
}

/* The system calls themselves: the library's would tell its other threads. */
static bool take_user(struct spawn *spawn)
{
	const struct user *user = spawn->user;

	if (user == NULL)
		return true;
	if (syscall(SYS_setgroups, user->group_count, user->groups) < 0 ||
	    syscall(SYS_setresgid, user->gid, user->gid, user->gid) < 0 ||
	    syscall(SYS_setresuid, user->uid, user->uid, user->uid) < 0)
		return fail(spawn, "user");
	return true;
}

/* Those that this process ignores or blocks (init_agent.c). */
static void take_signals(void)
{
	static const int ignored[] = {SIGPIPE, SIGHUP, SIGINT, SIGTERM};
	const struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		sigaction(ignored[i], &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* As execvp(3): a file that is no program is the shell's. */
static void execute(struct spawn *spawn, const char *file)
{
	char *name = spawn->words[1];

	execve(file, spawn->words + 1, spawn->environment);
	if (errno != ENOEXEC)
		return;
	spawn->words[0] = (char *)SHELL;
	spawn->words[1] = (char *)file;
	execve(SHELL, spawn->words, spawn->environment);
	spawn->words[1] = name;
}

static const char *search_path(char **environment)
{
	for (; *environment != NULL; environment++)
		if (strncmp(*environment, "PATH=", 5) == 0)
			return *environment + 5;
	return DEFAULT_PATH;
}

static void search(struct spawn *spawn)
{
	const char *name = spawn->words[1], *folder = search_path(spawn->environment);
	size_t name_size = strlen(name) + 1;
	char file[PATH_MAX];
	int error = ENOENT;

	for (;; folder++) {
		size_t length = strcspn(folder, ":");
		if (length + 1 + name_size <= sizeof file) {
			memcpy(file, folder, length);
			file[length] = '/';
			memcpy(file + length + (length > 0), name, name_size);
			/* To a guest's kernel an execve(2) in vain costs as much as a fork. */
			if (access(length > 0 ? file : name, F_OK) == 0)
				execute(spawn, length > 0 ? file : name);
			if (errno == EACCES)
				error = EACCES;
			else if (errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG)
				return;
		}
		folder += length;
		if (*folder == '\0')
			break;
	}
	errno = error;
}

static int become(void *context)
{
	struct spawn *spawn = context;

	if (!take_descriptors(spawn))
		_exit(127);
	if (!spawn->unheld && !pids_enter()) {
		fail(spawn, "fork");
		_exit(127);
	}
	if (spawn->unguarded)
		give_up_guard();
	if (!take_user(spawn))
		_exit(127);
	if (chdir(spawn->workdir == NULL ? "/" : spawn->workdir) < 0) {
		fail(spawn, "workdir");
		_exit(127);
	}
	take_signals();
	if (strchr(spawn->words[1], '/') != NULL)
		execute(spawn, spawn->words[1]);
	else
		search(spawn);
	fail(spawn, "exec");
	_exit(127);
}

pid_t spawn_command(struct spawn *spawn)
{
	static _Alignas(16) char stack[STACK_SIZE];

	spawn->step = NULL;
	pid_t pid = clone(become, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, spawn);
	if (pid < 0) {
		fail(spawn, "fork");
		return -1;
	}
	if (spawn->step == NULL)
		return pid;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return -1;
}
