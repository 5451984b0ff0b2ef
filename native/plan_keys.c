/*
 * The keys of a plan: what each accepts and where it goes. Strict on purpose: a value that is
 * nearly right is refused, because a confinement silently skipped is worse than a command not
 * started.
 */
#include "plan_keys.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static int set_flag(bool *flag, const char *value)
{
	if (strcmp(value, "1") != 0)
		return EINVAL;
	*flag = true;
	return 0;
}

static int set_hold(struct plan *plan, char *value) { return set_flag(&plan->hold, value); }
static int set_monitor(struct plan *plan, char *value) { return set_flag(&plan->monitor, value); }
static int set_adopt(struct plan *plan, char *value) { return set_flag(&plan->adopt, value); }
static int set_setsid(struct plan *plan, char *value) { return set_flag(&plan->setsid, value); }
static int set_nnp(struct plan *plan, char *value) { return set_flag(&plan->nnp, value); }

static int set_cgroup(struct plan *plan, char *value)
{
	if (*value == '\0')
		return EINVAL;
	if (plan->cgroup_count == PLAN_CGROUPS_MAX)
		return E2BIG;
	plan->cgroups[plan->cgroup_count++] = value;
	return 0;
}

static int namespace_flag(const char *type, size_t length)
{
	static const struct {
		const char *type;
		int flag;
	} known[] = {
		{"cgroup", CLONE_NEWCGROUP}, {"ipc", CLONE_NEWIPC},   {"mnt", CLONE_NEWNS},
		{"net", CLONE_NEWNET},       {"pid", CLONE_NEWPID},   {"time", CLONE_NEWTIME},
		{"user", CLONE_NEWUSER},     {"uts", CLONE_NEWUTS},
	};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strlen(known[i].type) == length && memcmp(known[i].type, type, length) == 0)
			return known[i].flag;
	return 0;
}

static int set_namespace(struct plan *plan, char *value)
{
	size_t length = strcspn(value, ":");
	int flag = namespace_flag(value, length);

	if (flag == 0 || value[length] == '\0' || value[length + 1] == '\0')
		return EINVAL;
	for (size_t i = 0; i < plan->namespace_count; i++)
		if (plan->namespaces[i].flag == flag)
			return EEXIST;
	if (plan->namespace_count == PLAN_NAMESPACES_MAX)
		return E2BIG;
	plan->namespaces[plan->namespace_count++] = (struct plan_namespace){
		.text = value, .path = value + length + 1, .flag = flag,
	};
	return 0;
}

/* Of the network alone, whose parameters are those of a namespace and not of the whole host. */
static bool is_sysctl(const char *name)
{
	static const char prefix[] = "net/";

	if (strncmp(name, prefix, sizeof prefix - 1) != 0)
		return false;
	/* Without a dot there is no way out; an empty component would be another spelling. */
	return name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_/-")] == '\0' &&
	       strstr(name, "//") == NULL && name[strlen(name) - 1] != '/';
}

static int set_sysctl(struct plan *plan, char *value)
{
	char *colon = strchr(value, ':');

	if (colon == NULL || colon[1] == '\0')
		return EINVAL;
	*colon = '\0';
	if (!is_sysctl(value))
		return EINVAL;
	if (plan->sysctl_count == PLAN_SYSCTLS_MAX)
		return E2BIG;
	plan->sysctls[plan->sysctl_count++] =
		(struct plan_sysctl){.name = value, .value = colon + 1};
	return 0;
}

static int set_userns(struct plan *plan, char *value)
{
	size_t length = strcspn(value, ":");

	if (value[length] == '\0')
		return EINVAL;
	plan->userns.text = value;
	int error = number_parse_id(value, length, &plan->userns.uid);
	if (error != 0)
		return error;
	return number_parse_id(value + length + 1, strlen(value + length + 1), &plan->userns.gid);
}

static int set_bind(struct plan *plan, char *value)
{
	char *colon = strchr(value, ':');

	if (colon == NULL || value[0] != '/' || colon[1] != '/')
		return EINVAL;
	if (plan->bind_count == PLAN_BINDS_MAX)
		return E2BIG;
	*colon = '\0';
	plan->binds[plan->bind_count++] = (struct plan_bind){.target = value, .source = colon + 1};
	return 0;
}

static int set_capdrop(struct plan *plan, char *value)
{
	uint64_t number = 0;
	int error = number_parse(value, strlen(value), PLAN_CAPABILITY_MAX, &number);

	if (error == 0)
		plan->dropped |= UINT64_C(1) << number;
	return error;
}

static int set_groups(struct plan *plan, char *value)
{
	size_t count = 1;
	const char *item = value;

	plan->groups_text = value;
	if (*value == '\0')
		return 0;
	for (const char *c = value; *c != '\0'; c++)
		count += *c == ',';
	if (count > PLAN_GROUPS_MAX)
		return E2BIG;
	plan->groups = calloc(count, sizeof *plan->groups);
	if (plan->groups == NULL)
		return ENOMEM;
	for (size_t i = 0; i < count; i++) {
		size_t length = strcspn(item, ",");
		int error = number_parse_id(item, length, &plan->groups[i]);
		if (error != 0)
			return error;
		item += length + 1;
	}
	plan->group_count = count;
	return 0;
}

static int set_gid(struct plan *plan, char *value)
{
	plan->gid.text = value;
	return number_parse_id(value, strlen(value), &plan->gid.value);
}

static int set_uid(struct plan *plan, char *value)
{
	plan->uid.text = value;
	return number_parse_id(value, strlen(value), &plan->uid.value);
}

static int set_workdir(struct plan *plan, char *value)
{
	plan->workdir = value;
	return *value == '\0' ? EINVAL : 0;
}

static void add_env(struct plan *plan, enum plan_env_action action, const char *name,
		    const char *value)
{
	plan->env[plan->env_count++] =
		(struct plan_env){.action = action, .name = name, .value = value};
}

static int set_clearenv(struct plan *plan, char *value)
{
	bool flag;

	add_env(plan, PLAN_ENV_CLEAR, "", "");
	return set_flag(&flag, value);
}

static int set_unsetenv(struct plan *plan, char *value)
{
	if (*value == '\0' || strchr(value, '=') != NULL)
		return EINVAL;
	add_env(plan, PLAN_ENV_UNSET, value, "");
	return 0;
}

static int set_env(struct plan *plan, char *value)
{
	char *equals = strchr(value, '=');

	if (equals == NULL || equals == value)
		return EINVAL;
	*equals = '\0';
	add_env(plan, PLAN_ENV_SET, value, equals + 1);
	return 0;
}

static int set_sigignore(struct plan *plan, char *value)
{
	uint64_t number = 0;
	int error = number_parse(value, strlen(value), PLAN_SIGNAL_MAX, &number);

	if (error != 0)
		return error;
	if (number == 0 || number == SIGKILL || number == SIGSTOP)
		return ERANGE;
	plan->ignored |= UINT64_C(1) << (number - 1);
	return 0;
}

static int set_guard(struct plan *plan, char *value)
{
	int error = number_parse(value, strlen(value), PLAN_PID_MAX, &plan->guard);
	return error == 0 && plan->guard == 0 ? EINVAL : error;
}

static int set_timeout(struct plan *plan, char *value)
{
	int error = number_parse(value, strlen(value), PLAN_TIMEOUT_MAX_MS, &plan->timeout_ms);

	return error == 0 && plan->timeout_ms == 0 ? ERANGE : error;
}

static int add_argument(struct plan_argv *argv, char *value)
{
	if (argv->count == 0 && *value == '\0')
		return EINVAL;
	argv->items[argv->count++] = value;
	return 0;
}

static int set_finish(struct plan *plan, char *value) { return add_argument(&plan->finish, value); }
static int set_expire(struct plan *plan, char *value) { return add_argument(&plan->expire, value); }

static const struct plan_key keys[] = {
	{"adopt", set_adopt, false},      {"bind", set_bind, true},
	{"capdrop", set_capdrop, true},   {"cgroup", set_cgroup, true},
	{"clearenv", set_clearenv, false},
	{"env", set_env, true},           {"expire", set_expire, true},
	{"finish", set_finish, true},     {"gid", set_gid, false},
	{"groups", set_groups, false},    {"guard", set_guard, false},
	{"hold", set_hold, false},
	{"monitor", set_monitor, false},  {"nnp", set_nnp, false},
	{"ns", set_namespace, true},      {"setsid", set_setsid, false},
	{"sigignore", set_sigignore, true}, {"sysctl", set_sysctl, true},
	{"timeout_ms", set_timeout, false}, {"uid", set_uid, false},
	{"unsetenv", set_unsetenv, true}, {"userns", set_userns, false},
	{"workdir", set_workdir, false},
};

const struct plan_key *plan_key(const char *name, size_t length, unsigned int *index)
{
	for (unsigned int i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		if (strlen(keys[i].name) == length && memcmp(keys[i].name, name, length) == 0) {
			*index = i;
			return &keys[i];
		}
	}
	return NULL;
}
