/* See uml.h: the caller's side. */
#include "uml.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "mconsole.h"
#include "sandbox.h"
#include "uml_child.h"

static const struct uml nothing = {.pid = -1, .link_fd = -1, .console_fd = -1, .tty_fd = -1,
				   .user_fd = -1, .mount_fd = -1, .late_fd = -1};

union message {
	char byte;
	struct uml_error error;
};

static ssize_t receive(int control, union message *message, struct uml *uml)
{
	union uml_way way;
	struct iovec data = {.iov_base = message, .iov_len = sizeof *message};
	struct msghdr packet = {.msg_iov = &data,
				.msg_iovlen = 1,
				.msg_control = way.bytes,
				.msg_controllen = sizeof way.bytes};
	ssize_t count;

	do
		count = recvmsg(control, &packet, MSG_CMSG_CLOEXEC);
	while (count < 0 && errno == EINTR);
	const struct cmsghdr *head = count <= 0 ? NULL : CMSG_FIRSTHDR(&packet);
	if (head != NULL && head->cmsg_len == CMSG_LEN(UML_WAYS * sizeof(int))) {
		memcpy(uml->mconsole->ways, CMSG_DATA(head), sizeof uml->mconsole->ways);
		memcpy(&uml->late_fd, CMSG_DATA(head) + sizeof uml->mconsole->ways, sizeof uml->late_fd);
	}
	return count;
}

/* Until the socket's end: the kernel has been executed. */
static int await_exec(int control, struct uml *uml, struct uml_error *error)
{
	union message message;
	ssize_t count;

	while ((count = receive(control, &message, uml)) == 1)
		;
	if (count == (ssize_t)sizeof message.error) {
		*error = message.error;
		return -1;
	}
	if (count != 0)
		return sandbox_fail(error, "sandbox", count < 0 ? errno : EPROTO, "word of the child");
	if (uml->mconsole->ways[0] < 0)
		return sandbox_fail(error, "sandbox", ECHILD, "killed while it started");
	return 0;
}

static void end(pid_t child)
{
	kill(child, SIGKILL);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

/* As long as it can be looked at: where that is refused, nothing can be bound later, which uml_bind says. */
static int open_namespace(pid_t child, const char *name)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)child, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int raise_child(struct uml_birth *birth, struct uml *uml)
{
	uml->pid = sandbox_clone(birth->error);
	if (uml->pid == 0)
		uml_child(birth);
	if (uml->pid < 0)
		return -1;
	close(birth->control[1]);
	birth->control[1] = -1;
	uml_devices_close(birth->devices.kernels);
	uml->user_fd = open_namespace(uml->pid, "user");
	uml->mount_fd = open_namespace(uml->pid, "mnt");
	int result = sandbox_map_ids(uml->pid, birth->error);
	/* Killed already, it cannot be told; await_exec sees that. */
	if (result == 0 && send(birth->control[0], "g", 1, MSG_NOSIGNAL) < 0 && errno != EPIPE)
		result = sandbox_fail(birth->error, "sandbox", errno, "a word to the child");
	if (result == 0)
		result = await_exec(birth->control[0], uml, birth->error);
	if (result < 0)
		end(uml->pid);
	return result;
}

/* Shared with the caller's children: an answer that one of them gave up is not the next one's. */
static struct mconsole *open_console(void)
{
	struct mconsole *console =
		mmap(NULL, sizeof *console, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (console == MAP_FAILED)
		return NULL;
	memset(console->ways, -1, sizeof console->ways);
	return console;
}

static int prepare(struct uml_birth *birth, struct uml *uml)
{
	uml->mconsole = open_console();
	if (uml->mconsole == NULL)
		return sandbox_fail(birth->error, "sandbox", ENOMEM, "memory");
	birth->null = fd_open_null();
	if (birth->null < 0)
		return sandbox_fail(birth->error, "sandbox", errno, "/dev/null");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, birth->control) < 0)
		return sandbox_fail(birth->error, "sandbox", errno, "a control socket");
	return uml_devices_open(&birth->devices, birth->plan, birth->error);
}

static void close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

int uml_start(const struct boot_plan *plan, struct uml *uml, struct uml_error *error)
{
	struct uml_birth birth = {.plan = plan, .control = {-1, -1}, .null = -1, .error = error};

	memset(error, 0, sizeof *error);
	*uml = nothing;
	int result = prepare(&birth, uml);
	if (result == 0) {
		uml->link_fd = birth.devices.ours[DEVICE_LINK];
		uml->console_fd = birth.devices.ours[DEVICE_CONSOLE];
		uml->tty_fd = birth.devices.ours[DEVICE_TTY];
		result = raise_child(&birth, uml);
		uml_devices_close(birth.devices.kernels);
	}
	close_all(birth.control, 2);
	close_all(&birth.null, 1);
	if (result < 0)
		uml_close(uml);
	return result;
}

void uml_kill(const struct uml *uml)
{
	if (uml->pid > 0)
		kill(uml->pid, SIGKILL);
}

void uml_close(struct uml *uml)
{
	const int fds[] = {uml->link_fd, uml->console_fd, uml->tty_fd,
			   uml->user_fd, uml->mount_fd, uml->late_fd};

	close_all(fds, sizeof fds / sizeof fds[0]);
	if (uml->mconsole != NULL) {
		close_all(uml->mconsole->ways, MCONSOLE_WAYS);
		munmap(uml->mconsole, sizeof *uml->mconsole);
	}
	*uml = nothing;
}

int uml_mconsole(const struct uml *uml, const char *request, char *answer, size_t size, int patience_ms)
{
	return uml->mconsole == NULL ? ENOENT : mconsole_ask(uml->mconsole, request, answer, size, patience_ms);
}
