/*
 * The keeper of a guest: the parent of its kernel, one loop for all there is. What the parts share:
 *
 *   keeper.c       the loop             packets.c   the link's packets
 *   patience.c     its deadlines        hearing.c   what is said
 *   clients.c      guest.sock           control.c   CONTROL, and memory.c
 *   tty_line.c     the guest's tty1     report.c    guest.report
 *   mounts.c       mounts made later    mounts_list.c  guest.mounts
 *   console_log.c  console.log          ending.c    guest.ending
 */
#ifndef COMPART_KEEPER_H
#define COMPART_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot_plan.h"
#include "console_log.h"
#include "link.h"
#include "mux.h"
#include "session_io.h"
#include "uml.h"

#define TTY_BACKLOG ((size_t)8 * 1024)
#define KEPT_RECORDS_MAX ((size_t)2048)

struct packets {
	struct link *link;
	unsigned char held[LINK_PACKET_MAX]; /* one that could not be sent yet */
	size_t held_size;
	bool full, ended;
};

struct client {
	int fd; /* -1: none of that number */
	unsigned char *in;
	size_t size;
};

struct clients {
	int listener;
	bool crowded; /* nobody is accepted until somebody leaves */
	size_t count;
	struct client items[MUX_CLIENTS_MAX];
};

struct tty_line {
	int client; /* who has it, or -1 */
	struct queue in;
	int64_t next_ms; /* no input before */
	bool waits;      /* for the guest's answer */
	struct queue backlog; /* the last that was printed while nobody had it */
};

struct report {
	int64_t began_us;  /* clock_now_us */
	int64_t began_at_us; /* the same moment, of the wall's clock */
	int64_t spawn_us, kernel_us, init_us, hello_us, ready_us, stop_us, ended_us; /* since; -1: not yet */
	int64_t reported_at_ms;
	char release[128];
	char guest[KEPT_RECORDS_MAX]; /* the last REPORT, as lines */
	unsigned int asked; /* reports that the guest owes */
	int64_t next_ms;    /* when to ask for one */
	uint64_t oom_kills, tasks_denied, free_bytes;
};

enum memory_state { MEMORY_IDLE, MEMORY_MEASURES, MEMORY_MOVES };

struct memory {
	enum memory_state state;
	int client, answer_fd;
	pid_t asker;
	uint64_t plugged, wanted, step; /* bytes: now, at the end, of this step */
	uint64_t before;     /* when it was asked for, and again where it cannot be done: */
	const char *failure; /* why; NULL: nothing has failed */
	bool grows;
	char answer[512];
};

#define MOUNTS_MAX 64 /* of those made while the guest runs */

/* BINDS: into the sandbox, by a child. MOUNTS, UNMOUNTS: the guest was asked to. */
enum mount_state { MOUNT_NONE, MOUNT_BINDS, MOUNT_MOUNTS, MOUNT_THERE, MOUNT_UNMOUNTS };

struct late_mount {
	enum mount_state state;
	int client;    /* who waits for the answer, or -1 */
	pid_t binder;  /* not reaped yet; 0: none */
	int answer_fd; /* the binder's, or -1 */
	bool writable, forced;
	char *from, *at; /* on the host, in the guest */
	uint64_t device, inode; /* of from */
};

struct ending {
	const char *reason, *detail;
	int status; /* of linux.uml, as a shell has it; -1: of nothing */
	uint64_t oom_kills, tasks_denied;
};

struct keeper {
	const struct boot_plan *plan;
	int folder_fd, signal_fd;
	struct uml uml;
	struct packets packets;
	struct mux *mux;
	struct clients clients;
	struct console_log console;
	struct tty_line tty;
	struct report report;
	struct memory memory;
	struct late_mount mounts[MOUNTS_MAX];
	struct session_io io; /* of the command, where there is one */
	const struct session_flags *flags;
	bool has_io;
	int64_t boot_ms, stop_ms; /* deadlines */
	int64_t drain_ms;         /* how long clients of a dead guest are still told what it said */
	uint32_t patience_ms;
	int suspending;           /* turns until the keeper stops itself */
	int died_of;              /* the signal that ended the keeper; 0 */
	bool stopping, down, dead; /* asked to power off; has nothing left to lose, by its own word; ended */
	int wait_status;          /* of the kernel, once dead */
	const char *reason;       /* why the keeper ended it; NULL: it did not */
	char detail[CONSOLE_LOG_LINE];
	struct ending ending;
};

/*
 * Runs the guest of the plan until its end, with the command of the flags, or without where that is
 * NULL; returns the exit status.
 */
int keeper_run(const struct boot_plan *plan, const struct session_flags *flags);

/* patience.c. Asks the guest to power off within that time, and kills it then. */
void keeper_stop(struct keeper *keeper, uint32_t patience_ms);
/* Kills the guest for that reason, a word of guest.ending; the first reason counts. */
void keeper_kill(struct keeper *keeper, const char *reason, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Does what is due; and when to look again. */
void patience_look(struct keeper *keeper);
int64_t patience_deadline(const struct keeper *keeper);

/* hearing.c: what the guest and its clients say. */
extern const struct mux_events hearing_events;
void hearing_console(struct keeper *keeper);

/* packets.c: what came, true if there may be more of it; and all that can go. */
bool packets_receive(struct keeper *keeper);
void packets_send(struct keeper *keeper);

/* clients.c */
int clients_listen(struct clients *clients, int folder_fd); /* 0 or an errno */
void clients_accept(struct keeper *keeper);
int clients_add(struct keeper *keeper, int fd); /* its number, or -1 and the descriptor closed */
/* What is waited for of the client; 0 for nothing. */
short clients_events(const struct keeper *keeper, int number);
void clients_turn(struct keeper *keeper, int number, short events);
void clients_close(struct keeper *keeper, int number);
void clients_close_all(struct keeper *keeper);

/* control.c: a CONTROL of the client, its values "" where not given; its ANSWER. */
struct request {
	const char *what, *bytes, *ms, *from, *at, *mode, *device, *inode, *force;
};
void control_take(struct keeper *keeper, int client, const struct frame *frame);
void control_answer(struct keeper *keeper, int client, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void control_refuse(struct keeper *keeper, int client, const char *why);

/* memory.c: leaves that much RAM to the guest; goes on with a REPORT and with the console's answer. */
void memory_begin(struct keeper *keeper, int client, uint64_t bytes);
void memory_reported(struct keeper *keeper);
void memory_turn(struct keeper *keeper);

/* mounts.c: shows the guest more of the host, or no longer; goes on with the child and with MOUNTED. */
void mounts_begin(struct keeper *keeper, int client, const struct request *request);
void mounts_end(struct keeper *keeper, int client, const struct request *request);
void mounts_turn(struct keeper *keeper, int number);
void mounts_answered(struct keeper *keeper, const struct frame *frame);
/* The client has gone. */
void mounts_forget(struct keeper *keeper, int client);
/* Children that have ended. */
void mounts_reap(struct keeper *keeper);
/* mounts_list.c: guest.mounts; 0 or an errno. */
int mounts_write(const struct keeper *keeper);

/* tty_line.c */
void tty_line_attach(struct keeper *keeper, int client);
void tty_line_detach(struct keeper *keeper, int client);
/* What the client typed; returns how much was taken. */
size_t tty_line_type(struct keeper *keeper, const unsigned char *bytes, size_t size);
bool tty_line_takes(const struct keeper *keeper);
void tty_line_turn(struct keeper *keeper, short events);
short tty_line_events(const struct keeper *keeper);
/* The guest has answered. */
void tty_line_reported(struct keeper *keeper);
int64_t tty_line_deadline(const struct keeper *keeper);

/* report.c: what the guest said of itself; asks it to; guest.report. */
void report_begin(struct keeper *keeper);
void report_hello(struct keeper *keeper, const struct frame *frame);
void report_take(struct keeper *keeper, const struct frame *frame);
void report_ask(struct keeper *keeper);
void report_write(struct keeper *keeper);
/* As records, for an ANSWER; returns their size. */
size_t report_text(const struct keeper *keeper, char *text, size_t room);

/* ending.c: judges, and writes guest.ending. */
void ending_write(struct keeper *keeper);
/* Says what has to be said on stderr; returns the exit status of the guest's end. */
int ending_tell(const struct keeper *keeper);
/* Both for a kernel that could not be started. */
int ending_not_started(int folder_fd, const struct uml_error *error);

#endif
