/*
 * uml-harness BOOTFILE: starts the kernel of a boot file, prints what it prints, and exits with its
 * status. For tests and for hands.
 *
 * On stderr, lines of key=value: pid and start_us (of uml_start) once it runs, first_us (its first byte,
 * from the same beginning), or "fail STEP ERRNO DETAIL" and 125. A line on stdin is a request to
 * mconsole, asked by a child ("mconsole ERRNO ANSWER" on stderr), or "kill", or "tty WORDS" for con1.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../boot_plan.h"
#include "../fd.h"
#include "../uml.h"

static long now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static char *read_file(const char *path, size_t *size)
{
	char *text = malloc(BOOT_BYTES_MAX + 1);
	const int fd = open(path, O_RDONLY);
	const ssize_t count = text == NULL || fd < 0 ? -1 : fd_read(fd, text, BOOT_BYTES_MAX + 1);

	if (count < 0) {
		perror(path);
		exit(2);
	}
	*size = (size_t)count;
	close(fd);
	return text;
}

static _Noreturn void ask(const struct uml *uml, const char *line)
{
	char answer[8192];
	const int error = uml_mconsole(uml, line, answer, sizeof answer, 2000);

	fprintf(stderr, "mconsole %d %s\n", error, answer);
	_exit(0);
}

static void obey(const struct uml *uml, char *line)
{
	if (strcmp(line, "kill") == 0) {
		uml_kill(uml);
	} else if (strncmp(line, "tty ", 4) == 0) {
		dprintf(uml->tty_fd, "%s\n", line + 4);
	} else {
		const pid_t child = fork();
		if (child == 0)
			ask(uml, line);
		(void)waitpid(child, NULL, 0);
	}
}

/* Copies the console to stdout until its end; obeys lines meanwhile. */
static void attend(const struct uml *uml, long began)
{
	struct pollfd fds[] = {{.fd = uml->console_fd, .events = POLLIN},
			       {.fd = STDIN_FILENO, .events = POLLIN}};
	char bytes[4096];
	long first = 0;

	while (poll(fds, 2, -1) > 0) {
		if (fds[0].revents != 0) {
			const ssize_t count = read(uml->console_fd, bytes, sizeof bytes);
			if (count == 0)
				return;
			if (count > 0 && first == 0)
				fprintf(stderr, "first_us=%ld\n", first = now_us() - began);
			if (count > 0 && !fd_write(STDOUT_FILENO, bytes, (size_t)count))
				return;
		}
		if (fds[1].revents != 0) {
			const ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes - 1);
			if (count <= 0)
				fds[1].fd = -1;
			bytes[count > 0 ? count : 0] = '\0';
			for (char *line = strtok(bytes, "\n"); line != NULL; line = strtok(NULL, "\n"))
				obey(uml, line);
		}
	}
}

int main(int argc, char **argv)
{
	struct uml_error error;
	static struct boot_plan plan;
	struct uml uml;
	size_t size;
	int status = 0;

	if (argc != 2)
		return 2;
	char *text = read_file(argv[1], &size);
	const char *wrong = boot_plan_parse(&plan, text, size);
	if (wrong != NULL) {
		fprintf(stderr, "fail plan 22 %s\n", wrong);
		return 125;
	}
	const long began = now_us();
	if (uml_start(&plan, &uml, &error) < 0) {
		fprintf(stderr, "fail %s %d %s\n", error.step, error.number, error.detail);
		return 125;
	}
	fprintf(stderr, "pid=%d\nstart_us=%ld\n", (int)uml.pid, now_us() - began);
	attend(&uml, began);
	while (waitpid(uml.pid, &status, 0) < 0 && errno == EINTR)
		;
	uml_close(&uml);
	boot_plan_free(&plan);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
