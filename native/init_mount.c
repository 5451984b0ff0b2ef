/* What is mounted in the root: see init.h. All paths are of the guest's root. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init.h"

static const struct system_mount {
	const char *type, *at;
	unsigned long flags;
	const char *options;
	bool always; /* for a root with an init of its own too */
} system_mounts[] = {
	{"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, true},
	{"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, true},
	{"devtmpfs", "/dev", MS_NOSUID, NULL, true},
	{"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666", false},
	{"tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777", false},
	{"cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, false},
};

/* What programs expect in /dev, and no kernel makes. */
static void link_devices(void)
{
	static const char *const links[][2] = {
		{"/proc/self/fd", "/dev/fd"},
		{"/proc/self/fd/0", "/dev/stdin"},
		{"/proc/self/fd/1", "/dev/stdout"},
		{"/proc/self/fd/2", "/dev/stderr"},
	};

	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
		if (symlink(links[i][0], links[i][1]) < 0 && errno != EEXIST)
			init_fail(errno, "cannot make %s", links[i][1]);
}

int init_make_folders(const char *path)
{
	char folder[4096];
	size_t length = strlen(path);

	if (length >= sizeof folder)
		return ENAMETOOLONG;
	if (mkdir(path, 0755) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return errno;
	for (size_t i = 1; i <= length; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(folder, path, i);
		folder[i] = '\0';
		if (mkdir(folder, 0755) < 0 && errno != EEXIST)
			return errno;
	}
	return 0;
}

void init_mount_system(const struct guest_config *config)
{
	for (size_t i = 0; i < sizeof system_mounts / sizeof system_mounts[0]; i++) {
		const struct system_mount *wanted = &system_mounts[i];
		if (config->init != NULL && !wanted->always)
			continue;
		int result = mount(wanted->type, wanted->at, wanted->type, wanted->flags, wanted->options);
		if (result < 0 && errno == ENOENT && init_make_folders(wanted->at) == 0)
			result = mount(wanted->type, wanted->at, wanted->type, wanted->flags, wanted->options);
		/* A small kernel may be without control groups. */
		if (result < 0 && !(errno == ENODEV && strcmp(wanted->type, "cgroup2") == 0))
			init_fail(errno, "cannot mount %s on %s", wanted->type, wanted->at);
	}
	link_devices();
}

static int make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0644);

	if (fd < 0)
		return access(path, F_OK) == 0 ? 0 : errno;
	close(fd);
	return 0;
}

static int make_place(const char *path, bool is_file)
{
	char folder[4096];
	const char *slash = strrchr(path, '/');
	size_t length = (size_t)(slash - path);

	if (!is_file)
		return init_make_folders(path);
	int error = make_file(path);
	if (error != ENOENT || length == 0 || length >= sizeof folder)
		return error;
	memcpy(folder, path, length);
	folder[length] = '\0';
	error = init_make_folders(folder);
	return error != 0 ? error : make_file(path);
}

static int attach(int tree, const char *at)
{
	int result = move_mount(tree, "", AT_FDCWD, at, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS);
	int error = result < 0 ? errno : 0;

	close(tree);
	return error;
}

int init_put(int tree, const char *at, bool is_file)
{
	int error = make_place(at, is_file);

	if (error == 0)
		return attach(tree, at);
	close(tree);
	return error;
}

/*
 * /etc/resolv.conf is often a link to what only a running system has: in an overlay a file takes its
 * place. A root that is written itself is left as it is, which is worth a line, not the guest.
 */
static void lay_over(const struct guest_config *config, int tree, const char *path)
{
	if (tree < 0)
		return;
	int error = make_place(path, true);
	if (error != 0 && !config->through && unlink(path) == 0)
		error = make_place(path, true);
	if (error == 0)
		error = attach(tree, path);
	if (error != 0)
		init_say(error, "cannot lay a file over %s", path);
}

void init_mount_trees(const struct guest_config *config, const struct init_trees *trees)
{
	for (size_t i = 0; i < config->mount_count; i++) {
		const char *at = config->mounts[i].at;
		int error = init_put(trees->mounts[i], at, trees->is_file[i]);
		if (error != 0)
			init_fail(error, "cannot mount %s on %s", config->mounts[i].from, at);
	}
	lay_over(config, trees->hosts, "/etc/hosts");
	lay_over(config, trees->resolv, "/etc/resolv.conf");
}
