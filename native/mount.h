/* A mount namespace of the caller's own, and files bound over files in it. */
#ifndef COMPART_MOUNT_H
#define COMPART_MOUNT_H

/* Leaves the caller's mounts to others: what is mounted from now on is seen by the caller alone. */
int mount_unshare(void);

/* Binds a regular file over a regular file. 0 or an errno. */
int mount_bind_file(const char *target, const char *source);

#endif
