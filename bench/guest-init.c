/* The init of a kernel that is measured alone (guest-kernel.ts): it ends it. */
#include <sys/reboot.h>

int main(void)
{
	return reboot(RB_POWER_OFF);
}
