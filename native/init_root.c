/*
 * The root: see init.h. The scratch folder SCRATCH, a tmpfs, holds the layers of an overlay and
 * whatever else is mounted before its place in the root can be reached; only what was taken out of it
 * outlives the first root.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "init.h"

#define SCRATCH "/m"
#define ROOT "/new"

/* The file system is found by trying; one that is not in this kernel is no error yet. */
static void mount_block(const char *device, const char *at, bool writable)
{
	static const char *const types[] = {"ext4", "squashfs", "erofs"};
	unsigned long flags = writable ? 0 : MS_RDONLY;

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		if (mount(device, at, types[i], flags, NULL) == 0) {
			if (writable && i > 0)
				init_fail(0, "%s of %s cannot be written", types[i], device);
			return;
		}
		/* A journal that cannot be replayed, as the device cannot be written. */
		if (errno == EROFS && i == 0 && !writable &&
		    mount(device, at, types[i], flags, "noload") == 0)
			return;
		/* arch/um locks the file behind a device that it may write (os_lock_file). */
		if (errno == EAGAIN)
			init_fail(0, "the file behind %s is in use: another guest has it", device);
		if (errno != EINVAL && errno != ENODEV)
			init_fail(errno, "cannot mount %s of %s", types[i], device);
	}
	init_fail(0, "no file system on %s that this kernel knows (ext4, squashfs, erofs)", device);
}

static void mount_root(const struct guest_config *config, const char *at, bool writable)
{
	if (config->block) {
		mount_block(config->root, at, writable);
		return;
	}
	int error = init_mount_hostfs(config->root, at, writable);
	if (error != 0)
		init_fail(error, "cannot mount hostfs of %s", config->root);
}

static void make(const char *folder)
{
	if (mkdir(folder, 0755) < 0 && errno != EEXIST)
		init_fail(errno, "cannot make %s", folder);
}

/*
 * What is written to the root may fill three quarters of the memory, and with files as many as take
 * half of it (about 1 KiB each): the kernel's own bound is too low for what package managers unpack.
 */
static void mount_scratch(void)
{
	char options[96];
	struct sysinfo info;

	sysinfo(&info);
	unsigned long kib = info.totalram / 1024 * info.mem_unit;
	snprintf(options, sizeof options, "mode=0755,size=75%%,nr_inodes=%lu", kib / 2);
	if (mount("scratch", SCRATCH, "tmpfs", 0, options) < 0)
		init_fail(errno, "cannot mount tmpfs on %s", SCRATCH);
}

static void mount_overlay(const struct guest_config *config)
{
	make(SCRATCH "/lower");
	make(SCRATCH "/upper");
	make(SCRATCH "/work");
	mount_root(config, SCRATCH "/lower", false);
	if (mount("overlay", ROOT, "overlay", config->nosuid == NULL ? 0 : MS_NOSUID,
		  "lowerdir=" SCRATCH "/lower,upperdir=" SCRATCH "/upper,workdir=" SCRATCH "/work") < 0)
		init_fail(errno, "cannot mount overlay on %s", ROOT);
}

static void mount_through(const struct guest_config *config)
{
	mount_root(config, ROOT, true);
	if (config->nosuid != NULL && mount(NULL, ROOT, NULL, MS_REMOUNT | MS_BIND | MS_NOSUID, NULL) < 0)
		init_fail(errno, "cannot mount the root nosuid");
}

static int clone_tree(const char *path)
{
	int fd = init_take_out(path);

	if (fd < 0)
		init_fail(errno, "cannot take %s out", path);
	return fd;
}

static int open_mount(const struct guest_mount *wanted, size_t number, bool *is_file)
{
	char place[32];
	int tree;

	snprintf(place, sizeof place, SCRATCH "/%zu", number);
	make(place);
	int error = init_open_hostfs(wanted, place, &tree, is_file);
	if (error != 0)
		init_fail(error, "cannot mount hostfs of %s", wanted->from);
	return tree;
}

static int open_file(const char *path, const char *text)
{
	if (text == NULL)
		return -1;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		init_fail(errno, "cannot write %s", path);
	close(fd);
	return clone_tree(path);
}

void init_open_trees(const struct guest_config *config, struct init_trees *trees)
{
	mount_scratch();
	for (size_t i = 0; i < config->mount_count; i++)
		trees->mounts[i] = open_mount(&config->mounts[i], i, &trees->is_file[i]);
	trees->hosts = open_file(SCRATCH "/hosts", config->hosts);
	trees->resolv = open_file(SCRATCH "/resolv.conf", config->resolv);
}

void init_enter_root(const struct guest_config *config)
{
	if (config->through)
		mount_through(config);
	else
		mount_overlay(config);
	/* pivot_root(2), NOTES: the old root is over the new one then, and gone by its unmounting. */
	if (chdir(ROOT) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
	    chdir("/") < 0)
		init_fail(errno, "cannot enter the root");
}
