/* The seed of the guest's random numbers (random(4)): see init.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "init.h"

static const char digits[] = "0123456789abcdef";

/* The bytes that the digits stand for; -1 for what are none. */
static int decode(const char *hex, unsigned char *bytes)
{
	int size = 0;

	for (; *hex != '\0'; hex += 2) {
		const char *high = strchr(digits, hex[0]);
		const char *low = hex[1] == '\0' ? NULL : strchr(digits, hex[1]);
		if (high == NULL || low == NULL || size == GUEST_SEED_MAX)
			return -1;
		bytes[size++] = (unsigned char)((high - digits) << 4 | (low - digits));
	}
	return size;
}

void init_seed(const char *hex)
{
	struct { /* rand_pool_info */
		int entropy_bits, size;
		unsigned char bytes[GUEST_SEED_MAX];
	} pool = {0};
	int size = decode(hex, pool.bytes);
	int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);

	if (size < 0)
		init_fail(0, "the seed is no hexadecimal number");
	pool.entropy_bits = size * 8;
	pool.size = size;
	if (fd < 0 || ioctl(fd, RNDADDENTROPY, &pool) < 0)
		init_fail(errno, "cannot seed the random numbers");
	close(fd);
	explicit_bzero(&pool, sizeof pool);
}
