/* See foreground.h. */
#include "foreground.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "birth.h"
#include "children.h"
#include "clock.h"
#include "fd.h"
#include "guard.h"
#include "launch.h"
#include "signals.h"

#define GRACE_MS 5000

static const int forwarded[] = {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGINT, SIGQUIT, SIGCONT};

void foreground_watch_signals(struct front *front)
{
	struct sigaction now;
	sigset_t watched;

	for (int number = 1; number < NSIG; number++)
		if (sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
			front->ignored |= FRONT_BIT(number);
	sigemptyset(&watched);
	/* A blocked signal is queued even where it is ignored: these must not be blocked. */
	for (size_t i = 0; i < sizeof forwarded / sizeof forwarded[0]; i++)
		if ((front->ignored & FRONT_BIT(forwarded[i])) == 0)
			sigaddset(&watched, forwarded[i]);
	sigaddset(&watched, SIGCHLD);
	front->signal_fd = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
	/* Ignored, SIGCHLD would reap; SIGPIPE is the channel's. */
	if (front->signal_fd < 0 || sigprocmask(SIG_BLOCK, &watched, NULL) < 0 ||
	    signal(SIGCHLD, SIG_DFL) == SIG_ERR || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		front_fail("signalfd", errno);
}

/* The strings of a request after the plan, and after them the last of the front's own that it counts. */
static char **command_line(const struct front *front, long own, char *text, size_t size)
{
	size_t count = 0;

	if (own < 0 || own >= front->argc)
		return NULL;
	for (size_t i = 0; i < size; i++)
		count += text[i] == '\0';
	char **line = calloc(count + (size_t)own + 1, sizeof *line);
	for (size_t i = 0; line != NULL && i < count; i++, text += strlen(text) + 1)
		line[i] = text;
	for (long i = 0; line != NULL && i < own; i++)
		line[count + (size_t)i] = front->argv[front->argc - own + i];
	return count + (size_t)own == 0 ? NULL : line;
}

/*
 * In the child: what compart-launch does, on the socket to the front. It dies with the front as
 * long as it may not be found in its groups yet.
 */
static _Noreturn void become_command(const struct front *front, pid_t parent, int report_fd, long own,
				     const char *born, char *text, size_t size)
{
	static const char end[] = "\0" PLAN_END;
	struct launch launch = {.result_fd = report_fd, .report_fd = report_fd, .born = born, .bound = true};
	const char *found = memmem(text, size, end, sizeof end);
	size_t length = found == NULL ? size : (size_t)(found - text) + sizeof end;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_LAUNCH);
	char **line = command_line(front, own, text + length, size - length);
	launch_parse(&launch, text, length);
	if (line == NULL || launch.plan.monitor)
		launch_fail(&launch, EXIT_LAUNCH, "plan", EINVAL);
	launch.plan.ignored |= front->ignored;
	launch_become(&launch, line);
}

/* Of the plan, which the command is to parse, what follows "KEY=" in the first record with it; NULL if none has. */
static const char *value_of(const char *plan, size_t size, const char *key)
{
	const char *const end = plan + size;

	for (; plan < end && strcmp(plan, PLAN_END) != 0; plan += strlen(plan) + 1)
		if (strncmp(plan, key, strlen(key)) == 0)
			return plan + strlen(key);
	return NULL;
}

/* A request is TIMEOUT_MS and the count of own words, then the plan, then the words of the command. */
void foreground_start(struct front *front, char *request, size_t size)
{
	char *const end = request + size;
	const pid_t self = getpid();
	int ends[2] = {-1, -1};
	char born[PATH_MAX];
	long own;

	if (front->command != 0 || size == 0 || end[-1] != '\0')
		front_fail("request", EINVAL);
	front->timeout_ms = strtoll(request, &request, 10);
	own = strtol(request, &request, 10);
	request += strlen(request) + 1;
	const char *adopt = value_of(request, (size_t)(end - request), PLAN_ADOPT);
	const char *guard = value_of(request, (size_t)(end - request), PLAN_GUARD);
	front->adopts = adopt != NULL && strcmp(adopt, "1") == 0;
	front->guard_fd = guard_watch(guard == NULL ? 0 : (pid_t)strtol(guard, NULL, 10));
	if (front->adopts && prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
		front_say(front, "fail adopt %d \nexited:%d\n", errno, EXIT_LAUNCH);
		return;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0)
		front->command = birth_fork(request, (size_t)(end - request), born);
	if (ends[0] < 0 || front->command < 0) {
		front->command = 0;
		front_say(front, "fail fork %d \nexited:%d\n", errno, EXIT_LAUNCH);
		return;
	}
	if (front->command == 0)
		become_command(front, self, ends[1], own, born, request, (size_t)(end - request));
	close(ends[1]);
	front->report_fd = ends[0];
	front_say(front, "pid %ld\n", (long)front->command);
	if (front->guard_fd == GUARD_GONE)
		foreground_lose_guard(front);
	for (int number = 1; number < NSIG; number++)
		if ((front->kept & FRONT_BIT(number)) != 0)
			kill(front->command, number);
	front->kept = 0;
}

/*
 * What the terminal sends goes to its whole foreground group, the command included; only when it
 * hangs up does the leader of the session hear it alone (tty_signal_session_leader).
 */
static bool command_has(const struct signalfd_siginfo *info)
{
	int number = (int)info->ssi_signo;

	return info->ssi_code == SI_KERNEL && number != SIGCONT &&
	       !(number == SIGHUP && getsid(0) == getpid());
}

static void hand_on(struct front *front, const struct signalfd_siginfo *info)
{
	int number = (int)info->ssi_signo;

	if (number == SIGCHLD || front->ended)
		return;
	if (front->command == 0)
		front->kept |= FRONT_BIT(number);
	else if (!command_has(info))
		kill(front->command, number); /* not reaped yet: the pid cannot be another's */
}

void foreground_hear(struct front *front)
{
	char text[LAUNCH_DETAIL_MAX + 64];
	ssize_t count = recv(front->report_fd, text, sizeof text, MSG_DONTWAIT);

	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (count > 0) {
		front_say(front, "%.*s", (int)count, text);
		return;
	}
	close(front->report_fd);
	front->report_fd = -1;
	if (front->timeout_ms > 0 && !front->ended)
		front->deadline_ms = clock_now_ms() + front->timeout_ms;
}

/*
 * A shell gives its terminal back to itself as it was when a signal has ended a job. The job that it
 * sees is the front, which exits: what the command did to the terminal would stay.
 */
static void give_terminal_back(const struct front *front)
{
	if (front->on_terminal && tcgetpgrp(STDIN_FILENO) == getpgrp())
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &front->terminal);
}

static void tell_ending(struct front *front, const siginfo_t *info)
{
	front->ended = true;
	if (info->si_code != CLD_EXITED)
		give_terminal_back(front);
	while (front->report_fd >= 0)
		foreground_hear(front);
	front->deadline_ms = CLOCK_NEVER;
	front_say(front, "%s:%d\n", info->si_code == CLD_EXITED ? "exited" : "signaled",
		  info->si_status);
}

/*
 * A command that stops itself (a shell's suspend) stops the front, so that the caller's shell sees
 * its job stopped. Ctrl-Z has stopped both already; by the time the front looks, both go on.
 */
static void look_at_command(struct front *front)
{
	while (front->command > 0 && !front->ended) {
		siginfo_t info = {0};

		if (waitid(P_PID, (id_t)front->command, &info, WEXITED | WSTOPPED | WNOHANG) < 0 ||
		    info.si_pid == 0)
			return;
		if (info.si_code == CLD_STOPPED)
			raise(info.si_status);
		else
			tell_ending(front, &info);
	}
}

void foreground_take_signals(struct front *front)
{
	struct signalfd_siginfo info;

	/* All of them before the look: SIGCONT must reach the command before its stop is judged. */
	while (read(front->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
		hand_on(front, &info);
	look_at_command(front);
	if (front->adopts)
		children_reap(front->command, front->planner);
}

void foreground_lose_guard(struct front *front)
{
	if (front->ended || front->command <= 0) {
		close(front->guard_fd);
		front->guard_fd = -1;
		return;
	}
	guard_lost(&front->guard_fd, front->command);
}

void foreground_expire(struct front *front)
{
	front_say(front, front->expired ? "kill\n" : "timeout\n");
	front->deadline_ms = front->expired ? CLOCK_NEVER : clock_now_ms() + GRACE_MS;
	front->expired = true;
}

void foreground_die_of_kept(const struct front *front)
{
	int which;

	for (int number = 1; number < NSIG; number++) {
		if (number == SIGCONT || (front->kept & FRONT_BIT(number)) == 0)
			continue;
		raise(number); /* blocked until the reset */
		(void)signals_reset(0, &which);
	}
}
