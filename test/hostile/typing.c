/* typing: pushes a line into its controlling terminal, in each ABI there is. Prints the ways that worked. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINE "echo typed-$((40 + 2))\n"

static long native(char *byte)
{
	return syscall(SYS_ioctl, 0, TIOCSTI, byte);
}

#ifdef __x86_64__
static long call(const char *instruction, long number, char *byte)
{
	long result;

	if (*instruction == 'i')
		__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(0), "c"(TIOCSTI), "d"(byte) : "memory");
	else
		__asm__ volatile("syscall"
				 : "=a"(result)
				 : "a"(number), "D"(0), "S"(TIOCSTI), "d"(byte)
				 : "rcx", "r11", "memory");
	return result;
}

static long of_x32(char *byte)
{
	return call("syscall", 0x40000000L + 514, byte);
}

static long of_i386(char *byte)
{
	return call("int", 54, byte);
}
#endif

static const struct {
	const char *name;
	long (*push)(char *);
} ways[] = {
	{"native", native},
#ifdef __x86_64__
	{"x32", of_x32},
	{"i386", of_i386},
#endif
};

int main(void)
{
	/* Below 4 GiB, where a call of 32 bits can point to. */
	static char line[] = LINE;

	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		size_t pushed = 0;
		while (pushed < strlen(line) && ways[i].push(line + pushed) == 0)
			pushed++;
		if (pushed > 0)
			printf("pushed: %s\n", ways[i].name);
	}
	puts("tried");
	return 0;
}
