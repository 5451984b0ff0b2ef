/* See planner.h. */
#include "planner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"
#include "front.h"
#include "launch.h"
#include "signals.h"

#define PROGRAM "dist/bin/planner"
#define SCRIPT "bin/compart.js"
#define CHOICE "COMPART_PLANNER"
#define DEPTH 3 /* native/build/compart */
#define CHANNEL_FD 3

static const char *const steering_bun[] = {"BUN_", "NODE_", "JSC_", "WTF_", "MIMALLOC_", "GIGACAGE_",
					   "ICU_", "UV_", "SIMDUTF_", PLANNER_HIDDEN, NULL};
/* It reads these certificates before it does anything else; the planner connects nowhere. */
static const char *const steering_node[] = {"NODE_EXTRA_CA_CERTS=", PLANNER_HIDDEN, NULL};

/* The path of this very program, whatever name it was started by. */
const char *planner_own_path(void)
{
	static char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);

	if (length < 0)
		front_fail("/proc/self/exe", errno);
	path[length] = '\0';
	return path;
}

const char *planner_root(void)
{
	static char root[PATH_MAX];

	strcpy(root, planner_own_path());
	for (int i = 0; i < DEPTH; i++) {
		char *slash = strrchr(root, '/');
		if (slash == NULL)
			front_fail(root, ENOENT);
		*slash = '\0';
	}
	return root;
}

/* A file of this installation. */
static char *installed(const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", planner_root(), name) < 0)
		front_fail(name, ENOMEM);
	return path;
}

static bool steers(const char *variable, const char *const *prefixes)
{
	for (; *prefixes != NULL; prefixes++)
		if (strncmp(variable, *prefixes, strlen(*prefixes)) == 0)
			return true;
	return false;
}

/*
 * The caller's environment, in which what would change the planner itself goes by another name. It
 * is the command's, and takes its own name again once the planner runs (src/host/front.ts).
 */
static char **environment_for(const char *const *prefixes)
{
	size_t count = 0;

	while (environ[count] != NULL)
		count++;
	char **own = calloc(count + 1, sizeof *own);
	if (own == NULL)
		front_fail("environment", ENOMEM);
	for (size_t i = 0; i < count; i++) {
		own[i] = environ[i];
		if (steers(own[i], prefixes) && asprintf(&own[i], PLANNER_HIDDEN "%s", environ[i]) < 0)
			front_fail("environment", ENOMEM);
	}
	return own;
}

/* argv with other words in the place of argv[0]; script may be NULL. */
static char **line_of(const char *program, const char *script, int argc, char **argv)
{
	char **line = calloc((size_t)argc + 2, sizeof *line), **next = line;

	if (line == NULL)
		front_fail("planner", ENOMEM);
	*next++ = (char *)program;
	if (script != NULL)
		*next++ = (char *)script;
	for (int i = 1; i < argc; i++)
		*next++ = argv[i];
	return line;
}

static bool is_limited(__rlimit_resource_t resource)
{
	struct rlimit limit;

	return getrlimit(resource, &limit) < 0 || limit.rlim_cur != RLIM_INFINITY;
}

/*
 * Can the compiled planner do it? It knows the verbs that are waited for, those that guard and end
 * a detached run, and ps, which scripts ask again and again (scripts/bundle.mjs). It maps more than setrlimit(2) may leave it, where Node starts,
 * and does not start where its directory has no name any more.
 */
static bool is_compiled(const char *verb)
{
	static const char *const verbs[] = {"run", "exec", "boot", "finish-run", "guard-run", "ps"};
	const char *choice = getenv(CHOICE);
	char directory[PATH_MAX];

	if (verb == NULL || (choice != NULL && strcmp(choice, "node") == 0))
		return false;
	if (is_limited(RLIMIT_AS) || is_limited(RLIMIT_DATA))
		return false;
	if (getcwd(directory, sizeof directory) == NULL)
		return false;
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (strcmp(verb, verbs[i]) == 0)
			return true;
	return false;
}

_Noreturn void planner_exec(int argc, char **argv)
{
	if (is_compiled(argv[1])) {
		const char *program = installed(PROGRAM);
		execve(program, line_of(program, NULL, argc, argv), environment_for(steering_bun));
	}
	/* Not built, or not for this machine. */
	char **line = line_of("node", installed(SCRIPT), argc, argv);
	execvpe(line[0], line, environment_for(steering_node));
	if (errno != ENOENT)
		front_fail("node", errno);
	fputs(FRONT_NAME "node: not found\n", stderr);
	_exit(EXIT_LAUNCH);
}

/*
 * In the child. A session of its own keeps the signals of the terminal away from it, and lets it
 * print while its group is not in the foreground.
 */
static _Noreturn void become_planner(int argc, char **argv, pid_t parent, int channel, int64_t began_us)
{
	int kept[] = {CHANNEL_FD}, which;
	char *variable;

	/* It owns the compartment: gone with a front that is killed, it leaves it to gc. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_LAUNCH);
	setsid();
	if (channel == CHANNEL_FD ? fcntl(channel, F_SETFD, 0) < 0 : dup2(channel, CHANNEL_FD) < 0)
		front_fail("dup2", errno);
	/* The command's descriptors are held open by nobody else than it would be without compart. */
	fd_close_others(kept, 1);
	(void)signals_reset(0, &which);
	if (asprintf(&variable, "%d:%" PRId64 ":%s", CHANNEL_FD, began_us, planner_own_path()) < 0 ||
	    setenv(PLANNER_VARIABLE, variable, 1) < 0)
		front_fail("environment", ENOMEM);
	planner_exec(argc, argv);
}

pid_t planner_start(int argc, char **argv, int64_t began_us, int *channel)
{
	const pid_t self = getpid();
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		front_fail("socketpair", errno);
	pid_t pid = fork();
	if (pid < 0)
		front_fail("fork", errno);
	if (pid == 0)
		become_planner(argc, argv, self, ends[1], began_us);
	close(ends[1]);
	*channel = ends[0];
	return pid;
}
