#ifndef FEATURES_H
#define FEATURES_H

/* One line for a feature; a negative result is a failure that errno explains. */
void report(const char *name, int result);

void use_mounts(void);

/* Connects /dev/nbd0 and reads of it. */
int read_nbd(void);

#endif
