/* Users by passwd(5) and group(5): see guest_spawn.h. The guest's own, without the C library's modules. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "guest_spawn.h"
#include "number.h"

#define FIELDS 7
#define FILE_MAX ((off_t)16 * 1024 * 1024)

/* The file as a string, or NULL with errno. */
static char *read_file(const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = NULL;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) == 0 && status.st_size <= FILE_MAX)
		text = malloc((size_t)status.st_size + 1);
	ssize_t count = text == NULL ? -1 : fd_read(fd, text, (size_t)status.st_size);
	close(fd);
	if (count < 0) {
		free(text);
		return NULL;
	}
	text[count] = '\0';
	return text;
}

/* Cuts the next line up at its colons; false at the end. Fields that are not there are empty. */
static bool next_line(char **text, char *fields[FIELDS])
{
	char *line = *text;

	if (*line == '\0')
		return false;
	char *end = line + strcspn(line, "\n");
	*text = *end == '\0' ? end : end + 1;
	*end = '\0';
	for (int i = 0; i < FIELDS; i++) {
		fields[i] = line;
		line += strcspn(line, ":");
		if (*line == ':' && i < FIELDS - 1)
			*line++ = '\0';
	}
	return true;
}

static bool is_id(const char *text, uint32_t *id)
{
	return number_parse_id(text, strlen(text), id) == 0;
}

/* By name, else by number. */
static int find_user(struct user *user, const char *wanted)
{
	char *text = read_file("/etc/passwd"), *rest = text, *fields[FIELDS];
	uint32_t number = 0, uid, gid;
	bool numeric = is_id(wanted, &number), found = false;

	strcpy(user->home, "/");
	while (!found && rest != NULL && next_line(&rest, fields)) {
		if (!is_id(fields[2], &uid) || !is_id(fields[3], &gid))
			continue;
		if (numeric ? uid != number : strcmp(fields[0], wanted) != 0)
			continue;
		if (strlen(fields[5]) >= sizeof user->home || strlen(fields[0]) >= sizeof user->name)
			continue;
		user->uid = uid;
		user->gid = gid;
		if (*fields[5] != '\0')
			strcpy(user->home, fields[5]);
		strcpy(user->name, fields[0]);
		found = true;
	}
	free(text);
	if (!found && numeric)
		user->uid = user->gid = number;
	return found || numeric ? 0 : ENOENT;
}

static bool is_member(char *members, const char *name)
{
	size_t length = strlen(name);

	while (*members != '\0') {
		size_t size = strcspn(members, ",");
		if (size == length && memcmp(members, name, length) == 0)
			return true;
		members += size + (members[size] == ',');
	}
	return false;
}

/* The group of that name, or (wanted NULL) all of which the user is a member. */
static int find_groups(struct user *user, const char *wanted)
{
	char *text = read_file("/etc/group"), *rest = text, *fields[FIELDS];
	uint32_t gid;
	int error = wanted == NULL || is_id(wanted, &user->gid) ? 0 : ENOENT;

	while (rest != NULL && next_line(&rest, fields)) {
		if (!is_id(fields[2], &gid))
			continue;
		if (wanted != NULL && error != 0 && strcmp(fields[0], wanted) == 0) {
			user->gid = gid;
			error = 0;
		}
		if (wanted == NULL && *user->name != '\0' && user->group_count < USER_GROUPS_MAX &&
		    is_member(fields[3], user->name))
			user->groups[user->group_count++] = gid;
	}
	free(text);
	return error;
}

int user_find(struct user *user, const char *text)
{
	char wanted[256];
	const char *colon = strchr(text, ':');
	size_t length = colon == NULL ? strlen(text) : (size_t)(colon - text);

	memset(user, 0, sizeof *user);
	if (length == 0 || length >= sizeof wanted || (colon != NULL && colon[1] == '\0'))
		return EINVAL;
	memcpy(wanted, text, length);
	wanted[length] = '\0';
	int error = find_user(user, wanted);
	return error != 0 ? error : find_groups(user, colon == NULL ? NULL : colon + 1);
}
