/*
 * See holder.h. The uplink is the holder's child, so that it dies with the holder however that
 * ends; it is forked first, because it belongs to the namespaces that the holder leaves.
 */
#include "holder.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "mount.h"
#include "signals.h"
#include "sysctl.h"
#include "uplink.h"
#include "userns.h"

/* Its root is the caller, and no other id exists: enough for links, addresses and rules. */
static int enter_userns(void)
{
	return geteuid() == 0 ? 0 : userns_unshare(0, 0);
}

static int enter_netns(void)
{
	return unshare(CLONE_NEWNET) < 0 ? errno : 0;
}

/* ip-netns(8) keeps its names in /run/netns, which only root may make in the host's. */
static int make_run(void)
{
	int error = mount_unshare();

	if (error == 0 && mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") < 0)
		error = errno;
	if (error == 0 && mkdir("/run/netns", 0755) < 0)
		error = errno;
	return error;
}

static int raise_loopback(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	int error = ioctl(fd, SIOCGIFFLAGS, &request) < 0 ? errno : 0;
	request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
	if (error == 0 && ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		error = errno;
	close(fd);
	return error;
}

static int forward(void)
{
	int error = sysctl_write("net/ipv4/ip_forward", "1");

	if (error == 0)
		error = sysctl_write("net/ipv6/conf/all/forwarding", "1");
	return error == ENOENT ? 0 : error; /* a kernel without IPv6 */
}

static const struct {
	const char *name;
	int (*take)(void);
	const char *detail;
} steps[] = {
	{"userns", enter_userns, "the router's user namespace"},
	{"netns", enter_netns, "the router's network namespace"},
	{"mount", make_run, "/run"},
	{"link", raise_loopback, "lo"},
	{"sysctl", forward, "forwarding"},
};

static void keep_descriptors(struct router *router, int signal_fd)
{
	int kept[] = {router->words[1], router->exit[1], signal_fd};
	int null_fd = fd_open_null();

	for (int fd = 0; null_fd >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null_fd, fd);
	fd_close_others(kept, sizeof kept / sizeof kept[0]);
	if (chdir("/") < 0)
		return; /* only a courtesy to umount(8) */
}

/* Nobody asks for the namespaces' end but by a signal. */
static _Noreturn void stay(void)
{
	for (;;)
		if (waitpid(-1, NULL, 0) < 0 && errno == ECHILD)
			pause();
}

static _Noreturn void attend(const struct router *router, int signal_fd, pid_t uplink)
{
	struct router_word word;
	struct signalfd_siginfo info;
	int status;

	for (;;) {
		struct pollfd sources[] = {
			{.fd = router->words[1], .events = POLLIN},
			{.fd = signal_fd, .events = POLLIN},
		};
		if (poll(sources, 2, -1) < 0)
			continue;
		if (sources[1].revents != 0 && fd_read(signal_fd, &info, sizeof info) > 0 &&
		    waitpid(uplink, &status, WNOHANG) == uplink) {
			word = (struct router_word){.kind = ROUTER_ENDED, .number = status};
			router_tell(router->words[1], &word);
		}
		if (sources[0].revents == 0)
			continue;
		if (fd_read(router->words[1], &word, sizeof word) != (ssize_t)sizeof word)
			_exit(1);
		prctl(PR_SET_PDEATHSIG, 0);
		router_tell(router->words[1], &word);
		close(router->words[1]);
		close(signal_fd);
		stay();
	}
}

static pid_t fork_uplink(struct router *router)
{
	const pid_t self = getpid();
	pid_t uplink = *router->uplink == NULL ? 0 : fork();

	if (uplink < 0)
		router_tell_failure(router->words[1], "fork", errno, "");
	if (uplink == 0 && getpid() != self)
		uplink_run(router, self);
	return uplink;
}

_Noreturn void holder_run(struct router *router, pid_t parent)
{
	sigset_t watched;
	int which;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "compart-holder");
	setsid();
	(void)signals_reset(0, &which);
	sigemptyset(&watched);
	sigaddset(&watched, SIGCHLD);
	sigprocmask(SIG_BLOCK, &watched, NULL);
	int signal_fd = signalfd(-1, &watched, SFD_CLOEXEC);
	if (signal_fd < 0)
		router_tell_failure(router->words[1], "signalfd", errno, "");
	const pid_t uplink = fork_uplink(router);
	keep_descriptors(router, signal_fd);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		int error = steps[i].take();
		if (error != 0)
			router_tell_failure(router->words[1], steps[i].name, error,
					    steps[i].detail);
	}
	/* A change of credentials may have taken it away. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	router_tell(router->words[1], &(struct router_word){.kind = ROUTER_HELD, .number = uplink});
	if (uplink != 0)
		(void)fd_write(router->exit[1], "g", 1);
	attend(router, signal_fd, uplink);
}
