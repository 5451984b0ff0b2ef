/* A User Mode Linux kernel in a sandbox: started, asked through its management console, ended. */
#ifndef COMPART_UML_H
#define COMPART_UML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "boot_plan.h"

struct mconsole;

struct uml {
	pid_t pid;      /* process 1 of the sandbox's pid namespace; its death is the death of all */
	int link_fd;    /* packets of vec0 (link.h): SOCK_SEQPACKET, non-blocking */
	int console_fd; /* what the kernel prints on con0: a pipe's end to read, non-blocking */
	int tty_fd;     /* con1 (/dev/tty1 of the guest): a socket's end, non-blocking */
	struct mconsole *mconsole; /* for uml_mconsole */
	int user_fd, mount_fd, late_fd; /* for uml_bind: the namespaces of the sandbox, places in it; -1: none */
};

struct uml_error {
	const char *step; /* a word: sandbox, cpu, config, bind, cover, tap, fork, kernel */
	int number;       /* errno; 0: none */
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

/* A folder or a file of the host, to be bound while the guest runs. */
struct uml_bind {
	const char *from;     /* absolute, no link on the way: the real path */
	uint64_t device, inode; /* what was there when it was asked for (stat(2)) */
	bool writable;
	const char *name; /* its place: /late/NAME of the sandbox */
};

/*
 * Binds it, with all that is mounted below it, neither set-id bits nor devices counting. To be called by a
 * child that was forked for this, of one thread: it comes to be in other namespaces. The path is looked
 * up in the mounts that the caller sees now, with what its user may do there. 0, or -1 with *error.
 */
int uml_bind(const struct uml *uml, const struct uml_bind *bind, struct uml_error *error);

/* Takes what is bound there away from the sandbox, at once: what the guest holds open stays open. 0 or an errno. */
int uml_unbind(const struct uml *uml, const char *name);

#endif
