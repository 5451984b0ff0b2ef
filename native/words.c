/* See words.h. */
#include "words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"

#define PREFIX "compart: "

/* The bytes of the character there if it is a printable one: C1, U+0080 to U+009F, steers as C0 does. */
static size_t printable(const char *from, size_t size)
{
	const unsigned char first = (unsigned char)*from;
	const size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	if (length == 1)
		return first >= ' ' && first != 0x7f;
	if (length == 0 || length > size || first > 0xf4)
		return 0;
	for (size_t i = 1; i < length; i++)
		if (((unsigned char)from[i] & 0xc0) != 0x80)
			return 0;
	return first == 0xc2 && (unsigned char)from[1] < 0xa0 ? 0 : length;
}

void words_clean(char *to, size_t room, const char *from, size_t size)
{
	size_t at = 0;

	for (size_t i = 0; i < size && at + 4 < room;) {
		size_t length = printable(from + i, size - i);
		if (length == 0)
			to[at++] = '?';
		memcpy(to + at, from + i, length);
		at += length;
		i += length == 0 ? 1 : length;
	}
	to[at] = '\0';
}

static void say(const char *format, va_list arguments)
{
	char line[1024], clean[1028 + sizeof PREFIX] = PREFIX;

	vsnprintf(line, sizeof line, format, arguments);
	words_clean(clean + sizeof PREFIX - 1, sizeof clean - sizeof PREFIX, line, strlen(line));
	strcat(clean, "\n");
	(void)fd_write(STDERR_FILENO, clean, strlen(clean));
}

void words_say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
}

void words_fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
	exit(EXIT_GUEST);
}
