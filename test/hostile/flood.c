/* flood MODE: output, files, descriptors or threads that burn a CPU each, without end. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char bytes[1 << 16];

static void output(void)
{
	for (;;)
		if (write(STDOUT_FILENO, bytes, sizeof bytes) < 0)
			return;
}

/* The disk is not filled: the same megabytes again and again, each time on the disk. */
static void disk(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR | O_DSYNC, 0600);

	for (off_t at = 0; pwrite(fd, bytes, sizeof bytes, at) > 0; at = (at + (off_t)sizeof bytes) % (1 << 24))
		;
}

static void descriptors(void)
{
	int count = 0;

	while (dup(STDIN_FILENO) >= 0)
		count++;
	printf("%d\n", count);
}

static void *burn(void *unused)
{
	for (volatile unsigned long turn = 0;; turn++)
		;
	return unused;
}

static void cpus(void)
{
	pthread_t thread;

	for (int i = 0; i < 32; i++)
		(void)pthread_create(&thread, NULL, burn, NULL);
	burn(NULL);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	if (strcmp(argv[1], "output") == 0)
		output();
	else if (strcmp(argv[1], "disk") == 0)
		disk();
	else if (strcmp(argv[1], "descriptors") == 0)
		descriptors();
	else if (strcmp(argv[1], "cpus") == 0)
		cpus();
	return 0;
}
