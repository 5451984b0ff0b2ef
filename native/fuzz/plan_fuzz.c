/* Fuzzes the plan parser: any bytes, and what it accepts is within its bounds. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool held)
{
	if (!held)
		abort();
}

static void check_argv(const struct plan_argv *argv)
{
	for (size_t i = 0; i < argv->count; i++)
		expect(argv->items[i] != NULL);
	expect(argv->items[argv->count] == NULL && argv->items[argv->count + 1] == NULL);
	expect(argv->count == 0 || argv->items[0][0] != '\0');
}

static void check_confined(const struct plan *plan)
{
	expect(plan->sysctl_count <= PLAN_SYSCTLS_MAX);
	for (size_t i = 0; i < plan->sysctl_count; i++) {
		expect(strncmp(plan->sysctls[i].name, "net/", 4) == 0);
		expect(strpbrk(plan->sysctls[i].name, ".:") == NULL);
		expect(strstr(plan->sysctls[i].name, "//") == NULL);
		expect(plan->sysctls[i].value[0] != '\0');
	}
	expect(plan->sysctl_count == 0 || plan->namespace_count != 0);
	expect(plan->userns.uid != UINT32_MAX && plan->userns.gid != UINT32_MAX);
	expect(plan->bind_count <= PLAN_BINDS_MAX);
	for (size_t i = 0; i < plan->bind_count; i++)
		expect(plan->binds[i].target[0] == '/' && plan->binds[i].source[0] == '/');
}

static void check_accepted(const struct plan *plan, const char *text, size_t size)
{
	expect(size > sizeof PLAN_HEADER && memcmp(text + size - 5, "\0end", 5) == 0);
	expect(plan->cgroup_count <= PLAN_CGROUPS_MAX);
	expect(plan->namespace_count <= PLAN_NAMESPACES_MAX);
	for (size_t i = 0; i < plan->namespace_count; i++)
		expect(plan->namespaces[i].flag != 0 && plan->namespaces[i].path[0] != '\0');
	check_confined(plan);
	expect(plan->uid.value != UINT32_MAX && plan->gid.value != UINT32_MAX);
	for (size_t i = 0; i < plan->group_count; i++)
		expect(plan->groups[i] != UINT32_MAX);
	for (size_t i = 0; i < plan->env_count; i++)
		expect(strchr(plan->env[i].name, '=') == NULL);
	expect((plan->ignored & (UINT64_C(1) << (SIGKILL - 1))) == 0);
	expect(plan->timeout_ms <= PLAN_TIMEOUT_MAX_MS);
	expect(plan->monitor || (plan->finish.count == 0 && plan->timeout_ms == 0));
	expect((plan->timeout_ms != 0) == (plan->expire.count != 0));
	check_argv(&plan->finish);
	check_argv(&plan->expire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct plan_error error = {0};
	struct plan plan;
	/* An allocation of its own, so that the sanitizer sees a read past its end. */
	char *text = malloc(size == 0 ? 1 : size);

	expect(text != NULL);
	if (size != 0)
		memcpy(text, data, size);
	if (plan_parse(&plan, text, size, &error))
		check_accepted(&plan, text, size);
	else
		expect(error.number != 0 && error.reason != NULL);
	plan_free(&plan);
	free(text);
	return 0;
}
