/* The management console of a User Mode Linux kernel (arch/um/drivers/mconsole.h), from outside. */
#ifndef COMPART_MCONSOLE_H
#define COMPART_MCONSOLE_H

#include <stddef.h>

#define MCONSOLE_FOLDER "g" /* umid: of the socket and the pid, in uml_dir */
#define MCONSOLE_PATIENCE_MS 2000

/* Where the console is asked: descriptors, and what is still to be answered. */
struct mconsole {
	int socket; /* a unix datagram socket of the sandbox's network namespace, with a name there */
	int folder; /* the kernel's uml_dir (O_PATH) */
	unsigned int owed;
};

/*
 * The socket for a struct mconsole, in the network namespace of the caller: the kernel answers to its
 * abstract name, which means nothing in another namespace. -1 with errno when it fails.
 */
int mconsole_socket(void);

/* See uml_mconsole (uml.h). */
int mconsole_ask(struct mconsole *console, const char *request, char *answer, size_t size);

#endif
