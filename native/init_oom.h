/* What the guest's OOM killer has killed for want of its RAM. */
#ifndef COMPART_INIT_OOM_H
#define COMPART_INIT_OOM_H

#include <stdint.h>

/*
 * Processes that were killed since the boot because the guest had no memory left: those that the limit of a cgroup inside
 * had killed are not among them. @param kills all, as /proc/vmstat has them (oom_kill)
 */
uint64_t oom_of_guest(uint64_t kills);

#endif
