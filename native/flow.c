/*
 * compart-flow sink PORT
 * compart-flow send IP PORT MILLISECONDS
 *
 * One TCP connection that carries all it can: what `doctor --net` measures a stack with. The sink
 * takes one connection and reads it to its end.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "number.h"

#define EXIT_USAGE 2
#define EXIT_FLOW 1
#define RETRY_NS 5000000L
#define PATIENCE_MS 2000
#define LONGEST_MS 3600000

static char chunk[65536];

static int failed(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return EXIT_FLOW;
}

static int sink(const struct sockaddr_in *at)
{
	const int on = 1;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0)
		return failed("socket");
	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(listener, (const struct sockaddr *)at, sizeof *at) < 0 || listen(listener, 1) < 0)
		return failed("listen");
	int fd = accept(listener, NULL, NULL);
	if (fd < 0)
		return failed("accept");
	for (ssize_t count = 1; count != 0;) {
		count = read(fd, chunk, sizeof chunk);
		if (count < 0 && errno != EINTR)
			return failed("read");
	}
	return 0;
}

/* The sink may not listen yet. */
static int dial(const struct sockaddr_in *to)
{
	const struct timespec pause = {.tv_nsec = RETRY_NS};

	for (const int64_t until = clock_now_ms() + PATIENCE_MS;;) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof *to) == 0)
			return fd;
		int error = errno;
		close(fd);
		errno = error;
		if (error != ECONNREFUSED || clock_now_ms() > until)
			return -1;
		nanosleep(&pause, NULL);
	}
}

/* The one that every kernel has, and that fills a queue whatever the host prefers: bbr paces itself below the rate. */
static void fill_queues(int fd)
{
	static const char reno[] = "reno";

	(void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, reno, sizeof reno - 1);
}

static int flow(const struct sockaddr_in *to, int64_t milliseconds)
{
	int fd = dial(to);

	if (fd < 0)
		return failed("connect");
	fill_queues(fd);
	for (const int64_t until = clock_now_ms() + milliseconds; clock_now_ms() < until;)
		if (write(fd, chunk, sizeof chunk) < 0 && errno != EINTR)
			return failed("write");
	return 0;
}

static bool parse(const char *text, uint64_t max, uint64_t *number)
{
	return number_parse(text, strlen(text), max, number) == 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	uint64_t port, milliseconds;

	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && strcmp(argv[1], "sink") == 0 && parse(argv[2], UINT16_MAX, &port)) {
		address.sin_port = htons((uint16_t)port);
		return sink(&address);
	}
	if (argc == 5 && strcmp(argv[1], "send") == 0 && inet_pton(AF_INET, argv[2], &address.sin_addr) == 1 &&
	    parse(argv[3], UINT16_MAX, &port) && parse(argv[4], LONGEST_MS, &milliseconds)) {
		address.sin_port = htons((uint16_t)port);
		return flow(&address, (int64_t)milliseconds);
	}
	fputs("usage: compart-flow sink PORT | compart-flow send IP PORT MILLISECONDS\n", stderr);
	return EXIT_USAGE;
}
