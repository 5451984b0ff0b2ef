/*
 * A library to be loaded before those of a User Mode Linux kernel (LD_PRELOAD, ld.so(8)) whose own idea of a CPU's
 * state is shorter than the host's.
 *
 * The host takes the state of a guest's process by PTRACE_SETREGSET, NT_X86_XSTATE, only whole, and such a kernel
 * (arch/x86/um/os-Linux/registers.c) hands over the 2,696 bytes that it has room for: on a CPU with AMX no process of
 * the guest starts. Here what it hands over is laid into a whole state, whose rest is zero and not marked as in use,
 * as patches/0006 does for a kernel that is built anew. Nothing is lost: a process has AMX only after
 * arch_prctl(ARCH_REQ_XCOMP_PERM), which a guest's process cannot ask of the host.
 *
 * Of the C library it wants syscall(), memcpy() and memset() alone, of whatever version the kernel runs with.
 */
#include <elf.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#if defined(__x86_64__)

#include <cpuid.h>

#define STATE_MAX ((size_t)64 * 1024)
#define LEGACY_BYTES 512U /* FXSAVE: the components 0 and 1 */
#define HEADER_BYTES 64U
#define XSTATE_BV (LEGACY_BYTES / sizeof(uint64_t))
#define COMPONENTS 63U
#define XSTATE_LEAF 0xDU
#define SUPERVISOR 1U /* of ecx: no part of the state that is handed over */

static struct {
	uint64_t state[STATE_MAX / sizeof(uint64_t)];
	size_t size;     /* of the host's; 0: not known */
	size_t laid;     /* how much of it the kernel hands over; the rest is zero */
	uint64_t inside; /* the components that end within that */
} whole;

/* The host cuts what it gives to the room that there is, and says how much that was. */
static size_t ask_size(pid_t pid)
{
	struct iovec room = {.iov_base = whole.state, .iov_len = sizeof whole.state};

	if (syscall(SYS_ptrace, PTRACE_GETREGSET, pid, NT_X86_XSTATE, &room) < 0)
		return 0;
	return room.iov_len;
}

/* Asked once: where the CPU is a virtual one, each CPUID goes to whoever runs it. */
static uint64_t components_within(size_t size)
{
	uint64_t inside = 3;

	for (unsigned int i = 2; i < COMPONENTS; i++) {
		unsigned int length, offset, flags, unused;
		if (__get_cpuid_count(XSTATE_LEAF, i, &length, &offset, &flags, &unused) == 0)
			break;
		if (length != 0 && (flags & SUPERVISOR) == 0 && (size_t)offset + length <= size)
			inside |= UINT64_C(1) << i;
	}
	return inside;
}

/* What is handed over, made whole where it is short of that; the caller's own where nothing is to be added. */
static struct iovec widen(pid_t pid, struct iovec given)
{
	if (whole.size == 0)
		whole.size = ask_size(pid);
	if (given.iov_len >= whole.size || given.iov_len < LEGACY_BYTES + HEADER_BYTES)
		return given;
	if (whole.laid != given.iov_len) {
		memset(whole.state, 0, whole.size);
		whole.laid = given.iov_len;
		whole.inside = components_within(given.iov_len);
	}
	memcpy(whole.state, given.iov_base, given.iov_len);
	whole.state[XSTATE_BV] &= whole.inside;
	return (struct iovec){.iov_base = whole.state, .iov_len = whole.size};
}

/* In place of the C library's. The kernel has one thread that calls it, and no call comes within another. */
long ptrace(enum __ptrace_request request, ...)
{
	va_list rest;
	long word;

	va_start(rest, request);
	const pid_t pid = va_arg(rest, pid_t);
	void *const address = va_arg(rest, void *);
	void *const data = va_arg(rest, void *);
	va_end(rest);
	if (request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA || request == PTRACE_PEEKUSER)
		return syscall(SYS_ptrace, request, pid, address, &word) < 0 ? -1 : word;
	if (request != PTRACE_SETREGSET || (uintptr_t)address != NT_X86_XSTATE)
		return syscall(SYS_ptrace, request, pid, address, data);
	struct iovec state = widen(pid, *(const struct iovec *)data);
	return syscall(SYS_ptrace, request, pid, address, &state);
}

#endif
