/*
 * lift: tries to get out of its limits by the cgroup file system, as it is and in namespaces of its own. Prints a line
 * for what the kernel let it do; nothing else is printed.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOT "/sys/fs/cgroup"

static const char *where = "";

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	if (done)
		printf("%swrote %s to %s\n", where, text, path);
	return done;
}

static const char *const LIMITS[] = {
	"memory.max", "memory.limit_in_bytes", "memory.swap.max", "cpu.max", "cpu.cfs_quota_us", "cpu.shares",
	"cpu.weight", "pids.max", "cpuset.cpus", "io.max", "cgroup.subtree_control", "cgroup.freeze", "freezer.state",
};

/* Every group there is: its members and its limits. */
static int try_group(const char *path, const struct stat *status, int kind, struct FTW *at)
{
	char file[4096];

	(void)status;
	(void)at;
	if (kind != FTW_D && kind != FTW_DNR)
		return 0;
	for (size_t i = 0; i < sizeof LIMITS / sizeof LIMITS[0]; i++) {
		snprintf(file, sizeof file, "%s/%s", path, LIMITS[i]);
		(void)put(file, strstr(LIMITS[i], "freez") != NULL ? "0" : "max");
	}
	snprintf(file, sizeof file, "%s/cgroup.procs", path);
	(void)put(file, "0");
	snprintf(file, sizeof file, "%s/tasks", path);
	(void)put(file, "0");
	snprintf(file, sizeof file, "%s/hostile", path);
	if (mkdir(file, 0755) == 0) {
		printf("%smade %s\n", where, file);
		rmdir(file);
	}
	return 0;
}

static void try_all(const char *root)
{
	nftw(root, try_group, 32, FTW_PHYS);
}

static void map_self(unsigned int uid)
{
	char line[64];

	snprintf(line, sizeof line, "0 %u 1", uid);
	int fd = open("/proc/self/uid_map", O_WRONLY);
	if (fd >= 0) {
		(void)!write(fd, line, strlen(line));
		close(fd);
	}
}

/* As root of a user namespace: the file systems mounted anew. */
static void in_namespaces(void)
{
	static const char *const V1[] = {"memory", "cpu,cpuacct", "cpu", "pids", "cpuset", "blkio", "freezer"};
	unsigned int uid = getuid();

	where = "in a user namespace: ";
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP) < 0)
		return;
	map_self(uid);
	(void)mount("", "/", "none", MS_REC | MS_PRIVATE, NULL);
	if (mount("none", "/mnt", "cgroup2", 0, NULL) == 0) {
		try_all("/mnt");
		umount2("/mnt", MNT_DETACH);
	}
	for (size_t i = 0; i < sizeof V1 / sizeof V1[0]; i++)
		if (mount("none", "/mnt", "cgroup", 0, V1[i]) == 0) {
			try_all("/mnt");
			umount2("/mnt", MNT_DETACH);
		}
	if (mount("", ROOT, "none", MS_REMOUNT | MS_BIND, NULL) == 0)
		try_all(ROOT);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	try_all(ROOT);
	if (fork() == 0) {
		in_namespaces();
		_exit(0);
	}
	wait(NULL);
	return 0;
}
