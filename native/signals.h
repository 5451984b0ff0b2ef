/* The signal state a program is born with: exec(2) hands on what is ignored and what is blocked. */
#ifndef COMPART_SIGNALS_H
#define COMPART_SIGNALS_H

#include <stdint.h>

/*
 * Every signal to its default but those of the mask (bit N-1: signal N), which are ignored; none
 * blocked. Returns 0, or the errno and the signal that could not be set in *which.
 */
int signals_reset(uint64_t ignored, int *which);

#endif
