// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Races: the CPU takes memory away in one thread while the device faults it in
 * for another. A wrong entry, once made, stays until the next invalidation; so
 * each round ends in quiet, with a look at every page from both sides. docs/
 * driver.md says which check in the driver each of these is about.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest-test.h"

static uint64_t *addresses, *stamps;

/*
 * Do device and CPU see one memory? The CPU writes a stamp into each page, by
 * plain stores, which invalidate nothing of a page that is there, and the
 * device collects them.
 */
static void same_memory(unsigned char *p, size_t len, uint64_t round)
{
	size_t pages = len / PAGE;

	for (size_t i = 0; i < pages; i++) {
		*(uint64_t *)(p + i * PAGE + 8) = round << 32 | i;
		addresses[i] = (uintptr_t)(p + i * PAGE + 8);
	}
	CHECK_EQ(secmmu_gather(&queue, stamps, addresses, 8, pages), 0);
	for (size_t i = 0; i < pages; i++)
		if (stamps[i] != (round << 32 | i))
			fail(__FILE__, __LINE__,
			     "round %llu: page %zu of %zu: the device reads %#llx, the CPU wrote %#llx",
			     (unsigned long long)round, i, pages,
			     (unsigned long long)stamps[i],
			     (unsigned long long)(round << 32 | i));
	/* And the other way round. */
	for (size_t i = 0; i < pages; i++)
		stamps[i] = ~(round << 32 | i);
	CHECK_EQ(secmmu_scatter(&queue, addresses, stamps, 8, pages), 0);
	for (size_t i = 0; i < pages; i++)
		if (*(uint64_t *)(p + i * PAGE + 8) != stamps[i])
			fail(__FILE__, __LINE__,
			     "round %llu: page %zu of %zu: the CPU does not see the device's write",
			     (unsigned long long)round, i, pages);
}

static void begin(size_t len)
{
	open_device();
	addresses = anon(len / PAGE * 8);
	stamps = anon(len / PAGE * 8);
}

static void report(void)
{
	struct secmmu_stats s = stats();

	note("faults %llu, refused %llu, retries %llu, ranges %llu, shootdowns %llu, drain waits %llu",
	     (unsigned long long)s.faults, (unsigned long long)s.refused,
	     (unsigned long long)s.retries, (unsigned long long)s.ranges,
	     (unsigned long long)s.shootdowns,
	     (unsigned long long)s.drain_waits);
}

struct taker {
	unsigned char *p;
	size_t len;
	atomic_bool stop;
};

/* Single pages, early in a batch that is being looked up. */
static void *take_pages(void *arg)
{
	struct taker *t = arg;
	uint32_t seed = 3;

	while (!atomic_load(&t->stop)) {
		size_t page = noise(&seed) % (t->len / PAGE);

		madvise(t->p + page * PAGE, PAGE, MADV_DONTNEED);
		t->p[page * PAGE] = 1;
	}
	return NULL;
}

/*
 * A range that starts and ends between a fault's lookup and its entry: only the
 * sequence tells. The lookups are long, the ranges short.
 */
void test_race_sequence(void)
{
	struct taker t = { .len = 2 * MIB };
	unsigned long rounds = option("races", 40);
	pthread_t thread;
	uint64_t sum;

	t.p = anon_thp(t.len, false);
	begin(t.len);
	for (uint64_t round = 1; round <= rounds ||
	     (!stats().retries && round <= 10 * rounds); round++) {
		atomic_store(&t.stop, false);
		CHECK_EQ(pthread_create(&thread, NULL, take_pages, &t), 0);
		for (int i = 0; i < 12; i++) {
			/* All of it gone, so that one fault brings all in. */
			CHECK_EQ(madvise(t.p, t.len, MADV_DONTNEED), 0);
			if (i & 1)
				CHECK_EQ(secmmu_fill(&queue, t.p, 0, t.len),
					 0);
			else
				CHECK_EQ(secmmu_reduce_u64(&queue,
							   (void *)t.p,
							   t.len / 8, &sum),
					 0);
		}
		atomic_store(&t.stop, true);
		pthread_join(thread, NULL);
		same_memory(t.p, t.len, round);
	}
	report();
	CHECK(stats().retries > 0);
}

static void *take_all(void *arg)
{
	struct taker *t = arg;

	usleep(200);
	madvise(t->p, t->len, MADV_DONTNEED);
	atomic_store(&t->stop, true);
	return NULL;
}

/*
 * Faults at the far end of a range that is being taken away: until range_end
 * the pages are still there to be found, and must not be entered.
 */
static void far_end(size_t tail)
{
	struct taker t = { .len = 24 * MIB };
	pthread_t thread;
	uint64_t sum;

	t.p = anon_thp(t.len, false);
	begin(t.len);
	/* On a busy machine a fault may come too late, many times in a row. */
	for (uint64_t round = 1; round <= 12 ||
	     (!stats().refused && round <= 100); round++) {
		for (size_t at = 0; at < t.len; at += PAGE)
			t.p[at] = round;
		CHECK_EQ(secmmu_reduce_u64(&queue,
					   (void *)(t.p + t.len - tail * PAGE),
					   tail * PAGE / 8, &sum), 0);
		atomic_store(&t.stop, false);
		CHECK_EQ(pthread_create(&thread, NULL, take_all, &t), 0);
		while (!atomic_load(&t.stop))
			CHECK_EQ(secmmu_fill(&queue, t.p + t.len - tail * PAGE,
					     0, tail * PAGE), 0);
		pthread_join(thread, NULL);
		same_memory(t.p + t.len - tail * PAGE, tail * PAGE, round);
	}
	report();
	CHECK(stats().refused > 0);
	CHECK(stats().resumes > 0);
}

void test_race_active_range(void)
{
	far_end(512);
}

/* The very last page alone: it belongs to the range like any other. */
void test_race_last_page(void)
{
	far_end(1);
}

static void *protect(void *arg)
{
	struct taker *t = arg;

	usleep(200);
	if (mprotect(t->p, t->len, PROT_READ))
		return t;
	atomic_store(&t->stop, true);
	return NULL;
}

/* After mprotect() has returned, not one more byte is written. */
void test_race_mprotect(void)
{
	struct taker t = { .len = 8 * MIB };
	size_t tail = 256 * PAGE;
	pthread_t thread;
	void *failed;

	t.p = anon_thp(t.len, false);
	begin(t.len);
	memset(t.p, 1, t.len);
	for (uint64_t round = 1; round <= 30; round++) {
		uint64_t pattern = 0x0101010101010101ull * (round & 127);
		unsigned char *last = t.p + t.len - tail;
		uint64_t before;
		int ret;

		CHECK_EQ(mprotect(t.p, t.len, PROT_READ | PROT_WRITE), 0);
		atomic_store(&t.stop, false);
		CHECK_EQ(pthread_create(&thread, NULL, protect, &t), 0);
		do
			ret = secmmu_fill(&queue, last, pattern, tail);
		while (!ret && !atomic_load(&t.stop));
		pthread_join(thread, &failed);
		CHECK(!failed);
		before = *(uint64_t *)last;
		CHECK_EQ(secmmu_fill(&queue, last, ~pattern, tail), -EFAULT);
		CHECK_EQ(*(uint64_t *)last, before);
	}
	report();
}

/*
 * Memory that is unmapped in the middle of a job goes to somebody else at once:
 * nothing of the job may land there.
 */
void test_race_reuse(void)
{
	size_t len = 4 * MIB;
	struct secmmu_completion done;

	begin(len);
	for (uint64_t round = 1; round <= 60; round++) {
		unsigned char *p = anon_thp(len, round & 1), *fresh;

		memset(p, 0, len);
		for (int i = 0; i < 16; i++)
			secmmu_prep_fill(secmmu_get_desc(&queue), p,
					 0xaaaaaaaaaaaaaaaaull, len);
		CHECK_EQ(secmmu_submit(&queue), 16);
		/* Now, or it would get the addresses that the jobs still name. */
		fresh = anon_thp(len, round & 1);
		usleep(round * 13 % 500);
		CHECK_EQ(munmap(p, len), 0);
		/* The pages just freed are the first to be given out again. */
		memset(fresh, 0x11, len);
		for (int i = 0; i < 16; i++) {
			CHECK_EQ(secmmu_wait(&queue, &done), 0);
			CHECK(done.status == SECMMU_STATUS_OK ||
			      done.status == SECMMU_STATUS_FAULT);
		}
		if (!all_are(fresh, 0x11, len))
			fail(__FILE__, __LINE__,
			     "round %llu: a job wrote to memory that had been unmapped under it",
			     (unsigned long long)round);
		CHECK_EQ(munmap(fresh, len), 0);
	}
	report();
}

struct storm {
	unsigned char *p;
	size_t len;
	unsigned int nr;
	atomic_bool *stop;
};

static void *storm_thread(void *arg)
{
	struct storm *s = arg;
	uint32_t seed = 100 + s->nr;

	while (!atomic_load(s->stop)) {
		size_t pages = 1 + noise(&seed) % 64;
		size_t first = noise(&seed) % (s->len / PAGE - pages);
		unsigned char *p = s->p + first * PAGE;

		switch (noise(&seed) % 6) {
		case 0:
			madvise(p, pages * PAGE, MADV_DONTNEED);
			break;
		case 1:
			madvise(p, pages * PAGE, MADV_PAGEOUT);
			break;
		case 2:
			mprotect(p, pages * PAGE, PROT_READ);
			mprotect(p, pages * PAGE, PROT_READ | PROT_WRITE);
			break;
		case 3:
			madvise(p, pages * PAGE, MADV_COLD);
			break;
		case 4:
			madvise(p, pages * PAGE, MADV_FREE);
			break;
		default:
			/* A store, without the signal where it may not be. */
			madvise(p, PAGE, MADV_POPULATE_WRITE);
			break;
		}
	}
	return NULL;
}

/* Everything at once, from two threads, on two queues. */
void test_race_storm(void)
{
	size_t len = 4 * MIB;
	unsigned char *p = anon_thp(len, false);
	struct storm storm[2];
	struct secmmu_queue second;
	atomic_bool stop;
	pthread_t thread[2];

	swap_on_zram(640 * MIB);
	begin(len);
	CHECK_EQ(secmmu_queue_init(&second, &dev, 16, 0), 0);
	for (uint64_t round = 1; round <= 15; round++) {
		double until = now() + 0.4;

		atomic_store(&stop, false);
		for (unsigned int i = 0; i < 2; i++) {
			storm[i] = (struct storm){ p, len, i, &stop };
			CHECK_EQ(pthread_create(&thread[i], NULL, storm_thread,
						&storm[i]), 0);
		}
		while (now() < until) {
			struct secmmu_completion done;

			secmmu_prep_copy(secmmu_get_desc(&second), p,
					 p + len / 2, len / 2);
			CHECK_EQ(secmmu_submit(&second), 1);
			/* mprotect() may be in the way: that is its right. */
			secmmu_fill(&queue, p + len / 4, round, len / 2);
			CHECK_EQ(secmmu_wait(&second, &done), 0);
			CHECK(done.status == SECMMU_STATUS_OK ||
			      done.status == SECMMU_STATUS_FAULT);
		}
		atomic_store(&stop, true);
		for (int i = 0; i < 2; i++)
			pthread_join(thread[i], NULL);
		same_memory(p, len, round);
	}
	report();
	secmmu_queue_exit(&second);
}

/* More tables than are taken out before the lock is let go (ZAP_BUDGET). */
#define REGIONS	5120

struct wide {
	unsigned char *p;
	atomic_bool go;
};

static void *take_regions(void *arg)
{
	struct wide *w = arg;

	while (!atomic_load(&w->go))
		;
	CHECK_EQ(madvise(w->p, REGIONS * HUGE, MADV_DONTNEED), 0);
	return NULL;
}

/*
 * A range so wide that the driver lets go of its lock in the middle, and one of a
 * single page, which finds it gone from the table already. The device must have
 * dropped it before that one returns: it goes round and round there.
 */
void test_race_wide_range(void)
{
	struct wide w = { .p = mmap(NULL, (REGIONS + 1) * HUGE,
				    PROT_READ | PROT_WRITE, MAP_PRIVATE |
				    MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) };
	struct secmmu_queue walker;
	struct secmmu_completion done;
	uint32_t seed = 5;

	CHECK(w.p != MAP_FAILED);
	w.p = (void *)(((uintptr_t)w.p + HUGE - 1) & ~(HUGE - 1));
	CHECK_EQ(madvise(w.p, REGIONS * HUGE, MADV_NOHUGEPAGE), 0);
	open_device();
	CHECK_EQ(secmmu_queue_init(&walker, &dev, 4, 0), 0);
	for (int round = 0; round < 6; round++) {
		uint64_t checks, writable, *node = (uint64_t *)w.p;
		pthread_t thread;

		/* Sooner done by advice than by as many faults. */
		for (size_t i = 0; i < REGIONS; i++)
			CHECK_EQ(secmmu_prefetch(&dev, w.p + i * HUGE + PAGE,
						 PAGE, 1), 1);
		/* A list of one, which is its own next. */
		node[0] = (uintptr_t)node;
		secmmu_prep_list_walk(secmmu_get_desc(&walker), node, 0, 8,
				      SECMMU_MAX_LEN);
		CHECK_EQ(secmmu_submit(&walker), 1);
		while (secmmu_resident(&dev, node, PAGE, &writable) != 1)
			usleep(500);
		for (checks = stats().audit_checks;
		     stats().audit_checks < checks + 1000;)
			usleep(500);
		atomic_store(&w.go, false);
		CHECK_EQ(pthread_create(&thread, NULL, take_regions, &w), 0);
		usleep(1000);
		atomic_store(&w.go, true);
		for (unsigned int i = noise(&seed) % 200000; i > 0; i--)
			__asm__ volatile("" ::: "memory");
		CHECK_EQ(madvise(w.p, PAGE, MADV_DONTNEED), 0);
		CHECK_EQ(pthread_join(thread, NULL), 0);
		/* The list has an end now. */
		CHECK_EQ(secmmu_wait(&walker, &done), 0);
		CHECK_EQ(done.status, SECMMU_STATUS_OK);
	}
	secmmu_queue_exit(&walker);
	report();
}
