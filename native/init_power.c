/* See init_power.h. */
#include "init_power.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"
#include "guest_spawn.h"
#include "init.h"

#define SYSTEMD_POWEROFF (SIGRTMIN + 4) /* systemd(1), SIGNALS */
#define MOUNTS_MAX ((size_t)128 * 1024)

/* Its /proc/1/comm; empty when it cannot be read. */
static void read_name(char *name, size_t size)
{
	int fd = open("/proc/1/comm", O_RDONLY | O_CLOEXEC);
	ssize_t count = fd < 0 ? -1 : fd_read(fd, name, size - 1);

	if (fd >= 0)
		close(fd);
	name[count < 0 ? 0 : count] = '\0';
	name[strcspn(name, "\n")] = '\0';
}

/* The way of this init: sysvinit, busybox, OpenRC under sysvinit and runit bring a poweroff. */
static bool run_poweroff(const char *init)
{
	char *openrc[] = {NULL, (char *)"openrc-shutdown", (char *)"--poweroff", (char *)"now", NULL};
	char *others[] = {NULL, (char *)"poweroff", NULL}, *environment[] = {NULL};
	struct spawn spawn = {.words = strcmp(init, "openrc-init") == 0 ? openrc : others,
			      .environment = environment, .unheld = true};
	int console = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);

	for (int i = 0; i < 3; i++)
		spawn.fds[i] = console;
	bool ran = console >= 0 && spawn_command(&spawn) > 0;
	if (console >= 0)
		close(console);
	return ran;
}

static void end_all(void)
{
	kill(-1, SIGTERM);
	/* A stopped one hears nothing else. */
	kill(-1, SIGCONT);
}

static void ask(void)
{
	char name[32];

	if (getpid() == 1) {
		end_all();
		return;
	}
	read_name(name, sizeof name);
	if (strcmp(name, "systemd") == 0)
		kill(1, SYSTEMD_POWEROFF);
	else if (!run_poweroff(name))
		end_all();
}

/* KILL comes when a quarter of the patience is left, a second at most, for the file systems. */
void power_begin(struct power *power, uint32_t patience_ms, int64_t now_ms)
{
	int64_t reserve = patience_ms / 4 < 1000 ? patience_ms / 4 : 1000, end_ms = now_ms + patience_ms;

	if (!power->asked || end_ms < power->end_ms) {
		power->end_ms = end_ms;
		power->kill_ms = end_ms - reserve;
	}
	if (!power->asked && patience_ms > 0)
		ask();
	power->asked = true;
}

bool power_move(struct power *power, bool childless, int64_t now_ms)
{
	if (!power->asked)
		return false;
	if (now_ms >= power->end_ms)
		return true;
	/* Beside an init of the root, it is that init that says when all is over. */
	if (getpid() != 1)
		return false;
	if (!power->killed && now_ms >= power->kill_ms) {
		kill(-1, SIGKILL);
		power->killed = true;
	}
	return childless;
}

int64_t power_deadline(const struct power *power)
{
	if (!power->asked)
		return CLOCK_NEVER;
	return power->killed || getpid() != 1 ? power->end_ms : power->kill_ms;
}

static bool keeps_nothing(const char *type)
{
	static const char *const types[] = {"proc",   "sysfs",   "devtmpfs", "devpts",
					    "tmpfs",  "cgroup2", "overlay",  "mqueue"};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

/* A line of /proc/self/mounts: a space in a path is written \040 (proc(5)). */
static void unmount(char *line)
{
	char *rest = NULL, *from = strtok_r(line, " ", &rest), *at = strtok_r(NULL, " ", &rest);
	const char *type = strtok_r(NULL, " ", &rest);

	if (from == NULL || at == NULL || type == NULL || keeps_nothing(type))
		return;
	char *to = at;
	for (const char *path = at; *path != '\0'; to++) {
		bool escaped = path[0] == '\\' && path[1] != '\0' && path[2] != '\0' && path[3] != '\0';
		*to = escaped ? (char)((path[1] - '0') << 6 | (path[2] - '0') << 3 | (path[3] - '0')) : *path;
		path += escaped ? 4 : 1;
	}
	*to = '\0';
	if (strcmp(at, "/") == 0 || umount2(at, 0) < 0)
		mount(NULL, at, NULL, MS_REMOUNT | MS_RDONLY, NULL);
}

/* The last mounted first. */
static void unmount_all(void)
{
	char *text = malloc(MOUNTS_MAX);
	int fd = open("/proc/self/mounts", O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t count = 1;

	while (text != NULL && fd >= 0 && count > 0 && used < MOUNTS_MAX - 1) {
		count = fd_read(fd, text + used, MOUNTS_MAX - 1 - used);
		used += count > 0 ? (size_t)count : 0;
	}
	while (used > 0) {
		text[--used] = '\0';
		while (used > 0 && text[used - 1] != '\n')
			used--;
		unmount(text + used);
	}
}

void power_settle(void)
{
	sync();
	unmount_all();
}
