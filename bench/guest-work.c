/*
 * guest-work DIR [cold] [PLACE...]: what `npm run bench -- guest` has run on the host, in bubblewrap and in guests. Prints
 * `NAME SECONDS` lines, of each the median of three, or of one where that takes long. The work of a kernel comes first;
 * then, for each PLACE, a folder below DIR, that of its file system, as NAME.PLACE. cold: what was written is read back
 * past the page cache (of the guest; the host has it still).
 *
 * guest-work exit: ends at once; what fork+exec executes.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CALLS 20000
#define FORKS 60
#define TURNS 3000
#define TOUCHED ((size_t)64 << 20)
#define FILES 5000
#define BIG ((size_t)128 << 20)
#define PIECE ((size_t)1 << 20)

static const char *self;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

static double getpid_once(void)
{
	double began = now();

	for (int i = 0; i < CALLS; i++)
		syscall(SYS_getpid);
	return (now() - began) / CALLS;
}

static double touch(void)
{
	double began = now();
	char *memory = mmap(NULL, TOUCHED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		fail("mmap");
	madvise(memory, TOUCHED, MADV_NOHUGEPAGE);
	for (size_t at = 0; at < TOUCHED; at += 4096)
		memory[at] = 1;
	munmap(memory, TOUCHED);
	return now() - began;
}

static void run(char *const *argv)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		fail(argv[0]);
}

static double fork_exec(void)
{
	char *argv[] = {(char *)self, (char *)"exit", NULL};
	double began = now();

	for (int i = 0; i < FORKS; i++)
		run(argv);
	return (now() - began) / FORKS;
}

static double pipe_turn(void)
{
	int there[2], back[2];
	char byte = 0;

	if (pipe(there) < 0 || pipe(back) < 0)
		fail("pipe");
	pid_t pid = fork();
	if (pid == 0) {
		for (int i = 0; i < TURNS; i++)
			if (read(there[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1)
				_exit(1);
		_exit(0);
	}
	double began = now();
	for (int i = 0; i < TURNS; i++)
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			fail("pipe");
	double took = (now() - began) / TURNS;
	waitpid(pid, NULL, 0);
	for (int i = 0; i < 2; i++) {
		close(there[i]);
		close(back[i]);
	}
	return took;
}

static double loop(void)
{
	volatile uint64_t kept;
	uint64_t number = 88172645463325252u;
	double began = now();

	for (int i = 0; i < 100000000; i++) {
		number ^= number << 13;
		number ^= number >> 7;
		number ^= number << 17;
	}
	kept = number;
	(void)kept;
	return now() - began;
}

static double compile(void)
{
	char *argv[] = {(char *)"cc", (char *)"-O2", (char *)"-o", (char *)"compiled",
			(char *)"guest-work.c", NULL};
	double began = now();

	run(argv);
	return now() - began;
}

static double python(void)
{
	char *argv[] = {(char *)"/usr/bin/python3", (char *)"-c", (char *)"0", NULL};
	double began = now();

	run(argv);
	return now() - began;
}

static void make_file(const char *name, const char *bytes, size_t size)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || close(fd) < 0)
		fail(name);
}

static void small_files(double *create, double *look)
{
	static const char bytes[1024];
	struct stat status;
	char name[32];

	double began = now();
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof name, "f%d", i);
		make_file(name, bytes, sizeof bytes);
	}
	double made = now();
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof name, "f%d", i);
		if (stat(name, &status) < 0)
			fail(name);
	}
	*look = now() - made;
	*create = made - began;
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof name, "f%d", i);
		unlink(name);
	}
}

static void big_file(int cold, double *written, double *taken)
{
	static char piece[PIECE];
	int fd = open("big", O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0)
		fail("big");
	memset(piece, 'x', sizeof piece);
	double began = now();
	for (size_t at = 0; at < BIG; at += PIECE)
		if (write(fd, piece, PIECE) != (ssize_t)PIECE)
			fail("big");
	if (fsync(fd) < 0)
		fail("big");
	*written = now() - began;
	if (cold)
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	lseek(fd, 0, SEEK_SET);
	began = now();
	while (read(fd, piece, PIECE) > 0)
		;
	*taken = now() - began;
	close(fd);
	unlink("big");
}

static void measure(const char *name, double (*once)(void))
{
	double times[3];

	for (int i = 0; i < 3; i++)
		times[i] = once();
	for (int i = 0; i < 3; i++)
		for (int j = i + 1; j < 3; j++)
			if (times[j] < times[i]) {
				double kept = times[i];
				times[i] = times[j];
				times[j] = kept;
			}
	printf("%s %.9f\n", name, times[1]);
}

static void measure_place(const char *place, int cold)
{
	double create, look, written, taken;

	if (chdir(place) < 0)
		fail(place);
	small_files(&create, &look);
	big_file(cold, &written, &taken);
	const char *name = strrchr(place, '/') + 1;
	printf("create.%s %.9f\nstat.%s %.9f\nwrite.%s %.9f\nread.%s %.9f\n", name, create, name, look, name,
	       written, name, taken);
}

int main(int argc, char **argv)
{
	int at = 2, cold = argc > 2 && strcmp(argv[2], "cold") == 0;

	self = argv[0];
	if (argc == 2 && strcmp(argv[1], "exit") == 0)
		return 0;
	if (argc < 2 || chdir(argv[1]) < 0)
		fail("usage: guest-work DIR [cold] [PLACE...]");
	measure("getpid", getpid_once);
	measure("touch", touch);
	measure("forkexec", fork_exec);
	measure("pipe", pipe_turn);
	measure("loop", loop);
	measure("compile", compile);
	measure("python", python);
	for (at += cold; at < argc; at++)
		measure_place(argv[at], cold);
	return 0;
}
