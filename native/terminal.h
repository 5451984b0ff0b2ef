/* The caller's terminal, lent to a terminal of the guest. */
#ifndef COMPART_TERMINAL_H
#define COMPART_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

/* Rows and columns of the first of the standard descriptors that is a terminal and knows; else 24, 80. */
void terminal_size(uint16_t *rows, uint16_t *columns);

/* May the caller read from this descriptor, or would it be stopped: it is not in the terminal's foreground? */
bool terminal_is_ours(int fd);

/* Makes it raw, every byte as it is; once, until restored. False where it is no terminal or not ours. */
bool terminal_raw(int fd);

/* As it was before terminal_raw; also called at every exit. */
void terminal_restore(void);

#endif
