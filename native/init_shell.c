/* See init_shell.h. */
#include "init_shell.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "fd.h"
#include "guest_spawn.h"
#include "init.h"

#define TERMINAL "/dev/tty1"
#define HOME "/root"
#define INVITATION "\nPress Enter for a shell.\n"

static void shell_ready(struct watch *self)
{
	((struct shell *)self)->ready = true;
}

void shell_wait(struct shell *shell)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = &shell->watch};

	shell->watch.ready = shell_ready;
	shell->ready = false;
	shell->fd = open(TERMINAL, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (shell->fd < 0) {
		init_say(errno, "no shell: cannot open " TERMINAL);
		return;
	}
	(void)!write(shell->fd, INVITATION, sizeof INVITATION - 1);
	if (epoll_ctl(shell->epoll_fd, EPOLL_CTL_ADD, shell->fd, &event) < 0)
		init_say(errno, "no shell: cannot watch " TERMINAL);
}

/* Blocking, unlike the descriptor that waited: they are two openings of the terminal. */
static void start(struct shell *shell)
{
	char *words[] = {NULL, (char *)shell->file, NULL};
	char *environment[] = {(char *)"HOME=" HOME, (char *)"TERM=linux",
			       (char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	struct spawn spawn = {.words = words, .environment = environment, .terminal = true,
			      .unguarded = shell->unguarded};
	int fd = open(TERMINAL, O_RDWR | O_NOCTTY | O_CLOEXEC);

	spawn.fds[0] = spawn.fds[1] = spawn.fds[2] = fd;
	/* Asked before: one that fails would hang the terminal up as it ends. */
	if (access(HOME, X_OK) == 0)
		spawn.workdir = HOME;
	shell->pid = spawn_command(&spawn);
	if (shell->pid < 0)
		init_say(spawn.error, "cannot start %s on " TERMINAL, shell->file);
	if (fd >= 0)
		close(fd);
	close(shell->fd);
	shell->fd = -1;
	/* The terminal may have been hung up with what failed: it is opened anew. */
	if (shell->pid < 0)
		shell_wait(shell);
}

void shell_move(struct shell *shell)
{
	char typed[256];
	ssize_t count;

	if (!shell->ready || shell->fd < 0 || shell->pid > 0)
		return;
	shell->ready = false;
	while ((count = read(shell->fd, typed, sizeof typed)) > 0) {
		if (memchr(typed, '\n', (size_t)count) == NULL)
			continue;
		start(shell);
		return;
	}
}

void shell_reaped(struct shell *shell, pid_t pid)
{
	if (shell->pid <= 0 || pid != shell->pid)
		return;
	shell->pid = 0;
	shell_wait(shell);
}
