/*
 * Trees of mounts, by descriptor (Linux 5.12): made or copied out of sight, given their attributes, and
 * only then put where they can be seen. All return -1 with errno when they fail.
 */
#ifndef COMPART_TREE_H
#define COMPART_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What may be taken away from all that is in a tree. */
#define TREE_RDONLY 0x1
#define TREE_NOSUID 0x2
#define TREE_NODEV 0x4
#define TREE_NOEXEC 0x8

/* No mount of the caller's namespace gives to or takes from another namespace's any more. */
int tree_make_private(void);

/*
 * A new tmpfs of at most so many bytes and files, its root of this mode (octal digits). Where context
 * is not NULL, *context can make it read-only later (tree_seal) and is to be closed.
 */
int tree_tmpfs(uint64_t bytes, unsigned int files, const char *mode, unsigned int flags, int *context);

/* Makes the tmpfs read-only, everywhere that it or a part of it is mounted. */
int tree_seal(int context);

/* A copy of what is at the descriptor, with all that is mounted below it if recursive. */
int tree_copy(int source, bool recursive, unsigned int flags);

/* Puts the tree over what is at the name in the folder; over the target itself where name is "". */
int tree_attach(int tree, int target, const char *name);

/* What is at a path, as if root (a descriptor) were the root folder: links stay inside of it. */
int tree_find(int root, const char *path);

/* The same for a path without links: ELOOP where there is one. */
int tree_find_plain(int root, const char *path);

/* The folder at the descriptor becomes the caller's root, and the old one is put at the name in it. */
int tree_become_root(int root, const char *old);

#endif
