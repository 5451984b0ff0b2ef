/*
 * The system calls that a kernel in the sandbox needs not, refused (seccomp(2)): should a guest come to
 * speak with the host's kernel itself, there is less of it to speak with. Not the boundary, which the
 * namespaces and the missing capabilities are, but for two things that neither of them forbids: files
 * with set-id bits where the plan lets it write, and sockets that reach beyond the namespaces.
 *
 * The processes of a guest do not pass here: their calls are intercepted (PTRACE_SYSEMU) before.
 */
#include <errno.h>
#include <stdint.h>

#include "sandbox.h"
#include "seccomp.h"

#if defined(__x86_64__)

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the headers of an older system may not name. */
#define CALL_MOUNT_SETATTR 442
#define CALL_QUOTACTL_FD 443
#define CALL_FCHMODAT2 452
#define CALL_OPEN_TREE_ATTR 467

#define X32 0x40000000U /* bit of the calls of an ABI that nothing here uses */
#define SET_ID (S_ISUID | S_ISGID)
#define MAKES_FILE (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))
#define NEW_NAMESPACE \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP)
/* Requests of a tap's descriptor (linux/if_tun.h): type T, from TUNSETNOCSUM on. */
#define TUN_FIRST 0xC8
#define TUN_LAST 0xFF

static const uint16_t refused[] = {
	SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_setns, SYS_unshare, SYS_open_tree,
	SYS_move_mount, SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick, CALL_MOUNT_SETATTR,
	CALL_OPEN_TREE_ATTR, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_bpf, SYS_perf_event_open,
	SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_kexec_file_load,
	SYS_name_to_handle_at, SYS_open_by_handle_at, SYS_userfaultfd, SYS_io_uring_setup,
	SYS_io_uring_enter, SYS_io_uring_register, SYS_reboot, SYS_swapon, SYS_swapoff, SYS_acct,
	SYS_quotactl, CALL_QUOTACTL_FD, SYS_syslog, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex,
	SYS_clock_adjtime, SYS_iopl, SYS_ioperm, SYS_vhangup, SYS_fanotify_init,
	SYS_lookup_dcookie, SYS_nfsservctl, SYS_move_pages, SYS_migrate_pages, SYS_mbind,
	SYS_set_mempolicy, SYS_kcmp, SYS_connect, SYS_listen, SYS_accept, SYS_accept4,
};

/* Not there, says the C library to itself, and takes the call that can be looked at. */
static const uint16_t unknown[] = {SYS_clone3, SYS_openat2};

#define PROGRAM_MAX 256

struct program {
	struct sock_filter steps[PROGRAM_MAX];
	unsigned short size;
};

static void add(struct program *program, uint16_t code, uint32_t value, uint8_t yes, uint8_t no)
{
	if (program->size < PROGRAM_MAX)
		program->steps[program->size++] = (struct sock_filter)BPF_JUMP(code, value, yes, no);
}

static void load(struct program *program, size_t offset)
{
	add(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void end(struct program *program, uint32_t verdict)
{
	add(program, BPF_RET | BPF_K, verdict, 0, 0);
}

/* The low half of an argument: all that the kernel takes where it takes an int. */
static size_t argument(unsigned int index)
{
	return offsetof(struct seccomp_data, args) + index * sizeof(uint64_t);
}

static const uint32_t no = SECCOMP_RET_ERRNO | EPERM;

/* The call is refused if one of the bits is in the argument, and allowed else. */
static void refuse_bits(struct program *program, uint32_t call, unsigned int index, uint32_t bits)
{
	add(program, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 4);
	load(program, argument(index));
	add(program, BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
	end(program, no);
	end(program, SECCOMP_RET_ALLOW);
}

/* An open that may make a file: its mode counts only then. */
static void refuse_made(struct program *program, uint32_t call, unsigned int flags)
{
	add(program, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 6);
	load(program, argument(flags));
	add(program, BPF_JMP | BPF_JSET | BPF_K, MAKES_FILE, 0, 3);
	load(program, argument(flags + 1));
	add(program, BPF_JMP | BPF_JSET | BPF_K, SET_ID, 0, 1);
	end(program, no);
	end(program, SECCOMP_RET_ALLOW);
}

/* Unix sockets alone: an empty network namespace does not hold back AF_VSOCK or AF_ALG. */
static void refuse_families(struct program *program, uint32_t call)
{
	add(program, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 4);
	load(program, argument(0));
	add(program, BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 1, 0);
	end(program, SECCOMP_RET_ERRNO | EAFNOSUPPORT);
	end(program, SECCOMP_RET_ALLOW);
}

/* Keys pushed into a terminal, and what a tap's descriptor lets anybody do to the host's device. */
static void refuse_requests(struct program *program)
{
	add(program, BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 9);
	load(program, argument(1));
	add(program, BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 6, 0);
	add(program, BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX, 5, 0);
	add(program, BPF_JMP | BPF_JEQ | BPF_K, SIOCSIFHWADDR, 4, 0);
	add(program, BPF_ALU | BPF_AND | BPF_K, 0xFFFF, 0, 0);
	add(program, BPF_JMP | BPF_JGE | BPF_K, 'T' << 8 | TUN_FIRST, 0, 1);
	add(program, BPF_JMP | BPF_JGT | BPF_K, 'T' << 8 | TUN_LAST, 0, 1);
	end(program, SECCOMP_RET_ALLOW);
	end(program, no);
}

static void refuse_set_id(struct program *program)
{
	refuse_made(program, SYS_open, 1);
	refuse_made(program, SYS_openat, 2);
	refuse_bits(program, SYS_creat, 1, SET_ID);
	refuse_bits(program, SYS_mknod, 1, SET_ID);
	refuse_bits(program, SYS_mknodat, 2, SET_ID);
	refuse_bits(program, SYS_chmod, 1, SET_ID);
	refuse_bits(program, SYS_fchmod, 1, SET_ID);
	refuse_bits(program, SYS_fchmodat, 2, SET_ID);
	refuse_bits(program, CALL_FCHMODAT2, 2, SET_ID);
}

static void refuse_calls(struct program *program, const uint16_t *calls, size_t count, uint32_t verdict)
{
	for (size_t i = 0; i < count; i++) {
		add(program, BPF_JMP | BPF_JEQ | BPF_K, calls[i], 0, 1);
		end(program, verdict);
	}
}

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

/* The kernel remembers the calls whose verdict no argument changes: those never come here (5.11). */
static void build(struct program *program)
{
	load(program, offsetof(struct seccomp_data, arch));
	add(program, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	end(program, no);
	load(program, offsetof(struct seccomp_data, nr));
	add(program, BPF_JMP | BPF_JGE | BPF_K, X32, 0, 1);
	end(program, no);
	refuse_requests(program);
	refuse_set_id(program);
	refuse_bits(program, SYS_clone, 0, NEW_NAMESPACE);
	refuse_families(program, SYS_socket);
	refuse_families(program, SYS_socketpair);
	refuse_calls(program, refused, COUNT(refused), no);
	refuse_calls(program, unknown, COUNT(unknown), SECCOMP_RET_ERRNO | ENOSYS);
	end(program, SECCOMP_RET_ALLOW);
}

int sandbox_filter(void)
{
	struct program program = {.size = 0};

	build(&program);
	/* Cut short it would not end in a verdict, and the kernel would not take it. */
	return seccomp_install(program.steps, program.size);
}

#else

/* User Mode Linux is for x86 alone: whatever else is started here is without a filter. */
int sandbox_filter(void)
{
	return 0;
}

#endif
