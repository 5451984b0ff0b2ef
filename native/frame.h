/*
 * What the guest's init (init.c) and the host say to each other: frames over a stream of bytes.
 *
 *   init  <- link.h ->  keeper (guest.c)  <- unix socket ->  clients (attach.c, src/kernel/agent)
 *
 * A frame is a header of 12 bytes, little endian, and a payload:
 *
 *   u32 size      of the payload, at most FRAME_PAYLOAD_MAX
 *   u8  type      below
 *   u8  channel   of DATA and CREDIT: 0 stdin, 1 stdout, 2 stderr; else 0
 *   u16 reserved  0
 *   u32 session   0: the guest as a whole
 *
 * A session is one command. The keeper gives its number; over a unix socket, which carries one
 * session, it is 0 both ways. Text payloads are NUL-terminated key=value records (FRAME_TEXT).
 *
 * Flow: DATA of a channel is sent only within the credit that its receiver has given; every channel
 * of a session begins with FRAME_CREDIT bytes and gets more by CREDIT as they are consumed. DATA of
 * size 0 is the end of the channel; of stdout and stderr, sent to the guest: nobody reads it any more,
 * so that the command's next write fails. What is lost, malformed, or over its credit, and credit for
 * more than was consumed, ends the stream: the other side is not believed again. What was sent to a
 * session that has ended meanwhile is passed over.
 *
 * The frames, > to the guest, < from it:
 *
 *   <  HELLO    text: version=N (FRAME_VERSION), release=KERNEL, kernel_us= init_us= ready_us=
 *               uptimes of the guest, microseconds, at which init began, had its mounts and network,
 *               and sent this. First of all; nothing is answered before.
 *   >  START    text, a session: arg=WORD + (argv), env=K=V +, clearenv=1 (else init's own: PATH,
 *               TERM, and root's HOME), workdir=DIR, user=USER[:GROUP] (names or numbers, by the passwd(5) and
 *               group(5) of the guest, with HOME, and USER and LOGNAME for one that has a name there,
 *               unless given; left out: root), tty=ROWSxCOLUMNS for a terminal of its own. What is too
 *               long for a frame comes in several that follow each other at once, its bytes cut
 *               anywhere: the first record of each is then more=1, of the last more=0 (FRAME_START_MAX
 *               in all)
 *   <  STARTED  u32 the pid in the guest; or
 *   <  FAILED   text: step=workdir|user|exec|fork|pty|plan, errno=N, detail=TEXT, status=125|126|127;
 *               the end of the session
 *   <> DATA     bytes of a channel
 *   <> CREDIT   u32 bytes that may be sent besides
 *   >  SIGNAL   u32 number, to the process group of the command
 *   >  RESIZE   u16 rows, columns
 *   >  HANGUP   the client is gone: HUP, and KILL after 2 s, to all of the session
 *   <  EXIT     u32 status as of waitpid(2), u32 processes that the guest's OOM killer has killed
 *               since the start of the session; after the last DATA; the end of the session
 *   >  REPORT   asks for
 *   <  REPORT   text: mem_total= mem_available= mem_free= mem_cached= (bytes) load1= load5= load15=
 *               processes= oom_kills= uptime_us= swap_total= swap_free=
 *               tasks_denied= (where there is a limit on tasks; also unasked, before an EXIT)
 *   >  PUBLISH  text: net and host names that change while the guest runs: hosts=TEXT of /etc/hosts
 *   >  MOUNT    text: number= of the mount, for the answer, and mount=hostfs:DIR at=PATH mode=ro|rw as of
 *               guest_config.h; refused where something is mounted at PATH already (EBUSY)
 *   >  UNMOUNT  text: number=, at=PATH, force=1: also where it is in use
 *   <  MOUNTED  text: number=, errno= (0: done), to either
 *   >  POWEROFF u32 ms of patience: TERM to everything (or the init of the root its own way), file
 *               systems unmounted, power off; when the time is up, at once
 *   <  DOWN     nothing: all that keeps anything is written back and unmounted, and the guest waits for its
 *               kernel to be killed, which is sooner done than a power-off; its last word
 *   <  LOG      text: line=WORDS, for people
 *
 * And between a client and the keeper alone:
 *
 *   >  CONTROL  text: do=status|memory|stop|console|mount|unmount, what it wants besides: bytes= of RAM
 *               to leave to the guest (memory), ms= of patience (stop); from=PATH of the host, without
 *               links, and what is there, dev= and ino= as of stat(2), at=PATH in the guest, mode=ro|rw (mount);
 *               at=PATH and force=1 (unmount)
 *   <  ANSWER   text: ok=1, or error=TEXT; status answers with the stages and the last REPORT
 */
#ifndef COMPART_FRAME_H
#define COMPART_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_VERSION 1
#define FRAME_HEADER 12
#define FRAME_PAYLOAD_MAX ((size_t)64 * 1024)
#define FRAME_CREDIT ((uint32_t)256 * 1024)
#define FRAME_START_MAX ((size_t)2 * 1024 * 1024)

enum frame_type {
	FRAME_HELLO = 1,
	FRAME_START,
	FRAME_STARTED,
	FRAME_FAILED,
	FRAME_DATA,
	FRAME_CREDIT_MORE,
	FRAME_SIGNAL,
	FRAME_RESIZE,
	FRAME_HANGUP,
	FRAME_EXIT,
	FRAME_REPORT,
	FRAME_PUBLISH,
	FRAME_POWEROFF,
	FRAME_LOG,
	FRAME_CONTROL,
	FRAME_ANSWER,
	FRAME_MOUNT,
	FRAME_UNMOUNT,
	FRAME_MOUNTED,
	FRAME_DOWN,
	FRAME_TYPE_MAX = FRAME_DOWN
};

struct frame {
	uint32_t size;
	uint8_t type;
	uint8_t channel;
	uint32_t session;
	const unsigned char *payload;
};

/* Writes the header of the frame (FRAME_HEADER bytes). */
void frame_encode(unsigned char *header, const struct frame *frame);

/*
 * Reads the frame at the beginning of size bytes, its payload pointing into them. Returns the bytes
 * it takes, 0 if it is not whole yet, or -1 if it can be no frame: what it says is out of bounds.
 */
int frame_decode(struct frame *frame, const unsigned char *bytes, size_t size);

/*
 * The value of the next record `key=value` of a text payload, NUL-terminated inside the payload, its
 * key in *key (length *key_size). *at begins at 0. NULL at the end, or where the text is malformed
 * (*at is then SIZE_MAX).
 */
const char *frame_record(const struct frame *frame, size_t *at, const char **key, size_t *key_size);

/* The first record of a START that is not the last piece of it, and of the last one. */
#define FRAME_MORE "more=1"
#define FRAME_LAST "more=0"
#define FRAME_MORE_SIZE sizeof FRAME_MORE

/* Is this a START of which more has to come? */
bool frame_has_more(const struct frame *frame);

/* A u32 of the payload at the offset; 0 beyond its end. */
uint32_t frame_u32(const struct frame *frame, size_t offset);

#endif
