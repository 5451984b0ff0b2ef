/* What is said of a command in a guest that did not come to be, or did not come to its end. */
#ifndef COMPART_SESSION_END_H
#define COMPART_SESSION_END_H

#include "frame.h"

/* Tells FAILED on stderr, as for a command of the host (src/host/plan.ts); returns the exit status. */
int session_end_tell_failure(const struct frame *frame);

/* Tells how many processes the guest's OOM killer killed while the command ran, if any. */
void session_end_tell_oom(uint32_t kills);

/* Tells that stdout (0) or stderr (1) could not be written. */
void session_end_tell_write(int which, int error);

/* Tells what ended the guest of that folder, by its guest.ending; returns the exit status. */
int session_end_tell_guest(const char *folder);

#endif
