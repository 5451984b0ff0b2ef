/*
 * Uses each feature of a guest's kernel that is a system call, a socket or a mount, and prints `NAME ok`, or `NAME` and
 * why not. Run as root of the guest, with /proc, /sys and /dev mounted.
 */
#include "features.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/kcmp.h>
#include <linux/membarrier.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <mqueue.h>
#include <net/ethernet.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a process of its own, as it changes what it is: its exit status is 0 where it worked, else an errno. */
static int apart(int (*deed)(int), int with)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(deed(with) == 0 ? 0 : errno);
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
	return errno == 0 ? 0 : -1;
}

static int enter(int space)
{
	return unshare(space);
}

static int open_socket(int domain, int type, int protocol)
{
	int fd = socket(domain, type, protocol);

	return fd < 0 ? -1 : close(fd);
}

/* getppid(2) fails from now on, everything else goes on. */
static int filter_calls(int reason)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)reason),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
		return -1;
	errno = 0;
	return syscall(SYS_getppid) == -1 && errno == reason ? 0 : -1;
}

/* A program that lets every packet through, attached to the root of cgroup v2. */
static int filter_group(void)
{
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_CGROUP_SKB,
		.insns = (uint64_t)(uintptr_t)code,
		.insn_cnt = 2,
		.license = (uint64_t)(uintptr_t)"GPL",
		.expected_attach_type = BPF_CGROUP_INET_EGRESS,
	};
	union bpf_attr attach = { .attach_type = BPF_CGROUP_INET_EGRESS };
	int program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));

	if (program < 0)
		return -1;
	attach.attach_bpf_fd = (uint32_t)program;
	attach.target_fd = (uint32_t)open("/cg2", O_RDONLY | O_DIRECTORY);
	return (int)syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof(attach));
}

static int ring(void)
{
	struct io_uring_params params = { 0 };

	return (int)syscall(SYS_io_uring_setup, 4, &params);
}

static int read_self(void)
{
	char from = 'x', to = 0;
	struct iovec here = { &to, 1 }, there = { &from, 1 };

	return process_vm_readv(getpid(), &here, 1, &there, 1, 0) == 1 && to == 'x' ? 0 : -1;
}

static int handle_of_file(void)
{
	struct {
		struct file_handle handle;
		unsigned char space[128];
	} room = { .handle = { .handle_bytes = 128 } };
	int mount_id;

	return name_to_handle_at(AT_FDCWD, "/tmp", &room.handle, &mount_id, 0);
}

static int lock_file(void)
{
	struct flock lock = { .l_type = F_WRLCK };
	int fd = open("/tmp/lock", O_RDWR | O_CREAT, 0600);

	return fcntl(fd, F_OFD_SETLK, &lock);
}

static void use_calls(void)
{
	sigset_t none;
	aio_context_t context = 0;

	sigemptyset(&none);
	report("epoll", epoll_create1(0));
	report("eventfd", eventfd(0, 0));
	report("signalfd", signalfd(-1, &none, 0));
	report("timerfd", timerfd_create(CLOCK_MONOTONIC, 0));
	report("inotify", inotify_init1(0));
	report("fanotify", fanotify_init(FAN_CLASS_NOTIF, O_RDONLY));
	report("memfd", memfd_create("x", 0));
	report("io_uring", ring());
	report("aio", (int)syscall(SYS_io_setup, 1, &context));
	report("mqueue", mq_open("/x", O_CREAT | O_RDWR, 0600, NULL));
	report("sysvipc", shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600));
	report("kcmp", (int)syscall(SYS_kcmp, getpid(), getpid(), KCMP_VM, 0, 0));
	report("membarrier", (int)syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0));
	report("process_vm_readv", read_self());
	report("file-handles", handle_of_file());
	report("file-locks", lock_file());
	report("seccomp", apart(filter_calls, 77));
	report("bpf-cgroup", filter_group());
}

static void use_namespaces(void)
{
	report("ns-uts", apart(enter, CLONE_NEWUTS));
	report("ns-ipc", apart(enter, CLONE_NEWIPC));
	report("ns-user", apart(enter, CLONE_NEWUSER));
	report("ns-pid", apart(enter, CLONE_NEWPID));
	report("ns-net", apart(enter, CLONE_NEWNET));
	report("ns-mount", apart(enter, CLONE_NEWNS));
	report("ns-cgroup", apart(enter, CLONE_NEWCGROUP));
}

static void use_sockets(void)
{
	report("socket-unix", open_socket(AF_UNIX, SOCK_STREAM, 0));
	report("socket-packet", open_socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)));
	report("socket-inet", open_socket(AF_INET, SOCK_STREAM, 0));
	report("socket-inet6", open_socket(AF_INET6, SOCK_STREAM, 0));
	report("socket-uevent", open_socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT));
	report("socket-netfilter", open_socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
	report("socket-diag", open_socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG));
}

void report(const char *name, int result)
{
	if (result >= 0)
		printf("%s ok\n", name);
	else
		printf("%s %s\n", name, strerror(errno));
}

int main(void)
{
	/* autofs wants to know the process group of its daemon. */
	setsid();
	use_calls();
	use_namespaces();
	use_sockets();
	use_mounts();
	report("nbd", read_nbd());
	return 0;
}
