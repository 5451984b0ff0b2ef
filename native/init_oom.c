/* See init_oom.h. */
#include "init_oom.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A record of the kernel's log, with all that belongs to it (CONSOLE_EXT_LOG_MAX). */
#define RECORD_MAX 8192
/* printk(): a record that was written to /dev/kmsg has another facility than the kernel's, 0. */
#define LEVELS 8
#define KILLED "Memory cgroup out of memory: Killed process "

/* `PRIORITY,SEQUENCE,TIME,FLAGS;TEXT` (Documentation/ABI/testing/dev-kmsg). */
static bool tells_of_cgroup(const char *record)
{
	const char *text = strchr(record, ';');

	return text != NULL && strtoul(record, NULL, 10) < LEVELS && strncmp(text + 1, KILLED, strlen(KILLED)) == 0;
}

/*
 * How many more a cgroup had killed than at the last look. No counter tells the two apart: the root cgroup has no
 * memory.events. But of each kill the kernel says one line, whatever its console shows (mm/oom_kill.c, __oom_kill_process).
 * Lines that were lost before they were read are kills of the guest's.
 */
static uint64_t more_in_cgroups(void)
{
	static char record[RECORD_MAX];
	static int fd = -1;
	uint64_t count = 0;
	ssize_t size;

	if (fd < 0)
		fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return 0;
	/* EPIPE: what was to be read next has been overwritten, and the next is what there is. */
	while ((size = read(fd, record, sizeof record - 1)) > 0 || (size < 0 && errno == EPIPE)) {
		record[size < 0 ? 0 : size] = '\0';
		count += tells_of_cgroup(record);
	}
	return count;
}

uint64_t oom_of_guest(uint64_t kills)
{
	static uint64_t others;

	/* A log of hundreds of records is read only where there is something to look for. */
	if (kills > 0)
		others += more_in_cgroups();
	return kills > others ? kills - others : 0;
}
