/* The record by which a daemon is found again. */
#ifndef COMPART_RECORD_H
#define COMPART_RECORD_H

#include <sys/types.h>

/*
 * Writes "PID_STARTTIME" (field 22 of /proc/PID/stat) to the file of that name in the folder, whole
 * or not at all; one that is there is replaced. 0 or an errno.
 */
int record_write(const char *folder, const char *name, pid_t pid);

#endif
