/*
 * compart-router FD [UPLINK ARG...]
 *
 * A router without root: a network namespace that forwards, in a user namespace whose root is the
 * caller (root needs none), with a mount namespace in which /run/netns is its own, so that
 * `nsenter -U -n -m -t HOLDER ip netns add` works. A process holds them, the holder. UPLINK
 * (slirp4netns, pasta) is run in the caller's own namespaces, from /, with these replaced in its
 * arguments:
 *     {pid}    the holder
 *     {ready}  a descriptor to write one byte to when it works; if this is nowhere, the uplink is
 *              a daemon: it works when it exits with 0
 *     {exit}   a descriptor that hangs up when the holder ends, so that it can end well: else it is
 *              killed then
 *
 * On FD, a socket, it says one line:
 *     ready HOLDER UPLINK              their pids, 0 for an uplink that is not there
 *     fail STEP ERRNO DETAIL           and exits with 125
 * and waits for a byte, which means "keep": the holder and its uplink stay, this program exits with
 * 0. FD closed without it is the end of all of them, and so is the end of this program.
 */
#include "router.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"
#include "fd.h"
#include "holder.h"
#include "uplink.h"

#define EXIT_ROUTER 125
#define LOG_BYTES ((off_t)4096)
#define LAST_WORDS_MS 1000

void router_tell(int fd, const struct router_word *word)
{
	(void)send(fd, word, sizeof *word, MSG_NOSIGNAL);
}

_Noreturn void router_tell_failure(int fd, const char *step, int error, const char *detail)
{
	struct router_word word = {.kind = ROUTER_FAIL, .number = error, .step = step};

	snprintf(word.detail, sizeof word.detail, "%s", detail);
	router_tell(fd, &word);
	_exit(EXIT_ROUTER);
}

/* The holder first: nothing that it holds may be entered by what is about to end. */
static _Noreturn void give_up(const struct router *router)
{
	if (router->holder > 0) {
		kill(router->holder, SIGKILL);
		while (waitpid(router->holder, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	children_kill();
	_exit(EXIT_ROUTER);
}

static _Noreturn void fail(const struct router *router, const char *step, int error, char *detail)
{
	char line[ROUTER_DETAIL_MAX + 64];

	for (char *c = detail; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	int length = snprintf(line, sizeof line, "fail %s %d %.*s\n", step, error,
			      ROUTER_DETAIL_MAX, detail);
	(void)fd_write(router->peer_fd, line, (size_t)length);
	give_up(router);
}

/* In its own words, as far as it had any. */
static _Noreturn void fail_uplink(const struct router *router)
{
	char text[ROUTER_DETAIL_MAX + 1];
	int length = snprintf(text, sizeof text, "%.64s: ", router->uplink[0]);
	ssize_t count = pread(router->log_fd, text + length, sizeof text - (size_t)length - 1, 0);

	text[length + (count < 0 ? 0 : count)] = '\0';
	if (text[length] == '\0')
		snprintf(text + length, sizeof text - (size_t)length, "ended before it was ready");
	fail(router, "uplink", ECHILD, text);
}

/* A log that is never read to its end and must not grow. */
static int open_log(void)
{
	int fd = memfd_create("uplink", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && (ftruncate(fd, LOG_BYTES) < 0 ||
			fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void start_holder(struct router *router)
{
	const pid_t self = getpid();
	char none[] = "";

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, router->words) < 0 ||
	    pipe2(router->exit, 0) < 0 || pipe2(router->ready, 0) < 0 ||
	    (router->log_fd = open_log()) < 0)
		fail(router, "pipe", errno, none);
	router->holder = fork();
	if (router->holder < 0)
		fail(router, "fork", errno, none);
	if (router->holder == 0)
		holder_run(router, self);
	close(router->words[1]);
	close(router->exit[0]);
	close(router->exit[1]);
	close(router->ready[1]);
}

static _Noreturn void keep(const struct router *router)
{
	struct router_word word = {.kind = ROUTER_KEEP};

	router_tell(router->words[0], &word);
	while (fd_read(router->words[0], &word, sizeof word) == (ssize_t)sizeof word)
		if (word.kind == ROUTER_KEEP)
			_exit(0);
	give_up(router);
}

static void say_ready(const struct router *router, pid_t uplink)
{
	char line[64];
	int length = snprintf(line, sizeof line, "ready %ld %ld\n", (long)router->holder,
			      (long)uplink);

	(void)fd_write(router->peer_fd, line, (size_t)length);
}

/* Until the uplink works, or there is none: its pid. */
static pid_t await_uplink(const struct router *router)
{
	const bool daemon = !uplink_wants(router->uplink, "{ready}");
	struct router_word word = {0};
	pid_t uplink = 0;
	char byte;
	int timeout = -1;
	struct pollfd sources[] = {
		{.fd = router->peer_fd, .events = POLLRDHUP},
		{.fd = router->words[0], .events = POLLIN},
		{.fd = daemon ? -1 : router->ready[0], .events = POLLIN},
	};

	for (;;) {
		int count = poll(sources, 3, timeout);
		if (count < 0)
			continue;
		if (count == 0)
			fail_uplink(router);
		if (sources[0].revents != 0)
			give_up(router);
		if (sources[1].revents != 0) {
			if (fd_read(router->words[0], &word, sizeof word) != (ssize_t)sizeof word)
				fail(router, "holder", ECHILD, strcpy(word.detail, "it was killed"));
			if (word.kind == ROUTER_FAIL)
				fail(router, word.step, word.number, word.detail);
			if (word.kind == ROUTER_ENDED && daemon && word.number == 0)
				return word.pid;
			if (word.kind == ROUTER_ENDED)
				fail_uplink(router);
			uplink = word.number;
			if (uplink == 0)
				return 0;
		} else if (sources[2].revents != 0) {
			if (fd_read(router->ready[0], &byte, 1) == 1)
				return uplink;
			/* Most likely it is ending, and the holder about to say so. */
			sources[2].fd = -1;
			timeout = LAST_WORDS_MS;
		}
	}
}

int main(int argc, char **argv)
{
	struct router router = {.peer_fd = argc < 2 ? -1 : fd_parse(argv[1]), .log_fd = -1};
	char byte;

	if (router.peer_fd < 0 || fcntl(router.peer_fd, F_SETFD, FD_CLOEXEC) < 0) {
		fputs("usage: compart-router FD [UPLINK ARG...]\n", stderr);
		return EXIT_ROUTER;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	int null_fd = fd_open_null();
	if (null_fd < 0)
		return EXIT_ROUTER;
	close(null_fd);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	router.uplink = argv + 2;
	start_holder(&router);
	say_ready(&router, await_uplink(&router));
	/* Its one byte, or its end. */
	if (fd_read(router.peer_fd, &byte, 1) == 1)
		keep(&router);
	give_up(&router);
}
