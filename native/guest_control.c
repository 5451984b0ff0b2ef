/* compart-guest control: see guest.c. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"
#include "session_end.h"
#include "stream.h"
#include "words.h"

#define EXIT_REFUSED 1

int guest_control_ask(struct stream *stream, const char *folder, char *const *records, struct frame *answer)
{
	char text[3 * PATH_MAX]; /* two of them and some words: a mount */
	size_t size = 0;
	int fd = stream_dial(folder);

	if (fd < 0 && errno != ENOENT && errno != ECONNREFUSED)
		words_fail("%s: %s", folder, strerror(errno));
	if (fd < 0)
		return session_end_tell_guest(folder);
	if (!stream_open(stream, fd))
		abort();
	for (; *records != NULL; records++) {
		if (size + strlen(*records) >= sizeof text || strchr(*records, '=') == NULL)
			guest_usage();
		memcpy(text + size, *records, strlen(*records) + 1);
		size += strlen(*records) + 1;
	}
	stream_send(stream, FRAME_CONTROL, 0, text, size);
	if (!stream_await(stream, answer) || answer->type != FRAME_ANSWER)
		return session_end_tell_guest(folder);
	return 0;
}

/* Prints the records; was it a refusal? */
static bool print(const struct frame *answer)
{
	const char *key, *value;
	size_t at = 0, size;
	bool refused = false;

	while ((value = frame_record(answer, &at, &key, &size)) != NULL) {
		refused = refused || (size == 5 && memcmp(key, "error", 5) == 0);
		printf("%s\n", key);
	}
	return refused;
}

int guest_control(int argc, char **argv)
{
	struct stream stream;
	struct frame answer;

	if (argc < 4)
		guest_usage();
	int status = guest_control_ask(&stream, argv[2], argv + 3, &answer);
	if (status == 0 && print(&answer))
		status = EXIT_REFUSED;
	return fflush(stdout) == 0 ? status : EXIT_REFUSED;
}
