// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A device that loses a shootdown, or takes for ever over one: it is taken off
 * the bus before the kernel is told that its memory is safe, whoever waits is
 * told, and it comes back by itself, for those who open it anew.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest-test.h"
#include "uffd.h"

#define LEN	(1 * MIB)
#define ONES	0x0101010101010101ull

/* A neighbour who has a queue and no job under way when the device is lost. */
struct bystander {
	struct secmmu ctx;
	struct secmmu_queue q;
};

static void bystander_open(struct bystander *by)
{
	CHECK_EQ(secmmu_open(&by->ctx, NULL), 0);
	CHECK_EQ(secmmu_queue_init(&by->q, &by->ctx, 8, 0), 0);
	CHECK_EQ(secmmu_fill(&by->q, anon(LEN), 1, LEN), 0);
}

/* What was open when the device was lost stays lost, after its return too. */
static void bystander_is_out(struct bystander *by)
{
	struct secmmu_queue_create create = { .ring = (uintptr_t)anon(PAGE) };
	struct secmmu_info info;
	struct secmmu_stats s;
	struct secmmu_queue q;
	uint32_t error;
	uint64_t addr;

	CHECK_EQ(secmmu_queue_status(&by->q, &error, &addr), 0);
	CHECK_EQ(error, SECMMU_QUEUE_DEVICE_LOST);
	CHECK_EQ(secmmu_fill(&by->q, anon(LEN), 1, LEN), -ENODEV);
	CHECK_EQ(secmmu_stats(&by->ctx, &s), -ENODEV);
	CHECK_EQ(secmmu_queue_init(&q, &by->ctx, 8, 0), -ENODEV);
	CHECK_EQ(secmmu_set_mode(&by->ctx, SECMMU_MODE_SOFT), -ENODEV);
	CHECK_EQ(ioctl(by->ctx.fd, SECMMU_IOC_INFO, &info), -1);
	CHECK_EQ(errno, ENODEV);
	CHECK_EQ(ioctl(by->ctx.fd, SECMMU_IOC_QUEUE_CREATE, &create), -1);
	CHECK_EQ(errno, ENODEV);
	/* Its doorbell is still mapped, and leads nowhere. */
	*by->q.doorbell = 1;
	secmmu_queue_exit(&by->q);
	secmmu_close(&by->ctx);
}

/* Two threads that sleep, for a job that waits for a page, as the device is lost. */
struct sleepers {
	struct secmmu ctx;
	struct secmmu_queue q;
	pthread_t waiter, poller;
	int uffd;
};

static void *sleeps_in_wait(void *arg)
{
	struct sleepers *s = arg;
	struct secmmu_completion done;

	CHECK_EQ(secmmu_wait_timeout(&s->q, &done, 120000000000ll), -ENODEV);
	return NULL;
}

static void *sleeps_in_poll(void *arg)
{
	struct sleepers *s = arg;
	struct pollfd p = { .fd = s->ctx.fd, .events = POLLIN };

	CHECK_EQ(poll(&p, 1, 120000), 1);
	CHECK_EQ(p.revents, POLLIN | POLLERR | POLLHUP);
	return NULL;
}

static void sleepers_start(struct sleepers *s)
{
	void *missing;

	s->uffd = uffd_open();
	missing = uffd_missing(s->uffd, PAGE);
	CHECK_EQ(secmmu_open(&s->ctx, NULL), 0);
	CHECK_EQ(secmmu_queue_init(&s->q, &s->ctx, 8, 0), 0);
	secmmu_prep_fill(secmmu_get_desc(&s->q), missing, 1, PAGE);
	CHECK_EQ(secmmu_submit(&s->q), 1);
	uffd_await(s->uffd, 1);
	CHECK_EQ(pthread_create(&s->waiter, NULL, sleeps_in_wait, s), 0);
	CHECK_EQ(pthread_create(&s->poller, NULL, sleeps_in_poll, s), 0);
}

static void sleepers_are_told(struct sleepers *s)
{
	double start = now();

	CHECK_EQ(pthread_join(s->waiter, NULL), 0);
	CHECK_EQ(pthread_join(s->poller, NULL), 0);
	/* They were told already; what remains is the machine's. */
	CHECK(now() - start < 30);
	close(s->uffd);
	secmmu_queue_exit(&s->q);
	secmmu_close(&s->ctx);
}

/* Opens the device as soon as it is back; @seconds at most. */
static void open_recovered(unsigned int seconds)
{
	double start = now();
	int ret;

	do {
		ret = secmmu_open(&dev, NULL);
		if (ret)
			usleep(10000);
	} while (ret == -ENODEV && now() - start < seconds);
	CHECK_EQ(ret, 0);
	CHECK_EQ(secmmu_queue_init(&queue, &dev, 64, 0), 0);
	note("back after %.2f s", now() - start);
}

static void works(void)
{
	for (int i = 1; i < 50; i++) {
		unsigned char *p = anon(LEN);

		CHECK_EQ(secmmu_fill(&queue, p, ONES * i, LEN), 0);
		CHECK(all_are(p, i, LEN));
		CHECK_EQ(munmap(p, LEN), 0);
	}
}

/* Jobs and DONTNEED in turn, until the device is lost. */
static void run_until_lost(unsigned char *p)
{
	struct secmmu_completion done;
	double longest = 0;
	int ret = 0, i;

	for (i = 0; i < 100 && !ret; i++) {
		double start;

		ret = secmmu_fill(&queue, p, i, LEN);
		if (ret)
			break;
		/* Work is under way when the mapping goes. */
		secmmu_prep_fill(secmmu_get_desc(&queue), p, ~0ull, LEN);
		CHECK_EQ(secmmu_submit(&queue), 1);
		start = now();
		CHECK_EQ(madvise(p, LEN, MADV_DONTNEED), 0);
		if (now() - start > longest)
			longest = now() - start;
		ret = secmmu_wait(&queue, &done);
	}
	note("lost after %d rounds; the longest madvise took %.1f s", i,
	     longest);
	CHECK_EQ(ret, -ENODEV);
	/* The bound is two seconds; the rest is the machine's. */
	CHECK(longest > 1 && longest < 30);
}

static void memory_is_intact(unsigned char *p)
{
	unsigned char *fresh = anon(4 * LEN);

	/* Nothing lands in memory that was freed to it. */
	memset(fresh, 0x11, 4 * LEN);
	usleep(100000);
	CHECK(all_are(fresh, 0x11, 4 * LEN));
	memset(p, 0x22, LEN);
	CHECK(all_are(p, 0x22, LEN));
	CHECK_EQ(munmap(fresh, 4 * LEN), 0);
}

/* A second device, which is sound, used by the same process all the while. */
static void neighbour_works(struct secmmu_queue *q, unsigned char *p)
{
	CHECK_EQ(secmmu_fill(q, p, ONES, LEN), 0);
	CHECK(all_are(p, 1, LEN));
	CHECK_EQ(madvise(p, LEN, MADV_DONTNEED), 0);
	CHECK_EQ(secmmu_fill(q, p, ONES * 2, LEN), 0);
	CHECK(all_are(p, 2, LEN));
}

void test_lost_shootdown(void)
{
	unsigned char *p = anon(LEN);
	struct secmmu neighbour;
	struct secmmu_queue nq;
	struct sleepers asleep;
	struct bystander by;
	int ret;

	CHECK_EQ(secmmu_open(&neighbour, "/dev/secmmu1"), 0);
	CHECK_EQ(secmmu_queue_init(&nq, &neighbour, 8, 0), 0);
	neighbour_works(&nq, p);
	bystander_open(&by);
	sleepers_start(&asleep);
	open_device();
	run_until_lost(p);
	sleepers_are_told(&asleep);
	neighbour_works(&nq, p);
	memory_is_intact(p);
	/* The doorbell is still mapped and leads nowhere; calls say so. */
	*queue.doorbell = 1;
	ret = secmmu_fill(&queue, p, 1, LEN);
	CHECK(ret == -ENODEV || ret == -EBUSY);
	close_device();

	/* In the same address space, while the bystander is still there. */
	open_recovered(10);
	works();
	bystander_is_out(&by);
	works();
	neighbour_works(&nq, p);
	memory_is_intact(p);
	CHECK_EQ(munmap(p, LEN), 0);
}

static int new_process(void *arg)
{
	open_device();
	works();
	return 0;
}

/* Processes that come later notice nothing. */
void test_lost_afterwards(void)
{
	for (int i = 0; i < 4; i++)
		CHECK_EQ(join(spawn(new_process, NULL)), 0);
}

#define LAST_SHOOTDOWN	19	/* x-dead-shootdown names the next */

struct node {
	struct node *next;
	uint64_t payload;
};

static long long recoveries(void)
{
	return read_number("/sys/class/misc/secmmu0/recoveries");
}

static atomic_bool looks;

/*
 * As soon as the driver says that the device is lost, which needs no register. It
 * says so for a moment only: whoever misses that comes when it is back.
 */
static void *takes_page(void *page)
{
	int fd = open("/sys/class/misc/secmmu0/state", O_RDONLY | O_CLOEXEC);
	long long times = recoveries();
	char state[8] = "";

	CHECK(fd >= 0);
	atomic_store(&looks, true);
	while (strncmp(state, "lost", 4) && recoveries() == times)
		CHECK(pread(fd, state, sizeof(state), 0) > 0);
	close(fd);
	CHECK_EQ(madvise(page, PAGE, MADV_DONTNEED), 0);
	return NULL;
}

/*
 * All shootdowns are lost from now on, and the device is slow to leave the bus.
 * It goes round and round in two pages, which two threads take away: the first
 * one's range cuts the device off, and the second one's comes when it is lost, and
 * waits for nothing. Neither may end as long as the device reads: it audits what
 * it reads.
 */
void test_cut_off(void)
{
	enum { JOBS = 20 };	/* more than can be done in that time */
	struct node *a = anon(PAGE), *b = anon(PAGE);
	unsigned char *p = anon(PAGE);
	struct secmmu_completion done;
	uint64_t checks, writable;
	pthread_t thread;
	double start;
	int ret;

	open_device();
	while (device_counter("SHOOTDOWNS") < LAST_SHOOTDOWN) {
		CHECK_EQ(secmmu_fill(&queue, p, 1, PAGE), 0);
		CHECK_EQ(madvise(p, PAGE, MADV_DONTNEED), 0);
	}
	a->next = b;
	b->next = a;
	for (int i = 0; i < JOBS; i++)
		secmmu_prep_list_walk(secmmu_get_desc(&queue), a,
				      offsetof(struct node, next),
				      offsetof(struct node, payload),
				      SECMMU_MAX_LEN);
	CHECK_EQ(secmmu_submit(&queue), JOBS);
	while (secmmu_resident(&dev, a, PAGE, &writable) != 1 ||
	       secmmu_resident(&dev, b, PAGE, &writable) != 1)
		usleep(1000);
	/* It has both in its TLB when it has been round. */
	for (checks = stats().audit_checks;
	     stats().audit_checks < checks + 1000;)
		usleep(1000);

	CHECK_EQ(pthread_create(&thread, NULL, takes_page, b), 0);
	while (!atomic_load(&looks))
		usleep(1000);
	start = now();
	CHECK_EQ(madvise(a, PAGE, MADV_DONTNEED), 0);
	note("madvise took %.1f s", now() - start);
	CHECK(now() - start > 1 && now() - start < 60);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	do
		ret = secmmu_wait(&queue, &done);
	while (!ret && done.status == SECMMU_STATUS_TRUNCATED);
	CHECK_EQ(ret, -ENODEV);
	close_device();
	open_recovered(60);
	CHECK_EQ(secmmu_fill(&queue, p, ONES, PAGE), 0);
	CHECK(all_are(p, 1, PAGE));
}

/*
 * The device's only engine spends fifteen seconds in each window, which should
 * take microseconds, and so long hangs the CPU that rings a shootdown: longer
 * than the driver puts up with.
 */
void test_hung_engine(void)
{
	unsigned char *p = anon(LEN);
	struct secmmu_completion done;
	struct bystander by;
	double start;

	CHECK_EQ(secmmu_open(&by.ctx, NULL), 0);
	CHECK_EQ(secmmu_queue_init(&by.q, &by.ctx, 8, 0), 0);
	open_device();
	secmmu_prep_fill(secmmu_get_desc(&queue), p, 1, LEN);
	CHECK_EQ(secmmu_submit(&queue), 1);
	/* In the first window it finds no page of the ring. */
	start = now();
	while (!stats().pages_resident && now() - start < 60)
		usleep(10000);
	/* In the second it has one: here it goes. */
	usleep(100000);
	start = now();
	CHECK_EQ(madvise(queue.ring, PAGE, MADV_DONTNEED), 0);
	note("madvise took %.1f s", now() - start);
	CHECK(now() - start > 5 && now() - start < 60);
	CHECK_EQ(secmmu_wait(&queue, &done), -ENODEV);
	memory_is_intact(p);
	close_device();
	open_recovered(60);
	bystander_is_out(&by);
}
