/*
 * RAM that a running guest is left: see keeper.h.
 *
 * The kernel's management console takes pages away and gives back those it took ("config mem=-N"). It
 * takes free pages only, as many as there are, and does not say how many: so it is asked for no more
 * than the guest says are free, in steps while it goes on finding some. It may take seconds over it,
 * so that a child of the keeper asks. Where it finds too little, what was taken is given back: a guest
 * that was left what happens to be free could not start a process.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "fd.h"
#include "keeper.h"

#define MARGIN ((uint64_t)8 * 1024 * 1024) /* that stays free: the kernel takes its reserves too */
#define PATIENCE_MS 20000 /* a hundred MiB took 2 s in a guest of a busy host */
#define STEP_LEAST ((uint64_t)1024 * 1024)

static void finish(struct keeper *keeper, const char *error)
{
	struct memory *memory = &keeper->memory;

	memory->state = MEMORY_IDLE;
	if (error != NULL)
		control_answer(keeper, memory->client, "error=%s\nbytes=%" PRIu64 "\n", error,
			       memory->plugged);
	else
		control_answer(keeper, memory->client, "ok=1\nbytes=%" PRIu64 "\n", memory->plugged);
	memory->client = -1;
	report_write(keeper);
}

static _Noreturn void ask_console(const struct keeper *keeper, int fd)
{
	char request[64], answer[sizeof keeper->memory.answer] = "";

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(request, sizeof request, "config mem=%c%" PRIu64, keeper->memory.grows ? '+' : '-',
		 keeper->memory.step);
	answer[0] = (char)(uml_mconsole(&keeper->uml, request, answer + 1, sizeof answer - 1,
					 PATIENCE_MS) != 0);
	(void)fd_write(fd, answer, 1 + strlen(answer + 1) + 1);
	_exit(0);
}

static void move(struct keeper *keeper)
{
	struct memory *memory = &keeper->memory;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0) {
		finish(keeper, strerror(errno));
		return;
	}
	memory->state = MEMORY_MOVES;
	memory->asker = fork();
	if (memory->asker == 0)
		ask_console(keeper, ends[1]);
	close(ends[1]);
	memory->answer_fd = ends[0];
	if (memory->asker >= 0)
		return;
	close(ends[0]);
	memory->answer_fd = -1;
	finish(keeper, strerror(errno));
}

static void measure(struct keeper *keeper)
{
	keeper->memory.state = MEMORY_MEASURES;
	report_ask(keeper);
}

void memory_begin(struct keeper *keeper, int client, uint64_t bytes)
{
	struct memory *memory = &keeper->memory;

	if (memory->state != MEMORY_IDLE || !mux_guest_ready(keeper->mux) || keeper->stopping) {
		control_refuse(keeper, client,
			       memory->state != MEMORY_IDLE ? "another change is under way"
							    : "the guest is not there for it");
		return;
	}
	memory->client = client;
	memory->before = memory->plugged;
	memory->failure = NULL;
	memory->wanted = bytes < keeper->plan->memory ? bytes : keeper->plan->memory;
	memory->grows = memory->wanted > memory->plugged;
	if (memory->grows) {
		memory->step = memory->wanted - memory->plugged;
		move(keeper);
	} else {
		measure(keeper);
	}
}

static void give_back(struct keeper *keeper, const char *why)
{
	struct memory *memory = &keeper->memory;

	if (memory->plugged == memory->before) {
		finish(keeper, why);
		return;
	}
	memory->failure = why;
	memory->grows = true;
	memory->wanted = memory->before;
	memory->step = memory->before - memory->plugged;
	move(keeper);
}

/* The guest has said what is free: before the next step, or after one. */
void memory_reported(struct keeper *keeper)
{
	struct memory *memory = &keeper->memory;
	const uint64_t left = memory->plugged - memory->wanted, free = keeper->report.free_bytes;

	/* One that was asked for before the last step says what was free then. */
	if (memory->state != MEMORY_MEASURES || keeper->report.asked > 0)
		return;
	memory->step = free > MARGIN && free - MARGIN < left ? free - MARGIN : left;
	memory->step -= memory->step % STEP_LEAST;
	if (left < STEP_LEAST)
		finish(keeper, NULL);
	else if (free <= MARGIN || memory->step == 0)
		give_back(keeper, "the guest has no more memory free");
	else
		move(keeper);
}

void memory_turn(struct keeper *keeper)
{
	struct memory *memory = &keeper->memory;
	ssize_t count = fd_read(memory->answer_fd, memory->answer, sizeof memory->answer - 1);

	close(memory->answer_fd);
	memory->answer_fd = -1;
	memory->answer[count < 0 ? 0 : count] = '\0';
	if (count < 1 || memory->answer[0] != 0) {
		finish(keeper, count > 2 ? memory->answer + 1 : "the kernel did not answer");
		return;
	}
	memory->plugged = memory->grows ? memory->wanted : memory->plugged - memory->step;
	if (memory->grows)
		finish(keeper, memory->failure);
	else
		measure(keeper);
}
