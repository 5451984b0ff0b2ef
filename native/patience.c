/* How long a guest is given, to boot and to power off, and its end when it has not: see keeper.h. */
#include <stdarg.h>
#include <stdio.h>

#include "clock.h"
#include "keeper.h"

#define STOP_LAST_MS 1000 /* of the patience, in which the guest does at once what it could not */

void keeper_kill(struct keeper *keeper, const char *reason, const char *format, ...)
{
	va_list arguments;

	if (keeper->reason != NULL || keeper->dead)
		return;
	keeper->reason = reason;
	va_start(arguments, format);
	vsnprintf(keeper->detail, sizeof keeper->detail, format, arguments);
	va_end(arguments);
	uml_kill(&keeper->uml);
}

void keeper_stop(struct keeper *keeper, uint32_t patience_ms)
{
	const uint32_t last = patience_ms / 4 < STOP_LAST_MS ? patience_ms / 4 : STOP_LAST_MS;
	const uint32_t asked = patience_ms - last;
	const unsigned char bytes[] = {(unsigned char)asked, (unsigned char)(asked >> 8),
				       (unsigned char)(asked >> 16), (unsigned char)(asked >> 24)};
	const int64_t deadline = clock_now_ms() + patience_ms;

	/* Asked again, the shorter patience holds. */
	if (keeper->reason != NULL || keeper->dead || (keeper->stopping && deadline >= keeper->stop_ms))
		return;
	keeper->stop_ms = deadline;
	keeper->patience_ms = patience_ms;
	if (!keeper->stopping)
		keeper->report.stop_us = clock_now_us() - keeper->report.began_us;
	if (!mux_guest_ready(keeper->mux))
		keeper_kill(keeper, "killed", "before its init said hello");
	else {
		if (!keeper->stopping)
			report_ask(keeper); /* the last word on what the OOM killer did */
		mux_guest_send(keeper->mux, FRAME_POWEROFF, bytes, sizeof bytes);
	}
	keeper->stopping = true;
}

void patience_look(struct keeper *keeper)
{
	const int64_t now = clock_now_ms();

	if (keeper->boot_ms >= 0 && now >= keeper->boot_ms) {
		keeper->boot_ms = CLOCK_NEVER;
		keeper_kill(keeper, "boot-timeout", "its init did not say hello within %u ms",
			    keeper->plan->boot_ms);
	}
	if (keeper->stopping && now >= keeper->stop_ms) {
		keeper->stop_ms = INT64_MAX;
		keeper_kill(keeper, "killed", "it did not power off within %u ms", keeper->patience_ms);
	}
	if (keeper->report.next_ms < 0 || now < keeper->report.next_ms)
		return;
	/* One at a time: a guest that does not answer is not asked ever more. */
	if (keeper->report.asked == 0)
		report_ask(keeper);
	keeper->report.next_ms = now + keeper->plan->report_ms;
}

int64_t patience_deadline(const struct keeper *keeper)
{
	const int64_t stop_ms = keeper->stopping ? keeper->stop_ms : CLOCK_NEVER;

	return clock_earlier(clock_earlier(keeper->boot_ms, stop_ms), keeper->report.next_ms);
}
