/* Deadlines on CLOCK_MONOTONIC, in milliseconds; -1 is none. */
#ifndef COMPART_CLOCK_H
#define COMPART_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_NEVER INT64_C(-1)

int64_t clock_now_ms(void);
int64_t clock_now_us(void);

/* CLOCK_REALTIME, in microseconds: what programs that do not share a clock agree on. */
int64_t clock_wall_us(void);

/* The earlier of two deadlines. */
int64_t clock_earlier(int64_t one, int64_t two);

/* What is left until the deadline, for ppoll(2): NULL without one. */
const struct timespec *clock_left(int64_t deadline_ms, struct timespec *left);

#endif
