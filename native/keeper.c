/* See keeper.h. */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "caught.h"
#include "clock.h"
#include "words.h"

/* The sources of the loop, by their places; clients follow. */
enum {
	SIGNALS, LINK, CONSOLE, TTY, LISTENER, MEMORY, MOUNTS,
	IO = MOUNTS + MOUNTS_MAX, CLIENTS = IO + SESSION_IO_SOURCES
};
#define SOURCES (CLIENTS + MUX_CLIENTS_MAX)

#define DRAIN_MS 5000

static void set_sources(struct keeper *keeper, struct pollfd *sources)
{
	const struct packets *packets = &keeper->packets;

	sources[SIGNALS] = (struct pollfd){.fd = keeper->signal_fd, .events = POLLIN};
	sources[LINK] = (struct pollfd){.fd = packets->ended ? -1 : keeper->uml.link_fd,
					.events = (short)(POLLIN | (packets->full ? POLLOUT : 0))};
	sources[CONSOLE] = (struct pollfd){.fd = keeper->uml.console_fd, .events = POLLIN};
	sources[TTY] = (struct pollfd){.fd = keeper->uml.tty_fd, .events = tty_line_events(keeper)};
	sources[LISTENER] = (struct pollfd){
		.fd = keeper->clients.crowded ? -1 : keeper->clients.listener, .events = POLLIN};
	sources[MEMORY] = (struct pollfd){.fd = keeper->memory.answer_fd, .events = POLLIN};
	for (int i = 0; i < MOUNTS_MAX; i++)
		sources[MOUNTS + i] = (struct pollfd){.fd = keeper->mounts[i].answer_fd, .events = POLLIN};
	for (int i = 0; i < SESSION_IO_SOURCES; i++)
		sources[IO + i].fd = -1;
	if (keeper->has_io)
		session_io_sources(&keeper->io, sources + IO);
	for (int i = 0; i < MUX_CLIENTS_MAX; i++)
		sources[CLIENTS + i] = (struct pollfd){.fd = keeper->clients.items[i].fd};
	for (int i = 0; i < MUX_CLIENTS_MAX; i++)
		if (keeper->clients.items[i].fd >= 0)
			sources[CLIENTS + i].events = clients_events(keeper, i);
}

static int64_t deadline_of(const struct keeper *keeper)
{
	int64_t deadline = keeper->drain_ms;

	/* The command's stop is to reach the guest before the keeper's own. */
	if (keeper->suspending > 0)
		return clock_now_ms();
	if (keeper->has_io)
		deadline = clock_earlier(deadline, session_io_deadline(&keeper->io));
	if (keeper->dead)
		return deadline;
	deadline = clock_earlier(deadline, patience_deadline(keeper));
	deadline = clock_earlier(deadline, tty_line_deadline(keeper));
	return clock_earlier(deadline, link_deadline(keeper->packets.link));
}

static void look_at_kernel(struct keeper *keeper)
{
	if (keeper->memory.asker > 0 && waitpid(keeper->memory.asker, NULL, WNOHANG) > 0)
		keeper->memory.asker = 0;
	mounts_reap(keeper);
	keeper->dead = keeper->dead || waitpid(keeper->uml.pid, &keeper->wait_status, WNOHANG) > 0;
}

static void turn_clients(struct keeper *keeper, const struct pollfd *sources)
{
	for (int i = 0; i < MUX_CLIENTS_MAX; i++)
		if (keeper->clients.items[i].fd >= 0)
			clients_turn(keeper, i, sources[CLIENTS + i].fd < 0 ? 0 : sources[CLIENTS + i].revents);
}

static void turn_io(struct keeper *keeper, const struct pollfd *sources)
{
	if (!keeper->has_io)
		return;
	session_io_turn(&keeper->io, sources);
	if (keeper->io.state >= SESSION_ENDED)
		keeper_stop(keeper, keeper->plan->stop_ms);
}

/* Without a command, those that end others end the guest: the first with patience, the next without. */
static void take_own(struct keeper *keeper, int number)
{
	if (number == SIGTSTP)
		keeper->suspending = 2;
	if (number == SIGTERM || number == SIGINT || number == SIGHUP || number == SIGQUIT)
		keeper_stop(keeper, keeper->stopping ? 0 : keeper->plan->stop_ms);
}

static void take_signal(struct keeper *keeper, int number)
{
	if (number == SIGCHLD)
		return; /* the loop asks who */
	if (!keeper->has_io) {
		take_own(keeper, number);
		return;
	}
	if (number == SIGCONT)
		session_io_resume(&keeper->io);
	if (session_io_signal(&keeper->io, number)) {
		keeper->suspending = number == SIGTSTP ? 2 : keeper->suspending;
		return;
	}
	/* Before the command is there, they end the keeper; when it has ended, its last patience. */
	if (keeper->io.state == SESSION_ASKED)
		keeper->died_of = number;
	session_io_give_up(&keeper->io);
	keeper_kill(keeper, "killed", "by signal %d (%s)", number, strsignal(number));
}

static void take_signals(struct keeper *keeper)
{
	struct signalfd_siginfo info;

	while (read(keeper->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
		take_signal(keeper, (int)info.ssi_signo);
}

static void suspend_when_due(struct keeper *keeper)
{
	if (keeper->suspending == 0 || --keeper->suspending > 0)
		return;
	if (keeper->has_io)
		session_io_suspend(&keeper->io);
	if (!caught_stop() && keeper->has_io)
		(void)session_io_signal(&keeper->io, SIGCONT);
}

static void turn(struct keeper *keeper, const struct pollfd *sources)
{
	if (sources[SIGNALS].revents != 0)
		take_signals(keeper);
	patience_look(keeper);
	if (sources[LINK].revents != 0)
		(void)packets_receive(keeper);
	if (sources[CONSOLE].revents != 0)
		hearing_console(keeper);
	tty_line_turn(keeper, sources[TTY].revents);
	if (sources[MEMORY].revents != 0)
		memory_turn(keeper);
	for (int i = 0; i < MOUNTS_MAX; i++)
		if (sources[MOUNTS + i].revents != 0)
			mounts_turn(keeper, i);
	if (sources[LISTENER].revents != 0)
		clients_accept(keeper);
	turn_clients(keeper, sources);
	turn_io(keeper, sources + IO);
	packets_send(keeper);
	look_at_kernel(keeper);
}

static void loop(struct keeper *keeper)
{
	struct pollfd sources[SOURCES];
	struct timespec left;

	set_sources(keeper, sources);
	if (ppoll(sources, SOURCES, clock_left(deadline_of(keeper), &left), NULL) < 0)
		return;
	turn(keeper, sources);
	suspend_when_due(keeper);
}

/* The kernel is dead: what it said before is heard, and told to who still listens. */
static void drain(struct keeper *keeper)
{
	while (packets_receive(keeper))
		continue;
	hearing_console(keeper);
	ending_write(keeper);
	for (int i = 0; i < MUX_CLIENTS_MAX; i++) {
		if (keeper->clients.items[i].fd < 0)
			continue;
		mux_client_close(keeper->mux, i);
		clients_turn(keeper, i, 0);
	}
	keeper->drain_ms = clock_now_ms() + DRAIN_MS;
	while ((keeper->clients.count > 0 && clock_now_ms() < keeper->drain_ms) ||
	       (keeper->has_io && keeper->io.state < SESSION_DONE)) {
		if (clock_now_ms() >= keeper->drain_ms) {
			clients_close_all(keeper);
			keeper->drain_ms = CLOCK_NEVER;
		}
		loop(keeper);
	}
	clients_close_all(keeper);
}

static void begin(struct keeper *keeper)
{
	const struct boot_plan *plan = keeper->plan;
	int error;

	keeper->folder_fd = open(plan->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (keeper->folder_fd < 0)
		words_fail("%s: %s", plan->folder, strerror(errno));
	(void)unlinkat(keeper->folder_fd, "guest.ending", 0);
	error = console_log_open(&keeper->console, keeper->folder_fd);
	if (error != 0)
		words_fail("cannot write %s/console.log: %s", plan->folder, strerror(error));
	error = clients_listen(&keeper->clients, keeper->folder_fd);
	if (error != 0)
		words_fail("cannot make %s/guest.sock: %s", plan->folder, strerror(error));
	keeper->signal_fd = caught_open();
	keeper->packets.link = link_new();
	keeper->mux = mux_new(&hearing_events, keeper);
	if (keeper->signal_fd < 0 || keeper->packets.link == NULL || keeper->mux == NULL)
		words_fail("%s", strerror(errno));
}

/* The keeper's own command is a client as the others are, over a socket of its own. */
static bool begin_io(struct keeper *keeper)
{
	int ends[2];

	if (keeper->flags == NULL)
		return true;
	keeper->has_io = true;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 || clients_add(keeper, ends[1]) < 0)
		words_fail("%s", strerror(errno));
	return session_io_open(&keeper->io, ends[0], keeper->flags);
}

static int end(struct keeper *keeper)
{
	const bool told = keeper->has_io && !keeper->io.lost;

	if (keeper->has_io)
		session_io_close(&keeper->io);
	if (keeper->memory.asker > 0)
		kill(keeper->memory.asker, SIGKILL);
	report_write(keeper);
	(void)unlinkat(keeper->folder_fd, "guest.sock", 0);
	if (keeper->died_of != 0)
		caught_die(keeper->died_of);
	int status = ending_tell(keeper);
	if (!keeper->has_io)
		return status;
	if (!told && status == 0)
		words_say("the guest powered off before the command had ended");
	return told ? keeper->io.status : status == 0 ? EXIT_GUEST : status;
}

int keeper_run(const struct boot_plan *plan, const struct session_flags *flags)
{
	static struct keeper keeper; /* too much for a stack */
	struct uml_error error = {0};

	keeper = (struct keeper){.plan = plan, .flags = flags, .drain_ms = CLOCK_NEVER,
				 .boot_ms = CLOCK_NEVER, .stop_ms = CLOCK_NEVER,
				 .tty.client = -1, .memory = {.client = -1, .answer_fd = -1}};
	keeper.memory.plugged = plan->memory;
	for (int i = 0; i < MOUNTS_MAX; i++)
		keeper.mounts[i] = (struct late_mount){.client = -1, .answer_fd = -1};
	begin(&keeper);
	if (!begin_io(&keeper))
		return EXIT_GUEST;
	report_begin(&keeper);
	if (plan->boot_ms != 0)
		keeper.boot_ms = clock_now_ms() + plan->boot_ms;
	if (uml_start(plan, &keeper.uml, &error) < 0) {
		(void)unlinkat(keeper.folder_fd, "guest.sock", 0);
		return ending_not_started(keeper.folder_fd, &error);
	}
	keeper.report.spawn_us = clock_now_us() - keeper.report.began_us;
	report_write(&keeper);
	while (!keeper.dead)
		loop(&keeper);
	drain(&keeper);
	return end(&keeper);
}
