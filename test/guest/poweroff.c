/* The smallest init there can be: it ends the guest. */
#include <sys/reboot.h>

int main(void)
{
	reboot(RB_POWER_OFF);
	return 1;
}
