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
#define NUDGE_MS 250

struct request {
	uint32_t magic, version, size;
	char data[DATA_MAX];
};

struct reply {
	uint32_t error, more, size;
	char data[DATA_MAX];
};

int mconsole_open(int ways[MCONSOLE_WAYS])
{
	const struct sockaddr_un unnamed = {.sun_family = AF_UNIX};

	for (int i = 1; i < MCONSOLE_WAYS; i++) {
		ways[i] = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (ways[i] < 0)
			return errno;
		/* A name of the host kernel's choice. */
		if (bind(ways[i], (const struct sockaddr *)&unnamed, sizeof unnamed.sun_family) < 0)
			return errno;
	}
	return 0;
}

/*
 * The guest may put what it likes where its kernel's socket was: a link there would lead out of the
 * sandbox, since it is followed by the caller. So what is found without links is what is written to.
 */
static int send_request(const struct mconsole *console, int way, const struct request *request)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	const int found = tree_find_plain(console->ways[0], MCONSOLE_FOLDER "/mconsole");
	struct stat status;

	if (found < 0)
		return errno;
	int error = fstat(found, &status) < 0 ? errno : S_ISSOCK(status.st_mode) ? 0 : ENOTSOCK;
	snprintf(name.sun_path, sizeof name.sun_path, "/proc/self/fd/%d", found);
	if (error == 0 && sendto(console->ways[way], request, sizeof *request, MSG_NOSIGNAL,
				 (const struct sockaddr *)&name, sizeof name) < 0)
		error = errno;
	close(found);
	return error;
}

/* What it says of its size is not believed. -1 with errno EAGAIN where there is none yet. */
static int take(struct mconsole *console, int way, struct reply *reply)
{
	const ssize_t head = offsetof(struct reply, data);
	const ssize_t count = recv(console->ways[way], reply, sizeof *reply, MSG_DONTWAIT);

	if (count < 0)
		return -1;
	if (count < head) {
		errno = EBADMSG;
		return -1;
	}
	const uint32_t most = (uint32_t)(count - head);
	reply->size = reply->size < most ? reply->size : most;
	console->owes[way] = reply->more != 0;
	return 0;
}

/* A socket that owes nothing, or 0. */
static int free_way(struct mconsole *console)
{
	struct reply late;

	for (int i = 1; i < MCONSOLE_WAYS; i++) {
		while (console->owes[i] && take(console, i, &late) == 0)
			;
		if (!console->owes[i])
			return i;
	}
	return 0;
}

static int ask(struct mconsole *console, int way, const char *text)
{
	struct request request = {.magic = MAGIC, .version = VERSION, .size = (uint32_t)strlen(text)};

	memcpy(request.data, text, request.size);
	const int error = way == 0 ? ETIMEDOUT : send_request(console, way, &request);
	console->owes[way] = error == 0;
	return error;
}

/*
 * The next reply before the deadline. A kernel that was stopped may have missed the signal by which it
 * learns of a request (seen with 6.1), and learns of it with the next one: so it is given a next one.
 */
static int receive(struct mconsole *console, int way, struct reply *reply, int64_t deadline)
{
	struct pollfd waited = {.fd = console->ways[way], .events = POLLIN};
	int64_t nudge = clock_now_ms() + NUDGE_MS;
	struct timespec left;

	for (int64_t now = clock_now_ms(); now < deadline; now = clock_now_ms()) {
		if (take(console, way, reply) == 0)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return errno;
		if (now >= nudge) {
			(void)ask(console, free_way(console), "version");
			nudge = deadline;
		}
		(void)ppoll(&waited, 1, clock_left(nudge < deadline ? nudge : deadline, &left), NULL);
	}
	return ETIMEDOUT;
}

/* The answer comes in parts, one after the other: as far as there is room. */
int mconsole_ask(struct mconsole *console, const char *request, char *answer, size_t size,
		 int patience_ms)
{
	const int64_t deadline = clock_now_ms() + patience_ms;
	const int way = free_way(console);
	struct reply reply;
	size_t used = 0;

	if (size == 0 || strlen(request) >= DATA_MAX)
		return EMSGSIZE;
	answer[0] = '\0';
	int error = ask(console, way, request);
	do {
		if (error == 0)
			error = receive(console, way, &reply, deadline);
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
