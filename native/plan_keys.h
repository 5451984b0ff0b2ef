/* The keys a plan may hold: private to the parser. */
#ifndef COMPART_PLAN_KEYS_H
#define COMPART_PLAN_KEYS_H

#include "plan.h"

struct plan_key {
	const char *name;
	int (*set)(struct plan *plan, char *value); /* 0 or an errno */
	bool repeats;
};

/* The key of that name and its number (below 32), or NULL. */
const struct plan_key *plan_key(const char *name, size_t length, unsigned int *index);

#endif
