/* A filter of system calls, of one's own (seccomp(2)). */
#ifndef COMPART_SECCOMP_H
#define COMPART_SECCOMP_H

#include <linux/filter.h>
#include <stddef.h>

/*
 * Puts the caller and all that it starts under the filter. Its speculation stays as it is: a filter alone
 * would slow it down on kernels before 5.16. Returns 0 or an errno.
 */
int seccomp_install(const struct sock_filter *steps, size_t count);

#endif
