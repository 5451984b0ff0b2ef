/*
 * compart-guest boot [SESSION FLAGS] BOOTFILE [-- CMD ARG...]
 *     boots the guest of the boot file (boot_plan.h) and keeps it until its end, its kernel a child. With
 *     a command, the guest is there for it: it is powered off when the command has ended, and the exit
 *     status is the command's (128+N: killed by signal N; 125 to 127 as of `compart run`).
 * compart-guest exec [SESSION FLAGS] DIR -- CMD ARG...
 *     a command in the guest whose folder that is
 * compart-guest console DIR [--escape CHAR]
 *     the guest's /dev/tty1 on the caller's terminal
 * compart-guest control DIR do=WORD [KEY=VALUE...]
 *     asks the keeper (CONTROL of frame.h); prints what it answers, a record a line
 *
 * Session flags: --workdir DIR, --user USER[:GROUP], --env K=V (repeatable), --inherit (the caller's
 * environment, to which --env adds), --tty auto|yes|no (a terminal of its own; auto: where the caller's
 * stdin and stdout are terminals).
 */
#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"
#include "words.h"

#define EXIT_USAGE 2

void guest_usage(void)
{
	fputs("usage: compart-guest boot [SESSION FLAGS] BOOTFILE [-- CMD ARG...]\n"
	      "       compart-guest exec [SESSION FLAGS] DIR -- CMD ARG...\n"
	      "       compart-guest console DIR [--escape CHAR]\n"
	      "       compart-guest control DIR do=WORD [KEY=VALUE...]\n"
	      "session flags: --workdir DIR --user USER[:GROUP] --env K=V --inherit --tty auto|yes|no\n",
	      stderr);
	exit(EXIT_USAGE);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*verb)(int argc, char **argv);
	} verbs[] = {
		{"boot", guest_boot}, {"exec", guest_exec}, {"console", guest_console}, {"control", guest_control},
	};

	/* Those of the standard descriptors that came closed are opened: what is opened later is not them. */
	if (fd_open_null() < 0)
		words_fail("/dev/null: it cannot be opened");
	for (size_t i = 0; argc > 2 && i < sizeof verbs / sizeof verbs[0]; i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].verb(argc, argv);
	guest_usage();
}
