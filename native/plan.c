/*
 * The frame of the launch plan (see plan.h): header, records, end, nothing after. Whatever it does
 * not know it refuses.
 */
#include "plan.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "plan_keys.h"

static bool refuse(struct plan_error *error, int number, const char *reason, const char *record)
{
	*error = (struct plan_error){.number = number, .reason = reason, .record = record};
	return false;
}

static const char *reason_of(int error)
{
	switch (error) {
	case E2BIG: return "too many";
	case EEXIST: return "given twice";
	case ENOMEM: return "out of memory";
	case ERANGE: return "number out of range";
	default: return "malformed value";
	}
}

static bool parse_record(struct plan *plan, char *record, uint32_t *seen, struct plan_error *error)
{
	size_t length = strcspn(record, "=");
	unsigned int index = 0;
	const struct plan_key *key = plan_key(record, length, &index);

	if (key == NULL)
		return refuse(error, EINVAL, "unknown key", record);
	if (record[length] != '=')
		return refuse(error, EINVAL, "no value", record);
	if (!key->repeats && (*seen & (UINT32_C(1) << index)) != 0)
		return refuse(error, EEXIST, reason_of(EEXIST), record);
	*seen |= UINT32_C(1) << index;
	int number = key->set(plan, record + length + 1);
	return number == 0 || refuse(error, number, reason_of(number), record);
}

/* A supervisor's orders without a supervisor, or a clock without an alarm, would do nothing. */
static bool check_monitor(const struct plan *plan, struct plan_error *error)
{
	if (!plan->monitor && plan->finish.count != 0)
		return refuse(error, EINVAL, "needs monitor=1", "finish");
	if (!plan->monitor && (plan->expire.count != 0 || plan->timeout_ms != 0))
		return refuse(error, EINVAL, "needs monitor=1", "timeout_ms");
	if ((plan->expire.count != 0) != (plan->timeout_ms != 0))
		return refuse(error, EINVAL, "timeout_ms and expire go together", NULL);
	return true;
}

/* Without a namespace to enter, it would be the caller's own network that is changed. */
static bool check_sysctl(const struct plan *plan, struct plan_error *error)
{
	for (size_t i = 0; i < plan->namespace_count; i++)
		if (plan->namespaces[i].flag == CLONE_NEWNET)
			return true;
	return plan->sysctl_count == 0 || refuse(error, EINVAL, "needs ns=net", "sysctl");
}

/* One allocation a list, sized by the number of records: no list can outgrow it. */
static bool reserve(struct plan *plan, size_t records)
{
	plan->env = calloc(records, sizeof *plan->env);
	plan->finish.items = calloc(records + 2, sizeof *plan->finish.items);
	plan->expire.items = calloc(records + 2, sizeof *plan->expire.items);
	return plan->env != NULL && plan->finish.items != NULL && plan->expire.items != NULL;
}

bool plan_parse(struct plan *plan, char *text, size_t size, struct plan_error *error)
{
	char *const end = text + size;
	size_t records = 0;
	uint32_t seen = 0;

	memset(plan, 0, sizeof *plan);
	if (size > PLAN_BYTES_MAX)
		return refuse(error, E2BIG, "plan too long", NULL);
	if (size == 0 || end[-1] != '\0')
		return refuse(error, EINVAL, "plan cut short", NULL);
	if (strcmp(text, PLAN_HEADER) != 0)
		return refuse(error, EINVAL, "no " PLAN_HEADER " header", NULL);
	for (const char *c = text; c < end; c++)
		records += *c == '\0';
	if (records > PLAN_RECORDS_MAX)
		return refuse(error, E2BIG, "too many records", NULL);
	if (!reserve(plan, records))
		return refuse(error, ENOMEM, reason_of(ENOMEM), NULL);

	for (char *record = text + sizeof PLAN_HEADER; record < end;) {
		char *next = record + strlen(record) + 1;
		if (strcmp(record, PLAN_END) == 0 && next != end)
			return refuse(error, EINVAL, "bytes after the end", NULL);
		if (strcmp(record, PLAN_END) == 0)
			return check_monitor(plan, error) && check_sysctl(plan, error);
		if (!parse_record(plan, record, &seen, error))
			return false;
		record = next;
	}
	return refuse(error, EINVAL, "plan without an end", NULL);
}

void plan_free(struct plan *plan)
{
	free(plan->groups);
	free(plan->env);
	free(plan->finish.items);
	free(plan->expire.items);
	memset(plan, 0, sizeof *plan);
}
