/* Requests of rtnetlink(7) and of netfilter, one after the other (netlink.c says how they are written). */
#ifndef COMPART_NETLINK_RECORDS_H
#define COMPART_NETLINK_RECORDS_H

#include <stdbool.h>
#include <stddef.h>

/* The namespace of the stack, for requests that name it. */
#define NETNS_FD 3
/* Bytes before a request. */
#define RECORD_HEAD 8

enum { OUTER, INNER, NETFILTER, ENDS };

struct netlink_end {
	int fd;            /* negative where this kernel has none of it */
	const char *link;
};

/* From now on refusals are lines of the answer, which they end. */
void netlink_fail_on_stdout(void);

/* The last line of an answer; false where nobody reads it. */
bool netlink_end_answer(void);

/* Says what the kernel refused, and ends this process. */
_Noreturn void netlink_fail(unsigned int record, int error, const char *words);

/* A socket in the namespace that this process is in. */
int netlink_open(int protocol);

/* Prints what the kernel says besides; ends this process where one is refused. */
void netlink_carry_out(const struct netlink_end ends[ENDS], char *records, size_t size);

#endif
