/* Keys that a command pushes into the terminal of its caller. */
#ifndef COMPART_TIOCSTI_H
#define COMPART_TIOCSTI_H

/*
 * Takes TIOCSTI and TIOCLINUX from the caller and all that it starts, if it has a controlling terminal:
 * a shell there would read what they push after the command has ended, and carry it out as its own user
 * (CVE-2016-2568). Others keep the terminal as it is. Returns 0 or an errno.
 */
int tiocsti_refuse(void);

#endif
