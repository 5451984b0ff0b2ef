/* The configuration of the guest (guest_config.h), as init uses it. */
#ifndef COMPART_INIT_CONFIG_H
#define COMPART_INIT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "guest_config.h"

#define GUEST_MODULES_MAX 64
#define GUEST_MOUNTS_MAX 128
#define GUEST_ADDRESSES_MAX 16

struct guest_mount {
	const char *from, *at;
	bool writable;
};

struct guest_config {
	const char *hostname, *root, *swap, *link, *hosts, *resolv, *init, *shell, *seed, *pids,
		*nosuid; /* NULL: none */
	bool block, through; /* the root: a block device, not a hostfs; written itself */
	const char *modules[GUEST_MODULES_MAX];
	size_t module_count;
	struct guest_mount mounts[GUEST_MOUNTS_MAX];
	size_t mount_count;
	const char *addresses[GUEST_ADDRESSES_MAX], *gateways[GUEST_ADDRESSES_MAX];
	size_t address_count, gateway_count;
};

/*
 * Parses size bytes at text, into which the configuration points then. Returns NULL, or a literal
 * that says what is wrong. Pure.
 */
const char *guest_config_parse(struct guest_config *config, const char *text, size_t size);

#endif
