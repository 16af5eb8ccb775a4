// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many of everything, and what others pay for it: an address space that the
 * device has nothing of costs nothing on the device.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest-test.h"
#include "uffd.h"

#define ONES	0x0101010101010101ull

static int go[2], ready[2];

static int one_of_many(void *arg)
{
	uintptr_t mine = (uintptr_t)arg;
	unsigned char *p = anon(PAGE);
	struct secmmu_queue q;
	char byte;

	close(go[1]);
	if (secmmu_open(&dev, NULL))
		return 1;
	if (write(ready[1], "", 1) != 1 || read(go[0], &byte, 1) != 0)
		return 2;
	/* All have a context; the queues go round. */
	while (secmmu_queue_init(&q, &dev, 4, 0))
		usleep(2000 + mine % 97 * 100);
	if (secmmu_fill(&q, p, ONES * (mine & 127), PAGE) ||
	    !all_are(p, mine & 127, PAGE))
		return 3;
	secmmu_queue_exit(&q);
	return 0;
}

/* A thousand processes, a context each, of which each then has a job done. */
void test_scale_processes(void)
{
	enum { MANY = 1000 };
	static pid_t child[MANY];
	double start = now();
	struct footprint before;
	char byte;

	before = footprint();
	CHECK_EQ(pipe(go), 0);
	CHECK_EQ(pipe(ready), 0);
	for (uintptr_t i = 0; i < MANY; i++)
		child[i] = spawn(one_of_many, (void *)i);
	for (int i = 0; i < MANY; i++)
		CHECK_EQ(read(ready[0], &byte, 1), 1);
	note("%d contexts after %.1f s", MANY, now() - start);
	close(go[1]);
	for (int i = 0; i < MANY; i++)
		CHECK_EQ(join(child[i]), 0);
	note("and a job in each after %.1f s", now() - start);
	close(go[0]);
	close(ready[0]);
	close(ready[1]);
	check_no_leak(&before, MANY / 10);
}

/*
 * Every queue has a job under way that waits for a page of its own, and none is
 * served before all of them wait. One more, of another context, goes on meanwhile.
 */
static void all_wait(struct secmmu_queue *q, unsigned int nr)
{
	struct secmmu_completion done;
	int fd = uffd_open();
	unsigned char *p = uffd_missing(fd, nr * PAGE), *mine = anon(PAGE);

	for (unsigned int i = 0; i < nr; i++) {
		secmmu_prep_fill(secmmu_get_desc(&q[i]), p + i * PAGE,
				 ONES * (i + 1), PAGE);
		CHECK_EQ(secmmu_submit(&q[i]), 1);
	}
	uffd_await(fd, nr);
	CHECK_EQ(secmmu_fill(&queue, mine, ONES, PAGE), 0);
	CHECK(all_are(mine, 1, PAGE));
	/* From the last one on: what comes first is not what was asked first. */
	for (unsigned int i = nr; i-- > 0;) {
		uffd_zero(fd, p + i * PAGE, PAGE);
		CHECK_EQ(secmmu_wait(&q[i], &done), 0);
		CHECK_EQ(done.status, SECMMU_STATUS_OK);
		CHECK(all_are(p + i * PAGE, i + 1, PAGE));
	}
	CHECK_EQ(munmap(p, nr * PAGE), 0);
	close(fd);
}

/* All the queues that a context may have, busy at the same time. */
void test_scale_queues(void)
{
	enum { ROUNDS = 10 };
	size_t len = 64 * 1024;
	unsigned int nr, i, round;
	struct secmmu_queue *q;
	struct secmmu other;
	unsigned char *p;

	CHECK_EQ(secmmu_open(&dev, NULL), 0);
	nr = dev.info.max_queues;
	CHECK_EQ(nr, 64);
	q = calloc(nr, sizeof(*q));
	p = anon(nr * len);
	for (i = 0; i < nr; i++)
		CHECK_EQ(secmmu_queue_init(&q[i], &dev, 16, 0), 0);
	CHECK_EQ(secmmu_open(&other, NULL), 0);
	CHECK_EQ(secmmu_queue_init(&queue, &other, 16, 0), 0);
	all_wait(q, nr);
	all_wait(q, nr);
	for (round = 1; round <= ROUNDS; round++) {
		for (i = 0; i < nr; i++) {
			for (unsigned int j = 0; j < 4; j++)
				secmmu_prep_fill(secmmu_get_desc(&q[i]),
						 p + i * len + j * len / 4,
						 ONES * ((i + round) & 127),
						 len / 4);
			CHECK_EQ(secmmu_submit(&q[i]), 4);
		}
		for (i = 0; i < nr; i++) {
			struct secmmu_completion done;

			for (unsigned int j = 0; j < 4; j++) {
				CHECK_EQ(secmmu_wait(&q[i], &done), 0);
				CHECK_EQ(done.status, SECMMU_STATUS_OK);
			}
		}
		for (i = 0; i < nr; i++)
			CHECK(all_are(p + i * len, (i + round) & 127, len));
		CHECK_EQ(madvise(p, nr * len, MADV_DONTNEED), 0);
	}
}

/* One job through ten thousand mappings, and all of them unmapped. */
void test_scale_vmas(void)
{
	enum { MANY = 10000 };
	size_t len = MANY * PAGE;
	unsigned char *p = anon(len);
	/*
	 * Who registers a notifier has all files' locks at one time, of which lockdep
	 * counts 4095. There the device is opened before.
	 */
	bool lockdep = !access("/proc/lockdep", F_OK);
	struct secmmu_stats before, s;
	double start;

	if (lockdep)
		open_device();
	/* Every second page shared: no two neighbours are one mapping. */
	for (int i = 0; i < MANY; i += 2)
		CHECK(mmap(p + i * PAGE, PAGE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
		      MAP_FAILED);
	if (!lockdep)
		open_device();
	start = now();
	CHECK_EQ(secmmu_fill(&queue, p, ONES * 5, len), 0);
	note("%d mappings filled in %.2f s", MANY, now() - start);
	CHECK(all_are(p, 5, len));
	s = stats();
	CHECK(s.pages_resident >= MANY);
	before = s;
	start = now();
	CHECK_EQ(munmap(p, len), 0);
	s = stats();
	note("unmapped in %.2f s: %llu ranges, %llu shootdowns", now() - start,
	     (unsigned long long)(s.ranges - before.ranges),
	     (unsigned long long)(s.shootdowns - before.shootdowns));
	/* A doorbell for a range at most. */
	CHECK(s.shootdowns - before.shootdowns <= s.ranges - before.ranges);
	CHECK(s.shootdowns > before.shootdowns);
	CHECK(s.pages_zapped - before.pages_zapped >= MANY);
}

#define TRACING	"/sys/kernel/tracing/"

/* How often any range of any process has come to the driver. */
static long long ranges_seen(void)
{
	return read_key(TRACING "kprobe_profile", "  ranges_seen");
}

static void count_ranges(bool on)
{
	if (on)
		write_file(TRACING "kprobe_events",
			   "p:secmmu_test/ranges_seen secmmu:secmmu_range_start");
	write_file(TRACING "events/secmmu_test/ranges_seen/enable",
		   on ? "1" : "0");
	if (!on)
		write_file(TRACING "kprobe_events", "-:secmmu_test/ranges_seen");
}

/* So many invalidations; how long they took. */
static double touch_and_drop(unsigned char *p, int times)
{
	double start = now();

	for (int i = 0; i < times; i++) {
		*p = i;
		CHECK_EQ(madvise(p, PAGE, MADV_DONTNEED), 0);
	}
	return now() - start;
}

/*
 * What an invalidation costs: without a context, or with none any more, the
 * kernel's look at one pointer, and nobody comes to the driver. With one of which
 * nothing is mapped in the device, a call, and the device hears nothing.
 */
void test_scale_nothing_mapped(void)
{
	enum { TIMES = 2000 };
	unsigned char *p = anon(PAGE);
	double bare, with;
	struct secmmu_stats before, s;
	long long shootdowns, seen;

	count_ranges(true);
	bare = touch_and_drop(p, TIMES);
	CHECK_EQ(ranges_seen(), 0);

	CHECK_EQ(secmmu_open(&dev, NULL), 0);
	before = stats();
	shootdowns = device_counter("SHOOTDOWNS");
	with = touch_and_drop(p, TIMES);
	s = stats();
	note("%d times touched and dropped: %.3f s without a context, %.3f s with one",
	     TIMES, bare, with);
	CHECK(s.ranges - before.ranges >= TIMES);
	CHECK_EQ(s.shootdowns, before.shootdowns);
	CHECK_EQ(s.resumes, before.resumes);
	CHECK_EQ(device_counter("SHOOTDOWNS"), shootdowns);
	CHECK_EQ(s.table_bytes, before.table_bytes);
	seen = ranges_seen();
	CHECK(seen >= TIMES);
	secmmu_close(&dev);
	seen = ranges_seen();
	touch_and_drop(p, TIMES);
	CHECK_EQ(ranges_seen(), seen);
	count_ranges(false);
}
