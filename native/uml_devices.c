/* See uml_devices.h. */
#include "uml_devices.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link.h"
#include "sandbox.h"
#include "tap.h"

/* A window of packets and more: who may, gets it; to others the system gives what it gives. */
#define LINK_BYTES (4 * 1024 * 1024)

static bool set_nonblocking(int fd)
{
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0;
}

static void widen(int fd)
{
	const int bytes = LINK_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

/* Ours is the first of the pair, the kernel's the second. */
static bool keep(struct uml_devices *devices, int device, const int pair[2])
{
	devices->ours[device] = pair[0];
	devices->kernels[device] = pair[1];
	return set_nonblocking(pair[0]);
}

static bool open_pairs(struct uml_devices *devices)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
	    !keep(devices, DEVICE_LINK, pair))
		return false;
	widen(pair[0]);
	widen(pair[1]);
	if (pipe2(pair, O_CLOEXEC) < 0 || !keep(devices, DEVICE_CONSOLE, pair))
		return false;
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0 &&
	       keep(devices, DEVICE_TTY, pair);
}

int uml_devices_open(struct uml_devices *devices, const struct boot_plan *plan, struct uml_error *error)
{
	for (int i = 0; i < DEVICE_COUNT; i++)
		devices->ours[i] = devices->kernels[i] = -1;
	if (!open_pairs(devices))
		sandbox_fail(error, "sandbox", errno, "descriptors of its devices");
	else if (plan->tap != NULL && (devices->kernels[DEVICE_TAP] = tap_open(plan->tap)) < 0)
		sandbox_fail(error, "tap", errno, "%s", plan->tap);
	else
		return 0;
	uml_devices_close(devices->ours);
	uml_devices_close(devices->kernels);
	return -1;
}

void uml_devices_close(int side[DEVICE_COUNT])
{
	for (int i = 0; i < DEVICE_COUNT; i++) {
		if (side[i] >= 0)
			close(side[i]);
		side[i] = -1;
	}
}

/* vec=0: a tap takes one packet a system call, no vector of them. */
size_t uml_devices_words(const struct uml_devices *devices, const char **argv)
{
	static char words[DEVICE_COUNT][64];
	const int *fds = devices->kernels;
	size_t count = 0;

	snprintf(words[DEVICE_LINK], sizeof words[0], "vec0:transport=fd,fd=%d,mtu=%d", fds[DEVICE_LINK],
		 LINK_MTU);
	snprintf(words[DEVICE_CONSOLE], sizeof words[0], "con0=null,fd:%d", fds[DEVICE_CONSOLE]);
	snprintf(words[DEVICE_TTY], sizeof words[0], "con1=fd:%d", fds[DEVICE_TTY]);
	snprintf(words[DEVICE_TAP], sizeof words[0], "vec1:transport=fd,fd=%d,vec=0", fds[DEVICE_TAP]);
	argv[count++] = "con=null"; /* of all: those that follow are exceptions */
	for (int i = 0; i < DEVICE_COUNT; i++) {
		if (fds[i] < 0)
			continue;
		argv[count++] = words[i];
		(void)fcntl(fds[i], F_SETFD, 0);
	}
	return count;
}
