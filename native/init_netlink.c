/* Addresses and routes over rtnetlink(7): see init.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init.h"
#include "number.h"

#define ADDRESS_TEXT 64

struct request {
	struct nlmsghdr header;
	union {
		struct ifaddrmsg address;
		struct rtmsg route;
	} about;
	unsigned char attributes[128];
};

struct address {
	unsigned char family, length; /* of the prefix */
	unsigned char bytes[16];
	size_t size;
};

static int parse_address(const char *text, struct address *address)
{
	char ip[ADDRESS_TEXT];
	const char *slash = strchr(text, '/');
	size_t length = slash == NULL ? strlen(text) : (size_t)(slash - text);
	uint64_t prefix = 0;

	if (length >= sizeof ip)
		return EINVAL;
	memcpy(ip, text, length);
	ip[length] = '\0';
	address->family = strchr(ip, ':') != NULL ? AF_INET6 : AF_INET;
	address->size = address->family == AF_INET6 ? 16 : 4;
	if (inet_pton(address->family, ip, address->bytes) != 1)
		return EINVAL;
	if (slash == NULL)
		prefix = address->size * 8;
	else if (number_parse(slash + 1, strlen(slash + 1), address->size * 8, &prefix) != 0)
		return EINVAL;
	address->length = (unsigned char)prefix;
	return 0;
}

static void attach(struct request *request, unsigned short type, const void *bytes, size_t size)
{
	struct rtattr *attribute = (struct rtattr *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(size);
	memcpy(RTA_DATA(attribute), bytes, size);
	request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + (uint32_t)RTA_ALIGN(RTA_LENGTH(size));
}

/* Sends it and takes its answer: 0 or an errno. */
static int ask(struct request *request, uint16_t type)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		unsigned char rest[512];
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), error = 0;

	if (fd < 0)
		return errno;
	request->header.nlmsg_type = type;
	request->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
	if (send(fd, request, request->header.nlmsg_len, 0) < 0)
		error = errno;
	ssize_t count = error != 0 ? 0 : recv(fd, &answer, sizeof answer, 0);
	if (count < 0)
		error = errno;
	else if (error == 0 && (count < (ssize_t)NLMSG_LENGTH(sizeof answer.error) ||
				answer.header.nlmsg_type != NLMSG_ERROR))
		error = EPROTO;
	else if (error == 0)
		error = -answer.error.error;
	close(fd);
	return error;
}

int init_add_address(int device, const char *text)
{
	struct request request = {0};
	struct address address;
	int error = parse_address(text, &address);

	if (error != 0)
		return error;
	request.header.nlmsg_len = NLMSG_LENGTH(sizeof request.about.address);
	request.about.address.ifa_family = address.family;
	request.about.address.ifa_prefixlen = address.length;
	request.about.address.ifa_index = (unsigned int)device;
	/* Nobody else is there to have it; an address that is being asked about cannot be bound. */
	request.about.address.ifa_flags = address.family == AF_INET6 ? IFA_F_NODAD : 0;
	attach(&request, IFA_LOCAL, address.bytes, address.size);
	attach(&request, IFA_ADDRESS, address.bytes, address.size);
	return ask(&request, RTM_NEWADDR);
}

int init_add_gateway(int device, const char *text)
{
	struct request request = {0};
	struct address address;
	int error = parse_address(text, &address);

	if (error != 0)
		return error;
	request.header.nlmsg_len = NLMSG_LENGTH(sizeof request.about.route);
	request.about.route.rtm_family = address.family;
	request.about.route.rtm_table = RT_TABLE_MAIN;
	request.about.route.rtm_protocol = RTPROT_BOOT;
	request.about.route.rtm_scope = RT_SCOPE_UNIVERSE;
	request.about.route.rtm_type = RTN_UNICAST;
	/* It need not be inside the prefix of an address. */
	request.about.route.rtm_flags = RTNH_F_ONLINK;
	attach(&request, RTA_GATEWAY, address.bytes, address.size);
	attach(&request, RTA_OIF, &device, sizeof device);
	return ask(&request, RTM_NEWROUTE);
}
