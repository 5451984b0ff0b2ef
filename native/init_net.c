/* The network devices of the guest: see init.h, netdevice(7), packet(7). */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init.h"
#include "link.h"

#define NETWORK "eth0"
#define BUFFER (2 * 1024 * 1024) /* holds a window of packets as the kernel counts them, twice */

static struct ifreq request_of(const char *device)
{
	struct ifreq request = {0};

	strncpy(request.ifr_name, device, IFNAMSIZ - 1);
	return request;
}

static void bring_up(int fd, const char *device, int flags)
{
	struct ifreq request = request_of(device);

	request.ifr_flags = (short)(IFF_UP | flags);
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		init_fail(errno, "cannot bring up %s", device);
}

static int index_of(int fd, const char *device)
{
	struct ifreq request = request_of(device);

	if (ioctl(fd, SIOCGIFINDEX, &request) < 0)
		init_fail(errno, "no network device %s", device);
	return request.ifr_ifindex;
}

static void start_network(int fd, const struct guest_config *config)
{
	struct ifreq request = request_of(config->link);

	if (strcmp(config->link, NETWORK) != 0) {
		strcpy(request.ifr_newname, NETWORK);
		if (ioctl(fd, SIOCSIFNAME, &request) < 0)
			init_fail(errno, "cannot rename network device %s", config->link);
	}
	int device = index_of(fd, NETWORK);
	bring_up(fd, NETWORK, 0);
	for (size_t i = 0; i < config->address_count; i++) {
		int error = init_add_address(device, config->addresses[i]);
		if (error != 0)
			init_fail(error, "cannot add address %s", config->addresses[i]);
	}
	for (size_t i = 0; i < config->gateway_count; i++) {
		int error = init_add_gateway(device, config->gateways[i]);
		if (error != 0)
			init_fail(error, "cannot add gateway %s", config->gateways[i]);
	}
}

/* Nothing but the link may speak there; a kernel without IPv6 has no such file. */
static void silence_ipv6(void)
{
	int fd = open("/proc/sys/net/ipv6/conf/" INIT_LINK "/disable_ipv6", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, "1", 1);
	close(fd);
}

static int open_link(int fd)
{
	struct ifreq request = request_of(INIT_LINK);
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(LINK_ETHERTYPE)};
	int size = BUFFER;

	address.sll_ifindex = index_of(fd, INIT_LINK);
	request.ifr_mtu = LINK_MTU;
	if (ioctl(fd, SIOCSIFMTU, &request) < 0)
		init_fail(errno, "cannot set the MTU of " INIT_LINK);
	silence_ipv6();
	bring_up(fd, INIT_LINK, IFF_NOARP);
	/* Without a protocol it takes nothing before it is bound to the device. */
	int link_fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (link_fd < 0 || bind(link_fd, (struct sockaddr *)&address, sizeof address) < 0)
		init_fail(errno, "cannot open the link to the host");
	if (setsockopt(link_fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0 ||
	    setsockopt(link_fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0)
		init_fail(errno, "cannot size the link to the host");
	return link_fd;
}

int init_network(const struct guest_config *config)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		init_fail(errno, "cannot open a socket");
	bring_up(fd, "lo", 0);
	if (config->link != NULL)
		start_network(fd, config);
	int link_fd = open_link(fd);
	close(fd);
	return link_fd;
}
