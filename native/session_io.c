/* See session_io.h. */
#include "session_io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "session_end.h"
#include "terminal.h"
#include "words.h"

#define LOOK_MS 1000
#define OUT_HIGH ((size_t)128 * 1024)
#define CREDIT_LEAST (FRAME_CREDIT / 4) /* told at once in pieces of this much */

bool session_io_open(struct session_io *io, int fd, const struct session_flags *flags)
{
	*io = (struct session_io){.flags = flags, .credit = FRAME_CREDIT, .look_ms = CLOCK_NEVER,
				  .input_fd = STDIN_FILENO, .input_tty = isatty(STDIN_FILENO)};
	io->outputs[0].fd = io->outputs[1].fd = -1;
	if (!stream_open(&io->stream, fd)) {
		words_say("no memory");
		return false;
	}
	return session_flags_start(flags, &io->stream);
}

void session_io_close(struct session_io *io)
{
	terminal_restore();
	stream_close(&io->stream);
	if (io->input_fd != STDIN_FILENO)
		close(io->input_fd);
	io->input_fd = STDIN_FILENO;
	for (int i = 0; i < 2; i++)
		if (io->outputs[i].fd >= 0)
			output_close(&io->outputs[i]);
}

/* The terminal is the guest's as long as it is ours. */
static bool has_terminal(struct session_io *io)
{
	bool ours = !io->input_tty || terminal_is_ours(STDIN_FILENO);

	if (ours && io->input_tty && io->flags->tty)
		ours = terminal_raw(STDIN_FILENO);
	io->look_ms = ours ? CLOCK_NEVER : clock_now_ms() + LOOK_MS;
	return ours;
}

static void begin(struct session_io *io)
{
	io->state = SESSION_RUNS;
	io->input_fd = output_reopen(STDIN_FILENO, O_RDONLY);
	io->input_open = true;
	output_open(&io->outputs[0], STDOUT_FILENO);
	output_open(&io->outputs[1], STDERR_FILENO);
	(void)has_terminal(io);
}

static void end_input(struct session_io *io)
{
	io->input_open = false;
	io->look_ms = CLOCK_NEVER;
	stream_send(&io->stream, FRAME_DATA, 0, NULL, 0);
}

static void take_input(struct session_io *io)
{
	static unsigned char bytes[FRAME_PAYLOAD_MAX];
	size_t size = io->credit < sizeof bytes ? io->credit : sizeof bytes;
	ssize_t count = read(io->input_fd, bytes, size);

	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* In the background by now: SIGTTIN is blocked, so that this is an error and no stop. */
	if (count < 0 && errno == EIO && !has_terminal(io))
		return;
	if (count <= 0) {
		end_input(io);
		return;
	}
	io->credit -= (uint32_t)count;
	stream_send(&io->stream, FRAME_DATA, 0, bytes, (size_t)count);
}

/* Tells the guest what was written, and where nobody reads any more. */
static void account(struct session_io *io, int which)
{
	struct output *output = &io->outputs[which];
	const uint8_t channel = (uint8_t)(which + 1);

	if (io->state != SESSION_RUNS)
		return;
	if (output->error != 0 && !io->told[which]) {
		io->told[which] = true;
		if (output->error != EPIPE && output->error != EIO)
			session_end_tell_write(which, output->error);
		stream_send(&io->stream, FRAME_DATA, channel, NULL, 0);
	}
	if (output->consumed < CREDIT_LEAST)
		return;
	stream_send_u32(&io->stream, FRAME_CREDIT_MORE, channel, output->consumed);
	output->consumed = 0;
}

static void hear(struct session_io *io, const struct frame *frame)
{
	int status;

	switch (frame->type) {
	case FRAME_STARTED:
		begin(io);
		break;
	case FRAME_FAILED:
		io->status = session_end_tell_failure(frame);
		io->state = SESSION_ENDED;
		break;
	case FRAME_DATA:
		if (io->state == SESSION_RUNS && frame->channel != 0 && frame->size != 0) {
			output_put(&io->outputs[frame->channel - 1], frame->payload, frame->size);
			account(io, frame->channel - 1);
		}
		break;
	case FRAME_CREDIT_MORE:
		io->credit += frame_u32(frame, 0);
		break;
	case FRAME_EXIT:
		status = (int)frame_u32(frame, 0);
		io->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		io->oom_kills = frame_u32(frame, 4);
		io->state = SESSION_ENDED;
		break;
	default:
		break;
	}
}

static bool reads_input(struct session_io *io)
{
	return io->state == SESSION_RUNS && io->input_open && io->credit > 0 &&
	       io->stream.out.size < OUT_HIGH && has_terminal(io);
}

void session_io_sources(struct session_io *io, struct pollfd *sources)
{
	const bool live = io->state == SESSION_ASKED || io->state == SESSION_RUNS;

	sources[0] = (struct pollfd){.fd = reads_input(io) ? io->input_fd : -1, .events = POLLIN};
	sources[1] = (struct pollfd){.fd = live ? io->stream.fd : -1,
				     .events = stream_events(&io->stream)};
	for (int i = 0; i < 2; i++)
		sources[2 + i] = (struct pollfd){
			.fd = io->outputs[i].queue.size > 0 ? io->outputs[i].fd : -1, .events = POLLOUT};
}

void session_io_turn(struct session_io *io, const struct pollfd *sources)
{
	struct frame frame;

	for (int i = 0; i < 2; i++) {
		if (sources[2 + i].revents == 0)
			continue;
		output_flush(&io->outputs[i]);
		account(io, i);
	}
	if (sources[0].revents != 0 && io->state == SESSION_RUNS)
		take_input(io);
	if (sources[1].revents != 0) {
		stream_flush(&io->stream);
		(void)stream_fill(&io->stream);
		while (stream_next(&io->stream, &frame))
			hear(io, &frame);
	}
	if (io->stream.ended && (io->state == SESSION_ASKED || io->state == SESSION_RUNS)) {
		io->lost = true;
		io->status = EXIT_GUEST;
		io->state = SESSION_ENDED;
	}
	if (io->state == SESSION_ENDED && io->outputs[0].queue.size + io->outputs[1].queue.size == 0)
		io->state = SESSION_DONE;
}

int64_t session_io_deadline(const struct session_io *io)
{
	return io->look_ms;
}

static void send_size(struct session_io *io)
{
	uint16_t rows, columns;

	terminal_size(&rows, &columns);
	stream_send_u32(&io->stream, FRAME_RESIZE, 0, (uint32_t)columns << 16 | rows);
}

bool session_io_signal(struct session_io *io, int number)
{
	if (io->state != SESSION_RUNS)
		return number == SIGWINCH || number == SIGCONT || number == SIGTSTP;
	if (number == SIGWINCH && io->flags->tty)
		send_size(io);
	/* The command's group is an orphaned one in the guest: SIGTSTP would do nothing there. */
	else
		stream_send_u32(&io->stream, FRAME_SIGNAL, 0,
				(uint32_t)(number == SIGTSTP ? SIGSTOP : number));
	return true;
}

void session_io_give_up(struct session_io *io)
{
	io->lost = io->lost || io->state < SESSION_ENDED;
	io->status = io->lost ? EXIT_GUEST : io->status;
	io->state = SESSION_DONE;
}

void session_io_suspend(struct session_io *io)
{
	io->suspended = true;
	terminal_restore();
}

void session_io_resume(struct session_io *io)
{
	if (!io->suspended || io->state != SESSION_RUNS)
		return;
	io->suspended = false;
	if (io->flags->tty)
		send_size(io);
}
