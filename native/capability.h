/* Capabilities: capabilities(7), by number. */
#ifndef COMPART_CAPABILITY_H
#define COMPART_CAPABILITY_H

#include <stdint.h>

/*
 * Takes these (bit N: capability N) and every ambient one from the caller for good: no program it
 * becomes gets them back. Returns 0, or an errno and the one at fault in *which.
 */
int capability_drop(uint64_t dropped, int *which);

/* Takes these and every ambient one from the caller; the bounding set stays. 0 or an errno. */
int capability_shed(uint64_t dropped);

#endif
