/* The descriptors of a kernel's devices: ours, and those that the kernel inherits. */
#ifndef COMPART_UML_DEVICES_H
#define COMPART_UML_DEVICES_H

#include "boot_plan.h"
#include "uml.h"

enum { DEVICE_LINK, DEVICE_CONSOLE, DEVICE_TTY, DEVICE_TAP, DEVICE_COUNT };

struct uml_devices {
	int ours[DEVICE_COUNT]; /* non-blocking; -1: none */
	int kernels[DEVICE_COUNT];
};

#define DEVICE_WORDS 8 /* of the command line, at most */

/* Opens them, all close-on-exec. 0, or -1 with *error and none left open. */
int uml_devices_open(struct uml_devices *devices, const struct boot_plan *plan, struct uml_error *error);

/* Closes one side of them. */
void uml_devices_close(int side[DEVICE_COUNT]);

/*
 * Leaves the kernel's side open across an exec and appends the words that name it to argv, which has
 * room for DEVICE_WORDS more. Returns how many they are.
 */
size_t uml_devices_words(const struct uml_devices *devices, const char **argv);

#endif
