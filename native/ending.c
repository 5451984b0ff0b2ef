/*
 * guest.ending: lines key=value.
 *
 *   reason=poweroff      of its own accord
 *          stopped       as the keeper was asked to
 *          killed        by the keeper when its patience was at an end, or by others
 *          panic|oom     the kernel gave up; oom: for want of memory
 *          crash         it ended otherwise
 *          boot-timeout  its init did not say hello in time
 *          protocol      what it said made no sense
 *          kernel        it could not be started
 *   detail=WORDS         of a panic, what the kernel said
 *   status=N             of linux.uml, as a shell has it
 *   oom_kills=N          processes that the guest's OOM killer killed
 *   tasks_denied=N       forks that the guest's limit on tasks refused
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "clock.h"
#include "keeper.h"
#include "replace.h"
#include "words.h"

#define NAME "guest.ending"

static void write_file(int folder_fd, const struct ending *ending)
{
	char text[1024];
	int length = snprintf(text, sizeof text, "reason=%s\ndetail=%.512s\n", ending->reason,
			      ending->detail);

	if (ending->status >= 0)
		length += snprintf(text + length, sizeof text - (size_t)length, "status=%d\n",
				   ending->status);
	length += snprintf(text + length, sizeof text - (size_t)length, "oom_kills=%" PRIu64 "\ntasks_denied=%" PRIu64 "\n",
			   ending->oom_kills, ending->tasks_denied);
	if (replace_file(folder_fd, NAME, text, (size_t)length) != 0)
		words_say("cannot write " NAME);
}

static bool is_for_memory(const char *panic)
{
	return strstr(panic, "Out of memory") != NULL || strstr(panic, "out of memory") != NULL ||
	       strstr(panic, "deadlocked on memory") != NULL;
}

/* A guest's command may print what it likes: only a kernel that did not end well has panicked. */
static void judge(struct keeper *keeper, struct ending *ending)
{
	const int number = ending->status > 128 && ending->status < 128 + NSIG ? ending->status - 128 : 0;
	const bool well = number == 0 && mux_guest_ready(keeper->mux);

	ending->detail = keeper->detail;
	ending->reason = keeper->reason;
	if (keeper->reason != NULL && strcmp(keeper->reason, "boot-timeout") != 0)
		return;
	if (keeper->console.panicked && !(well && ending->status == 0)) {
		ending->reason = is_for_memory(keeper->console.panic) ? "oom" : "panic";
		ending->detail = keeper->console.panic;
	} else if (keeper->reason != NULL) {
		return;
	} else if (well) {
		ending->reason = keeper->stopping ? "stopped" : "poweroff";
	} else if (number != 0) {
		ending->reason = number == SIGKILL ? "killed" : "crash";
		snprintf(keeper->detail, sizeof keeper->detail, "the kernel died of signal %d (%s)",
			 number, strsignal(number));
	} else {
		ending->reason = "crash";
		snprintf(keeper->detail, sizeof keeper->detail,
			 "the kernel ended with status %d before its init said hello", ending->status);
	}
}

static const char *phrase_of(const char *reason)
{
	static const char *const phrases[][2] = {
		{"panic", "the guest's kernel panicked"},
		{"oom", "the guest ran out of memory, and its kernel gave up"},
		{"boot-timeout", "the guest did not boot in time"},
		{"protocol", "the guest was ended for what it said"},
		{"killed", "the guest was killed"},
		{"crash", "the guest's kernel crashed"},
		{"kernel", "the guest could not be started"},
	};

	for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
		if (strcmp(reason, phrases[i][0]) == 0)
			return phrases[i][1];
	return NULL; /* nothing went wrong */
}

static bool tell(const struct ending *ending)
{
	const char *phrase = phrase_of(ending->reason);

	if (phrase != NULL)
		words_say("%s%s%s", phrase, *ending->detail == '\0' ? "" : ": ", ending->detail);
	return phrase != NULL;
}

/*
 * One power-off in some hundred, a timer finds the kernel's memory taken down already, and it aborts: nothing
 * of the guest was left to go wrong.
 */
static bool has_halted(const struct console_log *console)
{
	return console->halted && !console->panicked;
}

void ending_write(struct keeper *keeper)
{
	const int status = keeper->wait_status; /* 128+N of its own for the kernel's signal N (uml.h) */
	struct ending *ending = &keeper->ending;

	ending->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	ending->oom_kills = keeper->report.oom_kills;
	ending->tasks_denied = keeper->report.tasks_denied;
	keeper->report.ended_us = clock_now_us() - keeper->report.began_us;
	console_log_take(&keeper->console, "\n", 1);
	const bool halted = ending->status == 128 + SIGABRT && has_halted(&keeper->console);
	if (halted || (ending->status == 128 + SIGKILL && keeper->down))
		ending->status = 0;
	judge(keeper, ending);
	write_file(keeper->folder_fd, ending);
}

int ending_tell(const struct keeper *keeper)
{
	const struct ending *ending = &keeper->ending;

	if (!tell(ending) || strcmp(ending->reason, "killed") == 0)
		return ending->status;
	console_log_tell(&keeper->console);
	return EXIT_GUEST;
}

int ending_not_started(int folder_fd, const struct uml_error *error)
{
	char detail[CONSOLE_LOG_LINE], clean[CONSOLE_LOG_LINE];
	const struct ending ending = {.reason = "kernel", .detail = clean, .status = -1};

	snprintf(detail, sizeof detail, "%s: %.300s: %s", error->step, error->detail,
		 strerror(error->number));
	words_clean(clean, sizeof clean, detail, strlen(detail));
	write_file(folder_fd, &ending);
	(void)tell(&ending);
	return EXIT_GUEST;
}
