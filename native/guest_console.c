/* compart-guest console: see guest.c. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "caught.h"
#include "guest.h"
#include "output.h"
#include "stream.h"
#include "terminal.h"
#include "words.h"

#define ESCAPE ']' /* with Ctrl */
#define OUT_HIGH ((size_t)4096)

struct console {
	struct stream stream;
	struct output output;
	int signal_fd;
	char escape;
	bool input_open, left;
};

/* Ctrl and a character is what remains of it in its lowest five bits; a terminal sends just that. */
static char control_of(char character)
{
	return (char)(character & 0x1f);
}

static void send_bytes(struct console *console, const char *bytes, size_t size)
{
	if (!queue_add(&console->stream.out, bytes, size))
		words_fail("%s", strerror(ENOMEM));
	stream_flush(&console->stream);
}

static void type(struct console *console)
{
	char bytes[1024];
	ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);
	const char *escape = count <= 0 ? NULL : memchr(bytes, console->escape, (size_t)count);

	if (count < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (count <= 0) {
		console->input_open = false;
		return;
	}
	console->left = escape != NULL;
	send_bytes(console, bytes, escape == NULL ? (size_t)count : (size_t)(escape - bytes));
}

static void print(struct console *console)
{
	struct stream *stream = &console->stream;

	while (console->output.queue.size < FRAME_PAYLOAD_MAX && (stream->size > 0 || stream_fill(stream))) {
		output_put(&console->output, stream->in + stream->head, stream->size);
		stream->head = stream->size = 0;
	}
	console->left = console->left || console->output.error != 0;
}

/* Stops with its terminal given back; any other signal ends it. */
static void take_signals(struct console *console)
{
	struct signalfd_siginfo info;

	while (read(console->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
		int number = (int)info.ssi_signo;
		if (number == SIGTSTP) {
			terminal_restore();
			(void)caught_stop();
		}
		if (number == SIGTERM || number == SIGINT || number == SIGHUP || number == SIGQUIT)
			caught_die(number);
	}
}

static void attend(struct console *console)
{
	struct stream *stream = &console->stream;

	print(console);
	while (!console->left && (!stream->ended || console->output.queue.size > 0)) {
		bool ours = terminal_raw(STDIN_FILENO) || terminal_is_ours(STDIN_FILENO);
		bool types = console->input_open && ours && stream->out.size < OUT_HIGH;
		struct pollfd sources[] = {
			{.fd = console->signal_fd, .events = POLLIN},
			{.fd = types ? STDIN_FILENO : -1, .events = POLLIN},
			{.fd = stream->ended ? -1 : stream->fd, .events = stream_events(stream)},
			{.fd = console->output.queue.size > 0 ? console->output.fd : -1, .events = POLLOUT},
		};
		if (console->output.queue.size >= FRAME_PAYLOAD_MAX)
			sources[2].fd = -1;
		/* Once a second it looks whether the terminal is its own again. */
		if (poll(sources, 4, ours ? -1 : 1000) < 0)
			continue;
		if (sources[0].revents != 0)
			take_signals(console);
		if (sources[1].revents != 0)
			type(console);
		stream_flush(stream);
		if (sources[2].revents != 0)
			print(console);
		output_flush(&console->output);
	}
}

static char parse_escape(int argc, char **argv)
{
	if (argc == 3)
		return control_of(ESCAPE);
	if (argc != 5 || strcmp(argv[3], "--escape") != 0 || strlen(argv[4]) != 1)
		guest_usage();
	return control_of(*argv[4]);
}

int guest_console(int argc, char **argv)
{
	static char request[] = "do=console";
	char *const records[] = {request, NULL};
	struct console console = {.escape = parse_escape(argc, argv), .input_open = true};
	struct frame answer;
	const char *key, *value;
	size_t at = 0, size;

	int status = guest_control_ask(&console.stream, argv[2], records, &answer);
	if (status != 0)
		return status;
	value = frame_record(&answer, &at, &key, &size);
	if (value == NULL || strncmp(key, "ok=", 3) != 0) {
		words_say("%s", value == NULL ? "the keeper made no sense" : value);
		return EXIT_GUEST;
	}
	console.signal_fd = caught_open();
	if (console.signal_fd < 0)
		words_fail("%s", strerror(errno));
	words_say("this is the guest's console; Ctrl-%c leaves it", console.escape + '@');
	output_open(&console.output, STDOUT_FILENO);
	attend(&console);
	terminal_restore();
	words_say(console.stream.ended ? "the guest has ended" : "the console was left");
	return 0;
}
