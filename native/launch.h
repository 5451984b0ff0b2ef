/* What the parts of a launch share. */
#ifndef COMPART_LAUNCH_H
#define COMPART_LAUNCH_H

#include "plan.h"

#define LAUNCH_DETAIL_MAX 512

struct launch {
	struct plan plan;
	int result_fd;
	int report_fd; /* where to fail: the peer, or the monitor in between */
	char detail[LAUNCH_DETAIL_MAX + 1];
};

/* Makes the caller the leader of a session; 0 or an errno. */
int launch_own_session(void);

/*
 * Does to the caller all that the plan asks for but the exec. Returns 0, or the errno of the first
 * step that failed, its name in *step and its object in launch->detail.
 */
int launch_take_steps(struct launch *launch, const char **step);

#endif
