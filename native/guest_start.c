/* START, parsed: see guest_spawn.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest_spawn.h"
#include "number.h"

#define PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define TERM "TERM=linux"
#define OWN_VARIABLES 5

static bool parse_size(const char *text, unsigned short *rows, unsigned short *columns)
{
	const char *x = strchr(text, 'x');
	uint64_t first = 0, second = 0;

	if (x == NULL || number_parse(text, (size_t)(x - text), UINT16_MAX, &first) != 0 ||
	    number_parse(x + 1, strlen(x + 1), UINT16_MAX, &second) != 0)
		return false;
	*rows = (unsigned short)first;
	*columns = (unsigned short)second;
	return true;
}

static bool is(const char *key, size_t key_size, const char *wanted)
{
	return strlen(wanted) == key_size && memcmp(key, wanted, key_size) == 0;
}

static const char *take(struct start *start, const char *key, size_t key_size, const char *value)
{
	if (is(key, key_size, "arg")) {
		start->words[1 + start->word_count++] = (char *)value;
	} else if (is(key, key_size, "env")) {
		const char *equals = strchr(value, '=');
		if (equals == NULL || equals == value)
			return "env without a name";
		start->variables[start->variable_count++] = (char *)value;
	} else if (is(key, key_size, "clearenv")) {
		start->clear = true;
	} else if (is(key, key_size, "workdir")) {
		start->workdir = value;
	} else if (is(key, key_size, "user")) {
		start->user = value;
	} else if (is(key, key_size, "tty")) {
		start->terminal = true;
		return parse_size(value, &start->rows, &start->columns) ? NULL : "tty is no ROWSxCOLUMNS";
	} else {
		return "a record of no known key";
	}
	return NULL;
}

const char *start_parse(struct start *start, const struct frame *frame)
{
	const char *key, *value, *error;
	size_t at = 0, key_size, count = 0;

	memset(start, 0, sizeof *start);
	while (frame_record(frame, &at, &key, &key_size) != NULL)
		count++;
	if (at == SIZE_MAX)
		return "not key=value records";
	start->words = calloc(count + 2, sizeof *start->words);
	start->variables = calloc(count + 1, sizeof *start->variables);
	if (start->words == NULL || start->variables == NULL)
		return "no memory";
	for (at = 0; (value = frame_record(frame, &at, &key, &key_size)) != NULL;)
		if ((error = take(start, key, key_size, value)) != NULL)
			return error;
	return start->word_count == 0 || *start->words[1] == '\0' ? "no command" : NULL;
}

void start_free(struct start *start)
{
	free(start->words);
	free(start->variables);
}

static void put(char **list, size_t *count, char *variable)
{
	size_t name = (size_t)(strchr(variable, '=') - variable) + 1, i = 0;

	while (i < *count && strncmp(list[i], variable, name) != 0)
		i++;
	list[i] = variable;
	if (i == *count)
		++*count;
}

/* The words of a variable, at *room, which moves behind them. */
static char *say(char **room, const char *name, const char *value)
{
	char *variable = *room;

	*room += sprintf(variable, "%s=%s", name, value) + 1;
	return variable;
}

/* One allocation: the list, and behind it the words of what is made here. */
char **start_environment(const struct start *start, const struct user *user)
{
	const char *home = user == NULL ? "/root" : user->home, *name = user == NULL ? "" : user->name;
	size_t slots = OWN_VARIABLES + start->variable_count + 1, count = 0;
	size_t room = sizeof "HOME=USER=LOGNAME=" + strlen(home) + 2 * strlen(name) + 3;
	char **list = calloc(1, slots * sizeof *list + room);

	if (list == NULL)
		return NULL;
	char *words = (char *)(list + slots);
	if (!start->clear) {
		list[count++] = (char *)PATH;
		list[count++] = (char *)TERM;
	}
	if (!start->clear || user != NULL)
		list[count++] = say(&words, "HOME", home);
	if (*name != '\0') {
		list[count++] = say(&words, "USER", name);
		list[count++] = say(&words, "LOGNAME", name);
	}
	for (size_t i = 0; i < start->variable_count; i++)
		put(list, &count, start->variables[i]);
	return list;
}
