/*
 * See sandbox.h: the root. Nothing of the host is mounted in it but what the plan names: it is made in
 * a tmpfs of three folders,
 *
 *   host     the old root, as long as the plan's sources are looked up in it
 *   root     the new root, by a mount of its own, so that the other two are out of its sight
 *   covers   what covers folders and files
 *
 * and which is made read-only as a whole in the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "guest_config.h"
#include "sandbox.h"
#include "sandbox_step.h"
#include "tree.h"

#define BASE_BYTES ((uint64_t)1024 * 1024)
#define BASE_FILES 16384U
/* Beside the file of the guest's memory: what the kernel keeps there, its pid and its socket. */
#define TMP_MORE_BYTES ((uint64_t)4 * 1024 * 1024)
#define TMP_FILES 64U
/* Of places for mounts, which take no bytes but their names. */
#define LATE_BYTES ((uint64_t)64 * 1024)
#define LATE_FILES 256U
#define HIDDEN (TREE_NOSUID | TREE_NODEV)

/* The old root moves into the tmpfs that is put over it. */
static int make_base(struct stage *stage)
{
	const int base = tree_tmpfs(BASE_BYTES, BASE_FILES, "755", HIDDEN, &stage->context);

	if (base < 0)
		return sandbox_fail(stage->error, "sandbox", errno, "a tmpfs for its root");
	stage->host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (stage->host < 0 || mkdirat(base, "host", 0755) < 0 || mkdirat(base, "root", 0755) < 0 ||
	    mkdirat(base, "covers", 0755) < 0 || tree_attach(base, stage->host, "") < 0 ||
	    tree_become_root(base, "host") < 0)
		return sandbox_fail(stage->error, "sandbox", errno, "the host's root put aside");
	const int inner = openat(base, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	stage->covers = openat(base, "covers", O_PATH | O_DIRECTORY | O_CLOEXEC);
	stage->root = tree_copy(inner, false, HIDDEN);
	if (stage->covers < 0 || stage->root < 0 || tree_attach(stage->root, inner, "") < 0)
		return sandbox_fail(stage->error, "sandbox", errno, "a root of its own");
	close(inner);
	close(base);
	return 0;
}

/*
 * Places for what is bound while the guest runs. They are made and removed through a mount that goes with the
 * old root and is alive by its descriptor alone; what is seen from inside is a read-only one of the same files.
 */
static int make_late(struct stage *stage)
{
	stage->late = tree_tmpfs(LATE_BYTES, LATE_FILES, "755", HIDDEN, NULL);
	if (stage->late >= 0 && mkdirat(stage->covers, SANDBOX_LATE, 0755) == 0 &&
	    mkdirat(stage->root, SANDBOX_LATE, 0755) == 0 &&
	    tree_attach(stage->late, stage->covers, SANDBOX_LATE) == 0) {
		const int seen = tree_copy(stage->late, false, HIDDEN | TREE_RDONLY);
		if (seen >= 0 && tree_attach(seen, stage->root, SANDBOX_LATE) == 0) {
			close(seen);
			return 0;
		}
	}
	return sandbox_fail(stage->error, "sandbox", errno, "/" SANDBOX_LATE);
}

/* Not noexec: the kernel maps its memory to be executed. */
static int make_tmp(struct stage *stage, uint64_t memory)
{
	stage->tmp = tree_tmpfs(memory + TMP_MORE_BYTES, TMP_FILES, "700", HIDDEN, NULL);
	if (stage->tmp < 0 || mkdirat(stage->root, "tmp", 0700) < 0 ||
	    tree_attach(stage->tmp, stage->root, "tmp") < 0)
		return sandbox_fail(stage->error, "sandbox", errno, "a tmpfs of %llu bytes for its memory",
				    (unsigned long long)(memory + TMP_MORE_BYTES));
	return 0;
}

static int make_devices(struct stage *stage)
{
	static const char *const paths[] = {"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"};

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		const struct boot_step step = {.kind = BOOT_BIND_DEV, .from = paths[i], .to = paths[i]};
		if (sandbox_step(stage, &step) < 0)
			return -1;
	}
	return 0;
}

/* Bounded, whatever the file says of its size. */
static int copy(int from, int to)
{
	char bytes[16 * 1024];
	size_t total = 0;
	ssize_t count;

	while ((count = fd_read(from, bytes, sizeof bytes)) > 0) {
		total += (size_t)count;
		if (total > GUEST_BYTES_MAX)
			return EFBIG;
		if (!fd_write(to, bytes, (size_t)count))
			return errno;
	}
	return count < 0 ? errno : 0;
}

static int make_config(struct stage *stage, const char *path, int from)
{
	const int to = openat(stage->root, "config", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	const int number = to < 0 ? errno : copy(from, to);

	if (number != 0)
		return sandbox_fail(stage->error, "config", number, "%s", path);
	close(from);
	close(to);
	return 0;
}

/* Where the guest's init mounts what it needs before it has a root; hostfs lets it make nothing here. */
static int make_places(struct stage *stage)
{
	static const char *const places[] = {"proc", "sys", "m", "new"};

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (mkdirat(stage->root, places[i], 0755) < 0)
			return sandbox_fail(stage->error, "sandbox", errno, "/%s", places[i]);
	return 0;
}

static int fill(struct stage *stage, const struct boot_plan *plan, int config)
{
	if (make_base(stage) < 0 || make_late(stage) < 0 || make_tmp(stage, plan->memory) < 0 ||
	    make_devices(stage) < 0 || make_places(stage) < 0 || make_config(stage, plan->config, config) < 0)
		return -1;
	for (size_t i = 0; i < plan->step_count; i++)
		if (sandbox_step(stage, &plan->steps[i]) < 0)
			return -1;
	return 0;
}

/* The old root comes to lie over the new one, which is why what is there is the one to go. */
static int leave(struct stage *stage)
{
	if (tree_seal(stage->context) < 0)
		return sandbox_fail(stage->error, "sandbox", errno, "a root that is read-only");
	if (tree_become_root(stage->root, ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return sandbox_fail(stage->error, "sandbox", errno, "the host's root left behind");
	close(stage->context);
	close(stage->host);
	close(stage->covers);
	close(stage->root);
	return 0;
}

int sandbox_enter_root(const struct boot_plan *plan, struct sandbox_folders *folders,
		       struct uml_error *error)
{
	struct stage stage = {.error = error};
	const int config = open(plan->config, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (config < 0)
		return sandbox_fail(error, "config", errno, "%s", plan->config);
	if (tree_make_private() < 0)
		return sandbox_fail(error, "sandbox", errno, "mounts of its own (Linux 5.12 is needed)");
	if (fill(&stage, plan, config) < 0 || leave(&stage) < 0)
		return -1;
	*folders = (struct sandbox_folders){.tmp = stage.tmp, .late = stage.late};
	return 0;
}
