/* What the guest's kernel prints: kept in console.log of the folder, and searched for its last words. */
#ifndef COMPART_CONSOLE_LOG_H
#define COMPART_CONSOLE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#define CONSOLE_LOG_MAX ((size_t)1024 * 1024) /* then its first half is dropped */
#define CONSOLE_LOG_LINE 512
#define CONSOLE_LOG_LINES 4

struct console_log {
	int folder_fd, fd;
	size_t size;
	char line[CONSOLE_LOG_LINE]; /* the last one, not whole yet */
	size_t length;
	char recent[CONSOLE_LOG_LINES][CONSOLE_LOG_LINE]; /* line n at n % CONSOLE_LOG_LINES */
	size_t count;                                     /* of lines; none after a panic is counted */
	bool halted;   /* the kernel has said that it ends, well */
	bool panicked;
	char panic[CONSOLE_LOG_LINE]; /* what the kernel panicked for */
};

/* Begins the file anew; 0 or an errno. */
int console_log_open(struct console_log *log, int folder_fd);

/* A file that cannot be written loses what it would have said, nothing else. */
void console_log_take(struct console_log *log, const char *bytes, size_t size);

/* Tells the last lines on stderr. */
void console_log_tell(const struct console_log *log);

#endif
