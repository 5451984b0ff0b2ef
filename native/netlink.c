/*
 * compart-netlink [--make] NETNS OUTER INNER < RECORDS
 *
 * Carries out requests of rtnetlink(7) that are written elsewhere (src/host/network/netlink.ts), in two network
 * namespaces: the caller's, and the one called NETNS in /run/netns, which --make makes first as ip-netns(8) does. One
 * process does what takes four of ip(8) and tc(8). Descriptor 3 is NETNS, for requests that name it.
 *
 * A record is
 *     u32  its whole length
 *     u8   0: in the caller's namespace, about the link OUTER; 1: in NETNS, about INNER
 *     u8   1: a refusal is an answer too
 *     u16  where in the request the index of that link goes, 0 for nowhere
 * and the request: an nlmsghdr and what follows. Numbers are the machine's own. Each request is answered before the next
 * is sent; what the kernel says besides is printed, a line of hexadecimal digits for each message with its nlmsghdr.
 *
 * The exit status is 0, or 1 and one line on stderr: "fail RECORD ERRNO [WORDS OF THE KERNEL]". RECORD counts from 1 and is
 * 0 for the namespaces themselves. What was done before stays.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"

#define EXIT_USAGE 2
#define NETNS_DIR "/run/netns"
#define NETNS_FD 3
#define RECORDS_MAX 65536
#define ANSWER_MAX 32768
#define ATTRIBUTE_HEADER sizeof(struct nlattr)

struct record {
	uint32_t size;
	uint8_t inner;
	uint8_t may_fail;
	uint16_t index_at;
};

struct end {
	int fd;            /* netlink */
	const char *link;
};

static _Noreturn void fail(unsigned int record, int error, const char *words)
{
	fprintf(stderr, "fail %u %d %s\n", record, error, words);
	_exit(1);
}

/* The folder is a mount of its own, shared, so that what is mounted in it is seen in every mount namespace. */
static int share_dir(void)
{
	if (mkdir(NETNS_DIR, 0755) < 0 && errno != EEXIST)
		return errno;
	if (mount("", NETNS_DIR, "none", MS_SHARED | MS_REC, NULL) == 0)
		return 0;
	if (errno != EINVAL)
		return errno;
	if (mount(NETNS_DIR, NETNS_DIR, "none", MS_BIND | MS_REC, NULL) < 0 ||
	    mount("", NETNS_DIR, "none", MS_SHARED | MS_REC, NULL) < 0)
		return errno;
	return 0;
}

/* This process is in it then. */
static int make_netns(const char *path)
{
	int error = share_dir();
	int fd = error != 0 ? -1 : open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);

	if (error != 0)
		return error;
	if (fd < 0)
		return errno;
	close(fd);
	if (unshare(CLONE_NEWNET) < 0 ||
	    mount("/proc/self/ns/net", path, "none", MS_BIND, NULL) < 0) {
		error = errno;
		unlink(path);
	}
	return error;
}

static void enter_netns(const char *name, bool make)
{
	char path[sizeof NETNS_DIR + NAME_MAX];
	int error = 0;

	if (snprintf(path, sizeof path, NETNS_DIR "/%s", name) >= (int)sizeof path)
		fail(0, ENAMETOOLONG, name);
	if (make && (error = make_netns(path)) != 0)
		fail(0, error, path);
	int fd = open(path, O_RDONLY);
	if (fd < 0 || (!make && setns(fd, CLONE_NEWNET) < 0))
		fail(0, errno, path);
	if (fd != NETNS_FD && dup2(fd, NETNS_FD) < 0)
		fail(0, errno, path);
}

static int open_netlink(void)
{
	const int on = 1;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		fail(0, errno, "rtnetlink");
	/* Older kernels have no words. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
	/* Not one of the two that a request may name. */
	return fd == NETNS_FD ? fcntl(fd, F_DUPFD_CLOEXEC, NETNS_FD + 1) : fd;
}

/* The kernel's words in an answer that is an error, empty for none. */
static void words_of(const struct nlmsghdr *header, char *words, size_t size)
{
	size_t at = (size_t)NLMSG_HDRLEN + sizeof(struct nlmsgerr);

	words[0] = '\0';
	if ((header->nlmsg_flags & NLM_F_ACK_TLVS) == 0)
		return;
	while (at + ATTRIBUTE_HEADER <= header->nlmsg_len) {
		const struct nlattr *attribute = (const void *)((const char *)header + at);
		if (attribute->nla_len < ATTRIBUTE_HEADER || at + attribute->nla_len > header->nlmsg_len)
			return;
		if (attribute->nla_type == NLMSGERR_ATTR_MSG)
			snprintf(words, size, "%.*s", (int)(attribute->nla_len - ATTRIBUTE_HEADER),
				 (const char *)attribute + ATTRIBUTE_HEADER);
		at += ((size_t)attribute->nla_len + NLA_ALIGNTO - 1) & ~(size_t)(NLA_ALIGNTO - 1);
	}
}

static void print_message(const struct nlmsghdr *message)
{
	for (uint32_t i = 0; i < message->nlmsg_len; i++)
		printf("%02x", ((const unsigned char *)message)[i]);
	putchar('\n');
}

/* Reads what comes until the acknowledgement. */
static int hear(int fd, char *words, size_t size)
{
	static union {
		struct nlmsghdr header;
		char bytes[ANSWER_MAX];
	} answer;

	for (;;) {
		ssize_t count = recv(fd, &answer, sizeof answer, 0);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return errno;
		size_t left = (size_t)count;
		for (struct nlmsghdr *each = &answer.header; NLMSG_OK(each, left);
		     each = NLMSG_NEXT(each, left)) {
			if (each->nlmsg_type != NLMSG_ERROR) {
				print_message(each);
				continue;
			}
			words_of(each, words, size);
			return -((const struct nlmsgerr *)NLMSG_DATA(each))->error;
		}
	}
}

static int ask(const struct end *end, struct record *record, char *request, char *words, size_t size)
{
	struct ifreq link = {0};
	struct nlmsghdr header;

	memcpy(&header, request, sizeof header);
	/* What is waited for. */
	header.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	memcpy(request, &header, sizeof header);
	if (record->index_at != 0) {
		snprintf(link.ifr_name, sizeof link.ifr_name, "%s", end->link);
		if (ioctl(end->fd, SIOCGIFINDEX, &link) < 0)
			return errno;
		memcpy(request + record->index_at, &link.ifr_ifindex, sizeof link.ifr_ifindex);
	}
	if (send(end->fd, request, record->size - sizeof *record, 0) < 0)
		return errno;
	return hear(end->fd, words, size);
}

static void carry_out(const struct end ends[2], char *records, size_t size)
{
	char words[256];
	unsigned int number = 0;

	for (size_t at = 0; at < size;) {
		struct record record;
		number++;
		if (size - at < sizeof record)
			fail(number, EBADMSG, "a record is cut off");
		memcpy(&record, records + at, sizeof record);
		if (record.size < sizeof record + NLMSG_HDRLEN || record.size > size - at ||
		    record.index_at + sizeof(int) > record.size - sizeof record)
			fail(number, EBADMSG, "a record is not whole");
		words[0] = '\0';
		int error = ask(&ends[record.inner != 0], &record, records + at + sizeof record, words,
				sizeof words);
		if (error != 0 && !record.may_fail)
			fail(number, error, words);
		at += record.size;
	}
}

int main(int argc, char **argv)
{
	static _Alignas(struct nlmsghdr) char records[RECORDS_MAX];
	const bool make = argc == 5 && strcmp(argv[1], "--make") == 0;
	struct end ends[2];
	size_t size = 0;

	if (argc != 4 && !make) {
		fputs("usage: compart-netlink [--make] NETNS OUTER INNER < RECORDS\n", stderr);
		return EXIT_USAGE;
	}
	for (;;) {
		ssize_t count = fd_read(STDIN_FILENO, records + size, sizeof records - size);
		if (count < 0 || size + (size_t)count == sizeof records)
			fail(0, count < 0 ? errno : E2BIG, "records");
		if (count == 0)
			break;
		size += (size_t)count;
	}
	argv += argc - 3;
	ends[0] = (struct end){.fd = open_netlink(), .link = argv[1]};
	enter_netns(argv[0], make);
	ends[1] = (struct end){.fd = open_netlink(), .link = argv[2]};
	carry_out(ends, records, size);
	return fflush(stdout) == 0 ? 0 : 1;
}
