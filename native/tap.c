/* See tap.h. */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* TUNSETIFF would make what is not there. */
static int attach(int fd, const char *name)
{
	struct ifreq request = {.ifr_ifru = {.ifru_flags = IFF_TAP | IFF_NO_PI}};
	const int probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
	struct ifreq index = request;
	const int found = probe < 0 ? -1 : ioctl(probe, SIOCGIFINDEX, &index);
	if (probe >= 0)
		close(probe);
	if (found < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
		return errno;
	if (ioctl(fd, TUNGETIFF, &request) < 0)
		return errno;
	if ((request.ifr_flags & IFF_PERSIST) == 0)
		return ENODEV;
	/* An earlier opener's offloads would leave checksums undone that the guest wants done. */
	return ioctl(fd, TUNSETOFFLOAD, 0UL) < 0 ? errno : 0;
}

int tap_open(const char *name)
{
	const int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -1;
	const int error = attach(fd, name);
	if (error == 0)
		return fd;
	close(fd);
	errno = error;
	return -1;
}
