/*
 * compart-netlink [--make] NETNS OUTER INNER < RECORDS
 * compart-netlink --serve < JOBS
 *
 * Carries out requests of rtnetlink(7) that are written elsewhere (src/host/network/netlink.ts), in two network
 * namespaces: the caller's, and the one called NETNS in /run/netns, which --make makes first as ip-netns(8) does; with
 * an empty name there is the caller's alone. One process does what takes four of ip(8) and tc(8). Descriptor 3 is NETNS,
 * for requests that name it.
 *
 * A record is
 *     u32  its whole length
 *     u8   0: in the caller's namespace, about the link OUTER; 1: in NETNS, about INNER; 2: in the caller's, of netfilter
 *     u8   1: a refusal is an answer too
 *     u16  where in the request the index of that link goes, 0 for nowhere
 * and the request: an nlmsghdr and what follows. Numbers are the machine's own. Each request is answered before the next
 * is sent; what the kernel says besides is printed, a line of hexadecimal digits for each message with its nlmsghdr. A
 * record of length 0 is the last: who writes may be kept from closing its end.
 *
 * The exit status is 0, or 1 and one line on stderr: "fail RECORD ERRNO [WORDS OF THE KERNEL]". RECORD counts from 1 and is
 * 0 for the namespaces themselves. What was done before stays.
 *
 * With --serve it stays, for one caller after whom it ends: a job is a struct job and its records, and its answer the same
 * lines on stdout, a refusal among them, and one that says "end". Each is done by a child, which the namespace dies with.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "netlink_records.h"

#define EXIT_USAGE 2
#define NETNS_DIR "/run/netns"
#define RECORDS_MAX 65536

/* What is asked of one that stays, before the records. */
struct job {
	uint32_t size;     /* of the records */
	uint32_t make;
	char netns[IFNAMSIZ], outer[IFNAMSIZ], inner[IFNAMSIZ];
};

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
		netlink_fail(0, ENAMETOOLONG, name);
	if (make && (error = make_netns(path)) != 0)
		netlink_fail(0, error, path);
	int fd = open(path, O_RDONLY);
	if (fd < 0 || (!make && setns(fd, CLONE_NEWNET) < 0))
		netlink_fail(0, errno, path);
	if (fd != NETNS_FD && dup2(fd, NETNS_FD) < 0)
		netlink_fail(0, errno, path);
}

/* Reads until there is no more, or the last record has been read; returns how much. */
static size_t read_records(char *records)
{
	size_t size = 0;
	size_t at = 0;
	uint32_t length;

	for (;;) {
		while (at + RECORD_HEAD <= size) {
			memcpy(&length, records + at, sizeof length);
			if (length == 0)
				return size;
			at += length;
		}
		ssize_t count = fd_read(STDIN_FILENO, records + size, RECORDS_MAX - size);
		if (count < 0 || size + (size_t)count == RECORDS_MAX)
			netlink_fail(0, count < 0 ? errno : E2BIG, "records");
		if (count == 0)
			return size;
		size += (size_t)count;
	}
}

static void work(const char *netns, const char *outer, const char *inner, bool make, char *records, size_t size)
{
	struct netlink_end ends[ENDS] = {
		[OUTER] = {.fd = netlink_open(NETLINK_ROUTE), .link = outer},
		[NETFILTER] = {.fd = netlink_open(NETLINK_NETFILTER), .link = outer},
	};

	ends[INNER] = ends[OUTER];
	if (netns[0] != '\0') {
		enter_netns(netns, make);
		ends[INNER] = (struct netlink_end){.fd = netlink_open(NETLINK_ROUTE), .link = inner};
	}
	netlink_carry_out(ends, records, size);
}

/* All of it, or false where the caller has gone. */
static bool read_whole(void *buffer, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t count = fd_read(STDIN_FILENO, (char *)buffer + at, size - at);
		if (count <= 0)
			return false;
		at += (size_t)count;
	}
	return true;
}

static int serve(char *records)
{
	struct job job;

	netlink_fail_on_stdout();
	while (read_whole(&job, sizeof job)) {
		int status = 0;
		if (job.size > RECORDS_MAX || !read_whole(records, job.size))
			return EXIT_USAGE;
		job.netns[IFNAMSIZ - 1] = job.outer[IFNAMSIZ - 1] = job.inner[IFNAMSIZ - 1] = '\0';
		/* It ends the answer itself: what the kernel has to do at its end nobody waits for. */
		pid_t pid = fork();
		if (pid == 0) {
			work(job.netns, job.outer, job.inner, job.make != 0, records, job.size);
			_exit(netlink_end_answer() ? 0 : 1);
		}
		if (pid < 0)
			printf("fail 0 %d fork\n", errno);
		while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if ((pid < 0 || !WIFEXITED(status)) && !netlink_end_answer())
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static _Alignas(struct nlmsghdr) char records[RECORDS_MAX];
	const bool make = argc == 5 && strcmp(argv[1], "--make") == 0;

	if (argc == 2 && strcmp(argv[1], "--serve") == 0)
		return serve(records);
	if (argc != 4 && !make) {
		fputs("usage: compart-netlink [--make] NETNS OUTER INNER < RECORDS\n"
		      "       compart-netlink --serve < JOBS\n",
		      stderr);
		return EXIT_USAGE;
	}
	const size_t size = read_records(records);
	argv += argc - 3;
	work(argv[0], argv[1], argv[2], make, records, size);
	return fflush(stdout) == 0 ? 0 : 1;
}
