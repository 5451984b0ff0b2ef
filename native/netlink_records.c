/* Requests that are sent one after the other, and what the kernel says to them; see netlink_records.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink_records.h"

#define ANSWER_MAX 32768
#define ATTRIBUTE_HEADER sizeof(struct nlattr)

struct record {
	uint32_t size;
	uint8_t inner;
	uint8_t may_fail;
	uint16_t index_at;
};

_Static_assert(sizeof(struct record) == RECORD_HEAD, "the head of a record");

/* Where refusals go. */
static bool serving;

void netlink_fail_on_stdout(void)
{
	serving = true;
}

bool netlink_end_answer(void)
{
	fputs("end\n", stdout);
	return fflush(stdout) == 0;
}

_Noreturn void netlink_fail(unsigned int record, int error, const char *words)
{
	fprintf(serving ? stdout : stderr, "fail %u %d %s\n", record, error, words);
	if (serving)
		netlink_end_answer();
	_exit(1);
}

int netlink_open(int protocol)
{
	const int on = 1;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	if (fd < 0 && protocol != NETLINK_ROUTE)
		return fd;
	if (fd < 0)
		netlink_fail(0, errno, "rtnetlink");
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
	static const char digits[] = "0123456789abcdef";

	for (uint32_t i = 0; i < message->nlmsg_len; i++) {
		const unsigned char byte = ((const unsigned char *)message)[i];
		putchar_unlocked(digits[byte >> 4]);
		putchar_unlocked(digits[byte & 15]);
	}
	putchar_unlocked('\n');
}

/* Reads what comes until the acknowledgement, or the end of what was listed. */
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
			if (each->nlmsg_type == NLMSG_DONE)
				return each->nlmsg_len < NLMSG_LENGTH(sizeof(int)) ? 0 : -*(const int *)NLMSG_DATA(each);
			if (each->nlmsg_type != NLMSG_ERROR) {
				print_message(each);
				continue;
			}
			words_of(each, words, size);
			return -((const struct nlmsgerr *)NLMSG_DATA(each))->error;
		}
	}
}

static int ask(const struct netlink_end *end, struct record *record, char *request, char *words, size_t size)
{
	struct ifreq link = {0};
	struct nlmsghdr header;

	if (end->fd < 0)
		return EPROTONOSUPPORT;
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

void netlink_carry_out(const struct netlink_end ends[ENDS], char *records, size_t size)
{
	char words[256];
	unsigned int number = 0;

	for (size_t at = 0; at < size;) {
		struct record record;
		number++;
		if (size - at < sizeof record)
			netlink_fail(number, EBADMSG, "a record is cut off");
		memcpy(&record, records + at, sizeof record);
		if (record.size == 0)
			return;
		if (record.inner >= ENDS || record.size < sizeof record + NLMSG_HDRLEN || record.size > size - at ||
		    record.index_at + sizeof(int) > record.size - sizeof record)
			netlink_fail(number, EBADMSG, "a record is not whole");
		words[0] = '\0';
		int error = ask(&ends[record.inner], &record, records + at + sizeof record, words,
				sizeof words);
		if (error != 0 && !record.may_fail)
			netlink_fail(number, error, words);
		at += record.size;
	}
}
