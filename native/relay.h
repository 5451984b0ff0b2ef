/* What the parts of a relay share. */
#ifndef COMPART_RELAY_H
#define COMPART_RELAY_H

#include <stdbool.h>

#include "endpoint.h"

#define RELAY_DETAIL_MAX 512

struct relay {
	const char *protocol;
	const char *listen_ip;
	const char *listen_port;
	const char *folder; /* to register in, or NULL */
	const char *device; /* to listen on alone, or NULL */
	struct endpoint listen;
	struct endpoint target;
	bool udp;
	int listen_fd;
	int user_fd; /* the namespaces to connect in, or -1 */
	int net_fd;
};

/* Where something failed, for "fail STEP ERRNO DETAIL"; step is NULL when nothing has. */
struct relay_failure {
	const char *step; /* a literal */
	int number;
	const char *detail; /* a literal, a word of the command line, or NULL */
};

/* Binds the listening socket and enters nothing. */
struct relay_failure relay_bind(struct relay *relay);

/* Becomes what serves: in the namespaces to connect in, without a right that it does not need. */
struct relay_failure relay_settle(struct relay *relay);

/* They end with the process. */
_Noreturn void relay_tcp_serve(const struct relay *relay);
_Noreturn void relay_udp_serve(const struct relay *relay);

#endif
