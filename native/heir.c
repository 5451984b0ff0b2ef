/*
 * compart-heir COMMAND [ARG...]
 *
 * Outlives the process that starts it, and becomes COMMAND if that leaves something behind. It hears on descriptor 3: `1`, there
 * is something that would be left, `0`, there is nothing. At the end of the file, which is the end of whoever held the
 * other end, however that came about, the last word counts; without one there was nothing.
 *
 * It is nobody's child: what is done to the tree of its starter (attach) is not done to it.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEARS_ON 3
#define EXIT_USAGE 2
#define EXIT_HEIR 125

/* A service manager that stops a service asks all of it to end; the service has still to do so. */
static const int ignored[] = {SIGHUP, SIGINT, SIGTERM};

static bool hear_to_the_end(void)
{
	bool something = false;
	char words[256];

	for (;;) {
		ssize_t count = read(HEARS_ON, words, sizeof words);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return something;
		something = words[count - 1] == '1';
	}
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fputs("usage: compart-heir COMMAND [ARG...]\n", stderr);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		signal(ignored[i], SIG_IGN);
	pid_t pid = fork();
	if (pid != 0)
		return pid < 0 ? EXIT_HEIR : 0;
	if (!hear_to_the_end())
		return 0;
	for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		signal(ignored[i], SIG_DFL);
	close(HEARS_ON);
	execvp(argv[1], argv + 1);
	return EXIT_HEIR;
}
