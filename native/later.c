/*
 * compart-later [@MOUNT...] PATH... -- COMMAND [ARG...]
 *
 * Takes what is mounted at each MOUNT away, and the file there: a name of a network namespace
 * (ip-netns(8)). Runs COMMAND, and when it has succeeded takes the PATHs away, in this order: files, links, empty
 * directories. nft(8) waits for a grace period of the kernel before it ends (nf_tables_trans_destroy_flush_work);
 * nobody else has to. Meanwhile this process holds what names it: a lock among the PATHs is nobody's
 * once it is gone, whether COMMAND succeeded or not.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define EXIT_LATER 125

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

int main(int argc, char **argv)
{
	int paths = 1;
	int first = 1;

	while (paths < argc && strcmp(argv[paths], "--") != 0)
		paths++;
	while (first < paths && argv[first][0] == '@')
		first++;
	if (paths + 1 >= argc) {
		fputs("usage: compart-later [@MOUNT...] PATH... -- COMMAND [ARG...]\n", stderr);
		return EXIT_USAGE;
	}
	for (int i = 1; i < first; i++) {
		(void)umount2(argv[i] + 1, MNT_DETACH);
		(void)unlink(argv[i] + 1);
	}
	int status = run(argv + paths + 1);
	for (int i = first; status == 0 && i < paths; i++)
		(void)remove(argv[i]);
	return status;
}
