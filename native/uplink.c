/* See uplink.h. */
#include "uplink.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"
#include "fd.h"
#include "signals.h"

struct placeholder {
	const char *text;
	int number;
};

bool uplink_wants(char *const *command, const char *placeholder)
{
	for (; *command != NULL; command++)
		if (strstr(*command, placeholder) != NULL)
			return true;
	return false;
}

/* An int is 11 characters at most, the shortest placeholder 5. */
static char *expand(const char *word, const struct placeholder *placeholders, size_t count)
{
	char *expanded = malloc(strlen(word) * 3 + 1);

	for (char *to = expanded; to != NULL;) {
		size_t i = 0;
		while (i < count &&
		       strncmp(word, placeholders[i].text, strlen(placeholders[i].text)) != 0)
			i++;
		if (i < count) {
			to += sprintf(to, "%d", placeholders[i].number);
			word += strlen(placeholders[i].text);
		} else if ((*to++ = *word++) == '\0') {
			break;
		}
	}
	return expanded;
}

static bool expand_command(const struct router *router)
{
	const struct placeholder placeholders[] = {
		{"{pid}", router->holder}, {"{ready}", router->ready[1]}, {"{exit}", router->exit[0]},
	};

	for (char **word = router->uplink; *word != NULL; word++) {
		*word = expand(*word, placeholders, sizeof placeholders / sizeof placeholders[0]);
		if (*word == NULL)
			return false;
	}
	return true;
}

/* Output that nobody will read must neither keep the caller's terminal open nor fill a pipe. */
static void keep_descriptors(const struct router *router, bool ready, bool ending)
{
	int kept[3] = {router->words[1]};
	size_t count = 1;

	dup2(router->log_fd, STDOUT_FILENO);
	dup2(router->log_fd, STDERR_FILENO);
	if (ready)
		kept[count++] = router->ready[1];
	if (ending)
		kept[count++] = router->exit[0];
	fd_close_others(kept, count);
}

static _Noreturn void become(struct router *router, bool ready)
{
	const bool ending = uplink_wants(router->uplink, "{exit}");
	int which;

	if (!expand_command(router))
		router_tell_failure(router->words[1], "uplink", ENOMEM, "");
	keep_descriptors(router, ready, ending);
	(void)signals_reset(0, &which);
	execvp(router->uplink[0], router->uplink);
	router_tell_failure(router->words[1], "exec", errno, router->uplink[0]);
}

static void take_ends(const struct router *router, pid_t uplink)
{
	struct router_word word = {.kind = ROUTER_ENDED};
	pid_t pid;

	while ((pid = waitpid(-1, &word.number, WNOHANG)) > 0) {
		if (pid != uplink)
			continue;
		word.pid = children_other(0);
		router_tell(router->words[1], &word);
	}
	if (pid < 0 && errno == ECHILD)
		_exit(0);
}

/*
 * The parent of an uplink that makes itself a daemon, and of the daemon: nothing else would tie
 * its life to the holder's.
 */
static _Noreturn void guard(const struct router *router, int signal_fd, pid_t uplink)
{
	int kept[] = {router->words[1], router->exit[0], signal_fd};
	struct pollfd sources[] = {
		{.fd = router->exit[0]}, {.fd = signal_fd, .events = POLLIN},
	};
	struct signalfd_siginfo info;

	prctl(PR_SET_NAME, "compart-uplink");
	fd_close_others(kept, sizeof kept / sizeof kept[0]);
	for (int fd = 0, null_fd = fd_open_null(); null_fd >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null_fd, fd);
	if (chdir("/") < 0)
		_exit(1);
	for (;;) {
		if (poll(sources, 2, -1) < 0)
			continue;
		if (sources[0].revents != 0) {
			children_kill();
			_exit(0);
		}
		if (fd_read(signal_fd, &info, sizeof info) > 0)
			take_ends(router, uplink);
	}
}

/* SIGCHLD is blocked since the holder. */
static _Noreturn void run_guarded(struct router *router)
{
	const pid_t self = getpid();
	sigset_t watched;

	sigemptyset(&watched);
	sigaddset(&watched, SIGCHLD);
	int signal_fd = signalfd(-1, &watched, SFD_CLOEXEC);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid_t uplink = signal_fd < 0 ? -1 : fork();
	if (uplink < 0)
		router_tell_failure(router->words[1], "fork", errno, "");
	if (uplink == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != self)
			_exit(0);
		become(router, false);
	}
	/* It sees the holder's end by itself, and must outlive it. */
	prctl(PR_SET_PDEATHSIG, 0);
	guard(router, signal_fd, uplink);
}

_Noreturn void uplink_run(struct router *router, pid_t holder)
{
	char go;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(router->exit[1]);
	router->holder = holder;
	/* Said on the pipe whose other end the holder keeps: it is empty again when it is {exit}. */
	if (getppid() != holder || fd_read(router->exit[0], &go, 1) != 1)
		_exit(0);
	if (uplink_wants(router->uplink, "{ready}"))
		become(router, true);
	run_guarded(router);
}
