/* See init_agent.h. One thread, asleep while nothing happens. */
#include "init_agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "init.h"
#include "init_report.h"

#define EVENTS_MAX 64
#define FAREWELL_MS 300 /* for the last frames to arrive, and for the keeper to make an end */

static void say_hello(struct agent *agent, const struct agent_times *times)
{
	struct report report = {0};
	struct utsname names;

	uname(&names);
	report_number(&report, "version", FRAME_VERSION);
	report_text(&report, "release", names.release);
	report_number(&report, "kernel_us", times->kernel_us);
	report_number(&report, "init_us", times->init_us);
	report_number(&report, "ready_us", init_uptime_us());
	wire_send_text(agent->wire, FRAME_HELLO, 0, report.text, report.used);
}

static void send_report(struct agent *agent)
{
	struct report report;

	report_guest(&report);
	wire_send_text(agent->wire, FRAME_REPORT, 0, report.text, report.used);
}

/* In place: the file may be a mount of its own, over which nothing can be moved. */
static void write_hosts(struct agent *agent, const char *text)
{
	struct report report = {0};
	size_t size = strlen(text);
	int fd = open("/etc/hosts", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd >= 0 && pwrite(fd, text, size, 0) == (ssize_t)size && ftruncate(fd, (off_t)size) == 0) {
		close(fd);
		return;
	}
	char line[128];
	snprintf(line, sizeof line, "cannot write /etc/hosts: %s", strerror(errno));
	report_text(&report, "line", line);
	wire_send_text(agent->wire, FRAME_LOG, 0, report.text, report.used);
	if (fd >= 0)
		close(fd);
}

static void publish(struct agent *agent, const struct frame *frame)
{
	const char *key, *value;
	size_t at = 0, key_size;

	while ((value = frame_record(frame, &at, &key, &key_size)) != NULL)
		if (key_size == 5 && memcmp(key, "hosts", 5) == 0)
			write_hosts(agent, value);
	if (at == SIZE_MAX)
		wire_break(agent->wire, "the host published what is no text");
}

static void take_frame(void *context, const struct frame *frame)
{
	struct agent *agent = context;
	int64_t now_ms = clock_now_ms();

	switch (frame->type) {
	case FRAME_START:
		sessions_start(&agent->sessions, frame);
		agent->childless = false;
		break;
	case FRAME_DATA:
	case FRAME_CREDIT_MORE:
	case FRAME_SIGNAL:
	case FRAME_RESIZE:
	case FRAME_HANGUP:
		sessions_take(&agent->sessions, frame, now_ms);
		break;
	case FRAME_REPORT:
		send_report(agent);
		break;
	case FRAME_PUBLISH:
		publish(agent, frame);
		break;
	case FRAME_MOUNT:
	case FRAME_UNMOUNT:
		late_take(&agent->late, frame);
		agent->childless = false;
		break;
	case FRAME_POWEROFF:
		power_begin(&agent->power, frame_u32(frame, 0), now_ms);
		break;
	default:
		wire_break(agent->wire, "the host sent what only the guest can");
	}
}

static struct agent *agent_of_packets(struct watch *self)
{
	return (struct agent *)((char *)self - offsetof(struct agent, packets));
}

static void packets_ready(struct watch *self)
{
	struct agent *agent = agent_of_packets(self);

	while (wire_receive(agent->wire, clock_now_ms(), take_frame, agent))
		wire_flush(agent->wire, clock_now_ms());
}

/* All that have ended: as process 1, orphans too. */
static void reap(struct agent *agent)
{
	int64_t now_ms = clock_now_ms();
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		sessions_reaped(&agent->sessions, pid, status, now_ms);
		shell_reaped(&agent->shell, pid);
		late_reaped(&agent->late, pid, status);
	}
	agent->childless = pid < 0 && errno == ECHILD;
}

static void signals_ready(struct watch *self)
{
	struct agent *agent = (struct agent *)((char *)self - offsetof(struct agent, signals));
	struct signalfd_siginfo which;

	while (read(agent->signal_fd, &which, sizeof which) > 0)
		;
	reap(agent);
}

static void add_watch(struct agent *agent, struct watch *watch, int fd, void (*ready)(struct watch *))
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};

	watch->ready = ready;
	if (epoll_ctl(agent->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		init_fail(errno, "cannot watch a descriptor");
}

/* Beside an init of the root, this process is one that a stray signal could end. */
static void set_signals(struct agent *agent)
{
	static const int ignored[] = {SIGPIPE, SIGHUP, SIGINT, SIGTERM};
	sigset_t set;

	for (size_t i = 0; i < (getpid() == 1 ? 1 : sizeof ignored / sizeof ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	agent->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* The socket says when it can be written only while that is waited for. */
static void flush(struct agent *agent)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &agent->packets};
	bool blocked = wire_flush(agent->wire, clock_now_ms());

	if (blocked == agent->blocked)
		return;
	agent->blocked = blocked;
	if (blocked)
		event.events |= EPOLLOUT;
	epoll_ctl(agent->epoll_fd, EPOLL_CTL_MOD, agent->packet_fd, &event);
}

static int64_t deadline_of(const struct agent *agent)
{
	int64_t deadline = clock_earlier(wire_deadline(agent->wire), power_deadline(&agent->power));

	return clock_earlier(deadline, sessions_deadline(&agent->sessions));
}

static void wait_for(struct agent *agent, int64_t deadline)
{
	struct epoll_event events[EVENTS_MAX];
	int64_t left = deadline == CLOCK_NEVER ? -1 : deadline - clock_now_ms();

	if (deadline != CLOCK_NEVER && left < 0)
		left = 0;
	int count = epoll_wait(agent->epoll_fd, events, EVENTS_MAX, left > INT32_MAX ? INT32_MAX : (int)left);
	for (int i = 0; i < count; i++) {
		struct watch *watch = events[i].data.ptr;
		watch->ready(watch);
	}
}

static void check(const struct agent *agent)
{
	if (wire_broken(agent->wire) != NULL)
		init_fail(0, "%s", wire_broken(agent->wire));
}

static void bid_farewell(struct agent *agent, bool stays)
{
	const int64_t until = clock_now_ms() + FAREWELL_MS;

	while ((stays || wire_pending(agent->wire)) && clock_now_ms() < until) {
		wait_for(agent, clock_earlier(until, wire_deadline(agent->wire)));
		sessions_move(&agent->sessions, clock_now_ms());
		flush(agent);
	}
}

/* The last frames travel while all is written back. Whom nobody ends powers off. */
static _Noreturn void end(struct agent *agent)
{
	sessions_move(&agent->sessions, clock_now_ms());
	flush(agent);
	power_settle();
	bid_farewell(agent, false);
	wire_send_text(agent->wire, FRAME_DOWN, 0, "", 0);
	flush(agent);
	bid_farewell(agent, true);
	init_power_off();
}

static void open_agent(struct agent *agent, int packet_fd, const char *shell)
{
	agent->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	agent->packet_fd = packet_fd;
	agent->wire = wire_new(packet_fd);
	set_signals(agent);
	if (agent->epoll_fd < 0 || agent->signal_fd < 0 || agent->wire == NULL)
		init_fail(ENOMEM, "cannot begin");
	agent->sessions.wire = agent->late.wire = agent->wire;
	agent->sessions.epoll_fd = agent->shell.epoll_fd = agent->epoll_fd;
	/* Process 1 is spared by the OOM killer as it is (mm/oom_kill.c, oom_unkillable_task). */
	agent->sessions.guarded = agent->shell.unguarded = getpid() != 1;
	agent->shell.file = shell;
	agent->childless = true;
	add_watch(agent, &agent->packets, packet_fd, packets_ready);
	add_watch(agent, &agent->signals, agent->signal_fd, signals_ready);
}

void agent_run(int packet_fd, const struct agent_times *times, const char *shell)
{
	static struct agent agent;

	open_agent(&agent, packet_fd, shell);
	say_hello(&agent, times);
	flush(&agent);
	if (shell != NULL)
		shell_wait(&agent.shell);
	for (;;) {
		sessions_move(&agent.sessions, clock_now_ms());
		shell_move(&agent.shell);
		flush(&agent);
		check(&agent);
		if (power_move(&agent.power, agent.childless && agent.sessions.first == NULL, clock_now_ms()))
			end(&agent);
		wait_for(&agent, sessions_busy(&agent.sessions) ? clock_now_ms() : deadline_of(&agent));
	}
}
