/*
 * The supervisor of a detached command.
 *
 * It stays outside the compartment, so that what kills the compartment spares it, and it keeps
 * the command unreaped until the peer (whoever holds the other end of the result descriptor) has
 * closed its side, so that the pid it was told stays the command's while it reads /proc.
 * One poll loop waits for all there is: signals, the peer, the clock.
 */
#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"
#include "clock.h"
#include "fd.h"
#include "guard.h"
#include "signals.h"

#define EXPIRE_RETRY_MS 1000

struct monitor {
	struct plan *plan;
	pid_t child;
	pid_t expirer;       /* the expire command, while it runs */
	int result_fd;       /* -1 once the peer has gone */
	int signal_fd;
	int guard_fd;        /* readable when the command's guard has ended; -1: none (guard.h) */
	int64_t deadline_ms;
};

/* Nothing of the caller is kept: no terminal, no log file held open, no mount kept busy. */
static void detach(struct monitor *monitor, int report_fd, int null_fd)
{
	int kept[] = {monitor->result_fd, monitor->signal_fd, report_fd};

	prctl(PR_SET_NAME, "compart-monitor");
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		dup2(null_fd, fd);
	fd_close_others(kept, sizeof kept / sizeof kept[0]);
	if (chdir("/") < 0)
		return; /* only a courtesy to umount(8) */
}

static int exit_code(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static _Noreturn void reap_and_exit(const struct monitor *monitor)
{
	int status = 0;

	while (waitpid(monitor->child, &status, 0) < 0 && errno == EINTR)
		continue;
	_exit(exit_code(status));
}

/*
 * Waits for the exec: the report pipe closes on it. A command that never came to be is told to
 * the peer in the child's own words, or, if it was killed on the way, in the monitor's.
 */
static void await_exec(const struct monitor *monitor, int report_fd)
{
	char report[1024];
	size_t length = 0;
	ssize_t count;

	do {
		count = fd_read(report_fd, report + length, sizeof report - length);
		length += count > 0 ? (size_t)count : 0;
	} while (count > 0 && length < sizeof report);
	close(report_fd);

	if (length == 1 && report[0] == MONITOR_READY)
		return;
	size_t skip = length > 0 && report[0] == MONITOR_READY;
	if (length == 0)
		length = (size_t)snprintf(report, sizeof report,
					  "fail exec %d killed before the exec\n", ECHILD);
	(void)fd_write(monitor->result_fd, report + skip, length - skip);
	reap_and_exit(monitor);
}

static void announce(const struct monitor *monitor)
{
	char line[64];
	int length = snprintf(line, sizeof line, "pid %ld\nexec\n", (long)monitor->child);
	const char *text = line;

	/* A child on hold has told its pid already. */
	if (monitor->plan->hold)
		text = strchr(line, '\n') + 1;
	(void)fd_write(monitor->result_fd, text, (size_t)(length - (text - line)));
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

static void expire(struct monitor *monitor)
{
	int which;

	monitor->deadline_ms = CLOCK_NEVER;
	if (has_ended(monitor->child))
		return;
	monitor->expirer = fork();
	if (monitor->expirer == 0) {
		(void)signals_reset(0, &which);
		execvp(monitor->plan->expire.items[0], monitor->plan->expire.items);
		_exit(127);
	}
	/* A host out of processes is when a timeout is wanted most. */
	if (monitor->expirer < 0)
		monitor->deadline_ms = clock_now_ms() + EXPIRE_RETRY_MS;
}

static void take_signals(const struct monitor *monitor)
{
	struct signalfd_siginfo info;

	/* SIGCHLD says only that somebody ended: the loop asks who. */
	if (fd_read(monitor->signal_fd, &info, sizeof info) == (ssize_t)sizeof info &&
	    info.ssi_signo == SIGTERM)
		kill(monitor->child, SIGTERM); /* not reaped yet: the pid cannot be another's */
}

static void hear_peer(struct monitor *monitor)
{
	char ignored[256];

	if (fd_read(monitor->result_fd, ignored, sizeof ignored) > 0)
		return;
	close(monitor->result_fd);
	monitor->result_fd = -1;
}

/* Waits for the command and returns its wait status. */
static int watch(struct monitor *monitor)
{
	int status = 0;
	struct timespec left;

	for (;;) {
		if (monitor->result_fd < 0 && waitpid(monitor->child, &status, WNOHANG) != 0)
			return status;
		if (monitor->plan->adopt)
			children_reap(monitor->child, monitor->expirer);
		if (monitor->expirer > 0 && waitpid(monitor->expirer, NULL, WNOHANG) != 0)
			monitor->expirer = 0;

		struct pollfd sources[] = {
			{.fd = monitor->signal_fd, .events = POLLIN},
			{.fd = monitor->result_fd, .events = POLLIN},
			{.fd = monitor->guard_fd, .events = POLLIN},
		};
		int ready = ppoll(sources, 3, clock_left(monitor->deadline_ms, &left), NULL);
		if (ready == 0)
			expire(monitor);
		if (ready <= 0)
			continue;
		if (sources[0].revents != 0)
			take_signals(monitor);
		if (sources[1].revents != 0)
			hear_peer(monitor);
		/* Not reaped yet: the pid cannot be another's. */
		if (sources[2].revents != 0)
			guard_lost(&monitor->guard_fd, monitor->child);
	}
}

/* Becomes the finish command, so that nobody is left to wait for it. */
static _Noreturn void finish(struct plan_argv *argv, int status)
{
	char ending[32];
	int which;

	if (argv->count == 0)
		_exit(exit_code(status));
	if (WIFEXITED(status))
		snprintf(ending, sizeof ending, "exited:%d", WEXITSTATUS(status));
	else
		snprintf(ending, sizeof ending, "signaled:%d", WTERMSIG(status));
	argv->items[argv->count] = ending;
	/* A SIGTERM meant for the command and still pending must not take the record with it. */
	signal(SIGTERM, SIG_IGN);
	(void)signals_reset(0, &which);
	execvp(argv->items[0], argv->items);
	_exit(127);
}

static _Noreturn void supervise(struct monitor *monitor, int report_fd, int null_fd)
{
	int mode;

	detach(monitor, report_fd, null_fd);
	await_exec(monitor, report_fd);
	if (monitor->plan->timeout_ms != 0)
		monitor->deadline_ms = clock_now_ms() + (int64_t)monitor->plan->timeout_ms;
	monitor->guard_fd = guard_watch((pid_t)monitor->plan->guard);
	if (monitor->guard_fd == GUARD_GONE)
		guard_lost(&monitor->guard_fd, monitor->child);
	announce(monitor);
	/* The writing end of a pipe never says that the peer has gone: do not wait for it. */
	mode = fcntl(monitor->result_fd, F_GETFL);
	if (mode < 0 || (mode & O_ACCMODE) == O_WRONLY)
		hear_peer(monitor);
	finish(&monitor->plan->finish, watch(monitor));
}

int monitor_fork(struct plan *plan, int result_fd)
{
	struct monitor monitor = {
		.plan = plan, .result_fd = result_fd, .guard_fd = -1, .deadline_ms = CLOCK_NEVER};
	int null_fd = fd_open_null();
	sigset_t watched;
	int report[2];

	sigemptyset(&watched);
	sigaddset(&watched, SIGCHLD);
	sigaddset(&watched, SIGTERM);
	if (null_fd < 0 || pipe2(report, O_CLOEXEC) < 0)
		return -1;
	monitor.signal_fd = signalfd(-1, &watched, SFD_CLOEXEC);
	/* Before the fork, or an early end is missed; and inherited as ignored it would reap. */
	if (monitor.signal_fd < 0 || sigprocmask(SIG_BLOCK, &watched, NULL) < 0 ||
	    signal(SIGCHLD, SIG_DFL) == SIG_ERR)
		return -1;
	/* It stays what it is when it becomes the finish command, which looks among its children for what got out. */
	if (plan->adopt && prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return -1;
	monitor.child = fork();
	if (monitor.child < 0)
		return -1;
	if (monitor.child == 0) {
		close(report[0]);
		return report[1];
	}
	close(report[1]);
	supervise(&monitor, report[0], null_fd);
}
