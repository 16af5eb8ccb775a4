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

/* All the queues that a context may have, busy at the same time. */
void test_scale_queues(void)
{
	enum { ROUNDS = 10 };
	size_t len = 64 * 1024;
	unsigned int nr, i, round;
	struct secmmu_queue *q;
	unsigned char *p;

	CHECK_EQ(secmmu_open(&dev, NULL), 0);
	nr = dev.info.max_queues;
	CHECK_EQ(nr, 64);
	q = calloc(nr, sizeof(*q));
	p = anon(nr * len);
	for (i = 0; i < nr; i++)
		CHECK_EQ(secmmu_queue_init(&q[i], &dev, 16, 0), 0);
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
	struct secmmu_stats before, s;
	double start;

	/* Every second page shared: no two neighbours are one mapping. */
	for (int i = 0; i < MANY; i += 2)
		CHECK(mmap(p + i * PAGE, PAGE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
		      MAP_FAILED);
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

/* As the device counts, which no driver can talk round. */
static long long device_counter(const char *name)
{
	long long value = read_key("/sys/kernel/debug/secmmu/secmmu0/counters",
				   name);

	CHECK(value >= 0);
	return value;
}

/*
 * A context is open and nothing of the process is mapped in the device: an
 * invalidation looks at one pointer, and the device hears nothing.
 */
void test_scale_nothing_mapped(void)
{
	enum { TIMES = 2000 };
	unsigned char *p = anon(PAGE);
	double start, bare, with;
	struct secmmu_stats before, s;
	long long shootdowns;

	start = now();
	for (int i = 0; i < TIMES; i++) {
		*p = i;
		madvise(p, PAGE, MADV_DONTNEED);
	}
	bare = now() - start;

	CHECK_EQ(secmmu_open(&dev, NULL), 0);
	before = stats();
	shootdowns = device_counter("SHOOTDOWNS");
	start = now();
	for (int i = 0; i < TIMES; i++) {
		*p = i;
		madvise(p, PAGE, MADV_DONTNEED);
	}
	with = now() - start;
	s = stats();
	note("%d times touched and dropped: %.3f s without a context, %.3f s with one",
	     TIMES, bare, with);
	CHECK(s.ranges - before.ranges >= TIMES);
	CHECK_EQ(s.shootdowns, before.shootdowns);
	CHECK_EQ(s.resumes, before.resumes);
	CHECK_EQ(device_counter("SHOOTDOWNS"), shootdowns);
	CHECK_EQ(s.table_bytes, before.table_bytes);
	secmmu_close(&dev);
}
