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

int64_t clock_wall_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_earlier(int64_t one, int64_t two)
{
	return one == CLOCK_NEVER || (two != CLOCK_NEVER && two < one) ? two : one;
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
