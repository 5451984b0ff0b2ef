/*
 * guest.report: lines key=value.
 *
 *   started_at_ms   when the kernel was started, since 1970; began_at_us: the same, finer
 *   spawn_us        since then, microseconds: the kernel was executed
 *   kernel_us       its init began
 *   init_us         it had its mounts and its network
 *   hello_us        the keeper was greeted
 *   ready_us        the command was started; without one: hello_us
 *   stop_us         the guest was asked to power off: its command had ended, or somebody wished it
 *   ended_us        its kernel had ended
 *   release         of the kernel
 *   plugged         bytes of RAM that the guest has been left
 *   reported_at_ms  when the guest said the rest (REPORT of frame.h)
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "keeper.h"
#include "number.h"
#include "replace.h"
#include "words.h"

#define NAME "guest.report"
#define TEXT_MAX (KEPT_RECORDS_MAX + 1024)

void report_begin(struct keeper *keeper)
{
	struct report *report = &keeper->report;

	report->began_us = clock_now_us();
	report->began_at_us = clock_wall_us();
	report->spawn_us = report->kernel_us = report->init_us = report->hello_us = report->ready_us = -1;
	report->stop_us = report->ended_us = -1;
	report->next_ms = CLOCK_NEVER;
}

/* Where the key is one of the number's; no number, or one above 2^62, is 0. */
static int64_t number_of(const char *value)
{
	uint64_t number = 0;

	return number_parse(value, strlen(value), UINT64_C(1) << 62, &number) == 0 ? (int64_t)number : 0;
}

static bool is_key(const char *key, size_t size, const char *wanted)
{
	return size == strlen(wanted) && memcmp(key, wanted, size) == 0;
}

/* The guest's clock began later than the keeper's by what it lacked when it said hello. */
void report_hello(struct keeper *keeper, const struct frame *frame)
{
	struct report *report = &keeper->report;
	const char *key, *value;
	size_t at = 0, size;
	int64_t version = 0, kernel = 0, init = 0, ready = 0;

	report->hello_us = clock_now_us() - report->began_us;
	while ((value = frame_record(frame, &at, &key, &size)) != NULL) {
		if (is_key(key, size, "version"))
			version = number_of(value);
		else if (is_key(key, size, "kernel_us"))
			kernel = number_of(value);
		else if (is_key(key, size, "init_us"))
			init = number_of(value);
		else if (is_key(key, size, "ready_us"))
			ready = number_of(value);
		else if (is_key(key, size, "release"))
			words_clean(report->release, sizeof report->release, value, strlen(value));
	}
	if (version != FRAME_VERSION)
		keeper_kill(keeper, "protocol", "the guest's init speaks version %" PRId64 ", not %d",
			    version, FRAME_VERSION);
	report->kernel_us = report->hello_us - ready + kernel;
	report->init_us = report->hello_us - ready + init;
	if (!keeper->has_io)
		report->ready_us = report->hello_us;
}

static bool is_plain(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789_.", text[i]) == NULL || text[i] == '\0')
			return false;
	return size > 0;
}

void report_take(struct keeper *keeper, const struct frame *frame)
{
	struct report *report = &keeper->report;
	const char *key, *value;
	size_t at = 0, size, length = 0;

	if (report->asked > 0)
		report->asked--;
	report->reported_at_ms = clock_wall_us() / 1000;
	while ((value = frame_record(frame, &at, &key, &size)) != NULL) {
		size_t line = size + strlen(value) + 2;
		/* What is no key and no number of ours is not for others to read as one. */
		if (!is_plain(key, size) || !is_plain(value, strlen(value)) ||
		    length + line >= sizeof report->guest)
			continue;
		length += (size_t)snprintf(report->guest + length, sizeof report->guest - length,
					   "%.*s=%s\n", (int)size, key, value);
		if (is_key(key, size, "oom_kills") && number_of(value) > (int64_t)report->oom_kills)
			report->oom_kills = (uint64_t)number_of(value);
		if (is_key(key, size, "tasks_denied"))
			report->tasks_denied = (uint64_t)number_of(value);
		if (is_key(key, size, "mem_free"))
			report->free_bytes = (uint64_t)number_of(value);
	}
}

void report_ask(struct keeper *keeper)
{
	mux_guest_send(keeper->mux, FRAME_REPORT, NULL, 0);
	keeper->report.asked++;
}

static size_t add(char *text, size_t room, size_t size, const char *key, int64_t number)
{
	if (number < 0)
		return size;
	return size + (size_t)snprintf(text + size, room - size, "%s=%" PRId64 "\n", key, number);
}

size_t report_text(const struct keeper *keeper, char *text, size_t room)
{
	const struct report *report = &keeper->report;
	size_t size = 0;

	size = add(text, room, size, "started_at_ms", report->began_at_us / 1000);
	size = add(text, room, size, "began_at_us", report->began_at_us);
	size = add(text, room, size, "spawn_us", report->spawn_us);
	size = add(text, room, size, "kernel_us", report->kernel_us);
	size = add(text, room, size, "init_us", report->init_us);
	size = add(text, room, size, "hello_us", report->hello_us);
	size = add(text, room, size, "ready_us", report->ready_us);
	size = add(text, room, size, "stop_us", report->stop_us);
	size = add(text, room, size, "ended_us", report->ended_us);
	size = add(text, room, size, "plugged", (int64_t)keeper->memory.plugged);
	if (*report->release != '\0')
		size += (size_t)snprintf(text + size, room - size, "release=%s\n", report->release);
	if (report->reported_at_ms != 0)
		size = add(text, room, size, "reported_at_ms", report->reported_at_ms);
	return size + (size_t)snprintf(text + size, room - size, "%s", report->guest);
}

void report_write(struct keeper *keeper)
{
	char text[TEXT_MAX];

	/* A full disk is no reason to end a guest. */
	(void)replace_file(keeper->folder_fd, NAME, text, report_text(keeper, text, sizeof text));
}
