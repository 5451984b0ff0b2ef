/* A User Mode Linux kernel in a sandbox: started, asked through its management console, ended. */
#ifndef COMPART_UML_H
#define COMPART_UML_H

#include <stddef.h>
#include <sys/types.h>

#include "boot_plan.h"

struct mconsole;

struct uml {
	pid_t pid;      /* process 1 of the sandbox's pid namespace; its death is the death of all */
	int link_fd;    /* packets of vec0 (link.h): SOCK_SEQPACKET, non-blocking */
	int console_fd; /* what the kernel prints on con0: a pipe's end to read, non-blocking */
	int tty_fd;     /* con1 (/dev/tty1 of the guest): a socket's end, non-blocking */
	struct mconsole *mconsole; /* for uml_mconsole */
};

struct uml_error {
	const char *step; /* a word: sandbox, cpu, config, bind, cover, tap, fork, kernel */
	int number;       /* errno */
	char detail[512];
};

/*
 * Starts the kernel: a child in user, mount, pid, ipc, uts and network namespaces of its own, its root
 * the sandbox of the plan (nothing of the host's /proc and /sys, unless a step binds it), no capability,
 * no_new_privs, no way to gain either, its own session, no descriptor but those of its devices, which
 * are close-on-exec in the caller. It dies when the thread that called dies. Returns 0 when the kernel
 * has been executed, else -1 with *error and nothing left; a step "kernel" is the exec itself.
 *
 * Beside the plan's words the kernel gets, before them: uml_dir=/tmp umid=g, con=null, con0=, con1=
 * and vec0: (vec1:) with their descriptors. It can make no file with a set-id bit anywhere (EPERM).
 *
 * uml->pid exits as the kernel does: with its status, or 128+N where the signal N ended it.
 */
int uml_start(const struct boot_plan *plan, struct uml *uml, struct uml_error *error);

/* KILL to all of it; the caller waits for uml->pid. */
void uml_kill(const struct uml *uml);

/* Closes the descriptors and frees what is uml's own; the kernel ends by uml_kill alone. */
void uml_close(struct uml *uml);

/*
 * One request to mconsole (arch/um/drivers/mconsole.h), waited for so long at most: its answer as text in answer, cut
 * where there is no room. Returns 0, or an errno: EPROTO where the kernel said no (its reason is the
 * answer), ENOENT or ECONNREFUSED where it does not listen (yet), ETIMEDOUT where it does not answer:
 * a frozen one, which does what was asked when it thaws. A child of the caller may ask in its stead,
 * one at a time.
 */
int uml_mconsole(const struct uml *uml, const char *request, char *answer, size_t size,
		 int patience_ms);

#endif
