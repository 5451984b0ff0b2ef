/* See mconsole.h. */
#include "mconsole.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "tree.h"

#define MAGIC 0xcafebabeU
#define VERSION 2U
#define DATA_MAX 512

struct request {
	uint32_t magic, version, size;
	char data[DATA_MAX];
};

struct reply {
	uint32_t error, more, size;
	char data[DATA_MAX];
};

int mconsole_socket(void)
{
	const struct sockaddr_un unnamed = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* A name of the kernel's choice. */
	if (fd >= 0 && bind(fd, (const struct sockaddr *)&unnamed, sizeof unnamed.sun_family) < 0) {
		const int error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/*
 * The guest may put what it likes where its kernel's socket was: a link there would lead out of the
 * sandbox, since it is followed by the caller. So what is found without links is what is written to.
 */
static int send_request(const struct mconsole *console, const struct request *request)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	const int found = tree_find_plain(console->folder, MCONSOLE_FOLDER "/mconsole");
	struct stat status;

	if (found < 0)
		return errno;
	int error = fstat(found, &status) < 0 ? errno : S_ISSOCK(status.st_mode) ? 0 : ENOTSOCK;
	snprintf(name.sun_path, sizeof name.sun_path, "/proc/self/fd/%d", found);
	if (error == 0 && sendto(console->socket, request, sizeof *request, MSG_NOSIGNAL,
				 (const struct sockaddr *)&name, sizeof name) < 0)
		error = errno;
	close(found);
	return error;
}

/* The next reply before the deadline; what it says of its size is not believed. */
static int receive(const struct mconsole *console, struct reply *reply, int64_t deadline)
{
	const ssize_t head = offsetof(struct reply, data);
	struct pollfd waited = {.fd = console->socket, .events = POLLIN};
	struct timespec left;

	while (clock_now_ms() < deadline) {
		const ssize_t count = recv(console->socket, reply, sizeof *reply, MSG_DONTWAIT);
		if (count >= 0 && count < head)
			return EBADMSG;
		if (count >= 0) {
			const uint32_t most = (uint32_t)(count - head);
			reply->size = reply->size < most ? reply->size : most;
			return 0;
		}
		if (errno != EAGAIN && errno != EINTR)
			return errno;
		(void)ppoll(&waited, 1, clock_left(deadline, &left), NULL);
	}
	return ETIMEDOUT;
}

/* The parts of one answer, one after the other, as far as there is room. */
static int receive_answer(const struct mconsole *console, char *answer, size_t size, int64_t deadline)
{
	struct reply reply;
	size_t used = 0;

	do {
		const int error = receive(console, &reply, deadline);
		if (error != 0)
			return error;
		size_t length = strnlen(reply.data, reply.size);
		if (length >= size - used)
			length = size - used - 1;
		memcpy(answer + used, reply.data, length);
		used += length;
		answer[used] = '\0';
	} while (reply.more != 0);
	return reply.error == 0 ? 0 : EPROTO;
}

/*
 * A kernel that was frozen answers later, to a request that was given up: the answers come in the order
 * of the requests, so that those still owed are taken off first.
 */
int mconsole_ask(struct mconsole *console, const char *request, char *answer, size_t size)
{
	struct request asked = {.magic = MAGIC, .version = VERSION, .size = (uint32_t)strlen(request)};
	const int64_t deadline = clock_now_ms() + MCONSOLE_PATIENCE_MS;

	if (size == 0 || asked.size >= DATA_MAX)
		return EMSGSIZE;
	answer[0] = '\0';
	memcpy(asked.data, request, asked.size);
	int error = send_request(console, &asked);
	if (error != 0)
		return error;
	for (console->owed++; console->owed > 0; console->owed--) {
		answer[0] = '\0';
		error = receive_answer(console, answer, size, deadline);
		if (error != 0 && error != EPROTO)
			return error;
	}
	return error;
}
