/*
 * What a program may rely on of its floating point registers and of its memory, where the kernel leaves both in the host's
 * process for as long as it can: prints `NAME ok`, or `NAME` and why not. Runs on any Linux.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE 4096
#define ROUNDS 3000

static void say(const char *name, const char *wrong)
{
	printf("%s %s\n", name, wrong == NULL ? "ok" : wrong);
}

/* Fills registers with what only `seed` gives, makes the system call, and tells whether all of them are as they were. */
static int kept_over(long call, long arg, uint64_t seed)
{
	uint64_t in[8], out[8];
	unsigned int mode, changed;

	for (int i = 0; i < 8; i++)
		in[i] = seed * 0x9e3779b97f4a7c15u + (uint64_t)i;
	/* A rounding mode of its own, in MXCSR. */
	mode = 0x1f80 | (unsigned int)(seed % 4) << 13;
	__asm__ volatile("ldmxcsr %[mode]\n"
			 "movdqu 0(%[in]), %%xmm0\n movdqu 16(%[in]), %%xmm6\n"
			 "movdqu 32(%[in]), %%xmm9\n movdqu 48(%[in]), %%xmm15\n"
			 "syscall\n"
			 "movdqu %%xmm0, 0(%[out])\n movdqu %%xmm6, 16(%[out])\n"
			 "movdqu %%xmm9, 32(%[out])\n movdqu %%xmm15, 48(%[out])\n"
			 "stmxcsr %[changed]\n"
			 : [changed] "=m"(changed), "+a"(call)
			 : [in] "r"(in), [out] "r"(out), [mode] "m"(mode), "D"(arg), "S"(0L), "d"(0L)
			 : "rcx", "r11", "memory", "xmm0", "xmm6", "xmm9", "xmm15");
	return memcmp(in, out, sizeof(in)) == 0 && (changed & ~0x3fu) == (mode & ~0x3fu);
}

static volatile sig_atomic_t alarms;

static void clobber(int sig)
{
	volatile char *fresh;

	(void)sig;
	alarms++;
	/* And a fault inside of the handler. */
	fresh = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fresh[0] = 1;
	__asm__ volatile("pcmpeqb %%xmm0, %%xmm0\n pcmpeqb %%xmm6, %%xmm6\n pcmpeqb %%xmm9, %%xmm9\n"
			 "pcmpeqb %%xmm15, %%xmm15\n" ::: "xmm0", "xmm6", "xmm9", "xmm15");
	munmap((void *)fresh, PAGE);
}

static void *work(void *seed)
{
	long bad = 0;

	for (uint64_t i = 0; i < ROUNDS; i++)
		bad += !kept_over(i % 3 == 0 ? SYS_sched_yield : SYS_getpid, 0, (uint64_t)(uintptr_t)seed + i);
	return (void *)bad;
}

/* @return rounds that went wrong, in threads of this process */
static long in_threads(int count, uint64_t seed)
{
	pthread_t threads[8];
	long bad = 0;
	void *each;

	for (int i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)(seed + 1000003u * (uint64_t)i)) != 0)
			return -1;
	for (int i = 0; i < count; i++) {
		pthread_join(threads[i], &each);
		bad += (long)each;
	}
	return bad;
}

static void ring(void)
{
	struct itimerval often = { { 0, 2000 }, { 0, 2000 } };

	signal(SIGALRM, clobber);
	setitimer(ITIMER_REAL, &often, NULL);
}

static int ended_well(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) != child)
		if (errno != EINTR)
			return 0;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static const char *registers_of_many(void)
{
	pid_t children[3];
	int good = 1;

	for (int i = 0; i < 3; i++)
		if ((children[i] = fork()) == 0) {
			ring();
			_exit(in_threads(3, 77u * (uint64_t)i + 5) != 0 || alarms == 0);
		}
	for (int i = 0; i < 3; i++)
		good &= ended_well(children[i]);
	return good ? NULL : "lost registers";
}

static const char *registers_of_a_child(void)
{
	for (uint64_t i = 0; i < 50; i++) {
		pid_t self = getpid();
		int kept = kept_over(SYS_fork, 0, i * 31 + 7), status;

		if (getpid() != self)
			_exit(!kept);
		if (!kept)
			return "lost in the parent";
		if (wait(&status) < 0 || status != 0)
			return "lost in the child";
	}
	return NULL;
}

static sigjmp_buf back;
static siginfo_t seen;
static unsigned long seen_error;

static void caught(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	seen = *info;
	seen_error = (unsigned long)((ucontext_t *)context)->uc_mcontext.gregs[REG_ERR];
	siglongjmp(back, 1);
}

/* @return the code of the SIGSEGV that it takes; 0 for none */
static int touch(volatile char *at, int write)
{
	struct sigaction action = { .sa_sigaction = caught, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &action, NULL);
	memset(&seen, 0, sizeof(seen));
	if (sigsetjmp(back, 1) == 0) {
		if (write)
			*at = 1;
		else
			(void)*at;
	}
	return seen.si_code;
}

static char *fresh(int flags, int fd, size_t pages)
{
	return mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);
}

static const char *violations(void)
{
	char *memory = fresh(MAP_PRIVATE | MAP_ANONYMOUS, -1, 16);

	if (touch(memory + 3 * PAGE, 1) != 0 || touch(memory + 9 * PAGE, 0) != 0)
		return "fault where there is none";
	mprotect(memory, 16 * PAGE, PROT_READ);
	if (touch(memory + 3 * PAGE, 0) != 0)
		return "what may be read cannot be";
	if (touch(memory + 3 * PAGE, 1) != SEGV_ACCERR || seen.si_addr != memory + 3 * PAGE || !(seen_error & 2))
		return "write to what may only be read";
	if (touch(memory + 5 * PAGE, 1) != SEGV_ACCERR || seen.si_addr != memory + 5 * PAGE)
		return "write to what was never touched and may only be read";
	mprotect(memory, 16 * PAGE, PROT_NONE);
	if (touch(memory + 3 * PAGE, 0) != SEGV_ACCERR || touch(memory + 4 * PAGE, 0) != SEGV_ACCERR)
		return "read of what may not be";
	mprotect(memory, 16 * PAGE, PROT_READ | PROT_WRITE);
	if (touch(memory + 3 * PAGE, 1) != 0 || memory[3 * PAGE] != 1)
		return "lost what was written";
	munmap(memory, 16 * PAGE);
	if (touch(memory + 3 * PAGE, 0) != SEGV_MAPERR || touch(memory + 4 * PAGE, 1) != SEGV_MAPERR)
		return "memory that was given back";
	return touch((char *)0x8000000000000000, 0) != 0 ? NULL : "address that is none";
}

static int all_are(const char *memory, size_t bytes, char what)
{
	for (size_t i = 0; i < bytes; i += 512)
		if (memory[i] != what)
			return 0;
	return 1;
}

static const char *copies(void)
{
	char *memory = fresh(MAP_PRIVATE | MAP_ANONYMOUS, -1, 64);
	pid_t child;

	memset(memory, 1, 64 * PAGE);
	if ((child = fork()) == 0) {
		for (int page = 0; page < 64; page += 2)
			memset(memory + page * PAGE, 2, PAGE);
		for (int page = 0; page < 64; page++)
			if (!all_are(memory + page * PAGE, PAGE, page % 2 == 0 ? 2 : 1))
				_exit(1);
		_exit(0);
	}
	for (int page = 1; page < 64; page += 2)
		memset(memory + page * PAGE, 3, PAGE);
	if (!ended_well(child))
		return "the child sees what its parent wrote";
	for (int page = 0; page < 64; page++)
		if (!all_are(memory + page * PAGE, PAGE, page % 2 == 0 ? 1 : 3))
			return "the parent sees what its child wrote";
	madvise(memory, 64 * PAGE, MADV_DONTNEED);
	return all_are(memory, 64 * PAGE, 0) ? NULL : "what was given back is not zero";
}

static char letter(int page)
{
	return (char)('a' + page % 26);
}

static const char *files(void)
{
	int file = open("/process-file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char page[PAGE], *own, *shared;
	const char *wrong = NULL;

	for (int i = 0; i < 40; i++) {
		memset(page, letter(i), PAGE);
		if (write(file, page, PAGE) != PAGE)
			return "cannot write a file";
	}
	own = fresh(MAP_PRIVATE, file, 40);
	shared = fresh(MAP_SHARED, file, 40);
	for (int i = 0; i < 40; i++)
		if (!all_are(own + i * PAGE, PAGE, letter(i)) || !all_are(shared + i * PAGE, PAGE, letter(i)))
			wrong = "read another page than the file has";
	memset(own + 7 * PAGE, 'X', PAGE);
	memset(shared + 8 * PAGE, 'Y', PAGE);
	msync(shared, 40 * PAGE, MS_SYNC);
	if (pread(file, page, PAGE, 7 * PAGE) != PAGE || page[0] != 'h')
		wrong = "what is private went into the file";
	if (pread(file, page, PAGE, 8 * PAGE) != PAGE || page[0] != 'Y' || own[8 * PAGE] != 'Y')
		wrong = "what is shared did not go into the file";
	memset(page, 'Z', PAGE);
	if (pwrite(file, page, PAGE, 9 * PAGE) != PAGE || shared[9 * PAGE] != 'Z' || own[9 * PAGE] != 'Z')
		wrong = "what was written to the file is not seen";
	if (ftruncate(file, 20 * PAGE) != 0 || own[7 * PAGE] != 'X')
		wrong = "the file cannot be cut";
	close(file);
	unlink("/process-file");
	return wrong;
}

/* Beyond what a process may have of mappings in the host, one for each page in the worst case. */
static const char *scattered(void)
{
	size_t pages = 40000;
	char *memory = fresh(MAP_PRIVATE | MAP_ANONYMOUS, -1, pages);

	for (size_t page = 0; page < pages; page += 7)
		memory[page * PAGE] = (char)page;
	for (size_t page = 3; page < pages; page += 7)
		memory[page * PAGE] = (char)page;
	for (size_t page = 0; page < pages; page++)
		if (memory[page * PAGE] != (page % 7 == 0 || page % 7 == 3 ? (char)page : 0))
			return "another page";
	munmap(memory, pages * PAGE);
	return NULL;
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	say("registers of many", registers_of_many());
	say("registers of a child", registers_of_a_child());
	say("violations", violations());
	say("copies", copies());
	say("files", files());
	say("scattered", scattered());
	return 0;
}
