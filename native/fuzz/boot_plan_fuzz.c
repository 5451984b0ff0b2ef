/* Fuzzes the parser of the boot file: any bytes, and what it accepts is whole and within its bounds. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "boot_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool held)
{
	if (!held)
		abort();
}

static void check_plain(const char *path)
{
	const size_t length = strlen(path);

	expect(length > 1 && path[0] == '/' && path[length - 1] != '/');
	expect(strstr(path, "//") == NULL && strstr(path, "/../") == NULL && strstr(path, "/./") == NULL);
	expect(length < 3 || strcmp(path + length - 3, "/..") != 0);
	expect(strcmp(path + length - 2, "/.") != 0);
}

static void check_steps(const struct boot_plan *plan)
{
	expect(plan->step_count <= BOOT_STEPS_MAX);
	for (size_t i = 0; i < plan->step_count; i++) {
		const struct boot_step *step = &plan->steps[i];
		check_plain(step->to);
		expect((step->from == NULL) == (step->kind == BOOT_COVER));
		expect(step->from == NULL || step->from[0] == '/');
	}
}

static void check_accepted(const struct boot_plan *plan, size_t size)
{
	expect(size > sizeof BOOT_HEADER && size <= BOOT_BYTES_MAX);
	expect(plan->folder[0] == '/' && plan->config[0] == '/');
	check_plain(plan->kernel);
	if (plan->preload != NULL) {
		check_plain(plan->preload);
		expect(strpbrk(plan->preload, ": \t\n") == NULL);
	}
	expect(plan->memory >= BOOT_MEMORY_MIN && plan->memory <= BOOT_MEMORY_MAX);
	expect(plan->cpu >= -1 && plan->cpu <= BOOT_CPU_MAX);
	expect(plan->boot_ms > 0);
	expect(plan->tap == NULL || (plan->tap[0] != '\0' && strlen(plan->tap) < 16));
	expect(plan->karg_count <= BOOT_KARGS_MAX);
	for (size_t i = 0; i < plan->karg_count; i++)
		expect(plan->kargs[i][0] != '\0' && strpbrk(plan->kargs[i], " \t\n") == NULL);
	check_steps(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct boot_plan plan;
	/* An allocation of its own, so that the sanitizer sees a read past its end. */
	char *text = malloc(size == 0 ? 1 : size);

	expect(text != NULL);
	if (size != 0)
		memcpy(text, data, size);
	const char *wrong = boot_plan_parse(&plan, text, size);
	if (wrong == NULL)
		check_accepted(&plan, size);
	else
		expect(wrong[0] != '\0');
	boot_plan_free(&plan);
	return 0;
}
