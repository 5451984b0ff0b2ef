/*
 * Mounts of a guest that runs: see keeper.h. A child binds the host's folder at a place of the sandbox (uml_bind),
 * since it enters other namespaces and may wait for a file system that does not answer; then the guest is asked to
 * mount that place where it is wanted (MOUNT of frame.h). To take it away the guest is asked first, and what
 * it says is believed to the guest's harm only: the place goes from the sandbox in any case but "busy".
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "keeper.h"
#include "number.h"
#include "sandbox.h"
#include "signals.h"

#define PATIENCE_S 20 /* for the host's file system */
#define ERRNO_MAX 4095
#define TAKEN "something is mounted there already"
#define WORDS_MAX 512 /* of a path, in an answer */

static int number_of(const struct keeper *keeper, const struct late_mount *mount)
{
	return (int)(mount - keeper->mounts);
}

static void name_place(char *name, size_t size, int number)
{
	snprintf(name, size, "%d", number);
}

static void answer(struct keeper *keeper, struct late_mount *mount, const char *what, const char *why)
{
	if (why == NULL)
		control_answer(keeper, mount->client, "ok=1\n");
	else
		control_answer(keeper, mount->client, "error=%.*s: %s\n", WORDS_MAX, what, why);
	mount->client = -1;
}

/* The end of a mount: of its place, of its line in the list, and of what is known of it. */
static void drop(struct keeper *keeper, struct late_mount *mount)
{
	char name[16];

	name_place(name, sizeof name, number_of(keeper, mount));
	(void)uml_unbind(&keeper->uml, name);
	free(mount->from);
	free(mount->at);
	*mount = (struct late_mount){.client = -1, .answer_fd = -1, .binder = mount->binder};
	(void)mounts_write(keeper); /* a list that is too long is better than none */
}

/* Why NULL: as was asked. */
static void conclude(struct keeper *keeper, struct late_mount *mount, const char *what, const char *why)
{
	answer(keeper, mount, what, why);
	drop(keeper, mount);
}

/* A frame to the guest that names the mount: MOUNT, UNMOUNT. */
static void ask_guest(struct keeper *keeper, const struct late_mount *mount, uint8_t type)
{
	char text[2 * PATH_MAX];
	const int number = number_of(keeper, mount);
	int size = type == FRAME_MOUNT
			   ? snprintf(text, sizeof text, "number=%d%cmount=hostfs:/" SANDBOX_LATE "/%d%cat=%s%cmode=%s",
				      number, 0, number, 0, mount->at, 0, mount->writable ? "rw" : "ro")
			   : snprintf(text, sizeof text, "number=%d%cat=%s%cforce=%d", number, 0, mount->at, 0,
				      mount->forced);

	mux_guest_send(keeper->mux, type, text, (size_t)size + 1);
}

static _Noreturn void bind_in_child(const struct keeper *keeper, const struct late_mount *mount, int fd)
{
	struct uml_error error = {0};
	char name[16];
	struct uml_bind bind = {.from = mount->from, .device = mount->device, .inode = mount->inode,
				.writable = mount->writable, .name = name};
	int kept[] = {fd, keeper->uml.user_fd, keeper->uml.mount_fd, keeper->uml.late_fd}, which;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signals_reset(0, &which);
	fd_close_others(kept, sizeof kept / sizeof kept[0]);
	(void)alarm(PATIENCE_S);
	name_place(name, sizeof name, number_of(keeper, mount));
	(void)uml_bind(&keeper->uml, &bind, &error);
	(void)fd_write(fd, &error, sizeof error);
	_exit(0);
}

static int start_binder(struct keeper *keeper, struct late_mount *mount)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return errno;
	const pid_t binder = fork();
	const int error = binder < 0 ? errno : 0;
	if (binder == 0)
		bind_in_child(keeper, mount, ends[1]);
	close(ends[1]);
	if (error != 0)
		close(ends[0]);
	mount->binder = binder < 0 ? 0 : binder;
	mount->answer_fd = error != 0 ? -1 : ends[0];
	return error;
}

static struct late_mount *find(struct keeper *keeper, const char *at)
{
	for (int i = 0; i < MOUNTS_MAX; i++)
		if (keeper->mounts[i].state != MOUNT_NONE && strcmp(keeper->mounts[i].at, at) == 0)
			return &keeper->mounts[i];
	return NULL;
}

/* What is wrong with it; NULL for nothing. */
static const char *judge(const struct request *request, uint64_t *device, uint64_t *inode)
{
	if (*request->from != '/' || strlen(request->from) >= PATH_MAX)
		return "the host's path must be absolute";
	if (*request->at != '/' || strlen(request->at) >= PATH_MAX)
		return "the guest's path must be absolute";
	if (strcmp(request->mode, "ro") != 0 && strcmp(request->mode, "rw") != 0)
		return "its mode is neither ro nor rw";
	if (number_parse(request->device, strlen(request->device), UINT64_MAX, device) != 0 ||
	    number_parse(request->inode, strlen(request->inode), UINT64_MAX, inode) != 0)
		return "what is to be there was not said";
	return NULL;
}

static bool is_there(const struct keeper *keeper)
{
	return mux_guest_ready(keeper->mux) && !keeper->stopping && !keeper->dead;
}

void mounts_begin(struct keeper *keeper, int client, const struct request *request)
{
	uint64_t device, inode;
	const char *wrong = judge(request, &device, &inode);
	struct late_mount *mount = keeper->mounts;

	while (mount < keeper->mounts + MOUNTS_MAX && (mount->state != MOUNT_NONE || mount->binder != 0))
		mount++;
	if (wrong == NULL && !is_there(keeper))
		wrong = "the guest is not there for it";
	if (wrong == NULL && mount == keeper->mounts + MOUNTS_MAX)
		wrong = "it has as many mounts as it can have";
	if (wrong != NULL) {
		control_refuse(keeper, client, wrong);
		return;
	}
	if (find(keeper, request->at) != NULL) {
		answer(keeper, &(struct late_mount){.client = client}, request->at, TAKEN);
		return;
	}
	*mount = (struct late_mount){.state = MOUNT_BINDS, .client = client, .answer_fd = -1,
				     .writable = request->mode[1] == 'w', .from = strdup(request->from),
				     .at = strdup(request->at), .device = device, .inode = inode};
	if (mount->from == NULL || mount->at == NULL)
		abort();
	int error = mounts_write(keeper);
	if (error == 0)
		error = start_binder(keeper, mount);
	if (error != 0)
		conclude(keeper, mount, mount->from, strerror(error));
}

void mounts_end(struct keeper *keeper, int client, const struct request *request)
{
	struct late_mount *mount = find(keeper, request->at);

	if (mount == NULL || mount->state != MOUNT_THERE || !is_there(keeper)) {
		answer(keeper, &(struct late_mount){.client = client}, request->at,
		       mount == NULL ? "nothing was mounted there while the guest ran"
				     : "another change is under way");
		return;
	}
	mount->state = MOUNT_UNMOUNTS;
	mount->client = client;
	mount->forced = strcmp(request->force, "1") == 0;
	ask_guest(keeper, mount, FRAME_UNMOUNT);
}

void mounts_turn(struct keeper *keeper, int number)
{
	struct late_mount *mount = &keeper->mounts[number];
	struct uml_error error = {0};
	const ssize_t count = fd_read(mount->answer_fd, &error, sizeof error);

	close(mount->answer_fd);
	mount->answer_fd = -1;
	error.detail[sizeof error.detail - 1] = '\0';
	if (count != (ssize_t)sizeof error)
		conclude(keeper, mount, mount->from, "its file system does not answer");
	else if (error.number != 0)
		conclude(keeper, mount, error.detail, strerror(error.number));
	else if (!is_there(keeper))
		conclude(keeper, mount, mount->at, "the guest powers off");
	else {
		mount->state = MOUNT_MOUNTS;
		ask_guest(keeper, mount, FRAME_MOUNT);
	}
}

/* Nothing of it was there any more: that is as good. */
static bool has_left(const struct late_mount *mount, int error)
{
	return mount->forced || error == 0 || error == EINVAL || error == ENOENT;
}

static void take_answer(struct keeper *keeper, struct late_mount *mount, int error)
{
	if (mount->state == MOUNT_MOUNTS && error != 0) {
		conclude(keeper, mount, mount->at, error == EBUSY ? TAKEN : strerror(error));
	} else if (mount->state == MOUNT_UNMOUNTS && has_left(mount, error)) {
		conclude(keeper, mount, mount->at, NULL);
	} else {
		answer(keeper, mount, mount->at,
		       error == 0 ? NULL : error == EBUSY ? "it is in use in the guest" : strerror(error));
		mount->state = MOUNT_THERE;
	}
}

void mounts_answered(struct keeper *keeper, const struct frame *frame)
{
	const char *key, *value;
	size_t at = 0, size;
	uint64_t number = MOUNTS_MAX, error = ERRNO_MAX;

	while ((value = frame_record(frame, &at, &key, &size)) != NULL) {
		if (size == 6 && memcmp(key, "number", 6) == 0)
			(void)number_parse(value, strlen(value), MOUNTS_MAX, &number);
		else if (size == 5 && memcmp(key, "errno", 5) == 0)
			(void)number_parse(value, strlen(value), ERRNO_MAX, &error);
	}
	if (number < MOUNTS_MAX && (keeper->mounts[number].state == MOUNT_MOUNTS ||
				    keeper->mounts[number].state == MOUNT_UNMOUNTS))
		take_answer(keeper, &keeper->mounts[number], (int)error);
	else
		keeper_kill(keeper, "protocol", "the guest's init told of a mount that nobody asked for");
}

void mounts_forget(struct keeper *keeper, int client)
{
	for (int i = 0; i < MOUNTS_MAX; i++)
		if (keeper->mounts[i].client == client)
			keeper->mounts[i].client = -1;
}

void mounts_reap(struct keeper *keeper)
{
	for (int i = 0; i < MOUNTS_MAX; i++)
		if (keeper->mounts[i].binder > 0 && waitpid(keeper->mounts[i].binder, NULL, WNOHANG) > 0)
			keeper->mounts[i].binder = 0;
}
