/* The management console of a User Mode Linux kernel (arch/um/drivers/mconsole.h), from outside. */
#ifndef COMPART_MCONSOLE_H
#define COMPART_MCONSOLE_H

#include <stdbool.h>
#include <stddef.h>

#define MCONSOLE_FOLDER "g" /* umid: of the socket and the pid, in uml_dir */

#define MCONSOLE_SOCKETS 8
#define MCONSOLE_WAYS (1 + MCONSOLE_SOCKETS)

/*
 * Where the console is asked: the kernel's uml_dir (O_PATH), and unix datagram sockets of the sandbox's
 * network namespace, since it is there that the kernel looks up the abstract name it answers to.
 *
 * An answer does not say to what, and a kernel that was frozen gives those that nobody waits for any
 * more when it thaws, not even in their order. So a socket is asked with again only when it has had
 * its answer (owes); when none is left, no answer is to be had either.
 */
struct mconsole {
	int ways[MCONSOLE_WAYS]; /* the folder, then the sockets */
	bool owes[MCONSOLE_WAYS];
};

/* Makes the sockets, in the network namespace of the caller. 0 or an errno. */
int mconsole_open(int ways[MCONSOLE_WAYS]);

/* See uml_mconsole (uml.h). */
int mconsole_ask(struct mconsole *console, const char *request, char *answer, size_t size,
		 int patience_ms);

#endif
