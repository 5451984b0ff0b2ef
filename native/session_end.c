/* See session_end.h. */
#include "session_end.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "words.h"

struct failure {
	const char *step, *detail;
	int number, status;
};

static void take_record(struct failure *failure, const char *key, size_t size, const char *value)
{
	if (size == 4 && memcmp(key, "step", 4) == 0)
		failure->step = value;
	else if (size == 6 && memcmp(key, "detail", 6) == 0)
		failure->detail = value;
	else if (size == 5 && memcmp(key, "errno", 5) == 0)
		failure->number = atoi(value);
	else if (size == 6 && memcmp(key, "status", 6) == 0)
		failure->status = atoi(value);
}

static void tell_exec(const struct failure *failure)
{
	if (failure->status == 127) {
		words_say("%s: command not found", *failure->detail == '\0' ? "\"\"" : failure->detail);
		words_say("give its path, or add its directory to PATH");
		return;
	}
	words_say("cannot execute %s: %s", failure->detail, strerror(failure->number));
	words_say("it must be a file with execute permission, in a format that the guest runs");
}

static const char *action_of(const char *step)
{
	static const char *const actions[][2] = {
		{"workdir", "change to the directory"}, {"user", "become the user"},
		{"fork", "start a process for"},        {"pty", "open a terminal for"},
		{"plan", "make sense of"},
	};

	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
		if (strcmp(step, actions[i][0]) == 0)
			return actions[i][1];
	return step;
}

int session_end_tell_failure(const struct frame *frame)
{
	struct failure failure = {.step = "start", .detail = "the command", .status = EXIT_GUEST};
	const char *key, *value;
	size_t at = 0, size;

	while ((value = frame_record(frame, &at, &key, &size)) != NULL)
		take_record(&failure, key, size, value);
	if (strcmp(failure.step, "exec") == 0)
		tell_exec(&failure);
	else
		words_say("cannot %s %s: %s", action_of(failure.step), failure.detail,
			  strerror(failure.number));
	return failure.status > 0 && failure.status < 256 ? failure.status : EXIT_GUEST;
}

void session_end_tell_oom(uint32_t kills)
{
	if (kills > 0)
		words_say("the guest ran out of memory: its kernel killed %u process%s", kills,
			  kills == 1 ? "" : "es");
}

void session_end_tell_write(int which, int error)
{
	words_say("cannot write to %s: %s", which == 0 ? "stdout" : "stderr", strerror(error));
}

static bool read_ending(const char *folder, char *text, size_t room)
{
	int at = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = at < 0 ? -1 : openat(at, "guest.ending", O_RDONLY | O_CLOEXEC);
	ssize_t count = fd < 0 ? -1 : fd_read(fd, text, room - 1);

	if (fd >= 0)
		close(fd);
	if (at >= 0)
		close(at);
	text[count < 0 ? 0 : count] = '\0';
	return count > 0;
}

int session_end_tell_guest(const char *folder)
{
	char text[2048], reason[32] = "", detail[1024] = "";

	if (!read_ending(folder, text, sizeof text)) {
		words_say("the guest's keeper is gone, and the guest with it");
		return EXIT_GUEST;
	}
	for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		(void)sscanf(line, "reason=%31[^\n]", reason);
		(void)sscanf(line, "detail=%1023[^\n]", detail);
	}
	words_say("the guest has ended: %s%s%s", reason, *detail == '\0' ? "" : ": ", detail);
	return EXIT_GUEST;
}
