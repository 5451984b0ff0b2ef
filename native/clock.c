/* See clock.h. */
#include "clock.h"

#include <stddef.h>

int64_t clock_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_earlier(int64_t one_ms, int64_t other_ms)
{
	if (one_ms < 0 || other_ms < 0)
		return one_ms < 0 ? other_ms : one_ms;
	return one_ms < other_ms ? one_ms : other_ms;
}

const struct timespec *clock_left(int64_t deadline_ms, struct timespec *left)
{
	if (deadline_ms < 0)
		return NULL;
	int64_t ms = deadline_ms - clock_now_ms();
	ms = ms < 0 ? 0 : ms;
	left->tv_sec = (time_t)(ms / 1000);
	left->tv_nsec = (long)(ms % 1000) * 1000000;
	return left;
}
