/* pulse: wakes every 5 ms until SIGTERM, then prints by how much it was late: median, 99 in 100, worst, in ms. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PERIOD_NS 5000000L
#define SAMPLES (1 << 20)

static volatile sig_atomic_t over;

static void end(int signal)
{
	(void)signal;
	over = 1;
}

static int compare(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

int main(void)
{
	static double late[SAMPLES];
	struct timespec due, now;
	size_t count = 0;

	signal(SIGTERM, end);
	clock_gettime(CLOCK_MONOTONIC, &due);
	while (!over && count < SAMPLES) {
		due.tv_nsec += PERIOD_NS;
		due.tv_sec += due.tv_nsec / 1000000000L;
		due.tv_nsec %= 1000000000L;
		if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) != 0)
			continue;
		clock_gettime(CLOCK_MONOTONIC, &now);
		late[count++] = (double)(now.tv_sec - due.tv_sec) * 1e3 + (double)(now.tv_nsec - due.tv_nsec) / 1e6;
		/* What was missed is counted once. */
		if (late[count - 1] > 5)
			due = now;
	}
	qsort(late, count, sizeof late[0], compare);
	if (count > 0)
		printf("%.2f %.2f %.2f\n", late[count / 2], late[count * 99 / 100], late[count - 1]);
	return 0;
}
