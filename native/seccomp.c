/* See seccomp.h. */
#include "seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

int seccomp_install(const struct sock_filter *steps, size_t count)
{
	const struct sock_fprog program = {.len = (unsigned short)count, .filter = (struct sock_filter *)steps};

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program) < 0 ? errno : 0;
}
