/* What a client wants of the keeper itself: see CONTROL of frame.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "keeper.h"
#include "number.h"

#define TEXT_MAX (KEPT_RECORDS_MAX + 1024)

void control_refuse(struct keeper *keeper, int client, const char *why)
{
	control_answer(keeper, client, "error=%s\n", why);
}

/* Lines in, records out: each ends with a NUL. */
void control_answer(struct keeper *keeper, int client, const char *format, ...)
{
	char text[TEXT_MAX + 16];
	va_list arguments;

	if (client < 0)
		return; /* it has gone meanwhile */
	va_start(arguments, format);
	int length = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	for (char *line = strchr(text, '\n'); line != NULL; line = strchr(line + 1, '\n'))
		*line = '\0';
	mux_client_send(keeper->mux, client, FRAME_ANSWER, text, (size_t)length);
}

static void tell_status(struct keeper *keeper, int client)
{
	char text[TEXT_MAX];

	(void)report_text(keeper, text, sizeof text);
	control_answer(keeper, client, "ok=1\n%s", text);
}

static void give_console(struct keeper *keeper, int client)
{
	if (keeper->tty.client >= 0) {
		control_refuse(keeper, client, "somebody else is at the console");
		return;
	}
	control_answer(keeper, client, "ok=1\n");
	tty_line_attach(keeper, client);
}

static void read_request(struct request *request, const struct frame *frame)
{
	const struct {
		const char *key, **value;
	} words[] = {
		{"do", &request->what},     {"bytes", &request->bytes}, {"ms", &request->ms},
		{"from", &request->from},   {"at", &request->at},       {"mode", &request->mode},
		{"dev", &request->device},  {"ino", &request->inode},   {"force", &request->force},
	};
	const char *key, *value;
	size_t at = 0, size;

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		*words[i].value = "";
	while ((value = frame_record(frame, &at, &key, &size)) != NULL)
		for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
			if (strlen(words[i].key) == size && memcmp(words[i].key, key, size) == 0)
				*words[i].value = value;
}

void control_take(struct keeper *keeper, int client, const struct frame *frame)
{
	struct request request;
	uint64_t number = keeper->plan->stop_ms;

	read_request(&request, frame);
	if (strcmp(request.what, "status") == 0) {
		tell_status(keeper, client);
	} else if (strcmp(request.what, "console") == 0) {
		give_console(keeper, client);
	} else if (strcmp(request.what, "memory") == 0 &&
		   number_parse(request.bytes, strlen(request.bytes), UINT64_C(1) << 50, &number) == 0) {
		memory_begin(keeper, client, number);
	} else if (strcmp(request.what, "mount") == 0) {
		mounts_begin(keeper, client, &request);
	} else if (strcmp(request.what, "unmount") == 0) {
		mounts_end(keeper, client, &request);
	} else if (strcmp(request.what, "stop") == 0 &&
		   (*request.ms == '\0' ||
		    number_parse(request.ms, strlen(request.ms), INT32_MAX, &number) == 0)) {
		control_answer(keeper, client, "ok=1\n");
		keeper_stop(keeper, (uint32_t)number);
	} else {
		control_refuse(keeper, client, "what is that?");
	}
}
