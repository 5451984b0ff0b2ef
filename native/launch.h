/* What the parts of a launch share. */
#ifndef COMPART_LAUNCH_H
#define COMPART_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>

#include "plan.h"

#define EXIT_LAUNCH 125
#define LAUNCH_DETAIL_MAX 512

struct launch {
	struct plan plan;
	int result_fd;
	int report_fd; /* where to fail: the peer, or the monitor in between */
	const char *born; /* cgroup.procs of the group it is in already, or NULL */
	bool bound;    /* dies with its parent until it is the command */
	char detail[LAUNCH_DETAIL_MAX + 1];
};

/* Makes the caller the leader of a session; 0 or an errno. */
int launch_own_session(void);

/*
 * Does to the caller all that the plan asks for but the exec. Returns 0, or the errno of the first
 * step that failed, its name in *step and its object in launch->detail.
 */
int launch_take_steps(struct launch *launch, const char **step);

/* Reports "fail STEP ERRNO DETAIL" and exits with the code. */
_Noreturn void launch_fail(struct launch *launch, int code, const char *step, int error);

/* Parses the plan, which is cut up in place, or fails. */
void launch_parse(struct launch *launch, char *text, size_t size);

/* Takes the steps and becomes the command, or fails. */
_Noreturn void launch_become(struct launch *launch, char **command);

#endif
