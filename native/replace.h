/* Files that are read by others while they are written. */
#ifndef COMPART_REPLACE_H
#define COMPART_REPLACE_H

#include <stddef.h>

/*
 * Writes the file of that name in the folder (a descriptor), mode 0600, whole or not at all; one that
 * is there is replaced. 0 or an errno.
 */
int replace_file(int folder, const char *name, const char *text, size_t size);

#endif
