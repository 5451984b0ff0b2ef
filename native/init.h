/*
 * The steps by which the guest's process 1 makes the machine that its configuration asks for. Each
 * returns with its work done, or does not return: a guest that is not what was asked for is no guest.
 */
#ifndef COMPART_INIT_H
#define COMPART_INIT_H

#include <stddef.h>
#include <stdint.h>

#include "init_config.h"

#define INIT_LINK "vec0" /* the device of the link to the host (uml.h) */

/* Opens the kernel's console as the standard descriptors. */
void init_console(void);

/* A line on the kernel's console: compart-init: WORDS[: the error's text]. */
void init_say(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same, and the end of the guest: powered off with the exit status 125. */
_Noreturn void init_fail(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Powers off at once. */
_Noreturn void init_power_off(void);

/* Microseconds since the kernel began, those in which it was suspended too. */
uint64_t init_uptime_us(void);

void init_load_modules(const struct guest_config *config);

/* Assembles the root and moves into it; what was the root before is gone. */
void init_enter_root(const struct guest_config *config);

/* What comes into the root: devices, mounts of the host, files of /etc. */
struct init_trees {
	int mounts[GUEST_MOUNTS_MAX], hosts, resolv; /* detached mounts; -1: none */
	bool is_file[GUEST_MOUNTS_MAX];
};
void init_open_trees(const struct guest_config *config, struct init_trees *trees);
void init_mount_system(const struct guest_config *config);
void init_mount_trees(const struct guest_config *config, const struct init_trees *trees);

/* A folder of the sandbox, mounted. 0 or an errno. */
int init_mount_hostfs(const char *folder, const char *at, bool writable);

/*
 * The same of a folder or a file, at a folder to be used for it, and taken out of there: a detached mount in
 * *tree. 0 or an errno.
 */
int init_open_hostfs(const struct guest_mount *wanted, const char *at, int *tree, bool *is_file);

/* A detached copy of what is mounted at the path; -1 with errno. */
int init_take_out(const char *path);

/* Puts a detached mount, which is closed, at a place that is made if it is missing. 0 or an errno. */
int init_put(int tree, const char *at, bool is_file);

/* A folder and those above it, where they are missing. 0 or an errno. */
int init_make_folders(const char *path);

void init_swap_on(const char *device);

/* Gives the kernel random numbers to begin with: it may know no source of its own (getrandom(2) would wait). */
void init_seed(const char *hex);

/* The loopback, the guest's network, and the link; returns a packet socket bound to the link. */
int init_network(const struct guest_config *config);

/* Over rtnetlink(7): an address IP/LENGTH of the device, a route to everywhere by the gateway. */
int init_add_address(int device, const char *address);
int init_add_gateway(int device, const char *gateway);

#endif
