/* Modules of the kernel: see init.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init.h"

void init_load_modules(const struct guest_config *config)
{
	for (size_t i = 0; i < config->module_count; i++) {
		const char *file = config->modules[i];
		int fd = open(file, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			init_fail(errno, "cannot open module %s", file);
		if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
			init_fail(errno, "cannot load module %s", file);
		close(fd);
	}
}
