/* Parameters of the kernel, by their path below /proc/sys. */
#ifndef COMPART_SYSCTL_H
#define COMPART_SYSCTL_H

/* Those below net/ are of the network namespace the caller is in. 0 or an errno. */
int sysctl_write(const char *name, const char *value);

#endif
