/* compart-guest boot: see guest.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot_plan.h"
#include "fd.h"
#include "guest.h"
#include "keeper.h"
#include "words.h"

static void read_plan(struct boot_plan *plan, const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	char *text = malloc(BOOT_BYTES_MAX + 1);
	size_t size = 0;
	ssize_t count = -1;

	if (text == NULL)
		abort();
	while (fd >= 0 && (count = fd_read(fd, text + size, BOOT_BYTES_MAX + 1 - size)) > 0)
		size += (size_t)count;
	if (count < 0)
		words_fail("%s: %s", file, strerror(errno));
	close(fd);
	const char *wrong = boot_plan_parse(plan, text, size);
	if (wrong != NULL)
		words_fail("%s: %s", file, wrong);
}

int guest_boot(int argc, char **argv)
{
	struct session_flags flags = {0};
	struct boot_plan *plan = calloc(1, sizeof *plan);
	int at = session_flags_parse(&flags, argc, argv, 2);

	if (at == argc || plan == NULL)
		guest_usage();
	const char *file = argv[at++];
	if (at < argc && (strcmp(argv[at], "--") != 0 || argv[at + 1] == NULL))
		guest_usage();
	if (at < argc)
		flags.command = argv + at + 1;
	read_plan(plan, file);
	return keeper_run(plan, flags.command == NULL ? NULL : &flags);
}
