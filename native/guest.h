/* The verbs of compart-guest: see guest.c. */
#ifndef COMPART_GUEST_H
#define COMPART_GUEST_H

/* Says how it is used, and exits with status 2. */
_Noreturn void guest_usage(void);

/* Each takes its words from argv[2] on, and returns the exit status. */
int guest_boot(int argc, char **argv);
int guest_exec(int argc, char **argv);
int guest_console(int argc, char **argv);
int guest_control(int argc, char **argv);

struct stream;
struct frame;
/*
 * Asks the keeper of the folder's guest with these records (NULL-terminated) and waits for the answer.
 * 0, or the exit status for a guest that is not there, which is told on stderr.
 */
int guest_control_ask(struct stream *stream, const char *folder, char *const *records, struct frame *answer);

#endif
