/* See init_config.h. */
#include "init_config.h"

#include <string.h>

/* The value, if the record is of that key. */
static const char *value_of(const char *record, const char *key)
{
	size_t length = strlen(key);

	return strncmp(record, key, length) == 0 && record[length] == '=' ? record + length + 1 : NULL;
}

static const char *add(const char **list, size_t *count, size_t max, const char *value)
{
	if (*count == max)
		return "too many records of a kind";
	list[(*count)++] = value;
	return NULL;
}

static const char *set_root(struct guest_config *config, const char *value)
{
	const char *path;

	if (strncmp(value, "hostfs:", 7) == 0)
		path = value + 7;
	else if (strncmp(value, "block:", 6) == 0)
		path = value + 6;
	else
		return "root is neither hostfs nor block";
	if (*path != '/')
		return "root is no absolute path";
	config->root = path;
	config->block = *value == 'b';
	return NULL;
}

static const char *set_write(struct guest_config *config, const char *value)
{
	config->through = strcmp(value, "through") == 0;
	return config->through || strcmp(value, "overlay") == 0 ? NULL : "write is neither overlay nor through";
}

static const char *add_mount(struct guest_config *config, const char *value)
{
	if (strncmp(value, "hostfs:/", 8) != 0)
		return "mount is no hostfs";
	if (config->mount_count == GUEST_MOUNTS_MAX)
		return "too many mounts";
	config->mounts[config->mount_count++].from = value + 7;
	return NULL;
}

/* What a mount= wants next: at=, then mode=. */
static const char *complete_mount(struct guest_config *config, const char *record)
{
	struct guest_mount *mount = &config->mounts[config->mount_count - 1];
	const char *value;

	if (mount->at == NULL) {
		value = value_of(record, "at");
		if (value == NULL || *value != '/')
			return "mount without an absolute at";
		mount->at = value;
		return NULL;
	}
	value = value_of(record, "mode");
	if (value == NULL || (strcmp(value, "ro") != 0 && strcmp(value, "rw") != 0))
		return "mount without mode=ro or mode=rw";
	mount->writable = value[1] == 'w';
	return NULL;
}

static const char *take(struct guest_config *config, const char *record)
{
	const struct {
		const char *key, **value;
	} words[] = {
		{"hostname", &config->hostname}, {"swap", &config->swap}, {"link", &config->link},
		{"hosts", &config->hosts},       {"resolv", &config->resolv}, {"init", &config->init},
		{"shell", &config->shell},       {"seed", &config->seed},
		{"pids", &config->pids},         {"nosuid", &config->nosuid},
	};
	const char *value;

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if ((value = value_of(record, words[i].key)) != NULL)
			return *words[i].value = value, NULL;
	if ((value = value_of(record, "module")) != NULL)
		return add(config->modules, &config->module_count, GUEST_MODULES_MAX, value);
	if ((value = value_of(record, "address")) != NULL)
		return add(config->addresses, &config->address_count, GUEST_ADDRESSES_MAX, value);
	if ((value = value_of(record, "gateway")) != NULL)
		return add(config->gateways, &config->gateway_count, GUEST_ADDRESSES_MAX, value);
	if ((value = value_of(record, "root")) != NULL)
		return set_root(config, value);
	if ((value = value_of(record, "write")) != NULL)
		return set_write(config, value);
	if ((value = value_of(record, "mount")) != NULL)
		return add_mount(config, value);
	return "a record of no known key";
}

const char *guest_config_parse(struct guest_config *config, const char *text, size_t size)
{
	const char *end = text + size, *error = NULL;
	int wanted = 0; /* records that complete the last mount */

	memset(config, 0, sizeof *config);
	if (size < sizeof GUEST_HEADER || memcmp(text, GUEST_HEADER, sizeof GUEST_HEADER) != 0)
		return "not a configuration of this version";
	if (end[-1] != '\0')
		return "cut off";
	text += sizeof GUEST_HEADER;
	for (; text < end && strcmp(text, "end") != 0; text += strlen(text) + 1) {
		if (wanted > 0) {
			error = complete_mount(config, text);
			wanted--;
		} else {
			size_t mounts = config->mount_count;
			error = take(config, text);
			wanted = config->mount_count > mounts ? 2 : 0;
		}
		if (error != NULL)
			return error;
	}
	if (text + sizeof "end" != end || wanted > 0)
		return "cut off";
	return config->root == NULL ? "no root" : NULL;
}
