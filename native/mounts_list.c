/*
 * guest.mounts: what the guest was shown while it ran, and may reach, as inspect tells it. HOST:GUEST, or
 * HOST:GUEST:ro, each ended by a NUL, in the order of their places. It is written before a mount is made, and
 * after one has gone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keeper.h"
#include "replace.h"

#define NAME "guest.mounts"

int mounts_write(const struct keeper *keeper)
{
	size_t room = 1, size = 0;

	for (int i = 0; i < MOUNTS_MAX; i++)
		if (keeper->mounts[i].state != MOUNT_NONE)
			room += strlen(keeper->mounts[i].from) + strlen(keeper->mounts[i].at) + sizeof "::ro";
	char *text = malloc(room);
	if (text == NULL)
		return ENOMEM;
	for (int i = 0; i < MOUNTS_MAX; i++) {
		const struct late_mount *mount = &keeper->mounts[i];
		if (mount->state != MOUNT_NONE)
			size += (size_t)snprintf(text + size, room - size, "%s:%s%s", mount->from, mount->at,
						 mount->writable ? "" : ":ro") +
				1;
	}
	const int error = replace_file(keeper->folder_fd, NAME, text, size);
	free(text);
	return error;
}
