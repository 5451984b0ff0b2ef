/*
 * What the tests try in a sandbox: as the guest's init, or in place of its kernel, which is what a guest
 * would be that had broken out of its kernel. /config holds the tries, a line each:
 *
 *   NAME ARG...   "NAME ARG...: 0" is printed, or the errno, before it what the try prints
 *
 * As init it powers the guest off in the end, as a kernel it exits.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS 8

static bool is_init;

static int result(long value)
{
	return value < 0 ? errno : 0;
}

static unsigned int octal(const char *text)
{
	return (unsigned int)strtoul(text, NULL, 8);
}

static int closed(int fd)
{
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int try_mount(char **w) { return result(mount(w[2], w[3], w[1], 0, w[4])); }
static int try_remount(char **w) { return result(mount("none", w[1], NULL, MS_REMOUNT | MS_BIND, NULL)); }
static int try_remount_rw(char **w) { return result(mount("none", w[1], NULL, MS_REMOUNT, "")); }
static int try_umount(char **w) { return result(umount2(w[1], MNT_DETACH)); }
static int try_create(char **w) { return closed(open(w[1], O_WRONLY | O_CREAT, octal(w[2]))); }
static int try_tmpfile(char **w) { return closed(open(w[1], O_WRONLY | O_TMPFILE, octal(w[2]))); }
static int try_open(char **w) { return closed(open(w[1], O_RDWR)); }
static int try_mknod(char **w) { return result(mknod(w[1], S_IFCHR | 0666, 0x103)); }
static int try_mkfile(char **w) { return result(mknod(w[1], S_IFREG | octal(w[2]), 0)); }
static int try_mkdir(char **w) { return result(mkdir(w[1], 0755)); }
static int try_chmod(char **w) { return result(chmod(w[1], octal(w[2]))); }
static int try_chown(char **w) { return result(chown(w[1], 1234, 1234)); }
static int try_symlink(char **w) { return result(symlink(w[1], w[2])); }
static int try_link(char **w) { return result(link(w[1], w[2])); }
static int try_unlink(char **w) { return result(unlink(w[1])); }
static int try_rename(char **w) { return result(rename(w[1], w[2])); }
static int try_truncate(char **w) { return result(truncate(w[1], 0)); }
static int try_chroot(char **w) { return result(chroot(w[1])); }
static int try_unshare(char **w) { return result(unshare((int)strtol(w[1], NULL, 16))); }
static int try_socket(char **w) { return closed(socket(atoi(w[1]), SOCK_DGRAM, 0)); }
static int try_setuid(char **w) { return result(setuid((uid_t)atoi(w[1]))); }
static int try_ptrace(char **w) { return result(ptrace(PTRACE_ATTACH, atoi(w[1]), NULL, NULL)); }
static int try_ioctl(char **w) { return result(ioctl(atoi(w[1]), strtoul(w[2], NULL, 16), "x")); }
static int try_call(char **w) { return result(syscall(atol(w[1]), 0L, 0L, 0L, 0L, 0L)); }
static int try_sleep(char **w) { return result(usleep((useconds_t)atoi(w[1]) * 1000)); }
static int try_hostname(char **w) { return result(sethostname(w[1], strlen(w[1]))); }
static int try_signal(char **w) { return result(kill(getppid(), atoi(w[1]))); }

static int try_read(char **w)
{
	char bytes[512];
	const int fd = open(w[1], O_RDONLY);
	const ssize_t count = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);

	if (count < 0)
		return errno;
	printf("%.*s\n", (int)count, bytes);
	return closed(fd);
}

static int try_write(char **w)
{
	const int fd = open(w[1], O_WRONLY);

	if (fd < 0)
		return errno;
	const int error = result(dprintf(fd, "%s\n", w[2]));
	close(fd);
	return error;
}

static int try_list(char **w)
{
	DIR *folder = opendir(w[1]);

	if (folder == NULL)
		return errno;
	for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
		if (entry->d_name[0] != '.')
			printf("%s ", entry->d_name);
	printf("\n");
	return result(closedir(folder));
}

static int try_stat(char **w)
{
	struct stat status;

	if (stat(w[1], &status) < 0)
		return errno;
	printf("%o %u %u %lld\n", status.st_mode, status.st_uid, status.st_gid, (long long)status.st_size);
	return 0;
}

/* So many open at once. */
static int try_many(char **w)
{
	struct rlimit files = {4096, 4096};
	char path[256];

	setrlimit(RLIMIT_NOFILE, &files);
	for (int i = 0; i < atoi(w[2]); i++) {
		snprintf(path, sizeof path, "%s/%d", w[1], i);
		if (open(path, O_RDONLY) < 0)
			return errno;
	}
	return 0;
}

static int try_fill(char **w)
{
	static const char bytes[64 * 1024];
	const int fd = open(w[1], O_WRONLY | O_CREAT, 0600);
	unsigned long long total = 0;
	ssize_t count;

	while ((count = write(fd, bytes, sizeof bytes)) > 0)
		total += (unsigned long long)count;
	printf("%llu\n", total);
	return result(count);
}

static int try_connect(char **w)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(name.sun_path, sizeof name.sun_path, "%s", w[1]);
	const int error = result(connect(fd, (struct sockaddr *)&name, sizeof name));
	close(fd);
	return error;
}

/* An address for the device, which goes up, and a datagram to the peer: ECONNREFUSED is its answer. */
static int try_ask(char **w)
{
	struct ifreq request = {.ifr_flags = IFF_UP};
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(9)};
	struct pollfd answer = {.fd = socket(AF_INET, SOCK_DGRAM, 0), .events = POLLIN};

	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", w[1]);
	if (ioctl(answer.fd, SIOCSIFFLAGS, &request) < 0)
		return errno;
	name.sin_addr.s_addr = inet_addr(w[2]);
	memcpy(&request.ifr_addr, &name, sizeof name);
	if (ioctl(answer.fd, SIOCSIFADDR, &request) < 0)
		return errno;
	name.sin_addr.s_addr = inet_addr(w[3]);
	if (connect(answer.fd, (struct sockaddr *)&name, sizeof name) < 0 || send(answer.fd, "x", 1, 0) < 0)
		return errno;
	return poll(&answer, 1, 3000) == 0 ? ETIMEDOUT : result(recv(answer.fd, &request, 1, 0));
}

static int try_clone(char **w)
{
	const long child = syscall(SYS_clone, strtoul(w[1], NULL, 16) | SIGCHLD, 0L, 0L, 0L, 0L);

	if (child == 0)
		_exit(0);
	return child < 0 ? errno : result(waitpid((pid_t)child, NULL, 0));
}

static int try_capable(char **w)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct all[2] = {{~0U, ~0U, ~0U}, {~0U, ~0U, ~0U}};

	(void)w;
	return result(syscall(SYS_capset, &header, all));
}

static int try_fds(char **w)
{
	(void)w;
	for (int fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("%d ", fd);
	printf("\n");
	return 0;
}

static int try_self(char **w)
{
	struct rlimit core = {1, 1};

	(void)w;
	getrlimit(RLIMIT_CORE, &core);
	for (char **each = environ; *each != NULL; each++)
		printf("%s ", *each);
	printf("pid=%d sid=%d uid=%u gid=%u core=%lu cwd=%s umask=%o\n", getpid(), getsid(0), getuid(), getgid(),
	       (unsigned long)core.rlim_max, get_current_dir_name(), umask(0));
	return 0;
}

static int try_exit(char **w)
{
	if (!is_init)
		_exit(atoi(w[1]));
	int error = try_mount((char *[]){w[0], "proc", "none", "/tmp", NULL});
	if (error == 0)
		error = try_write((char *[]){w[0], "/tmp/exitcode", w[1]});
	reboot(RB_POWER_OFF);
	return error;
}

static int try_abort(char **w)
{
	(void)w;
	abort();
}

#define TRY(name) {#name, try_##name}
static const struct {
	const char *name;
	int (*call)(char **words);
} tries[] = {
	TRY(mount), TRY(remount), TRY(remount_rw), TRY(umount), TRY(create), TRY(tmpfile), TRY(open),
	TRY(mknod), TRY(mkfile), TRY(mkdir), TRY(chmod), TRY(chown), TRY(symlink), TRY(link), TRY(unlink),
	TRY(rename), TRY(truncate), TRY(chroot), TRY(unshare), TRY(socket), TRY(setuid), TRY(ptrace),
	TRY(ioctl), TRY(call), TRY(sleep), TRY(hostname), TRY(signal), TRY(read), TRY(write), TRY(list),
	TRY(stat), TRY(many), TRY(fill), TRY(connect), TRY(ask), TRY(clone), TRY(capable), TRY(fds),
	TRY(self), TRY(exit), TRY(abort),
};

static void try_line(char *line)
{
	char *words[WORDS + 1] = {NULL};
	char whole[512];
	int error = ENOSYS;

	snprintf(whole, sizeof whole, "%s", line);
	words[0] = strtok(line, " ");
	for (int i = 1; i < WORDS && words[i - 1] != NULL; i++)
		words[i] = strtok(NULL, " ");
	if (words[0] == NULL)
		return;
	for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++)
		if (strcmp(tries[i].name, words[0]) == 0)
			error = tries[i].call(words);
	printf("%s: %d\n", whole, error);
}

int main(int argc, char **argv)
{
	static char script[64 * 1024];
	int console = -1;

	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], "con0=null,fd:", 13) == 0)
			console = atoi(argv[i] + 13);
	is_init = console < 0;
	if (is_init)
		console = open("/dev/console", O_WRONLY);
	dup2(console, STDOUT_FILENO);
	setvbuf(stdout, NULL, _IOLBF, 0);
	const int fd = open("/config", O_RDONLY);
	if (fd < 0 || read(fd, script, sizeof script - 1) < 0)
		perror("/config");
	close(fd);
	char *rest = script;
	for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n"))
		try_line(line);
	return try_exit((char *[]){"exit", "0"});
}
