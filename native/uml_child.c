/* See uml_child.h. */
#include "uml_child.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "mconsole.h"
#include "sandbox.h"
#include "signals.h"

#define EXIT_NOT_STARTED 125

static _Noreturn void give_up(const struct uml_birth *birth)
{
	(void)send(birth->control[1], birth->error, sizeof *birth->error, MSG_NOSIGNAL);
	_exit(EXIT_NOT_STARTED);
}

static int send_ways(int control, const int ways[UML_WAYS])
{
	union uml_way way = {.bytes = {0}};
	char byte = UML_WAY;
	struct iovec data = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = way.bytes,
				 .msg_controllen = sizeof way.bytes};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(UML_WAYS * sizeof *ways);
	memcpy(CMSG_DATA(head), ways, UML_WAYS * sizeof *ways);
	return sendmsg(control, &message, MSG_NOSIGNAL) < 0 ? errno : 0;
}

/*
 * Bound to its parent, whose end of the socket is closed before the signal is given: who is too late
 * for the one sees the other.
 */
static void await_go(const struct uml_birth *birth)
{
	struct pollfd peer = {.fd = birth->control[1]};
	char go;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || fd_read(birth->control[1], &go, 1) != 1)
		_exit(EXIT_NOT_STARTED);
	if (poll(&peer, 1, 0) != 0)
		_exit(EXIT_NOT_STARTED);
}

static void drop_inherited(const struct uml_birth *birth)
{
	int kept[DEVICE_COUNT + 1] = {birth->control[1]};
	size_t count = 1;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		dup2(birth->null, fd);
	for (int i = 0; i < DEVICE_COUNT; i++)
		if (birth->devices.kernels[i] >= 0)
			kept[count++] = birth->devices.kernels[i];
	fd_close_others(kept, count);
}

/* To a hostfs every file that is open in the guest is a descriptor of its own. */
static void set_limits(void)
{
	const struct rlimit none = {0, 0};
	struct rlimit files;

	(void)setrlimit(RLIMIT_CORE, &none);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

static int pin(const struct boot_plan *plan, struct uml_error *error)
{
	unsigned long set[(BOOT_CPU_MAX + 1) / (8 * sizeof(unsigned long))] = {0};
	const size_t bits = 8 * sizeof set[0];

	if (plan->cpu < 0)
		return 0;
	set[(size_t)plan->cpu / bits] = 1UL << ((size_t)plan->cpu % bits);
	if (sched_setaffinity(0, sizeof set, (const cpu_set_t *)set) == 0)
		return 0;
	return sandbox_fail(error, "cpu", errno, "%d", plan->cpu);
}

static _Noreturn void be_kernel(const struct uml_birth *birth)
{
	const struct boot_plan *plan = birth->plan;
	char preload[sizeof "LD_PRELOAD=" + PATH_MAX];
	char *const environment[] = {"TMPDIR=/tmp", "HOME=/tmp", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
				     plan->preload == NULL ? NULL : preload, NULL};
	const char *argv[BOOT_KARGS_MAX + DEVICE_WORDS + 4] = {plan->kernel, "uml_dir=/tmp",
							       "umid=" MCONSOLE_FOLDER};
	size_t count = 3;

	count += uml_devices_words(&birth->devices, argv + count);
	memcpy(argv + count, plan->kargs, plan->karg_count * sizeof *argv);
	if (plan->preload != NULL)
		snprintf(preload, sizeof preload, "LD_PRELOAD=%s", plan->preload);
	execve(plan->kernel, (char *const *)argv, environment);
	const bool there = errno == ENOENT && access(plan->kernel, F_OK) == 0;
	sandbox_fail(birth->error, "kernel", there ? ELIBACC : errno, "%s", plan->kernel);
	give_up(birth);
}

/* Whatever is left when the kernel has ended dies with process 1. */
static _Noreturn void be_first(pid_t kernel)
{
	int status = 0;
	pid_t ended;

	fd_close_others(&status, 0);
	do
		ended = waitpid(-1, &status, 0);
	while (ended != kernel && (ended >= 0 || errno == EINTR));
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

/* Its memory has been the caller's: nobody in the sandbox is to look into it. */
_Noreturn void uml_child(const struct uml_birth *birth)
{
	int which, number = signals_reset(0, &which);

	drop_inherited(birth);
	await_go(birth);
	if (number != 0 || setsid() < 0 || prctl(PR_SET_DUMPABLE, 0) < 0) {
		sandbox_fail(birth->error, "sandbox", number != 0 ? number : errno, "a session of its own");
		give_up(birth);
	}
	umask(0);
	set_limits();
	/*
	 * Else Linux 6.18 puts the heap up to 1 GB behind the program, and the kernel takes the gap for
	 * memory that it keeps a map of: 7 ms and up to 10 MB. Who breaks out of a guest's kernel has all
	 * of that process either way.
	 */
	(void)personality(ADDR_NO_RANDOMIZE);
	if (pin(birth->plan, birth->error) < 0)
		give_up(birth);
	struct sandbox_folders folders;
	if (sandbox_enter_root(birth->plan, &folders, birth->error) < 0)
		give_up(birth);
	int ways[UML_WAYS] = {[0] = folders.tmp, [MCONSOLE_WAYS] = folders.late};
	number = mconsole_open(ways);
	if (number == 0)
		number = send_ways(birth->control[1], ways);
	if (number != 0)
		sandbox_fail(birth->error, "sandbox", number, "a way to its management console");
	if (number != 0 || sandbox_lock(birth->error) < 0)
		give_up(birth);
	const pid_t kernel = fork();
	if (kernel == 0)
		be_kernel(birth);
	if (kernel < 0) {
		sandbox_fail(birth->error, "fork", errno, "the kernel's process");
		give_up(birth);
	}
	be_first(kernel);
}
