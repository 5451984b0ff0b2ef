/* A relay on its way to serving (see relay.h). */
#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "capability.h"
#include "fd.h"
#include "relay.h"
#include "signals.h"

#define NOBODY 65534

static struct relay_failure failed(const char *step, const char *detail)
{
	return (struct relay_failure){step, errno, detail};
}

/* The user namespace first: it is what gives the right to enter the other. */
static bool enter(int *fd, int flag)
{
	if (*fd >= 0 && (setns(*fd, flag) < 0 || close(*fd) < 0))
		return false;
	*fd = -1;
	return true;
}

static bool become_nobody(void)
{
	return setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
	       setresuid(NOBODY, NOBODY, NOBODY) == 0;
}

/* A connection is two descriptors, and two more for each direction that waits for its reader. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

struct relay_failure relay_settle(struct relay *relay)
{
	const bool root = geteuid() == 0;
	int which;

	(void)signals_reset(0, &which);
	signal(SIGPIPE, SIG_IGN); /* splice(2) has no MSG_NOSIGNAL */
	if (setsid() < 0)
		return failed("setsid", NULL);
	if (chdir("/") < 0)
		return failed("workdir", "/");
	raise_limit();
	if (!enter(&relay->user_fd, CLONE_NEWUSER))
		return failed("ns", "user");
	if (!enter(&relay->net_fd, CLONE_NEWNET))
		return failed("ns", "net");
	if (root && !become_nobody())
		return failed("uid", "65534");
	errno = capability_shed(UINT64_MAX);
	if (errno != 0)
		return failed("capdrop", NULL);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return failed("nnp", NULL);
	return (struct relay_failure){0};
}
