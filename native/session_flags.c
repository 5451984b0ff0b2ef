/* See session_flags.h. */
#include "session_flags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"
#include "terminal.h"
#include "words.h"

extern char **environ;

static void set_tty(struct session_flags *flags, const char *word)
{
	if (strcmp(word, "yes") == 0)
		flags->tty = true;
	else if (strcmp(word, "auto") == 0)
		flags->tty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	else if (strcmp(word, "no") != 0)
		guest_usage();
}

int session_flags_parse(struct session_flags *flags, int argc, char **argv, int at)
{
	set_tty(flags, "auto");
	flags->env = calloc((size_t)argc, sizeof *flags->env);
	if (flags->env == NULL)
		abort();
	for (; at < argc && strncmp(argv[at], "--", 2) == 0 && argv[at][2] != '\0'; at++) {
		const char *flag = argv[at] + 2;
		if (strcmp(flag, "inherit") == 0) {
			flags->inherit = true;
			continue;
		}
		if (++at == argc)
			guest_usage();
		if (strcmp(flag, "workdir") == 0)
			flags->workdir = argv[at];
		else if (strcmp(flag, "user") == 0)
			flags->user = argv[at];
		else if (strcmp(flag, "env") == 0 && strchr(argv[at], '=') != NULL)
			flags->env[flags->env_count++] = argv[at];
		else if (strcmp(flag, "tty") == 0) {
			flags->tty = false;
			set_tty(flags, argv[at]);
		} else
			guest_usage();
	}
	return at;
}

/* The START that is being put together. */
struct start {
	char *text; /* of FRAME_START_MAX bytes */
	size_t size;
	bool fits;
};

/* What marks the pieces has its room besides. */
#define START_ROOM (FRAME_START_MAX - FRAME_PAYLOAD_MAX)

static void add(struct start *start, const char *key, const char *value)
{
	const size_t size = strlen(key) + 1 + strlen(value) + 1;

	start->fits = start->fits && size <= START_ROOM - start->size;
	if (start->fits)
		start->size += (size_t)sprintf(start->text + start->size, "%s=%s", key, value) + 1;
}

/* Nobody of another name or home is to believe the caller's. */
static bool is_of_user(const char *variable)
{
	return strncmp(variable, "HOME=", 5) == 0 || strncmp(variable, "USER=", 5) == 0 ||
	       strncmp(variable, "LOGNAME=", 8) == 0;
}

static void add_environment(struct start *start, const struct session_flags *flags)
{
	const char *term = getenv("TERM");
	char word[128];

	if (flags->inherit)
		add(start, "clearenv", "1");
	else if (flags->tty && term != NULL && strlen(term) < sizeof word - 5) {
		snprintf(word, sizeof word, "TERM=%s", term);
		add(start, "env", word);
	}
	for (char **name = environ; flags->inherit && *name != NULL; name++)
		if (strchr(*name, '=') != NULL && **name != '=' && !(flags->user != NULL && is_of_user(*name)))
			add(start, "env", *name);
	for (size_t i = 0; i < flags->env_count; i++)
		add(start, "env", flags->env[i]);
}

static void send(struct stream *stream, const struct start *start)
{
	char piece[FRAME_PAYLOAD_MAX];
	size_t size;

	if (start->size <= FRAME_PAYLOAD_MAX) {
		stream_send(stream, FRAME_START, 0, start->text, start->size);
		return;
	}
	for (size_t at = 0; at < start->size; at += size) {
		const size_t left = start->size - at, room = sizeof piece - FRAME_MORE_SIZE;
		size = left < room ? left : room;
		memcpy(piece, size < left ? FRAME_MORE : FRAME_LAST, FRAME_MORE_SIZE);
		memcpy(piece + FRAME_MORE_SIZE, start->text + at, size);
		stream_send(stream, FRAME_START, 0, piece, FRAME_MORE_SIZE + size);
	}
}

bool session_flags_start(const struct session_flags *flags, struct stream *stream)
{
	struct start start = {.text = malloc(FRAME_START_MAX), .fits = true};
	uint16_t rows, columns;
	char size[32];

	if (start.text == NULL)
		abort();
	if (flags->workdir != NULL)
		add(&start, "workdir", flags->workdir);
	if (flags->user != NULL)
		add(&start, "user", flags->user);
	if (flags->tty) {
		terminal_size(&rows, &columns);
		snprintf(size, sizeof size, "%ux%u", rows, columns);
		add(&start, "tty", size);
	}
	add_environment(&start, flags);
	for (char **word = flags->command; *word != NULL; word++)
		add(&start, "arg", *word);
	if (start.fits)
		send(stream, &start);
	else
		words_say("the command and its environment are too long for a guest");
	free(start.text);
	return start.fits;
}
