/* The sandbox around a guest's kernel: namespaces, ids, a root of its own, and no way out of it. */
#ifndef COMPART_SANDBOX_H
#define COMPART_SANDBOX_H

#include <sys/types.h>

#include "boot_plan.h"
#include "uml.h"

/* Fills *error, its detail as printf(3) has it; returns -1. */
int sandbox_fail(struct uml_error *error, const char *step, int number, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * As fork(2), the child in user, mount, pid, ipc, uts and network namespaces of its own: process 1
 * there, with no id yet (sandbox_map_ids) and every capability over what is its own.
 */
pid_t sandbox_clone(struct uml_error *error);

/*
 * Gives the child of sandbox_clone its ids: to the root of the host all of them as they are, so that
 * whose a file is stays true; to everybody else the own ones alone. 0 or -1.
 */
int sandbox_map_ids(pid_t child, struct uml_error *error);

/* Where what is bound later lies in the sandbox: uml_bind. */
#define SANDBOX_LATE "late"

/* Folders of the new root, by descriptor (O_PATH). */
struct sandbox_folders {
	int tmp;  /* /tmp */
	int late; /* /SANDBOX_LATE, by a mount outside of the sandbox: inside it is read-only */
};

/*
 * The child's next step, when it has its ids: the plan's root becomes its root, and nothing of the
 * old one is left. 0 or -1.
 */
int sandbox_enter_root(const struct boot_plan *plan, struct sandbox_folders *folders,
		       struct uml_error *error);

/* The last step: no capability, no way to gain one, no system call that a kernel in here needs not. */
int sandbox_lock(struct uml_error *error);

/* The part of sandbox_lock that refuses system calls (sandbox_filter.c); 0 or an errno. */
int sandbox_filter(void);

#endif
