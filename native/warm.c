/* See warm.h. */
#include "warm.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "front.h"
#include "launch.h"
#include "planner.h"
#include "world.h"

#define CHOICE "COMPART_PLANNER"
#define SOCKET "warm.sock"
#define PATIENCE_MS 2000
#define HELLO_BYTES_MAX ((size_t)4 * 1024 * 1024)

/* Does systemd keep a folder for this user, though nobody names it (cron, su, sudo)? */
static bool is_kept(void)
{
	struct stat status;
	char path[32];

	snprintf(path, sizeof path, "/run/user/%u", getuid());
	return stat(path, &status) == 0 && status.st_uid == getuid();
}

/* src/host/host.ts has the same; a service asks the environment again, and declines where it finds another. */
static bool socket_address(struct sockaddr_un *address)
{
	const char *moved = getenv("COMPART_STATE"), *runtime = getenv("XDG_RUNTIME_DIR");
	const size_t size = sizeof address->sun_path;
	int length;

	address->sun_family = AF_UNIX;
	if (moved != NULL && *moved != '\0')
		length = snprintf(address->sun_path, size, "%s/" SOCKET, moved);
	else if (getuid() == 0)
		length = snprintf(address->sun_path, size, "/run/compart/" SOCKET);
	else if (runtime != NULL && *runtime != '\0')
		length = snprintf(address->sun_path, size, "%s/compart/" SOCKET, runtime);
	else
		length = snprintf(address->sun_path, size, "%s%u/compart/" SOCKET,
				  is_kept() ? "/run/user/" : "/tmp/compart-", getuid());
	return length > 0 && (size_t)length < size;
}

/* Somebody else who listens there could be told an environment, and say what to run. */
static bool is_own(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof peer;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

static bool set_patience(int fd, int milliseconds)
{
	const struct timeval patience = {.tv_sec = milliseconds / 1000,
					 .tv_usec = milliseconds % 1000 * 1000};

	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
	       setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0;
}

static int connect_service(void)
{
	struct sockaddr_un address = {0};

	if (!socket_address(&address))
		return -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	/* Before the connect(2): a full queue would be waited for. */
	if (set_patience(fd, PATIENCE_MS) &&
	    connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 && is_own(fd))
		return fd;
	close(fd);
	return -1;
}

struct hello {
	char *bytes;
	size_t used;
};

static void add(struct hello *hello, const char *text)
{
	const size_t size = strlen(text) + 1;

	if (hello->used + size <= HELLO_BYTES_MAX)
		memcpy(hello->bytes + hello->used, text, size);
	hello->used += size;
}

static void add_number(struct hello *hello, int64_t number)
{
	char text[32];

	snprintf(text, sizeof text, "%" PRId64, number);
	add(hello, text);
}

/* False where the caller is nowhere, or has more to say than has room. */
static bool compose(struct hello *hello, int argc, char **argv, int64_t began_us)
{
	char directory[PATH_MAX], world[WORLD_BYTES_MAX];

	if (getcwd(directory, sizeof directory) == NULL || *directory != '/' ||
	    !world_describe(planner_root(), world, sizeof world))
		return false;
	hello->used = sizeof(uint32_t);
	hello->bytes[hello->used++] = 'H';
	add(hello, WARM_HEADER);
	add(hello, world);
	add(hello, planner_own_path());
	add_number(hello, began_us);
	add_number(hello, getpid());
	add(hello, directory);
	add_number(hello, argc - 1);
	for (int i = 1; i < argc; i++)
		add(hello, argv[i]);
	for (char **variable = environ; *variable != NULL; variable++)
		add(hello, *variable);
	const uint32_t size = (uint32_t)(hello->used - sizeof(uint32_t));
	memcpy(hello->bytes, &size, sizeof size);
	return hello->used <= HELLO_BYTES_MAX;
}

static bool send_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t count = send(fd, bytes, size, MSG_NOSIGNAL);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return false;
		bytes += count;
		size -= (size_t)count;
	}
	return true;
}

/* The first frame is a length of one and a kind, sent in one. */
static bool is_accepted(int fd)
{
	const uint32_t one = 1;
	char answer[sizeof one + 1];

	return recv(fd, answer, sizeof answer, MSG_WAITALL) == (ssize_t)sizeof answer &&
	       memcmp(answer, &one, sizeof one) == 0 && answer[sizeof one] == 'a';
}

bool warm_ask(int argc, char **argv, int64_t began_us, int *channel)
{
	const char *choice = getenv(CHOICE);

	if (choice != NULL && *choice != '\0' && strcmp(choice, "warm") != 0)
		return false;
	const int fd = connect_service();
	if (fd < 0)
		return false;
	struct hello hello = {.bytes = malloc(HELLO_BYTES_MAX)};
	const bool taken = hello.bytes != NULL && compose(&hello, argc, argv, began_us) &&
			   send_all(fd, hello.bytes, hello.used) && is_accepted(fd) && set_patience(fd, 0);
	free(hello.bytes);
	if (taken)
		*channel = fd;
	else
		close(fd);
	return taken;
}

_Noreturn void warm_print_world(void)
{
	char world[WORLD_BYTES_MAX];

	if (!world_describe(planner_root(), world, sizeof world))
		front_fail("world", errno);
	puts(world);
	exit(0);
}
