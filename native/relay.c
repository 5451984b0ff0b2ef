/*
 * compart-relay [--register DIR] [--device IFNAME] [--connect-user FILE] [--connect-net FILE]
 *               tcp|udp LISTEN_IP LISTEN_PORT TARGET_IP TARGET_PORT
 *
 * One published port: a daemon that listens in the network namespace it was started in and connects
 * in another. The FILEs are namespaces (/proc/PID/ns/net), opened first, entered once the port is
 * bound. DIR/PROTOCOL-LISTEN_IP-LISTEN_PORT is written before the first client is served.
 *
 * On success: the pid of the daemon on stdout, and exit 0. On failure: "fail STEP ERRNO DETAIL" on
 * stderr, exit 1, and nothing stays.
 */
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "record.h"

static _Noreturn void usage(void)
{
	fputs("usage: compart-relay [--register DIR] [--device IFNAME] [--connect-user FILE] "
	      "[--connect-net FILE] tcp|udp LISTEN_IP LISTEN_PORT TARGET_IP TARGET_PORT\n",
	      stderr);
	exit(EXIT_FAILURE);
}

static _Noreturn void fail(const struct relay *relay, struct relay_failure failure)
{
	char line[RELAY_DETAIL_MAX];

	if (failure.detail == NULL)
		snprintf(line, sizeof line, "%s %s %s", relay->protocol, relay->listen_ip,
			 relay->listen_port);
	else
		snprintf(line, sizeof line, "%s", failure.detail);
	for (char *c = line; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	dprintf(STDERR_FILENO, "fail %s %d %s\n", failure.step, failure.number, line);
	exit(EXIT_FAILURE);
}

static int open_namespace(const struct relay *relay, const char *path)
{
	int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);

	if (path != NULL && fd < 0)
		fail(relay, (struct relay_failure){"open", errno, path});
	return fd;
}

static void parse(struct relay *relay, int argc, char **argv)
{
	static const struct option known[] = {
		{"register", required_argument, NULL, 'r'},
		{"device", required_argument, NULL, 'd'},
		{"connect-user", required_argument, NULL, 'u'},
		{"connect-net", required_argument, NULL, 'n'},
		{0},
	};
	const char *user = NULL, *net = NULL;

	for (int option; (option = getopt_long(argc, argv, "+", known, NULL)) != -1;) {
		const char **value = option == 'r'   ? &relay->folder
				     : option == 'd' ? &relay->device
				     : option == 'u' ? &user
				     : option == 'n' ? &net
						     : NULL;
		if (value == NULL || *value != NULL || *optarg == '\0')
			usage();
		*value = optarg;
	}
	char **words = argv + optind;
	if (argc - optind != 5 || (strcmp(words[0], "tcp") != 0 && strcmp(words[0], "udp") != 0) ||
	    !endpoint_parse(&relay->listen, words[1], words[2]) ||
	    !endpoint_parse(&relay->target, words[3], words[4]))
		usage();
	relay->protocol = words[0];
	relay->listen_ip = words[1];
	relay->listen_port = words[2];
	relay->udp = strcmp(words[0], "udp") == 0;
	relay->user_fd = open_namespace(relay, user);
	relay->net_fd = open_namespace(relay, net);
}

/* The parent's word is that the daemon is registered; without it the daemon must not stay. */
static _Noreturn void run_daemon(struct relay *relay, int said_fd, int heard_fd)
{
	int kept[5] = {relay->listen_fd, said_fd, heard_fd};
	size_t count = 3;
	char go;

	if (relay->user_fd >= 0)
		kept[count++] = relay->user_fd;
	if (relay->net_fd >= 0)
		kept[count++] = relay->net_fd;
	fd_close_others(kept, count);
	struct relay_failure failure = relay_settle(relay);
	(void)fd_write(said_fd, &failure, sizeof failure);
	if (failure.step != NULL || fd_read(heard_fd, &go, 1) != 1)
		_exit(EXIT_FAILURE);
	close(said_fd);
	close(heard_fd);
	int null_fd = fd_open_null();
	for (int fd = 0; null_fd >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null_fd, fd);
	close(null_fd);
	if (relay->udp)
		relay_udp_serve(relay);
	relay_tcp_serve(relay);
}

static struct relay_failure register_daemon(const struct relay *relay, pid_t daemon)
{
	char name[96];

	if (relay->folder == NULL)
		return (struct relay_failure){0};
	snprintf(name, sizeof name, "%s-%s-%s", relay->protocol, relay->listen_ip,
		 relay->listen_port);
	int error = record_write(relay->folder, name, daemon);
	return (struct relay_failure){error == 0 ? NULL : "register", error, relay->folder};
}

int main(int argc, char **argv)
{
	struct relay relay = {0};
	int said[2], go[2];

	int null_fd = fd_open_null();
	if (null_fd < 0)
		return EXIT_FAILURE;
	close(null_fd);
	parse(&relay, argc, argv);
	struct relay_failure failure = relay_bind(&relay);
	if (failure.step != NULL)
		fail(&relay, failure);
	if (pipe2(said, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0)
		fail(&relay, (struct relay_failure){"pipe", errno, ""});
	pid_t daemon = fork();
	if (daemon < 0)
		fail(&relay, (struct relay_failure){"fork", errno, ""});
	if (daemon == 0)
		run_daemon(&relay, said[1], go[0]);
	close(said[1]);
	close(go[0]);
	if (fd_read(said[0], &failure, sizeof failure) != (ssize_t)sizeof failure)
		failure = (struct relay_failure){"daemon", ECHILD, "killed before it served"};
	if (failure.step == NULL)
		failure = register_daemon(&relay, daemon);
	if (failure.step != NULL) {
		close(go[1]);
		while (waitpid(daemon, NULL, 0) < 0 && errno == EINTR)
			continue;
		fail(&relay, failure);
	}
	(void)fd_write(go[1], "g", 1);
	printf("%ld\n", (long)daemon);
	return 0;
}
