/* An address and a port. */
#ifndef COMPART_ENDPOINT_H
#define COMPART_ENDPOINT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

struct endpoint {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address;
	socklen_t size;
};

/* A literal of either family, never a name, and a port from 1 to 65535. */
bool endpoint_parse(struct endpoint *endpoint, const char *ip, const char *port);

/* A socket (SOCK_STREAM or SOCK_DGRAM) for it: non-blocking, close-on-exec; -1 with errno. */
int endpoint_socket(const struct endpoint *endpoint, int type);

#endif
