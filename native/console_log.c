/* See console_log.h. */
#include "console_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "replace.h"
#include "words.h"

#define NAME "console.log"

int console_log_open(struct console_log *log, int folder_fd)
{
	*log = (struct console_log){.folder_fd = folder_fd};
	log->fd = openat(folder_fd, NAME, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
			 0600);
	return log->fd < 0 ? errno : 0;
}

/* What is kept begins with a whole line. */
static void drop_first_half(struct console_log *log)
{
	const size_t half = CONSOLE_LOG_MAX / 2;
	char *text = malloc(half);
	ssize_t count = text == NULL ? -1 : pread(log->fd, text, half, (off_t)(log->size - half));
	const char *newline = count <= 0 ? NULL : memchr(text, '\n', (size_t)count);
	const char *kept = newline == NULL ? text : newline + 1;
	const size_t size = count <= 0 ? 0 : (size_t)(count - (kept - text));

	if (replace_file(log->folder_fd, NAME, kept == NULL ? "" : kept, size) == 0) {
		close(log->fd);
		log->fd = openat(log->folder_fd, NAME, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
		log->size = size;
	}
	free(text);
}

static void end_line(struct console_log *log)
{
	static const char panic[] = "Kernel panic - not syncing: ";
	char line[CONSOLE_LOG_LINE];

	words_clean(line, sizeof line, log->line, log->length);
	log->length = 0;
	if (*line == '\0' || log->panicked)
		return;
	memcpy(log->recent[log->count++ % CONSOLE_LOG_LINES], line, sizeof line);
	log->halted = log->halted || strstr(line, "reboot: System halted") != NULL ||
		      strstr(line, "reboot: Power down") != NULL;
	const char *found = strstr(line, panic);
	if (found == NULL)
		return;
	log->panicked = true;
	memcpy(log->panic, found + sizeof panic - 1, strlen(found + sizeof panic - 1) + 1);
}

void console_log_take(struct console_log *log, const char *bytes, size_t size)
{
	if (log->size + size > CONSOLE_LOG_MAX)
		drop_first_half(log);
	if (log->fd >= 0 && fd_write(log->fd, bytes, size))
		log->size += size;
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == '\n')
			end_line(log);
		else if (bytes[i] != '\r' && log->length < sizeof log->line)
			log->line[log->length++] = bytes[i];
	}
}

void console_log_tell(const struct console_log *log)
{
	size_t first = log->count < CONSOLE_LOG_LINES ? 0 : log->count - CONSOLE_LOG_LINES;

	for (size_t i = first; i < log->count; i++)
		words_say("| %s", log->recent[i % CONSOLE_LOG_LINES]);
}
