/*
 * The boot file, see boot_plan.h. Strict on purpose: what is nearly right is refused, because a
 * cover silently left out would be worse than a guest not started.
 */
#include "boot_plan.h"

#include <limits.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"

#define BOOT_END "end"

/* What is remembered between two records. */
struct reading {
	struct boot_plan *plan;
	const char *from; /* a source that waits for its place */
	uint32_t seen;    /* bit N: the key N has come */
};

struct key {
	const char *name;
	const char *(*set)(struct reading *reading, const struct key *key, char *value);
	size_t offset; /* of what it sets in the plan, where that is a field of its own */
	uint64_t least, most;
	bool repeats;
	bool wanted;
};

static void *field(struct reading *reading, const struct key *key)
{
	return (char *)reading->plan + key->offset;
}

/* Absolute, and no name in it that is empty, . or .. : as it is resolved, so it is meant. */
static bool is_plain(const char *path)
{
	if (*path != '/' || strlen(path) >= PATH_MAX)
		return false;
	while (*path == '/') {
		const char *name = ++path;
		size_t length = strcspn(name, "/");
		if (length == 0 || (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.'))))
			return false;
		path += length;
	}
	return true;
}

/* Of the host: its kernel resolves them, as the caller would have it. */
static const char *set_host_path(struct reading *reading, const struct key *key, char *value)
{
	if (*value != '/' || strlen(value) >= PATH_MAX)
		return "a path of the host must be absolute";
	*(const char **)field(reading, key) = value;
	return NULL;
}

static const char *set_sandbox_path(struct reading *reading, const struct key *key, char *value)
{
	if (!is_plain(value))
		return "a path of the sandbox must be absolute and plain";
	*(const char **)field(reading, key) = value;
	return NULL;
}

/* ld.so(8) takes a list of them, parted by blanks and colons. */
static const char *set_library(struct reading *reading, const struct key *key, char *value)
{
	if (strpbrk(value, ": \t\n") != NULL)
		return "a path of a library with a blank or a colon in it";
	return set_sandbox_path(reading, key, value);
}

static const char *set_number(struct reading *reading, const struct key *key, char *value)
{
	uint64_t number = 0;

	if (number_parse(value, strlen(value), key->most, &number) != 0 || number < key->least)
		return "no number, or out of bounds";
	if (key->offset == offsetof(struct boot_plan, memory))
		reading->plan->memory = number;
	else if (key->offset == offsetof(struct boot_plan, cpu))
		reading->plan->cpu = (int)number;
	else
		*(uint32_t *)field(reading, key) = (uint32_t)number;
	return NULL;
}

static const char *set_tap(struct reading *reading, const struct key *key, char *value)
{
	(void)key;
	if (*value == '\0' || strlen(value) >= IFNAMSIZ || strpbrk(value, "/: \t\n%") != NULL)
		return "no name of a network device";
	reading->plan->tap = value;
	return NULL;
}

/* The kernel parts its words at blanks: one that has some would be another command line. */
static const char *set_karg(struct reading *reading, const struct key *key, char *value)
{
	(void)key;
	if (*value == '\0')
		return "an empty word";
	for (const char *c = value; *c != '\0'; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return "a word with a blank in it";
	if (reading->plan->karg_count == BOOT_KARGS_MAX)
		return "too many words";
	reading->plan->kargs[reading->plan->karg_count++] = value;
	return NULL;
}

static const char *set_from(struct reading *reading, const struct key *key, char *value)
{
	(void)key;
	if (*value != '/' || strlen(value) >= PATH_MAX)
		return "a path of the host must be absolute";
	reading->from = value;
	return NULL;
}

static const char *set_step(struct reading *reading, const struct key *key, char *value)
{
	const enum boot_step_kind kind = (enum boot_step_kind)key->offset;
	struct boot_plan *plan = reading->plan;

	if (!is_plain(value))
		return "a path of the sandbox must be absolute and plain";
	if (kind != BOOT_COVER && reading->from == NULL)
		return "a place without a source";
	if (plan->step_count == BOOT_STEPS_MAX)
		return "too many steps";
	plan->steps[plan->step_count++] =
		(struct boot_step){.kind = kind, .from = reading->from, .to = value};
	reading->from = NULL;
	return NULL;
}

#define FIELD(name) offsetof(struct boot_plan, name)

static const struct key keys[] = {
	{"folder", set_host_path, FIELD(folder), 0, 0, false, true},
	{"memory", set_number, FIELD(memory), BOOT_MEMORY_MIN, BOOT_MEMORY_MAX, false, true},
	{"cpu", set_number, FIELD(cpu), 0, BOOT_CPU_MAX, false, false},
	{"tap", set_tap, 0, 0, 0, false, false},
	{"boot_ms", set_number, FIELD(boot_ms), 1, UINT32_MAX, false, true},
	{"stop_ms", set_number, FIELD(stop_ms), 0, UINT32_MAX, false, true},
	{"report_ms", set_number, FIELD(report_ms), 0, UINT32_MAX, false, true},
	{"kernel", set_sandbox_path, FIELD(kernel), 0, 0, false, true},
	{"preload", set_library, FIELD(preload), 0, 0, false, false},
	{"karg", set_karg, 0, 0, 0, true, false},
	{"config", set_host_path, FIELD(config), 0, 0, false, true},
	{"from", set_from, 0, 0, 0, true, false},
	{"ro", set_step, BOOT_BIND_RO, 0, 0, true, false},
	{"rw", set_step, BOOT_BIND_RW, 0, 0, true, false},
	{"dev", set_step, BOOT_BIND_DEV, 0, 0, true, false},
	{"cover", set_step, BOOT_COVER, 0, 0, true, false},
};

#define KEY_COUNT (sizeof keys / sizeof keys[0])

static const char *parse_record(struct reading *reading, char *record)
{
	const size_t length = strcspn(record, "=");

	if (record[length] != '=')
		return "a record without a value";
	for (size_t i = 0; i < KEY_COUNT; i++) {
		const struct key *key = &keys[i];
		if (strlen(key->name) != length || memcmp(key->name, record, length) != 0)
			continue;
		if (!key->repeats && (reading->seen & (UINT32_C(1) << i)) != 0)
			return "a key given twice";
		reading->seen |= UINT32_C(1) << i;
		const bool bind = key->set == set_step && key->offset != (size_t)BOOT_COVER;
		if (reading->from != NULL && !bind)
			return "a source without a place";
		return key->set(reading, key, record + length + 1);
	}
	return "an unknown key";
}

static const char *finish(const struct reading *reading)
{
	if (reading->from != NULL)
		return "a source without a place";
	for (size_t i = 0; i < KEY_COUNT; i++)
		if (keys[i].wanted && (reading->seen & (UINT32_C(1) << i)) == 0)
			return "a key is missing";
	return NULL;
}

const char *boot_plan_parse(struct boot_plan *plan, char *text, size_t size)
{
	struct reading reading = {.plan = plan};
	char *const end = text + size;

	memset(plan, 0, sizeof *plan);
	plan->text = text;
	plan->cpu = -1;
	if (size > BOOT_BYTES_MAX)
		return "too long";
	if (size == 0 || end[-1] != '\0')
		return "cut short";
	if (strcmp(text, BOOT_HEADER) != 0)
		return "no " BOOT_HEADER " header";
	for (char *record = text + sizeof BOOT_HEADER; record < end;) {
		char *next = record + strlen(record) + 1;
		if (strcmp(record, BOOT_END) == 0)
			return next == end ? finish(&reading) : "bytes after the end";
		const char *wrong = parse_record(&reading, record);
		if (wrong != NULL)
			return wrong;
		record = next;
	}
	return "no end";
}

void boot_plan_free(struct boot_plan *plan)
{
	free(plan->text);
	memset(plan, 0, sizeof *plan);
}
