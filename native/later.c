/*
 * compart-later [@MOUNT...] PATH... =LOCK PATH... -- COMMAND [ARG...]
 *
 * Takes what is mounted at each MOUNT away, and the file there: a name of a network namespace
 * (ip-netns(8)). Runs COMMAND, and when it has succeeded takes the PATHs away, in this order: files, links, empty
 * directories. nft(8) waits for a grace period of the kernel before it ends (nf_tables_trans_destroy_flush_work);
 * nobody else has to. Meanwhile it holds LOCK, a symbolic link to "PID_STARTTIME", which its parent hands to it: it does
 * nothing before that, or at all where whoever has it ends without having done so. The lock is nobody's once this process is
 * gone, whether COMMAND succeeded or not.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define EXIT_LATER 125
#define LOOK_NS 200000

static int run(char **command)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return EXIT_LATER;
	if (pid == 0) {
		execvp(command[0], command);
		_exit(EXIT_LATER);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_LATER;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_LATER;
}

/* Who has the lock, 0 for nobody. */
static pid_t holder_of(const char *lock)
{
	char target[64];
	ssize_t length = readlink(lock, target, sizeof target - 1);

	if (length < 0)
		return 0;
	target[length] = '\0';
	return (pid_t)strtol(target, NULL, 10);
}

/* Until it is handed over; false if who had it is gone without that. */
static bool await_lock(const char *lock)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};

	for (;;) {
		pid_t holder = holder_of(lock);
		if (holder == getpid())
			return true;
		if (holder <= 0 || (kill(holder, 0) < 0 && errno == ESRCH))
			return holder_of(lock) == getpid();
		nanosleep(&pause, NULL);
	}
}

int main(int argc, char **argv)
{
	int paths = 1;
	int first = 1;

	while (paths < argc && strcmp(argv[paths], "--") != 0)
		paths++;
	while (first < paths && argv[first][0] == '@')
		first++;
	if (paths + 1 >= argc) {
		fputs("usage: compart-later [@MOUNT...] PATH... =LOCK PATH... -- COMMAND [ARG...]\n", stderr);
		return EXIT_USAGE;
	}
	for (int i = first; i < paths; i++)
		if (*argv[i] == '=' && !await_lock(argv[i] + 1))
			return EXIT_LATER;
	for (int i = 1; i < first; i++) {
		(void)umount2(argv[i] + 1, MNT_DETACH);
		(void)unlink(argv[i] + 1);
	}
	int status = run(argv + paths + 1);
	for (int i = first; status == 0 && i < paths; i++)
		(void)remove(argv[i] + (*argv[i] == '='));
	return status;
}
