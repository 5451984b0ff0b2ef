/* The guest's own swap: see init.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/swap.h>
#include <unistd.h>

#include "init.h"

#define PAGE ((size_t)4096)
#define SIGNATURE "SWAPSPACE2"

/* include/linux/swap.h: union swap_header, after the 1 KiB that are left to boot loaders. */
struct swap_info {
	uint32_t version, last_page, bad_pages;
};

void init_swap_on(const char *device)
{
	unsigned char header[PAGE] = {0};
	struct swap_info info = {.version = 1};
	uint64_t bytes = 0;

	int fd = open(device, O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes) < 0)
		init_fail(errno, "cannot open swap device %s", device);
	if (bytes < 10 * PAGE)
		init_fail(EINVAL, "swap device %s is too small", device);
	info.last_page = bytes / PAGE - 1 > UINT32_MAX ? UINT32_MAX : (uint32_t)(bytes / PAGE - 1);
	memcpy(header + 1024, &info, sizeof info);
	memcpy(header + PAGE - (sizeof SIGNATURE - 1), SIGNATURE, sizeof SIGNATURE - 1);
	if (pwrite(fd, header, sizeof header, 0) != (ssize_t)sizeof header || fsync(fd) < 0)
		init_fail(errno, "cannot write swap device %s", device);
	close(fd);
	if (swapon(device, 0) < 0)
		init_fail(errno, "cannot swap on %s", device);
}
