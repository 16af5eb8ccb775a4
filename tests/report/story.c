// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * secmmu_story: a few things that happen between a process, the driver and the
 * device, one after the other, and what the driver's tracepoints saw of them.
 * Runs in the guest, as root. Lives here: the acts, and the guest's half of the
 * log. Not here: what the log means (secmmu-report).
 *
 *	secmmu_story OUT
 *
 * OUT gets the kernel's trace as it is, and lines "clock BEFORE DEVICE AFTER"
 * (nanoseconds; see debugfs' clock file). Each act is a pair of markers in the
 * trace, "act NAME" and "end". Nothing else in the guest runs meanwhile.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <secmmu.h>

#include "guest.h"

#define PAGE		4096ul
#define MIB		(1ul << 20)
#define TRACING		"/sys/kernel/tracing/"
#define CLOCK		"/sys/kernel/debug/secmmu/secmmu0/clock"
#define PATIENCE	60	/* seconds, for what may take a few tries */

static struct secmmu dev;
static struct secmmu_queue queue;
static FILE *out;
static int marker;

#define MUST(call) \
	do { \
		long ret_ = (call); \
		if (ret_) \
			die("%s is %ld (errno %d)", #call, ret_, errno); \
	} while (0)

static void mark(const char *text)
{
	if (write(marker, text, strlen(text)) < 0)
		die("trace_marker: %s", strerror(errno));
}

/* Both clocks at one moment. Often: the kernel adjusts the rate of its own. */
static void pair_clocks(void)
{
	unsigned long long before, device, after;
	FILE *file = fopen(CLOCK, "re");

	if (!file || fscanf(file, "before device after %llu %llu %llu",
			    &before, &device, &after) != 3)
		die("%s cannot be read", CLOCK);
	fclose(file);
	fprintf(out, "clock %llu %llu %llu\n", before, device, after);
}

static unsigned char *map(size_t len)
{
	unsigned char *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("no memory");
	/* Small pages: each act is about a handful of them. */
	MUST(madvise(p, len, MADV_NOHUGEPAGE));
	return p;
}

static uint64_t sum(void *p, size_t len)
{
	uint64_t value;

	MUST(secmmu_reduce_u64(&queue, p, len / 8, &value));
	return value;
}

static unsigned char *shared;

/* Nothing is there: the device reads zeroes. */
static void read_fault(void)
{
	if (sum(shared, 4 * PAGE))
		die("fresh memory is not zero");
}

/* The zero page is read-only: writing asks again, and gets pages. */
static void write_fault(void)
{
	MUST(secmmu_fill(&queue, shared, 0x11, 4 * PAGE));
	if (shared[0] != 0x11)
		die("the fill did not arrive");
}

/* fork takes the right to write away; the device's write breaks the sharing. */
static void cow(void)
{
	int go[2], status;
	char c = 0;
	pid_t child;

	MUST(pipe(go));
	mark("fork");
	child = fork();
	if (child < 0)
		die("fork: %s", strerror(errno));
	if (!child) {
		close(go[1]);
		/* 0x11 is what the parent had when it forked. */
		_exit(read(go[0], &c, 1) == 1 && shared[0] == 0x11 ? 0 : 1);
	}
	mark("the parent's device writes");
	MUST(secmmu_fill(&queue, shared, 0x2222222222222222ull, 4 * PAGE));
	if (write(go[1], &c, 1) != 1)
		die("pipe: %s", strerror(errno));
	if (waitpid(child, &status, 0) != child || status)
		die("the child saw the parent's write");
	close(go[0]);
	close(go[1]);
	if (shared[0] != 0x22)
		die("the write did not arrive");
}

/*
 * A list in a circle, over four pages: the job ends when they are unmapped, and
 * not before.
 */
static void unmap_under_job(void)
{
	struct secmmu_completion done;
	size_t len = 4 * PAGE;
	unsigned char *p = map(len);
	int64_t pages;

	for (size_t page = 0; page < len; page += PAGE)
		*(void **)(p + page) = p + (page + PAGE) % len;
	secmmu_prep_list_walk(secmmu_get_desc(&queue), p, 0, 8, SECMMU_MAX_LEN);
	mark("a walk of a list without end");
	if (secmmu_submit(&queue) != 1)
		die("submit");
	/* What the device does not have yet, munmap need not take from it. */
	do {
		usleep(5000);
		pages = secmmu_resident(&dev, p, len, NULL);
	} while (pages >= 0 && pages < 4);
	MUST(pages != 4);
	mark("munmap");
	MUST(munmap(p, len));
	mark("munmap has returned");
	MUST(secmmu_wait(&queue, &done));
	if (done.status != SECMMU_STATUS_FAULT)
		die("the job ended with %s", secmmu_strstatus(done.status));
}

struct taker {
	unsigned char *p;
	size_t len;
	atomic_bool stop;
};

static void *take(void *arg)
{
	struct taker *t = arg;

	if (madvise(t->p, t->len, MADV_DONTNEED))
		die("madvise: %s", strerror(errno));
	atomic_store(&t->stop, true);
	return NULL;
}

/*
 * While the CPU takes a range away, the device faults at the far end of it: BUSY,
 * until the range has ended. It is a race, so it takes a few tries at times.
 */
static void refused(void)
{
	struct taker t = { .len = 16 * MIB };
	unsigned char *far;
	size_t tail = 4 * PAGE;
	struct secmmu_stats before, stats;
	double until = now() + PATIENCE;

	MUST(secmmu_stats(&dev, &before));
	t.p = map(t.len);
	far = t.p + t.len - tail;
	for (int i = 0; now() < until; i++) {
		pthread_t thread;

		memset(t.p, 1, t.len);
		sum(far, tail);
		atomic_store(&t.stop, false);
		/* Once: the picture has no room for it again and again. */
		if (!i)
			mark("the CPU gives 16 MiB back");
		MUST(pthread_create(&thread, NULL, take, &t));
		while (!atomic_load(&t.stop))
			MUST(secmmu_fill(&queue, far, 0, tail));
		pthread_join(thread, NULL);
		MUST(secmmu_stats(&dev, &stats));
		if (stats.refused > before.refused) {
			MUST(munmap(t.p, t.len));
			return;
		}
	}
	die("no fault was refused in %d s", PATIENCE);
}

/* A page goes to swap, and comes back for the device. */
static void swap(void)
{
	unsigned char *p = map(PAGE);
	double until = now() + PATIENCE;
	unsigned char resident = 1;
	cpu_set_t here;

	/*
	 * Reclaim finds a new page once the CPU that made it has put it on the
	 * list, which MADV_PAGEOUT sees to on its own CPU.
	 */
	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	MUST(sched_setaffinity(0, sizeof(here), &here));
	p[0] = 1;
	MUST(secmmu_fill(&queue, p, 0x3333333333333333ull, PAGE));
	mark("the page goes to swap");
	/* Whoever served the fault may hold the page a little longer. */
	while (resident & 1 && now() < until) {
		MUST(madvise(p, PAGE, MADV_PAGEOUT));
		MUST(mincore(p, PAGE, &resident));
		if (resident & 1)
			usleep(1000);
	}
	if (resident & 1)
		die("the page does not go to swap");
	mark("the device reads it");
	if (sum(p, PAGE) != PAGE / 8 * 0x3333333333333333ull)
		die("the page came back with other bytes");
	MUST(munmap(p, PAGE));
}

static const struct {
	const char *name;
	void (*run)(void);
} acts[] = {
	{ "a read of memory that nobody has touched", read_fault },
	{ "a write to it", write_fault },
	{ "fork, and a write of what is shared now", cow },
	{ "munmap under a job", unmap_under_job },
	{ "a fault in a range that is being taken away", refused },
	{ "a page goes to swap and comes back", swap },
};

/* Everything that is in the kernel's buffers; what was lost is an error. */
static void copy_trace(void)
{
	FILE *in = fopen(TRACING "trace", "re");
	unsigned long kept, written;
	char line[1024];

	if (!in)
		die("no trace");
	while (fgets(line, sizeof(line), in)) {
		if (sscanf(line, "# entries-in-buffer/entries-written: %lu/%lu",
			   &kept, &written) == 2 && kept != written)
			die("%lu of %lu trace records were lost",
			    written - kept, written);
		fputs(line, out);
	}
	fclose(in);
}

int main(int argc, char **argv)
{
	char text[128];

	if (argc != 2)
		die("usage: secmmu_story OUT");
	out = fopen(argv[1], "w");
	if (!out)
		die("%s: %s", argv[1], strerror(errno));
	swap_on_zram(64 * MIB);
	shared = map(4 * PAGE);

	write_file(TRACING "trace_clock", "mono");
	write_file(TRACING "buffer_size_kb", "8192");
	write_file(TRACING "trace", "");
	marker = open(TRACING "trace_marker", O_WRONLY | O_CLOEXEC);
	if (marker < 0)
		die("no trace_marker: %s", strerror(errno));
	pair_clocks();
	write_file(TRACING "events/secmmu/enable", "1");
	MUST(secmmu_open(&dev, NULL));
	MUST(secmmu_queue_init(&queue, &dev, 16, 0));
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		snprintf(text, sizeof(text), "act %s", acts[i].name);
		printf("%s\n", acts[i].name);
		pair_clocks();
		mark(text);
		acts[i].run();
		mark("end");
	}
	pair_clocks();
	secmmu_queue_exit(&queue);
	secmmu_close(&dev);
	write_file(TRACING "events/secmmu/enable", "0");
	pair_clocks();
	copy_trace();
	if (fclose(out))
		die("%s: %s", argv[1], strerror(errno));
	return 0;
}
