/* See sandbox.h: the capabilities, and that none comes back. */
#include <errno.h>
#include <linux/securebits.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "capability.h"
#include "sandbox.h"

/* User 0 is a name like any other, whatever is executed, and stays so. */
#define NO_ROOT \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED | \
	 SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

int sandbox_lock(struct uml_error *error)
{
	int which = 0;

	if (prctl(PR_SET_SECUREBITS, (unsigned long)NO_ROOT, 0, 0, 0) < 0)
		return sandbox_fail(error, "sandbox", errno, "a root without rights");
	int number = capability_drop(~UINT64_C(0), &which);
	if (number != 0)
		return sandbox_fail(error, "sandbox", number, "capability %d dropped", which);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return sandbox_fail(error, "sandbox", errno, "no new privileges");
	number = sandbox_filter();
	if (number != 0)
		return sandbox_fail(error, "sandbox", number, "a filter of system calls");
	return 0;
}
