/*
 * link-peer [-l N] KERNEL [ARG...]
 *
 * For tests: starts a kernel with its link (link.h) on one end of a socketpair, and is the other end:
 * the bytes of the link are its standard input and output. The kernel's console is its standard error.
 * Ends as the kernel does (128 + N by signal N); the end of the input is the end of the kernel.
 * With -l every Nth packet is lost, either way.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../clock.h"
#include "../fd.h"
#include "../link.h"

#define CHUNK ((size_t)64 * 1024)

static pid_t kernel; /* its group ends with this: a change of ids undoes PR_SET_PDEATHSIG */

struct peer {
	int fd;
	pid_t pid;
	struct link *link;
	unsigned int lose, counted;
	unsigned char packet[LINK_PACKET_MAX]; /* that the socket had no room for */
	size_t size;
};

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "link-peer: %s: %s\n", what, strerror(errno));
	_exit(125);
}

static void end(int number)
{
	kill(-kernel, SIGKILL);
	_exit(128 + number);
}

static _Noreturn void run_kernel(int fd, char **argv, int argc)
{
	char word[64], **words = calloc((size_t)argc + 2, sizeof *words);

	if (words == NULL)
		fail("calloc");
	setpgid(0, 0);
	snprintf(word, sizeof word, "vec0:transport=fd,fd=%d,mtu=%d", fd, LINK_MTU);
	memcpy(words, argv, (size_t)argc * sizeof *words);
	words[argc] = word;
	int null = open("/dev/null", O_RDONLY);
	if (null < 0 || dup2(null, 0) < 0 || dup2(2, 1) < 0 || fcntl(fd, F_SETFD, 0) < 0)
		fail("descriptors");
	execvp(words[0], words);
	fail(words[0]);
}

static void start(struct peer *peer, char **argv, int argc)
{
	int ends[2], size = 4 * 1024 * 1024;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		fail("socketpair");
	for (int i = 0; i < 2; i++)
		setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	peer->pid = fork();
	if (peer->pid == 0)
		run_kernel(ends[1], argv, argc);
	kernel = peer->pid;
	setpgid(kernel, kernel);
	close(ends[1]);
	peer->fd = ends[0];
	peer->link = link_new();
	if (peer->pid < 0 || peer->link == NULL || fcntl(peer->fd, F_SETFL, O_NONBLOCK) < 0)
		fail("start");
}

static bool is_lost(struct peer *peer)
{
	return peer->lose > 0 && ++peer->counted % peer->lose == 0;
}

/* True while the socket has no room. */
static bool send_packets(struct peer *peer)
{
	for (;;) {
		if (peer->size == 0)
			peer->size = link_next(peer->link, peer->packet, clock_now_ms());
		if (peer->size == 0)
			return false;
		if (!is_lost(peer) && send(peer->fd, peer->packet, peer->size, MSG_NOSIGNAL) < 0 && errno == EAGAIN)
			return true;
		peer->size = 0;
	}
}

/* False once the kernel is gone. */
static bool take_packets(struct peer *peer)
{
	static unsigned char packet[LINK_PACKET_MAX];
	const unsigned char *bytes;
	ssize_t count;

	for (int i = 0; i < 16; i++) {
		count = recv(peer->fd, packet, sizeof packet, 0);
		if (count <= 0)
			return count < 0 && errno == EAGAIN;
		if (is_lost(peer))
			continue;
		int size = link_take(peer->link, packet, (size_t)count, clock_now_ms(), &bytes);
		if (size < 0)
			fail("the guest broke the link");
		if (size > 0 && !fd_write(1, bytes, (size_t)size))
			return false;
	}
	return true;
}

static bool take_input(struct peer *peer)
{
	static unsigned char bytes[CHUNK];
	ssize_t count = read(0, bytes, sizeof bytes);

	if (count > 0)
		link_write(peer->link, bytes, (size_t)count);
	return count > 0;
}

static void serve(struct peer *peer)
{
	struct timespec left;
	bool going = true;

	while (going) {
		bool blocked = send_packets(peer), room = link_room(peer->link) >= CHUNK;
		struct pollfd polled[] = {{.fd = peer->fd, .events = (short)(POLLIN | (blocked ? POLLOUT : 0))},
					  {.fd = room ? 0 : -1, .events = POLLIN}};
		if (ppoll(polled, 2, clock_left(link_deadline(peer->link), &left), NULL) < 0)
			fail("ppoll");
		if (polled[0].revents != 0)
			going = take_packets(peer);
		if (going && polled[1].revents != 0 && !take_input(peer)) {
			kill(-peer->pid, SIGKILL);
			going = false;
		}
	}
}

int main(int argc, char **argv)
{
	static struct peer peer;
	int status = 0;

	if (argc > 2 && strcmp(argv[1], "-l") == 0) {
		peer.lose = (unsigned int)strtoul(argv[2], NULL, 10);
		argc -= 2;
		argv += 2;
	}
	if (argc < 2) {
		fputs("usage: link-peer [-l N] KERNEL [ARG...]\n", stderr);
		return 125;
	}
	signal(SIGPIPE, SIG_IGN);
	start(&peer, argv + 1, argc - 1);
	signal(SIGTERM, end);
	signal(SIGINT, end);
	serve(&peer);
	if (waitpid(peer.pid, &status, 0) < 0)
		fail("waitpid");
	/* A kernel is several processes, some of which outlive the first when that is killed. */
	kill(-peer.pid, SIGKILL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
