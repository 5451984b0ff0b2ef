/* See tiocsti.h. */
#include "tiocsti.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "seccomp.h"

/* The call in each of the ABIs of this machine: a program of 32 bits has the same terminal. */
#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#define ARCH_32 AUDIT_ARCH_I386
#define CALL_MASK (~0x40000000U) /* __X32_SYSCALL_BIT */
#define IOCTL 16
#define IOCTL_OTHER 514 /* of x32 */
#define IOCTL_32 54
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#define ARCH_32 AUDIT_ARCH_ARM
#define CALL_MASK (~0U)
#define IOCTL 29
#define IOCTL_OTHER 29
#define IOCTL_32 54
#else
#error "the numbers of ioctl(2) on this machine"
#endif

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the lower half of an argument is the second here"
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define WHERE_EQUAL(value, there, else_there) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, there, else_there)
#define END(verdict) BPF_STMT(BPF_RET | BPF_K, verdict)

static const struct sock_filter filter[] = {
	LOAD(arch),
	WHERE_EQUAL(ARCH, 0, 4),
	LOAD(nr),
	BPF_STMT(BPF_ALU | BPF_AND | BPF_K, CALL_MASK),
	WHERE_EQUAL(IOCTL, 4, 0),
	WHERE_EQUAL(IOCTL_OTHER, 3, 6),
	WHERE_EQUAL(ARCH_32, 0, 5),
	LOAD(nr),
	WHERE_EQUAL(IOCTL_32, 0, 3),
	LOAD(args[1]),
	WHERE_EQUAL(TIOCSTI, 2, 0),
	WHERE_EQUAL(TIOCLINUX, 1, 0),
	END(SECCOMP_RET_ALLOW),
	END(SECCOMP_RET_ERRNO | EPERM),
};

static int install(void)
{
	return seccomp_install(filter, sizeof filter / sizeof filter[0]);
}

int tiocsti_refuse(void)
{
	int terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);

	if (terminal < 0)
		return 0;
	close(terminal);
	int error = install();
	/* Without CAP_SYS_ADMIN a filter wants programs that gain no rights by it. */
	if (error == EACCES)
		error = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? errno : install();
	return error;
}
