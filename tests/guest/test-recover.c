// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program that does not end with its device: from the moment in which it is told,
 * its memory is its own; it opens the device again in place, is told which jobs were
 * lost, and submits them again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bus.h"
#include "guest-test.h"

#define LEN	(1 * MIB)
#define JOBS	16

static unsigned char *area;
static uint64_t next_id, next_done;

/* Job n writes n over its own part. */
static void submit(unsigned int nr)
{
	for (; nr; nr--, next_id++) {
		struct secmmu_desc *desc = secmmu_get_desc(&queue);

		CHECK(desc);
		secmmu_prep_fill(desc, area + next_id % JOBS * LEN,
				 next_id % 251 * 0x0101010101010101ull, LEN);
		secmmu_desc_set_data(desc, next_id);
	}
	CHECK(secmmu_submit(&queue) > 0);
}

/* Takes what there is, in order. */
static int take_all(void)
{
	struct secmmu_completion done;
	int ret;

	while (!(ret = secmmu_wait(&queue, &done))) {
		CHECK_EQ(done.status, SECMMU_STATUS_OK);
		CHECK_EQ(done.user_data, next_done);
		next_done++;
	}
	return ret;
}

/* Rounds of jobs, with mappings that go, until the device loses a shootdown. */
static void run_until_lost(void)
{
	int ret = -ENOENT;

	for (unsigned int i = 0; i < 50 && ret == -ENOENT; i++) {
		submit(JOBS);
		CHECK_EQ(madvise(area, JOBS * LEN, MADV_DONTNEED), 0);
		ret = take_all();
	}
	CHECK_EQ(ret, -ENODEV);
}

static short polled(void)
{
	struct pollfd p = { .fd = dev.fd, .events = POLLIN };

	return poll(&p, 1, 0) ? p.revents : 0;
}

void test_recover_jobs(void)
{
	struct secmmu_desc lost[64];
	struct secmmu other;
	struct secmmu_queue oq;
	int fd, nr;

	area = anon(JOBS * LEN);
	open_device();
	/* Of another context, with nothing under way. */
	CHECK_EQ(secmmu_open(&other, NULL), 0);
	CHECK_EQ(secmmu_queue_init(&oq, &other, 8, 0), 0);
	CHECK_EQ(secmmu_recover(&dev, 0), 0);	/* is not lost: nothing */
	fd = dev.fd;
	run_until_lost();
	CHECK_EQ(polled(), POLLIN | POLLERR | POLLHUP);
	CHECK_EQ(secmmu_queue_reset(&queue, lost, 64), -ENODEV);

	CHECK_EQ(secmmu_recover(&dev, 60000000000ll), 0);
	CHECK_EQ(dev.fd, fd);
	CHECK_EQ(polled(), 0);
	CHECK_EQ(secmmu_arm(&queue, 1), -ENODEV);
	nr = secmmu_queue_reset(&queue, lost, 64);
	note("%d jobs lost after %llu", nr, (unsigned long long)next_done);
	CHECK_EQ(nr, next_id - next_done);
	CHECK(nr > 0);
	for (int i = 0; i < nr; i++) {
		CHECK_EQ(lost[i].user_data, next_done + i);
		secmmu_prep_desc(secmmu_get_desc(&queue), &lost[i]);
	}
	/* The last write of each part, done again where it did not end. */
	CHECK_EQ(secmmu_submit(&queue), nr);
	CHECK_EQ(take_all(), -ENOENT);
	CHECK_EQ(next_done, next_id);
	submit(JOBS);
	CHECK_EQ(take_all(), -ENOENT);
	for (uint64_t id = next_id - JOBS; id < next_id; id++)
		CHECK(all_are(area + id % JOBS * LEN, id % 251, LEN));

	/* Each context for itself; ending a queue of before is no harm. */
	CHECK_EQ(secmmu_fill(&oq, area, 1, LEN), -ENODEV);
	CHECK_EQ(secmmu_recover(&other, 60000000000ll), 0);
	secmmu_queue_exit(&oq);
	CHECK_EQ(secmmu_queue_init(&oq, &other, 8, 0), 0);
	CHECK_EQ(secmmu_fill(&oq, area, 1, LEN), 0);
	submit(JOBS);
	CHECK_EQ(take_all(), -ENOENT);
	secmmu_queue_exit(&oq);
	secmmu_close(&other);
	close_device();
}

static void *unbinds(void *unused)
{
	bus_unbind();
	return unused;
}

/*
 * A device that is unbound in the middle of jobs. Who is told of it writes to the
 * jobs' memory at once, and that stays written, although it takes the driver a while
 * to tell all the others.
 */
void test_told_last(void)
{
	enum { OTHERS = 900, MANY = 1024 };
	struct secmmu_completion done;
	struct secmmu other[OTHERS];
	struct secmmu_queue q;
	unsigned int late = 0;
	unsigned char *last;
	pthread_t thread;
	int ret;

	area = anon(JOBS * LEN);
	last = area + (JOBS - 1) * LEN + LEN - PAGE;
	memset(area, 0, JOBS * LEN);
	/* A round in which all was done before it was gone does not count. */
	for (unsigned int i = 0; i < 5 + late; i++) {
		for (int j = 0; j < OTHERS / 2; j++)
			CHECK_EQ(secmmu_open(&other[j], NULL), 0);
		open_device();
		for (int j = OTHERS / 2; j < OTHERS; j++)
			CHECK_EQ(secmmu_open(&other[j], NULL), 0);
		CHECK_EQ(secmmu_queue_init(&q, &dev, MANY, 0), 0);
		CHECK_EQ(secmmu_prefetch(&dev, area, JOBS * LEN, 1),
			 JOBS * LEN / PAGE);
		/* More than are done before it is gone. */
		for (unsigned int j = 0; j < MANY; j++)
			secmmu_prep_fill(secmmu_get_desc(&q), area, j,
					 JOBS * LEN);
		CHECK_EQ(secmmu_submit(&q), MANY);
		CHECK_EQ(secmmu_wait(&q, &done), 0);
		CHECK_EQ(pthread_create(&thread, NULL, unbinds, NULL), 0);
		while (!(ret = secmmu_wait(&q, &done)))
			CHECK_EQ(done.status, SECMMU_STATUS_OK);
		memset(last, 0xee, PAGE);
		CHECK(ret == -ENODEV || (ret == -ENOENT && ++late < 10));
		CHECK_EQ(pthread_join(thread, NULL), 0);
		usleep(20000);
		CHECK(all_are(last, 0xee, PAGE));
		secmmu_queue_exit(&q);
		close_device();
		for (int j = 0; j < OTHERS; j++)
			secmmu_close(&other[j]);
		bus_bind();
	}
}
