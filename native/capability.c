/* See capability.h. */
#include "capability.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * What the kernel does not know (EINVAL) and what is out of bounds already need no drop, and so no
 * privilege.
 */
static int drop_bound(uint64_t dropped, int *which)
{
	for (int number = 0; number < 64; number++) {
		if ((dropped & (UINT64_C(1) << number)) == 0)
			continue;
		*which = number;
		if (prctl(PR_CAPBSET_READ, number, 0, 0, 0) == 1 &&
		    prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0)
			return errno;
	}
	return 0;
}

int capability_shed(uint64_t dropped)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	/* EINVAL: a kernel without ambient capabilities. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return errno;
	if (syscall(SYS_capget, &header, data) < 0)
		return errno;
	for (unsigned int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		const uint32_t kept = ~(uint32_t)(dropped >> (32 * i));
		data[i].effective &= kept;
		data[i].permitted &= kept;
		data[i].inheritable &= kept;
	}
	return syscall(SYS_capset, &header, data) < 0 ? errno : 0;
}

/* The bounding set first: its drop takes CAP_SETPCAP, which may be one of those to go. */
int capability_drop(uint64_t dropped, int *which)
{
	int error = drop_bound(dropped, which);

	return error == 0 ? capability_shed(dropped) : error;
}
