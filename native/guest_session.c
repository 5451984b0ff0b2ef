/* See guest_session.h. */
#include "guest_session.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"
#include "guest_spawn.h"
#include "init_pids.h"
#include "init_report.h"

#define HANGUP_MS 2000
#define CREDIT_MAX (UINT64_C(1) << 40)

static struct session *find(const struct sessions *sessions, uint32_t number)
{
	struct session *session = sessions->first;

	while (session != NULL && (session->number != number || session->over))
		session = session->next;
	return session;
}

/* The session of a process, of its stat (proc(5)): after the name, in which anything may be. */
static pid_t session_of(const char *entry)
{
	char path[64], text[512];
	int session = 0;

	snprintf(path, sizeof path, "/proc/%s/stat", entry);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t count = fd_read(fd, text, sizeof text - 1);
	close(fd);
	text[count < 0 ? 0 : count] = '\0';
	const char *after = strrchr(text, ')');
	return after != NULL && sscanf(after, ") %*c %*d %*d %d", &session) == 1 ? session : -1;
}

size_t session_signal_all(pid_t session, int number)
{
	DIR *folder = opendir("/proc");
	const struct dirent *entry;
	size_t count = 0;

	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (*entry->d_name < '1' || *entry->d_name > '9' || session_of(entry->d_name) != session)
			continue;
		if (kill((pid_t)strtol(entry->d_name, NULL, 10), number) == 0)
			count++;
	}
	if (folder != NULL)
		closedir(folder);
	return count;
}

static void hang_up(struct session *session, int64_t now_ms)
{
	if (session->hung_up)
		return;
	session->hung_up = true;
	session->kill_ms = now_ms + HANGUP_MS;
	session->input.ended = true;
	session->outputs[0].ready = session->outputs[1].ready = true;
	session_signal_all(session->pid, SIGHUP);
	/* A stopped one hears nothing else. */
	session_signal_all(session->pid, SIGCONT);
}

static void add_credit(struct session *session, const struct frame *frame, struct wire *wire)
{
	struct output *output = &session->outputs[frame->channel == 2];

	if (frame->channel == 0 || output->credit > CREDIT_MAX) {
		wire_break(wire, "the host gave credit to what it does not read");
		return;
	}
	output->credit += frame_u32(frame, 0);
}

static void take_data(struct session *session, const struct frame *frame, struct wire *wire)
{
	struct output *output = &session->outputs[frame->channel == 2];

	if (frame->channel == 0)
		input_take(session, frame, wire);
	else if (frame->size > 0)
		wire_break(wire, "the host sent what only a command can");
	/* Nobody reads it any more: the next write fails. A terminal is hung up by its own frame. */
	else if (!session->terminal)
		output_end(session, output, wire);
}

void sessions_take(struct sessions *sessions, const struct frame *frame, int64_t now_ms)
{
	struct session *session = find(sessions, frame->session);
	uint32_t word = frame_u32(frame, 0);

	if (session == NULL)
		return;
	switch (frame->type) {
	case FRAME_DATA:
		take_data(session, frame, sessions->wire);
		break;
	case FRAME_CREDIT_MORE:
		add_credit(session, frame, sessions->wire);
		break;
	case FRAME_SIGNAL:
		if (word > 0 && word < NSIG)
			kill(-session->pid, (int)word);
		break;
	case FRAME_RESIZE:
		if (session->terminal && session->outputs[0].fd >= 0)
			pty_resize(session->outputs[0].fd, (unsigned short)word, (unsigned short)(word >> 16));
		break;
	default:
		hang_up(session, now_ms);
	}
}

bool sessions_reaped(struct sessions *sessions, pid_t pid, int status, int64_t now_ms)
{
	struct session *session = sessions->first;

	while (session != NULL && (session->pid != pid || session->exited))
		session = session->next;
	if (session == NULL)
		return false;
	session->exited = true;
	session->status = status;
	for (int i = 0; i < 2; i++)
		output_exited(session, &session->outputs[i], now_ms);
	return true;
}

/* What has hung up has to be gone as a whole. */
static bool is_gone(struct session *session, int64_t now_ms)
{
	if (!session->hung_up || session->kill_ms == CLOCK_NEVER)
		return true;
	if (now_ms >= session->kill_ms) {
		session_signal_all(session->pid, SIGKILL);
		session->kill_ms = CLOCK_NEVER;
	} else if (session->exited && session_signal_all(session->pid, 0) == 0) {
		session->kill_ms = CLOCK_NEVER;
	}
	return session->kill_ms == CLOCK_NEVER;
}

/* Before the end that they may be the reason of. */
static void report_denied(struct wire *wire)
{
	struct report report;

	if (pids_denied() == 0)
		return;
	report_guest(&report);
	wire_send_text(wire, FRAME_REPORT, 0, report.text, report.used);
}

static void end(struct session *session, struct wire *wire)
{
	struct frame frame = {.size = 8, .type = FRAME_EXIT, .session = session->number};
	uint64_t kills = report_oom_kills() - session->oom_kills;
	unsigned char payload[8];

	for (int i = 0; i < 4; i++) {
		payload[i] = (unsigned char)((unsigned int)session->status >> (8 * i));
		payload[4 + i] = (unsigned char)(kills >> (8 * i));
	}
	report_denied(wire);
	frame.payload = payload;
	wire_send(wire, &frame);
	input_close(&session->input);
	session->over = true;
}

static void sweep(struct sessions *sessions)
{
	for (struct session **at = &sessions->first; *at != NULL;) {
		struct session *session = *at;
		if (session->over) {
			*at = session->next;
			free(session);
		} else {
			at = &session->next;
		}
	}
}

void sessions_move(struct sessions *sessions, int64_t now_ms)
{
	for (struct session *session = sessions->first; session != NULL; session = session->next) {
		input_move(session, sessions);
		for (int i = 0; i < 2; i++)
			output_move(session, &session->outputs[i], sessions->wire, now_ms);
		bool gone = is_gone(session, now_ms);
		if (gone && session->exited && session->outputs[0].fd < 0 && session->outputs[1].fd < 0)
			end(session, sessions->wire);
	}
	sweep(sessions);
}

bool sessions_busy(const struct sessions *sessions)
{
	for (const struct session *session = sessions->first; session != NULL; session = session->next)
		for (int i = 0; i < 2; i++)
			if (output_busy(session, &session->outputs[i], sessions->wire))
				return true;
	return false;
}

int64_t sessions_deadline(const struct sessions *sessions)
{
	int64_t deadline = CLOCK_NEVER;

	for (const struct session *session = sessions->first; session != NULL; session = session->next) {
		if (session->hung_up)
			deadline = clock_earlier(deadline, session->kill_ms);
		for (int i = 0; i < 2 && session->exited; i++) {
			const struct output *output = &session->outputs[i];
			if (output->fd < 0 || output->owed > 0)
				continue;
			deadline = clock_earlier(deadline, session->limit_ms);
			if (!output->ready)
				deadline = clock_earlier(deadline, session->grace_ms);
		}
	}
	return deadline;
}
