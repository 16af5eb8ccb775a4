// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest moves to another QEMU in the middle of jobs, and on to further ones.
 * The guest asks for it through QEMU's monitor at its fourth serial port, and
 * sees by the machine's name where it is. Nothing is lost, nothing is done
 * twice: each sum is compared with what it has to be.
 */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest-test.h"
#include "monitor.h"

#define WORKERS	3
#define LEN	(512 * 1024ul)
#define FLOATS	(LEN / sizeof(float))
#define KINDS	6		/* of jobs */
#define ADDS	5		/* jobs of each kind in a batch */

/* Shared by the processes; the device adds to @sum for all of them. */
struct work {
	atomic_bool stop;
	uint64_t sum;
	atomic_ullong batches[WORKERS];
};

struct worker {
	struct work *work;
	unsigned int nr;
};

/* What a worker's jobs work on, private to it. Two batches are under way. */
struct memory {
	unsigned char *from[2], *to[2], *torn[2];
	uint32_t crc[2];	/* of what from[] points at */
	uint64_t *own;		/* this worker's additions */
	float *y;		/* those of SAXPY, element by element */
	const float *ones;
};

static struct secmmu_completion next_done(void)
{
	struct secmmu_completion done;

	CHECK_EQ(secmmu_wait(&queue, &done), 0);
	if (done.status != SECMMU_STATUS_OK)
		fail(__FILE__, __LINE__, "job %llu ended with status %u at %#llx",
		     (unsigned long long)done.user_data, done.status,
		     (unsigned long long)done.fault_addr);
	return done;
}

/*
 * An addition, a copy, a CRC, a fill of memory that goes away meanwhile, SAXPY,
 * and an addition to what all share; so many times. A copy may be made twice
 * without a trace. SAXPY is long enough to be cut, and what it does twice shows.
 */
static void submit(struct worker *w, struct memory *m, uint64_t turn)
{
	unsigned char *from = m->from[turn % 2];
	unsigned char *to = anon(LEN), *torn = anon(LEN);
	uint64_t data = turn * ADDS * KINDS;

	m->to[turn % 2] = to;
	m->torn[turn % 2] = torn;
	for (unsigned int i = 0; i < ADDS; i++) {
		struct secmmu_desc *d[KINDS];

		for (unsigned int k = 0; k < KINDS; k++)
			d[k] = secmmu_get_desc(&queue);
		secmmu_prep_atomic_add(d[0], m->own, 8, 1);
		secmmu_prep_copy(d[1], to, from, LEN);
		secmmu_prep_crc32c(d[2], to, LEN, 0);
		secmmu_prep_fill(d[3], torn, 0x5a5a5a5a5a5a5a5aull, LEN);
		secmmu_prep_saxpy(d[4], m->y, 1, m->ones, FLOATS);
		secmmu_prep_atomic_add(d[5], &w->work->sum, 8, 1);
		for (unsigned int k = 0; k < KINDS; k++)
			secmmu_desc_set_data(d[k], data++);
	}
	CHECK_EQ(secmmu_submit(&queue), ADDS * KINDS);
}

/*
 * Each record is of the job that is next, and the worker's own counter has had
 * each addition before it once.
 */
static void reap(struct worker *w, struct memory *m, uint64_t turn)
{
	unsigned char *to = m->to[turn % 2], *torn = m->torn[turn % 2];
	uint64_t data = turn * ADDS * KINDS;

	CHECK_EQ(madvise(torn, LEN, MADV_DONTNEED), 0);
	for (unsigned int i = 0; i < ADDS * KINDS; i++) {
		struct secmmu_completion done = next_done();

		CHECK_EQ(done.user_data, data + i);
		if (i % KINDS == 0)
			CHECK_EQ(done.result, turn * ADDS + i / KINDS);
		else if (i % KINDS == 2)
			CHECK_EQ(done.result, m->crc[turn % 2]);
	}
	CHECK(!memcmp(m->from[turn % 2], to, LEN));
	CHECK_EQ(munmap(to, LEN), 0);
	CHECK_EQ(munmap(torn, LEN), 0);
	atomic_fetch_add(&w->work->batches[w->nr], 1);
}

static int worker(void *arg)
{
	struct worker *w = arg;
	float *ones = anon(LEN);
	struct memory m = { .own = anon(PAGE), .y = anon(LEN), .ones = ones };
	uint64_t turn;

	for (size_t i = 0; i < FLOATS; i++)
		ones[i] = 1;
	for (unsigned int i = 0; i < 2; i++) {
		m.from[i] = anon(LEN);
		fill_noise(m.from[i], LEN, 2 * w->nr + i + 1);
		m.crc[i] = cpu_crc32c(0, m.from[i], LEN);
	}
	open_device();
	submit(w, &m, 0);
	/* The queue does not run dry. */
	for (turn = 0; !atomic_load(&w->work->stop); turn++) {
		submit(w, &m, turn + 1);
		reap(w, &m, turn);
	}
	reap(w, &m, turn);
	CHECK_EQ(*m.own, (turn + 1) * ADDS);
	for (size_t i = 0; i < FLOATS; i++)
		CHECK_EQ(m.y[i], (turn + 1) * ADDS);
	close_device();
	return 0;
}

/* All workers have done some batches from here on. */
static void await_work(struct work *work)
{
	double start = now();

	for (unsigned int i = 0; i < WORKERS; i++) {
		unsigned long long until = atomic_load(&work->batches[i]) + 2;

		while (atomic_load(&work->batches[i]) < until) {
			CHECK(now() - start < 60);
			usleep(5000);
		}
	}
}

/* Is the guest in the machine that boot calls guest@nr? */
static bool is_in(unsigned int nr)
{
	char answer[4096], name[16];

	snprintf(name, sizeof(name), "guest%u\r", nr);
	/* Half a line may be left of what was said to the last one. */
	monitor_ask("\ninfo name\n", answer, sizeof(answer), 100);
	return strstr(answer, name);
}

static void await_machine(unsigned int nr)
{
	double start = now();

	while (!is_in(nr))
		CHECK(now() - start < 60);
}

void test_live_migration(void)
{
	unsigned int nr = option("migrations", 0);
	struct work *work = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct worker w[WORKERS];
	pid_t child[WORKERS];
	unsigned long long batches = 0;

	CHECK(nr && work != MAP_FAILED);
	monitor_open();
	await_machine(0);
	for (unsigned int i = 0; i < WORKERS; i++) {
		w[i] = (struct worker) { .work = work, .nr = i };
		child[i] = spawn(worker, &w[i]);
	}
	for (unsigned int to = 1; to <= nr; to++) {
		double start;
		char line[32];

		await_work(work);
		start = now();
		monitor_say("migrate_set_parameter max-bandwidth 10G\n");
		snprintf(line, sizeof(line), "migrate -d unix:%u\n", to);
		monitor_say(line);
		await_machine(to);
		note("in machine %u after %.1f s", to, now() - start);
		sleep(1);
	}
	await_work(work);
	atomic_store(&work->stop, true);
	for (unsigned int i = 0; i < WORKERS; i++) {
		CHECK_EQ(join(child[i]), 0);
		batches += atomic_load(&work->batches[i]);
	}
	CHECK_EQ(work->sum, batches * ADDS);
	note("%llu jobs", batches * ADDS * KINDS);
}
