/* Lines on stderr, for people; what a guest said in them cannot steer the terminal. */
#ifndef COMPART_WORDS_H
#define COMPART_WORDS_H

#include <stddef.h>

#define EXIT_GUEST 125 /* for whatever is not the command's */

/* "compart: " and the words, one line. */
void words_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As words_say, then exits with EXIT_GUEST. */
_Noreturn void words_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Copies size bytes at most, NUL-terminated, each byte that is of no printable character as '?'; room > 4. */
void words_clean(char *to, size_t room, const char *from, size_t size);

#endif
