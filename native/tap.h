/* A tap device, as a descriptor that reads and writes its packets. */
#ifndef COMPART_TAP_H
#define COMPART_TAP_H

/*
 * Attaches to the persistent tap device of the caller's network namespace, whose owner the caller is or
 * over which it has CAP_NET_ADMIN; no other is made. Packets come whole, one a read, their checksums
 * done. Returns a descriptor (close-on-exec), or -1 with errno: ENODEV where it is no such device.
 */
int tap_open(const char *name);

#endif
