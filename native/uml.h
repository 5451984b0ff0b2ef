/* A User Mode Linux kernel in a sandbox: started, asked through its management console, ended. */
#ifndef COMPART_UML_H
#define COMPART_UML_H

#include <stddef.h>
#include <sys/types.h>

#include "boot_plan.h"

struct uml {
	pid_t pid;      /* process 1 of the sandbox's pid namespace; its death is the death of all */
	int link_fd;    /* packets of vec0 (link.h): SOCK_SEQPACKET, non-blocking */
	int console_fd; /* what the kernel prints on con0: a pipe's end to read, non-blocking */
	int tty_fd;     /* con1 (/dev/tty1 of the guest): a socket's end, non-blocking */
};

struct uml_error {
	const char *step; /* a word: sandbox, bind, cover, config, tap, cpu, kernel, fork, ... */
	int number;       /* errno */
	char detail[512];
};

/*
 * Starts the kernel: a child in user, mount, pid, ipc, uts and network namespaces of its own, its root
 * the sandbox of the plan, no capability, no_new_privs, no way to gain either, its own session, no
 * descriptor but those of its devices. It dies when the caller dies. Returns 0 when the kernel has been
 * executed, else -1 with *error and nothing left.
 */
int uml_start(const struct boot_plan *plan, struct uml *uml, struct uml_error *error);

/* KILL to all of it; the caller waits for uml->pid. */
void uml_kill(const struct uml *uml);

/*
 * One request to mconsole (arch/um/drivers/mconsole.h), at most 2 s: its answer as text in answer.
 * Returns 0, or an errno: EPROTO where the kernel said no (its reason is the answer).
 */
int uml_mconsole(const struct uml *uml, const char *request, char *answer, size_t size);

#endif
