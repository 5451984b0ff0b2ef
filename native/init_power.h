/* The end of the guest. */
#ifndef COMPART_INIT_POWER_H
#define COMPART_INIT_POWER_H

#include <stdbool.h>
#include <stdint.h>

#include "init_wire.h"

struct power {
	bool asked, killed;
	int64_t kill_ms, end_ms;
};

/* POWEROFF: asks all processes, or the root's own init, to end. A second time may only shorten it. */
void power_begin(struct power *power, uint32_t patience_ms, int64_t now_ms);

/* Goes on with it; true when it is time for power_end. */
bool power_move(struct power *power, bool childless, int64_t now_ms);
int64_t power_deadline(const struct power *power);

/* Writes back and unmounts what can be: a power cut loses nothing then. */
void power_settle(void);

#endif
