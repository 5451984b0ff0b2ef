/*
 * The steps of a launch. Each does its part of the plan to the calling process and returns 0 or an
 * errno, with what it was about in launch->detail.
 */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "birth.h"
#include "capability.h"
#include "fd.h"
#include "mount.h"
#include "signals.h"
#include "sysctl.h"
#include "tiocsti.h"
#include "userns.h"

static void set_detail(struct launch *launch, const char *text)
{
	snprintf(launch->detail, sizeof launch->detail, "%s", text);
}

/*
 * Under a monitor it is the child that holds and tells its pid, because the monitor must not be
 * attached to what the peer is about to attach.
 */
static int do_hold(struct launch *launch)
{
	char line[64], byte;
	int length = 0;

	if (!launch->plan.hold)
		return 0;
	if (launch->plan.monitor)
		length = snprintf(line, sizeof line, "pid %ld\n", (long)getpid());
	length += snprintf(line + length, sizeof line - (size_t)length, "ready\n");
	if (!fd_write(launch->result_fd, line, (size_t)length))
		return errno;
	ssize_t count = fd_read(launch->result_fd, &byte, 1);
	return count < 0 ? errno : count == 0 ? ECANCELED : 0;
}

int launch_own_session(void)
{
	/* A leader of a session has what is asked; setsid(2) would refuse it. */
	return setsid() >= 0 || getsid(0) == getpid() ? 0 : EPERM;
}

static int do_setsid(struct launch *launch)
{
	return launch->plan.setsid ? launch_own_session() : 0;
}

static int do_cgroup(struct launch *launch)
{
	for (size_t i = 0; i < launch->plan.cgroup_count; i++) {
		const char *procs = launch->plan.cgroups[i];

		if (launch->born != NULL && strcmp(procs, launch->born) == 0)
			continue;
		set_detail(launch, procs);
		int fd = birth_open(procs);
		if (fd < 0 || !fd_write(fd, "0", 1))
			return errno;
		close(fd);
	}
	return 0;
}

/* All are opened before any is entered, so that every path is one of the host's. */
static int do_namespaces(struct launch *launch)
{
	const struct plan_namespace *namespaces = launch->plan.namespaces;
	const size_t count = launch->plan.namespace_count;
	int fds[PLAN_NAMESPACES_MAX];

	for (size_t i = 0; i < count; i++) {
		set_detail(launch, namespaces[i].text);
		fds[i] = open(namespaces[i].path, O_RDONLY | O_CLOEXEC);
		if (fds[i] < 0)
			return errno;
	}
	/* The user namespace first: it is what gives the right to enter those it owns. */
	for (int users = 1; users >= 0; users--) {
		for (size_t i = 0; i < count; i++) {
			if ((namespaces[i].flag == CLONE_NEWUSER) != (users == 1))
				continue;
			set_detail(launch, namespaces[i].text);
			if (setns(fds[i], namespaces[i].flag) < 0)
				return errno;
			close(fds[i]);
		}
	}
	return 0;
}

static int do_sysctls(struct launch *launch)
{
	for (size_t i = 0; i < launch->plan.sysctl_count; i++) {
		const struct plan_sysctl *sysctl = &launch->plan.sysctls[i];
		snprintf(launch->detail, sizeof launch->detail, "%s:%s", sysctl->name,
			 sysctl->value);
		int error = sysctl_write(sysctl->name, sysctl->value);
		if (error != 0)
			return error;
	}
	return 0;
}

static int do_userns(struct launch *launch)
{
	const struct plan_userns *userns = &launch->plan.userns;

	if (userns->text == NULL)
		return 0;
	set_detail(launch, userns->text);
	return userns_unshare(userns->uid, userns->gid);
}

static int do_binds(struct launch *launch)
{
	int error = launch->plan.bind_count == 0 ? 0 : mount_unshare();

	for (size_t i = 0; error == 0 && i < launch->plan.bind_count; i++) {
		const struct plan_bind *bind = &launch->plan.binds[i];
		snprintf(launch->detail, sizeof launch->detail, "%s:%s", bind->target,
			 bind->source);
		error = mount_bind_file(bind->target, bind->source);
	}
	return error;
}

/* The terminal is of the user who called, not of the one that the command will be. */
static int do_tty(struct launch *launch)
{
	const struct plan *plan = &launch->plan;

	return plan->uid.text == NULL || plan->uid.value == getuid() ? 0 : tiocsti_refuse();
}

static int do_capdrop(struct launch *launch)
{
	int which = 0;

	if (launch->plan.dropped == 0)
		return 0;
	int error = capability_drop(launch->plan.dropped, &which);
	snprintf(launch->detail, sizeof launch->detail, "%d", which);
	return error;
}

static int do_groups(struct launch *launch)
{
	const struct plan *plan = &launch->plan;

	if (plan->groups_text == NULL)
		return 0;
	set_detail(launch, plan->groups_text);
	if (setgroups(plan->group_count, plan->groups) < 0)
		return errno;
	return getgroups(0, NULL) == (int)plan->group_count ? 0 : EPERM;
}

static int do_gid(struct launch *launch)
{
	const gid_t gid = launch->plan.gid.value;
	gid_t real, effective, saved;

	if (launch->plan.gid.text == NULL)
		return 0;
	set_detail(launch, launch->plan.gid.text);
	if (setresgid(gid, gid, gid) < 0 || getresgid(&real, &effective, &saved) < 0)
		return errno;
	return real == gid && effective == gid && saved == gid ? 0 : EPERM;
}

static int do_uid(struct launch *launch)
{
	const uid_t uid = launch->plan.uid.value;
	uid_t real, effective, saved;

	if (launch->plan.uid.text == NULL)
		return 0;
	set_detail(launch, launch->plan.uid.text);
	if (setresuid(uid, uid, uid) < 0 || getresuid(&real, &effective, &saved) < 0)
		return errno;
	return real == uid && effective == uid && saved == uid ? 0 : EPERM;
}

static int do_nnp(struct launch *launch)
{
	return launch->plan.nnp && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? errno : 0;
}

static int do_env(struct launch *launch)
{
	for (size_t i = 0; i < launch->plan.env_count; i++) {
		const struct plan_env *env = &launch->plan.env[i];
		set_detail(launch, env->name);
		int failed = env->action == PLAN_ENV_CLEAR   ? clearenv()
			     : env->action == PLAN_ENV_UNSET ? unsetenv(env->name)
							     : setenv(env->name, env->value, 1);
		if (failed != 0)
			return errno;
	}
	return 0;
}

static int do_workdir(struct launch *launch)
{
	if (launch->plan.workdir == NULL)
		return 0;
	set_detail(launch, launch->plan.workdir);
	return chdir(launch->plan.workdir) < 0 ? errno : 0;
}

static int do_signals(struct launch *launch)
{
	int which = 0;
	int error = signals_reset(launch->plan.ignored, &which);

	snprintf(launch->detail, sizeof launch->detail, "%d", which);
	return error;
}

/* The order is the contract: what takes privilege comes before the ids, the rest after them. */
static const struct {
	const char *name;
	int (*take)(struct launch *);
} steps[] = {
	{"hold", do_hold},       {"setsid", do_setsid},   {"cgroup", do_cgroup},
	{"ns", do_namespaces},   {"sysctl", do_sysctls},  {"userns", do_userns},
	{"bind", do_binds},      {"tty", do_tty},         {"capdrop", do_capdrop},
	{"groups", do_groups},   {"gid", do_gid},         {"uid", do_uid},
	{"nnp", do_nnp},         {"env", do_env},         {"workdir", do_workdir},
	{"signals", do_signals},
};

int launch_take_steps(struct launch *launch, const char **step)
{
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		set_detail(launch, "");
		*step = steps[i].name;
		int error = steps[i].take(launch);
		if (error != 0)
			return error;
	}
	return 0;
}
