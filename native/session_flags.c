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

/* The START that is being put together, and how much was sent in those before it. */
struct start {
	struct stream *stream;
	char *text;
	size_t size, sent;
	bool fits;
};

static const char more[] = "more=1";

static void add(struct start *start, const char *key, const char *value)
{
	const size_t size = strlen(key) + 1 + strlen(value) + 1;

	if (start->size + size > FRAME_PAYLOAD_MAX - sizeof more) {
		memcpy(start->text + start->size, more, sizeof more);
		stream_send(start->stream, FRAME_START, 0, start->text, start->size + sizeof more);
		start->sent += start->size + sizeof more;
		start->size = 0;
	}
	start->fits = start->fits && size <= FRAME_PAYLOAD_MAX - sizeof more &&
		      start->sent + size <= FRAME_START_MAX - FRAME_PAYLOAD_MAX;
	if (start->fits)
		start->size += (size_t)sprintf(start->text + start->size, "%s=%s", key, value) + 1;
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
		if (strchr(*name, '=') != NULL && **name != '=')
			add(start, "env", *name);
	for (size_t i = 0; i < flags->env_count; i++)
		add(start, "env", flags->env[i]);
}

bool session_flags_start(const struct session_flags *flags, struct stream *stream)
{
	struct start start = {.stream = stream, .text = malloc(FRAME_PAYLOAD_MAX), .fits = true};
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
		stream_send(stream, FRAME_START, 0, start.text, start.size);
	else
		words_say("the command and its environment are too long for a guest");
	free(start.text);
	return start.fits;
}
