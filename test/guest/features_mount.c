/* File systems that are spoken with over a descriptor, and devices. */
#include "features.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/loop.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static int make_folder(const char *path)
{
	return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : -1;
}

/* FUSE answers the mount before the server has said a word. */
static int mount_fuse(void)
{
	char options[128];
	int fd = open("/dev/fuse", O_RDWR);

	if (fd < 0 || make_folder("/tmp/fuse") != 0)
		return -1;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	return mount("fuse", "/tmp/fuse", "fuse", 0, options);
}

static int mount_autofs(void)
{
	char options[128];
	int ends[2];

	if (pipe(ends) != 0 || make_folder("/tmp/auto") != 0)
		return -1;
	snprintf(options, sizeof(options), "fd=%d,pgrp=%d,minproto=5,maxproto=5,direct", ends[1], getpgrp());
	return mount("auto", "/tmp/auto", "autofs", 0, options);
}

/* The server of this test hears the client's first message, which names the version, and hangs up. */
static int greet_9p(void)
{
	char options[128], message[64] = "";
	int ends[2];
	pid_t client;
	ssize_t got;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || make_folder("/tmp/9p") != 0)
		return -1;
	snprintf(options, sizeof(options), "trans=fd,rfdno=%d,wfdno=%d,version=9p2000.L", ends[1], ends[1]);
	client = fork();
	if (client == 0) {
		close(ends[0]);
		_exit(mount("x", "/tmp/9p", "9p", 0, options) == 0);
	}
	close(ends[1]);
	got = read(ends[0], message, sizeof(message) - 1);
	close(ends[0]);
	waitpid(client, NULL, 0);
	errno = EPROTO;
	return got > 13 && memmem(message, (size_t)got, "9P2000.L", 8) != NULL ? 0 : -1;
}

static int mount_overlay(void)
{
	int fd;

	if (make_folder("/tmp/upper") != 0 || make_folder("/tmp/work") != 0 || make_folder("/tmp/over") != 0)
		return -1;
	if (mount("over", "/tmp/over", "overlay", 0, "lowerdir=/bin,upperdir=/tmp/upper,workdir=/tmp/work") != 0)
		return -1;
	fd = open("/tmp/over/new", O_CREAT | O_WRONLY, 0600);
	if (fd < 0 || access("/tmp/over/busybox", R_OK) != 0 || access("/tmp/upper/new", F_OK) != 0)
		return -1;
	return close(fd);
}

static int open_tun(void)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR);

	return fd < 0 ? -1 : ioctl(fd, TUNSETIFF, &request);
}

static int attributes_of_tmpfs(void)
{
	/* u::rw-,u:1:r--,g::r--,m::r--,o::--- as the kernel stores it. */
	static const char acl[] =
		"\2\0\0\0" "\1\0\6\0\377\377\377\377" "\2\0\4\0\1\0\0\0" "\4\0\4\0\377\377\377\377"
		"\20\0\4\0\377\377\377\377" "\40\0\0\0\377\377\377\377";
	int fd = open("/tmp/attributes", O_CREAT | O_RDWR, 0600);

	if (fd < 0 || fsetxattr(fd, "trusted.x", "1", 1, 0) != 0)
		return -1;
	return fsetxattr(fd, "system.posix_acl_access", acl, sizeof(acl) - 1, 0);
}

/* A loop device of its own, made on demand. */
static int make_loop(void)
{
	int control = open("/dev/loop-control", O_RDWR);

	return control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
}

void use_mounts(void)
{
	report("fuse", mount_fuse());
	report("autofs", mount_autofs());
	report("9p-fd", greet_9p());
	report("overlay", mount_overlay());
	report("tun", open_tun());
	report("tmpfs-acl", attributes_of_tmpfs());
	report("loop", make_loop());
}
