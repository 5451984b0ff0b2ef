/*
 * The caller's child (sandbox_clone), from its birth on: makes its root, locks itself in, and is process 1
 * there, whose own child is the kernel. Over a control socket they say to each other
 *
 *   caller                        process 1                      the kernel to be
 *   (ids given) one byte    ->
 *                           <-    UML_WAY with descriptors
 *                                 fork                    ->     exec: the socket's end
 *   a struct uml_error      <-    or from here             <-
 *
 * They are one program that forked: a pointer to a literal is the same to all of them.
 */
#ifndef COMPART_UML_CHILD_H
#define COMPART_UML_CHILD_H

#include <sys/socket.h>

#include "boot_plan.h"
#include "mconsole.h"
#include "uml.h"
#include "uml_devices.h"

/* The byte that comes with the descriptors of struct mconsole, and that of the places for mounts. */
#define UML_WAY 'm'
#define UML_WAYS (MCONSOLE_WAYS + 1)

union uml_way {
	char bytes[CMSG_SPACE(UML_WAYS * sizeof(int))];
	struct cmsghdr aligned;
};

struct uml_birth {
	const struct boot_plan *plan;
	struct uml_devices devices;
	int control[2]; /* SOCK_SEQPACKET: the caller's end and the child's */
	int null;
	struct uml_error *error;
};

_Noreturn void uml_child(const struct uml_birth *birth);

#endif
