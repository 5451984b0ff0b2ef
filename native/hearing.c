/* What the keeper makes of what is said to it: see keeper.h. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "keeper.h"

static void guest_said(void *owner, const struct frame *frame)
{
	struct keeper *keeper = owner;
	const char *key, *value;
	size_t at = 0, size;

	if (frame->type == FRAME_LOG) {
		while ((value = frame_record(frame, &at, &key, &size)) != NULL) {
			console_log_take(&keeper->console, "init: ", 6);
			console_log_take(&keeper->console, value, strlen(value));
			console_log_take(&keeper->console, "\n", 1);
		}
		return;
	}
	if (frame->type == FRAME_MOUNTED) {
		mounts_answered(keeper, frame);
		return;
	}
	if (frame->type == FRAME_DOWN) {
		keeper->down = true;
		uml_kill(&keeper->uml);
		return;
	}
	if (frame->type == FRAME_HELLO) {
		keeper->boot_ms = CLOCK_NEVER;
		if (keeper->plan->report_ms != 0)
			keeper->report.next_ms = clock_now_ms();
		report_hello(keeper, frame);
	} else {
		report_take(keeper, frame);
		memory_reported(keeper);
		tty_line_reported(keeper);
	}
	report_write(keeper);
}

static void session_said(void *owner, int client, const struct frame *frame)
{
	struct keeper *keeper = owner;

	(void)client;
	if (frame->type == FRAME_EXIT && frame_u32(frame, 4) > keeper->report.oom_kills)
		keeper->report.oom_kills = frame_u32(frame, 4);
	if (frame->type == FRAME_STARTED && keeper->report.ready_us < 0) {
		keeper->report.ready_us = clock_now_us() - keeper->report.began_us;
		report_write(keeper);
	}
}

static void client_asked(void *owner, int client, const struct frame *frame)
{
	control_take(owner, client, frame);
}

void hearing_console(struct keeper *keeper)
{
	char bytes[16384];

	for (int i = 0; i < 64 && keeper->uml.console_fd >= 0; i++) {
		ssize_t count = read(keeper->uml.console_fd, bytes, sizeof bytes);
		if (count > 0) {
			console_log_take(&keeper->console, bytes, (size_t)count);
			continue;
		}
		if (count < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		close(keeper->uml.console_fd);
		keeper->uml.console_fd = -1;
	}
}

const struct mux_events hearing_events = {
	.guest = guest_said, .control = client_asked, .session = session_said};
