/*
 * Fuzzes the mux: a few clients and a guest that do what frame.h allows them, in the order that the
 * input says, each reading when it says so. None may be refused, and every byte of every channel has to
 * arrive, in order. The first byte may ask for garbage of either side in between: then it may be refused,
 * and nothing else may happen; what waits stays within its bounds throughout.
 */
#include <string.h>

#include "mux_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_guest(void *owner, const struct frame *frame)
{
	(void)owner;
	expect(frame->type == FRAME_HELLO || frame->type == FRAME_REPORT || frame->type == FRAME_LOG ||
	       frame->type == FRAME_MOUNTED || frame->type == FRAME_DOWN);
}

static void on_control(void *owner, int client, const struct frame *frame)
{
	struct world *world = owner;

	expect(frame->type == FRAME_CONTROL);
	mux_client_send(world->mux, client, FRAME_ANSWER, "ok=1", 5);
}

static void on_session(void *owner, int client, const struct frame *frame)
{
	(void)owner;
	expect(client >= -1 && client < MUX_CLIENTS_MAX && frame->type != FRAME_DATA);
}

static const struct mux_events events = {.guest = on_guest, .control = on_control, .session = on_session};

static void drop(struct world *world, int which)
{
	if (world->numbers[which] >= 0)
		mux_client_gone(world->mux, world->numbers[which]);
	for (int i = 0; i < SESSIONS; i++)
		if (world->sessions[i].client == which)
			world->sessions[i].client = -1;
	for (int i = 0; i < world->count_asked; i++)
		if (world->asked[(world->first_asked + i) % 1024] == which)
			world->asked[(world->first_asked + i) % 1024] = -1;
	world->numbers[which] = -1;
	world->clients[which] = (struct end){0};
}

/* In two pieces, as a socket may give them; what there is no room for is given again, later. */
static bool say(struct world *world, int which, const unsigned char *bytes, size_t size)
{
	size_t cut = size == 0 ? 0 : next(world) % size;
	long taken = mux_client_take(world->mux, world->numbers[which], bytes, cut);

	if (taken >= 0)
		taken = mux_client_take(world->mux, world->numbers[which], bytes + taken,
					size - (size_t)taken);
	if (taken >= 0)
		return true;
	expect(world->garbage);
	drop(world, which);
	return false;
}

static void tell(struct world *world, const unsigned char *bytes, size_t size)
{
	size_t cut = size == 0 ? 0 : next(world) % size;
	const char *fault = mux_guest_take(world->mux, bytes, cut);

	if (fault == NULL)
		fault = mux_guest_take(world->mux, bytes + cut, size - cut);
	expect(fault == NULL || world->garbage);
	if (fault != NULL)
		world->left = 0; /* the guest is not heard again */
}

static void client_hears(struct world *world, int which)
{
	struct queue *out = mux_client_out(world->mux, world->numbers[which]);
	struct end *end = &world->clients[which];
	struct frame frame;
	int length;

	while ((length = out->size == 0 ? 0 : frame_decode(&frame, queue_first(out), out->size)) > 0) {
		expect(frame.session == 0);
		if (frame.type == FRAME_DATA)
			arrive(end, &frame, world->garbage);
		else if (frame.type == FRAME_CREDIT_MORE)
			end->credit[0] += frame_u32(&frame, 0);
		else if (frame.type == FRAME_STARTED)
			end->state = STARTED;
		else if (frame.type == FRAME_EXIT || frame.type == FRAME_FAILED)
			end->state = ENDED;
		queue_drop(out, (size_t)length);
	}
	expect(length == 0);
	if (mux_client_closing(world->mux, world->numbers[which]))
		drop(world, which);
}

static void begin_session(struct world *world, const struct frame *frame)
{
	int client = -1;

	if (!world->garbage) {
		client = world->asked[world->first_asked];
		world->first_asked = (world->first_asked + 1) % 1024;
		world->count_asked--;
	}
	for (int i = 0; i < SESSIONS; i++) {
		if (world->sessions[i].state != NONE)
			continue;
		world->sessions[i] = (struct end){.state = ASKED, .number = frame->session, .client = client,
						  .credit = {0, FRAME_CREDIT, FRAME_CREDIT}};
		return;
	}
	world->left = 0; /* more than this guest can have */
}

static void guest_hears(struct world *world)
{
	struct queue *out = mux_guest_out(world->mux);
	struct frame frame;
	int length;

	while ((length = out->size == 0 ? 0 : frame_decode(&frame, queue_first(out), out->size)) > 0) {
		struct end *end = session_of(world, frame.session);
		if (frame.type == FRAME_START && (!world->garbage || end == NULL))
			begin_session(world, &frame);
		else if (end != NULL && frame.type == FRAME_DATA && frame.channel == 0)
			arrive(end, &frame, world->garbage);
		else if (end != NULL && frame.type == FRAME_CREDIT_MORE)
			end->credit[frame.channel] += frame_u32(&frame, 0);
		queue_drop(out, (size_t)length);
	}
	expect(length == 0);
}

static void client_acts(struct world *world, unsigned int act)
{
	static const char start[] = "arg=true";
	unsigned char bytes[FRAME_HEADER + CHUNK];
	int which = (int)(next(world) % CLIENTS);
	struct end *end = &world->clients[which];
	uint8_t channel = (uint8_t)(1 + next(world) % 2);
	size_t size = 0;

	if (world->numbers[which] < 0) {
		world->numbers[which] = mux_client_add(world->mux);
		*end = (struct end){.credit = {FRAME_CREDIT, 0, 0}};
	} else if (act == 0) {
		drop(world, which);
	} else if (act == 1) {
		client_hears(world, which);
	} else if (!mux_client_heard(world->mux, world->numbers[which])) {
		return;
	} else if (end->state == NONE && world->count_asked < 1024) {
		size = make(bytes, end, FRAME_START, 0, start, sizeof start);
		end->state = ASKED;
		world->asked[(world->first_asked + world->count_asked++) % 1024] = which;
	} else if (act == 2 && !end->ended[0]) {
		size = data(world, end, 0, bytes);
	} else if (act == 3 && end->consumed[channel] > 0) {
		size = credit(end, channel, bytes);
	} else if (act == 4 && !end->unread[channel]) {
		end->unread[channel] = true;
		size = make(bytes, end, FRAME_DATA, channel, NULL, 0);
	} else if (act == 5) {
		size = make(bytes, end, FRAME_SIGNAL, 0, "\1\0\0", 4);
	}
	if (size > 0)
		(void)say(world, which, bytes, size);
}

static void guest_acts(struct world *world, unsigned int act)
{
	unsigned char bytes[FRAME_HEADER + CHUNK];
	struct end *end = choose_session(world);
	uint8_t channel = (uint8_t)(1 + next(world) % 2);
	size_t size = 0;

	if (act == 0 || end->state == NONE) {
		guest_hears(world);
		return;
	}
	if (end->state == ASKED) {
		bool fails = act == 5;
		size = make(bytes, end, fails ? FRAME_FAILED : FRAME_STARTED, 0, "a=b", 4);
		end->state = fails ? NONE : STARTED;
	} else if (act == 2 && !end->ended[channel]) {
		size = data(world, end, channel, bytes);
	} else if (act == 3 && end->consumed[0] > 0) {
		size = credit(end, 0, bytes);
	} else if (act == 4) {
		size = make(bytes, end, FRAME_EXIT, 0, "\0\0\0\0\0\0\0", 8);
		if (end->client >= 0)
			for (int i = 1; i <= 2; i++)
				world->clients[end->client].sent[i] = end->sent[i];
		end->state = NONE;
	}
	tell(world, bytes, size);
}

/* Bytes of any kind, or a frame of any kind. */
static void babble(struct world *world)
{
	unsigned char bytes[FRAME_HEADER + 64] = {0}, payload[64] = {0};
	const bool guest = next(world) % 2 == 0, whole = next(world) % 4 != 0;
	const size_t size = next(world) % sizeof payload;
	const int which = (int)(next(world) % CLIENTS);
	struct end nobody = {0};
	size_t length = size;

	for (size_t i = 0; i < size; i++)
		payload[i] = (unsigned char)next(world);
	memcpy(bytes, payload, size);
	if (whole)
		length = make(bytes, guest && next(world) % 8 != 0 ? choose_session(world) : &nobody,
			      (uint8_t)(next(world) % 21), (uint8_t)(next(world) % 3), payload,
			      next(world) % 2 == 0 ? size : 4);
	if (guest)
		tell(world, bytes, length);
	else if (world->numbers[which] >= 0)
		(void)say(world, which, bytes, length);
}

static void check(struct world *world)
{
	expect(mux_guest_out(world->mux)->size <= MUX_GUEST_HIGH + 2 * (FRAME_HEADER + FRAME_PAYLOAD_MAX));
	for (int i = 0; i < CLIENTS; i++)
		expect(world->garbage || world->numbers[i] < 0 ||
		       mux_client_out(world->mux, world->numbers[i])->size <= MUX_CLIENT_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static const char hello[] = "version=1";
	static struct world world;
	unsigned char bytes[FRAME_HEADER + sizeof hello];

	world = (struct world){.input = input, .left = size, .numbers = {-1, -1, -1, -1}};
	world.mux = mux_new(&events, &world);
	expect(world.mux != NULL);
	world.garbage = next(&world) % 4 == 0;
	tell(&world, bytes, make(bytes, &(struct end){0}, FRAME_HELLO, 0, hello, sizeof hello));
	while (world.left > 0) {
		unsigned int act = next(&world);
		if (act % 8 == 7 && world.garbage)
			babble(&world);
		else if (act / 8 % 2 == 0)
			client_acts(&world, act % 8 % 6);
		else
			guest_acts(&world, act % 8 % 6);
		check(&world);
	}
	mux_free(world.mux);
	return 0;
}
