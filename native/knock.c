/*
 * compart-knock NETNS IP PORT
 *
 * Sends one empty datagram from the network namespace that the file NETNS stands for: whether it gets
 * anywhere is seen elsewhere (src/compartments/net/passage.ts).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "number.h"

#define EXIT_USAGE 2
#define EXIT_KNOCK 125

static int failed(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return EXIT_KNOCK;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	uint64_t port;

	if (argc != 4 || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1 ||
	    number_parse(argv[3], strlen(argv[3]), UINT16_MAX, &port) != 0) {
		fputs("usage: compart-knock NETNS IP PORT\n", stderr);
		return EXIT_USAGE;
	}
	to.sin_port = htons((uint16_t)port);
	int netns = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (netns < 0)
		return failed(argv[1]);
	if (setns(netns, CLONE_NEWNET) < 0)
		return failed("setns");
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return failed("socket");
	if (sendto(fd, "", 0, 0, (const struct sockaddr *)&to, sizeof to) < 0)
		return failed("sendto");
	return 0;
}
