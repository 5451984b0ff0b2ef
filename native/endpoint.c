/* See endpoint.h. */
#include "endpoint.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "number.h"

bool endpoint_parse(struct endpoint *endpoint, const char *ip, const char *port)
{
	uint64_t number = 0;

	memset(endpoint, 0, sizeof *endpoint);
	if (number_parse(port, strlen(port), UINT16_MAX, &number) != 0 || number == 0)
		return false;
	if (inet_pton(AF_INET, ip, &endpoint->address.v4.sin_addr) == 1) {
		endpoint->address.v4.sin_family = AF_INET;
		endpoint->address.v4.sin_port = htons((uint16_t)number);
		endpoint->size = sizeof endpoint->address.v4;
		return true;
	}
	endpoint->address.v6.sin6_family = AF_INET6;
	endpoint->address.v6.sin6_port = htons((uint16_t)number);
	endpoint->size = sizeof endpoint->address.v6;
	return inet_pton(AF_INET6, ip, &endpoint->address.v6.sin6_addr) == 1;
}

int endpoint_socket(const struct endpoint *endpoint, int type)
{
	return socket(endpoint->address.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}
