/* What the agent tells about the guest: text payloads (frame.h), and REPORT of what /proc says. */
#ifndef COMPART_INIT_REPORT_H
#define COMPART_INIT_REPORT_H

#include <stddef.h>
#include <stdint.h>

/* key=value records; one for which there is no room is left out. */
struct report {
	char text[1024];
	size_t used;
};

void report_text(struct report *report, const char *key, const char *value);
void report_number(struct report *report, const char *key, uint64_t value);

/* All of REPORT; what the kernel does not say is left out. */
void report_guest(struct report *report);

/* Processes that the OOM killer has killed since the boot for want of RAM; 0 where the kernel does not say. */
uint64_t report_oom_kills(void);

#endif
