/*
 * compart-init: process 1 of a guest of User Mode Linux.
 *
 * The kernel begins with a root that holds this program, its configuration (guest_config.h), and what
 * the guest may see of the host. It makes the machine (init.h), moves into the guest's root, and serves
 * the host from there (init_agent.h); beside the init of that root, if it was given one.
 *
 * What goes wrong is a line on the console and the exit status 125 of the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "init.h"
#include "init_agent.h"
#include "init_pids.h"

#define CONFIG "/config"
#define GUARD "-1000" /* proc(5), oom_score_adj: never */

static void read_config(struct guest_config *config)
{
	char *text = malloc(GUEST_BYTES_MAX);
	int fd = open(CONFIG, O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	ssize_t count = 1;

	if (fd < 0 || text == NULL)
		init_fail(errno, "cannot open " CONFIG);
	while (count > 0 && size < GUEST_BYTES_MAX) {
		count = fd_read(fd, text + size, GUEST_BYTES_MAX - size);
		if (count < 0)
			init_fail(errno, "cannot read " CONFIG);
		size += (size_t)count;
	}
	close(fd);
	const char *error = guest_config_parse(config, text, size);
	if (error != NULL)
		init_fail(0, CONFIG ": %s", error);
}

static void guard(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || !fd_write(fd, GUARD, sizeof GUARD - 1))
		init_fail(errno, "cannot be spared by the OOM killer");
	close(fd);
}

/*
 * Process 1 becomes the root's init; its child comes back from here. The @ is systemd's sign for what
 * it leaves alive until the power is off (systemd: ROOT_STORAGE_DAEMONS).
 */
static void start_init(const char *file, char **argv)
{
	char *words[] = {(char *)file, NULL};
	char *environment[] = {(char *)"HOME=/", (char *)"TERM=linux", NULL};
	pid_t pid = fork();

	if (pid < 0)
		init_fail(errno, "cannot fork");
	if (pid > 0) {
		pids_enter_init();
		execve(file, words, environment);
		init_fail(errno, "cannot execute %s", file);
	}
	setsid();
	argv[0][0] = '@';
	guard();
}

int main(int argc, char **argv)
{
	struct agent_times times = {.kernel_us = init_uptime_us()};
	static struct guest_config config;
	static struct init_trees trees;

	if (argc < 1 || getpid() != 1)
		return 125;
	init_console();
	read_config(&config);
	init_load_modules(&config);
	init_open_trees(&config, &trees);
	init_enter_root(&config);
	init_mount_system(&config);
	init_mount_trees(&config, &trees);
	if (config.seed != NULL)
		init_seed(config.seed);
	if (config.swap != NULL)
		init_swap_on(config.swap);
	if (config.hostname != NULL && sethostname(config.hostname, strlen(config.hostname)) < 0)
		init_fail(errno, "cannot set the host name");
	pids_hold(config.pids);
	int packet_fd = init_network(&config);
	times.init_us = init_uptime_us();
	if (config.init != NULL)
		start_init(config.init, argv);
	agent_run(packet_fd, &times, config.shell);
}
