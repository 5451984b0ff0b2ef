/* A command of the guest: what the host asks for, and how it becomes a process. */
#ifndef COMPART_GUEST_SPAWN_H
#define COMPART_GUEST_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "frame.h"

#define USER_GROUPS_MAX 256

struct user {
	uint32_t uid, gid;
	uint32_t groups[USER_GROUPS_MAX];
	size_t group_count;
	char home[4096];
	char name[256]; /* empty for a number without an entry */
};

/*
 * Finds USER[:GROUP], names or numbers, in the guest's /etc/passwd and /etc/group. A number needs no
 * entry there; its group is then the same number, its home /. With GROUP there are no supplementary
 * groups. 0, or an errno: ENOENT for one that there is not.
 */
int user_find(struct user *user, const char *text);

/* START: all of it but the arrays points into the frame. */
struct start {
	char **words;     /* of the command from 1 on, NULL after; 0 is left free for an interpreter */
	char **variables; /* given, NULL after */
	size_t word_count, variable_count;
	bool clear, terminal;
	const char *workdir, *user;
	unsigned short rows, columns;
};

/* NULL, or a literal that says what is wrong; start_free either way. Pure, but for the allocator. */
const char *start_parse(struct start *start, const struct frame *frame);
void start_free(struct start *start);

/*
 * init's own variables, those that say who the user is (NULL: root), and those given, which win; NULL when
 * there is no memory.
 */
char **start_environment(const struct start *start, const struct user *user);

struct spawn {
	char **words, **environment; /* words as in struct start */
	const char *workdir;         /* NULL: / */
	const struct user *user;     /* NULL: root */
	int fds[3];
	bool terminal;  /* of which fds are: it becomes the controlling one */
	bool unguarded; /* the OOM killer may take it, unlike its parent */
	bool unheld;    /* it does not come under the limit on tasks */
	/* What failed, when it did. */
	const char *step;
	int error;
};

/* The pid of the command, which leads a session of its own, once it has been executed; or -1. */
pid_t spawn_command(struct spawn *spawn);

/* A new terminal: its master (non-blocking) and the slave. 0 or an errno. */
int pty_open(int *master, int *slave, unsigned short rows, unsigned short columns, const struct user *user);
void pty_resize(int master, unsigned short rows, unsigned short columns);

/* Ends the input of the terminal, as the key would; line_begun: what was typed ended in no newline. */
void pty_send_end(int master, bool line_begun);

#endif
