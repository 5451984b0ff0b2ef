/* See init_report.h. */
#include "init_report.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init.h"
#include "init_oom.h"
#include "init_pids.h"

#define KTHREADD "/proc/2/task/2/children"

void report_text(struct report *report, const char *key, const char *value)
{
	size_t room = sizeof report->text - report->used;
	int length = snprintf(report->text + report->used, room, "%s=%s", key, value);

	if (length > 0 && (size_t)length < room)
		report->used += (size_t)length + 1;
}

void report_number(struct report *report, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", (unsigned long long)value);
	report_text(report, key, text);
}

/* A file of /proc as a string; empty when it cannot be read. The descriptor is kept. */
static const char *read_kept(int *fd, const char *path, char *text, size_t size)
{
	if (*fd < 0)
		*fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t count = *fd < 0 ? -1 : pread(*fd, text, size - 1, 0);
	text[count < 0 ? 0 : count] = '\0';
	return text;
}

/* The number of a line that begins with the words; false if there is none. */
static bool find_number(const char *text, const char *words, uint64_t *number)
{
	for (const char *line = text; line != NULL && *line != '\0';) {
		if (strncmp(line, words, strlen(words)) == 0) {
			*number = strtoull(line + strlen(words), NULL, 10);
			return true;
		}
		line = strchr(line, '\n');
		line = line == NULL ? NULL : line + 1;
	}
	return false;
}

uint64_t report_oom_kills(void)
{
	static char text[16 * 1024];
	static int fd = -1;
	uint64_t kills = 0;

	find_number(read_kept(&fd, "/proc/vmstat", text, sizeof text), "oom_kill ", &kills);
	return oom_of_guest(kills);
}

static void report_memory(struct report *report)
{
	static const char *const lines[][2] = {
		{"mem_total", "MemTotal:"}, {"mem_available", "MemAvailable:"}, {"mem_free", "MemFree:"},
		{"mem_cached", "Cached:"},  {"swap_total", "SwapTotal:"},      {"swap_free", "SwapFree:"},
	};
	static char text[4096];
	static int fd = -1;
	uint64_t kib;

	read_kept(&fd, "/proc/meminfo", text, sizeof text);
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		if (find_number(text, lines[i][1], &kib))
			report_number(report, lines[i][0], kib * 1024);
}

static void report_load(struct report *report)
{
	char text[128], load[3][16];
	static int fd = -1;

	read_kept(&fd, "/proc/loadavg", text, sizeof text);
	if (sscanf(text, "%15s %15s %15s", load[0], load[1], load[2]) != 3)
		return;
	report_text(report, "load1", load[0]);
	report_text(report, "load5", load[1]);
	report_text(report, "load15", load[2]);
}

/* The kernel's own threads look like processes; they are those of kthreadd, process 2. */
static size_t count_threads(void)
{
	static char text[16 * 1024];
	static int fd = -1;
	size_t count = 0;

	for (const char *at = read_kept(&fd, KTHREADD, text, sizeof text); (at = strchr(at, ' ')) != NULL; at++)
		count++;
	return count == 0 ? 0 : count + 1;
}

/* 0 when /proc cannot be listed. */
static size_t count_pids(void)
{
	DIR *folder = opendir("/proc");
	const struct dirent *entry;
	size_t count = 0;

	if (folder == NULL)
		return 0;
	while ((entry = readdir(folder)) != NULL)
		count += *entry->d_name >= '1' && *entry->d_name <= '9';
	closedir(folder);
	return count;
}

/* Threads of the kernel come and go: counted again where some did in between, as many do at the boot. */
static void report_processes(struct report *report)
{
	size_t threads = count_threads(), before, count;
	int tries = 3;

	do {
		before = threads;
		count = count_pids();
		threads = count_threads();
	} while (threads != before && --tries > 0);
	if (count > 0)
		report_number(report, "processes", count > threads ? count - threads : 1);
}

void report_guest(struct report *report)
{
	report->used = 0;
	report_memory(report);
	report_load(report);
	report_processes(report);
	report_number(report, "oom_kills", report_oom_kills());
	if (pids_held())
		report_number(report, "tasks_denied", pids_denied());
	report_number(report, "uptime_us", init_uptime_us());
}
