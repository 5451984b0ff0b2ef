/* memory MODE: takes memory of one kind until there is no more, and holds it. Exit 3: the kernel gave no more. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (1 << 20)

static bool touch(char *piece)
{
	if (piece == MAP_FAILED)
		return false;
	memset(piece, 1, PIECE);
	return true;
}

static bool map(int flags, int fd)
{
	return touch(mmap(NULL, PIECE, PROT_READ | PROT_WRITE, flags, fd, 0));
}

static bool anonymous(void)
{
	return map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static bool shared(void)
{
	return map(MAP_SHARED | MAP_ANONYMOUS, -1);
}

static bool locked(void)
{
	return map(MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1);
}

static bool huge(void)
{
	char *piece = mmap(NULL, 2 * PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	return touch(piece);
}

static bool more_of_file(int fd)
{
	static char piece[PIECE];

	memset(piece, 1, sizeof piece);
	return fd >= 0 && write(fd, piece, sizeof piece) == (ssize_t)sizeof piece;
}

static bool in_memfd(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("hostile", 0);
	return more_of_file(fd);
}

/* Its name goes at once: what is left of a tmpfs file with a name is left on any system. */
static bool in_tmpfs(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/dev/shm", O_TMPFILE | O_RDWR, 0600);
	return more_of_file(fd);
}

/* The cache of a file that grows to a gigabyte and begins anew. */
static bool cache(void)
{
	static int fd = -1;
	static int pieces;

	if (fd < 0)
		fd = open(".", O_TMPFILE | O_RDWR, 0600);
	if (pieces++ % 1024 == 0 && lseek(fd, 0, SEEK_SET) != 0)
		return false;
	return more_of_file(fd);
}

static bool segments(void)
{
	int id = shmget(IPC_PRIVATE, PIECE, 0600);
	char *piece = id < 0 ? MAP_FAILED : shmat(id, NULL, 0);

	if (id >= 0)
		(void)shmctl(id, IPC_RMID, NULL);
	return touch(piece);
}

static bool fill(int fd)
{
	static char bytes[4096];

	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return false;
	while (write(fd, bytes, sizeof bytes) > 0)
		;
	return true;
}

static bool pipes(void)
{
	int ends[2];

	if (pipe(ends) < 0)
		return false;
	(void)fcntl(ends[1], F_SETPIPE_SZ, PIECE);
	return fill(ends[1]);
}

static bool sockets(void)
{
	int ends[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && fill(ends[0]) && fill(ends[1]);
}

/* Names that are not there are remembered as well. */
static bool dentries(void)
{
	static unsigned long number;
	struct stat status;
	char name[256];

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "%0200lu", number++);
		(void)stat(name, &status);
	}
	return true;
}

static const struct {
	const char *name;
	bool (*more)(void);
} modes[] = {
	{"anonymous", anonymous}, {"shared", shared},     {"locked", locked},   {"huge", huge},
	{"memfd", in_memfd},      {"tmpfs", in_tmpfs},    {"cache", cache},     {"segments", segments},
	{"pipes", pipes},         {"sockets", sockets},   {"dentries", dentries},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof modes / sizeof modes[0]; i++) {
		if (strcmp(argv[1], modes[i].name) != 0)
			continue;
		while (modes[i].more())
			;
		return 3;
	}
	return 2;
}
