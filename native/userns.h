/* A user namespace of the caller's own. */
#ifndef COMPART_USERNS_H
#define COMPART_USERNS_H

#include <stdint.h>

/*
 * Moves the caller into a new user namespace in which its effective ids have these names and no
 * other id has one. 0 or an errno.
 */
int userns_unshare(uint32_t uid, uint32_t gid);

#endif
