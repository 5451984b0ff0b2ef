/* Descriptors: reads and writes that survive a signal, a short count and a descriptor left non-blocking. */
#ifndef COMPART_FD_H
#define COMPART_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* As read(2), but waits where it would say EINTR or EAGAIN. */
ssize_t fd_read(int fd, void *buffer, size_t size);

/* Writes it all, in one write(2) when the kernel takes it whole; false with errno otherwise. */
bool fd_write(int fd, const void *buffer, size_t size);

/* A descriptor above the standard ones, which belong to the command, by its number; -1 for anything else. */
int fd_parse(const char *text);

/* Closes all above the standard ones but the count given, which it sorts. */
void fd_close_others(int *kept, size_t count);

/*
 * /dev/null, close-on-exec, above the standard descriptors. Those of them that came closed are
 * opened on the way: else a pipe made later would be taken for the command's output.
 */
int fd_open_null(void);

#endif
