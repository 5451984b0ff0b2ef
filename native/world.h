/*
 * What a process must have in common with one that plans for it: the namespaces and the root that
 * give paths and pids their meaning, and the rights by which files are made and read.
 */
#ifndef COMPART_WORLD_H
#define COMPART_WORLD_H

#include <stdbool.h>
#include <stddef.h>

#define WORLD_BYTES_MAX 2048

/*
 * Writes it down on one line, the installation of the caller included, which is at root. False with
 * errno where something of it cannot be known, or is more than has room.
 */
bool world_describe(const char *root, char *text, size_t size);

#endif
