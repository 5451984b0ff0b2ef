/* The beginning of a session: see guest_session.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest_session.h"
#include "guest_spawn.h"
#include "init_report.h"

struct failure {
	const char *step, *detail;
	int error, status;
};

/* The ends of the command and of this process; -1: none. */
struct ends {
	int theirs[3], ours[3];
};

static void send_failure(struct wire *wire, uint32_t number, const struct failure *failure)
{
	char detail[512];
	struct report report = {0};

	snprintf(detail, sizeof detail, "%s", failure->detail == NULL ? "" : failure->detail);
	report_text(&report, "step", failure->step);
	report_number(&report, "errno", (uint64_t)failure->error);
	report_text(&report, "detail", detail);
	report_number(&report, "status", (uint64_t)failure->status);
	wire_send_text(wire, FRAME_FAILED, number, report.text, report.used);
}

static void close_all(int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static int open_pipes(struct ends *ends)
{
	for (int i = 0; i < 3; i++) {
		int pipe[2];
		if (pipe2(pipe, O_CLOEXEC) < 0)
			return errno;
		ends->ours[i] = i == 0 ? pipe[1] : pipe[0];
		ends->theirs[i] = i == 0 ? pipe[0] : pipe[1];
		/* Of this end alone: commands do not expect it of theirs. */
		if (fcntl(ends->ours[i], F_SETFL, O_NONBLOCK) < 0)
			return errno;
	}
	return 0;
}

static int open_terminal(struct ends *ends, const struct start *start, const struct user *user)
{
	int error = pty_open(&ends->ours[1], &ends->theirs[0], start->rows, start->columns, user);

	if (error == 0) {
		ends->ours[0] = fcntl(ends->ours[1], F_DUPFD_CLOEXEC, 0);
		error = ends->ours[0] < 0 ? errno : 0;
	}
	return error;
}

static pid_t run(const struct sessions *sessions, const struct start *start, const struct user *user,
		 const struct ends *ends, struct failure *failure)
{
	struct spawn spawn = {.words = start->words, .workdir = start->workdir, .user = user,
			      .terminal = start->terminal, .unguarded = sessions->guarded};

	for (int i = 0; i < 3; i++)
		spawn.fds[i] = ends->theirs[start->terminal ? 0 : i];
	spawn.environment = start_environment(start, user);
	if (spawn.environment == NULL) {
		*failure = (struct failure){"fork", NULL, ENOMEM, 125};
		return -1;
	}
	pid_t pid = spawn_command(&spawn);
	free(spawn.environment);
	if (pid >= 0)
		return pid;
	*failure = (struct failure){spawn.step, start->words[1], spawn.error, 125};
	if (strcmp(spawn.step, "exec") == 0)
		failure->status = spawn.error == ENOENT ? 127 : 126;
	else if (strcmp(spawn.step, "workdir") == 0)
		failure->detail = start->workdir;
	else if (strcmp(spawn.step, "user") == 0)
		failure->detail = start->user;
	return -1;
}

static bool attach(struct session *session, struct sessions *sessions, const struct ends *ends)
{
	bool watched = true;

	input_open(&session->input, ends->ours[0]);
	for (int i = 0; i < 2; i++) {
		struct output *output = &session->outputs[i];
		output->channel = (uint8_t)(i + 1);
		output->terminal = session->terminal;
		output->fd = -1;
		if (ends->ours[i + 1] >= 0)
			watched = output_open(output, sessions, ends->ours[i + 1]) && watched;
	}
	session->input.terminal = session->terminal;
	session->next = sessions->first;
	sessions->first = session;
	return watched;
}

static pid_t begin(struct session *session, struct sessions *sessions, const struct start *start,
		   struct failure *failure)
{
	static struct user user;
	struct ends ends = {{-1, -1, -1}, {-1, -1, -1}};
	int error = start->user == NULL ? 0 : user_find(&user, start->user);
	const struct user *wanted = start->user == NULL ? NULL : &user;
	pid_t pid = -1;

	if (error != 0) {
		*failure = (struct failure){"user", start->user, error, 125};
		return -1;
	}
	error = start->terminal ? open_terminal(&ends, start, wanted) : open_pipes(&ends);
	if (error != 0)
		*failure = (struct failure){start->terminal ? "pty" : "fork", NULL, error, 125};
	else
		pid = run(sessions, start, wanted, &ends, failure);
	close_all(ends.theirs, 3);
	if (pid < 0)
		close_all(ends.ours, 3);
	else if (!attach(session, sessions, &ends))
		wire_break(sessions->wire, "no memory to watch a command");
	return pid;
}

static bool is_taken(const struct sessions *sessions, uint32_t number)
{
	for (const struct session *session = sessions->first; session != NULL; session = session->next)
		if (session->number == number && !session->over)
			return true;
	return number == 0;
}

void sessions_start(struct sessions *sessions, const struct frame *frame)
{
	struct failure failure = {"plan", NULL, EINVAL, 125};
	struct session *session = NULL;
	struct start start;

	frame = pieces_take(&sessions->pieces, frame, sessions->wire);
	if (frame == NULL)
		return;
	if (is_taken(sessions, frame->session)) {
		wire_break(sessions->wire, "the host began a session that there is already");
		return;
	}
	failure.detail = start_parse(&start, frame);
	if (failure.detail == NULL) {
		failure.error = ENOMEM;
		session = calloc(1, sizeof *session);
	}
	if (session != NULL) {
		session->number = frame->session;
		session->terminal = start.terminal;
		session->oom_kills = report_oom_kills();
		session->pid = begin(session, sessions, &start, &failure);
	}
	if (session != NULL && session->pid >= 0) {
		wire_send_u32(sessions->wire, FRAME_STARTED, 0, session->number, (uint32_t)session->pid);
	} else {
		send_failure(sessions->wire, frame->session, &failure);
		free(session);
	}
	start_free(&start);
}
