/*
 * The boot file: what compart-guest boots, where, and what it may see.
 *
 * As a launch plan (plan.h) a run of NUL-terminated strings: BOOT_HEADER, key=value records, "end".
 * A key is wanted once where nothing else is said.
 *
 *   folder=DIR       the compartment's state folder: guest.sock, guest.report, guest.ending and
 *                    console.log are made in it (guest.c)
 *   memory=BYTES     of RAM, from BOOT_MEMORY_MIN on: the size of the file system that holds it
 *   cpu=N            the CPU to which the kernel is pinned; left out: none
 *   tap=NAME         a persistent tap device of the network namespace the caller is in, the guest's
 *                    vec1; left out: the guest has no network
 *   boot_ms=N        patience for the guest's HELLO
 *   stop_ms=N        patience for a clean power-off
 *   report_ms=N      between two reports of the guest; 0: none
 *   kernel=FILE      in the sandbox, to be executed
 *   preload=FILE     in the sandbox, a library that is loaded before the kernel's own, into the kernel alone;
 *                    left out: none
 *   karg=WORD +      of its command line, no blank in it; what names a descriptor is added (uml.h)
 *   config=FILE      of the host: a copy is /config in the sandbox, for the guest's init
 *
 * The sandbox's root is an empty file system in memory, read-only in the end, with /config, empty proc, sys, m and new, a /tmp for
 * the kernel's own files, and /dev with null, zero, random and urandom. On it these, which may come as
 * often as wanted, act in the order they stand in. What does not exist in the sandbox is made, unless
 * it would have to be made inside something that was bound (errno ENOENT).
 *
 *   from=PATH        of the host: the source of the next record,
 *   ro=PATH rw=PATH  where it is bound, with all that is mounted below it; devices do not work there
 *   dev=PATH         the same for a device node, which works, and whose owner and mode are out of reach
 *   cover=PATH       an empty folder over what is there, mode 1777 if the covered one had the sticky
 *                    bit, else 755; an empty file over a file; nothing where nothing is. Of what the
 *                    caller may not reach, the first folder closed to it is covered.
 *
 * Paths of the sandbox are absolute and have no empty, . or .. name in them. A symbolic link on the
 * way, or at the end, is refused (ELOOP): the guest would see what it leads to, and a cover that
 * silently fell elsewhere would hide nothing. Give the real path. Sources may be links.
 */
#ifndef COMPART_BOOT_PLAN_H
#define COMPART_BOOT_PLAN_H

#include <stddef.h>
#include <stdint.h>

#define BOOT_HEADER "compart-boot/1"
#define BOOT_BYTES_MAX ((size_t)1024 * 1024)
#define BOOT_STEPS_MAX 512
#define BOOT_KARGS_MAX 128
#define BOOT_MEMORY_MIN (UINT64_C(1) << 20)
#define BOOT_MEMORY_MAX (UINT64_C(1) << 46)
#define BOOT_CPU_MAX 8191

enum boot_step_kind { BOOT_BIND_RO, BOOT_BIND_RW, BOOT_BIND_DEV, BOOT_COVER };

struct boot_step {
	enum boot_step_kind kind;
	const char *from; /* NULL for BOOT_COVER */
	const char *to;
};

struct boot_plan {
	const char *folder, *kernel, *config;
	const char *preload, *tap; /* may be NULL */
	uint64_t memory;
	int cpu; /* -1: none */
	uint32_t boot_ms, stop_ms, report_ms;
	const char *kargs[BOOT_KARGS_MAX];
	size_t karg_count;
	struct boot_step steps[BOOT_STEPS_MAX];
	size_t step_count;
	char *text; /* what all of them point into */
};

/*
 * Parses size bytes at text, which the plan takes over (malloc'd, cut up in place). Returns NULL, or
 * a literal that says what is wrong. Makes no system call; boot_plan_free either way.
 */
const char *boot_plan_parse(struct boot_plan *plan, char *text, size_t size);
void boot_plan_free(struct boot_plan *plan);

#endif
