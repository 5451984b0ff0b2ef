/* forks MODE: processes without end, each time in another way. Refused forks are tried again. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char *self;

static void plain(void)
{
	fork();
}

static void in_sessions(void)
{
	if (fork() == 0)
		setsid();
}

/* Whoever asks for the parent of what stays finds process 1. */
static void as_daemons(void)
{
	if (fork() == 0 && (setsid(), fork() != 0))
		_exit(0);
}

static void by_vfork(void)
{
	if (vfork() == 0) {
		execl(self, self, "plain", (char *)NULL);
		_exit(127);
	}
}

/* In namespaces of their own, where that is allowed; the first child of each is its process 1. */
static void in_namespaces(void)
{
	if (fork() == 0) {
		(void)unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWCGROUP);
		for (int i = 0; i < 64; i++)
			(void)fork();
	}
}

static void *sleeper(void *unused)
{
	pause();
	return unused;
}

static void threads(void)
{
	static pthread_attr_t small;
	pthread_t thread;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 * 1024);
	(void)pthread_create(&thread, &small, sleeper, NULL);
}

static const struct {
	const char *name;
	void (*once)(void);
} modes[] = {
	{"plain", plain},         {"sessions", in_sessions},     {"daemons", as_daemons},
	{"vfork", by_vfork},      {"namespaces", in_namespaces}, {"threads", threads},
};

int main(int argc, char **argv)
{
	self = argv[0];
	signal(SIGCHLD, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (argc == 2 && strcmp(argv[1], "plain") == 0)
		signal(SIGTERM, SIG_IGN);
	for (size_t i = 0; argc == 2 && i < sizeof modes / sizeof modes[0]; i++)
		while (strcmp(argv[1], modes[i].name) == 0)
			modes[i].once();
	return 2;
}
