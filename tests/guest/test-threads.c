// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One context in the hands of several threads: one makes and ends queues, the
 * others go through the list of queues in every way that there is. On any
 * kernel, who looks finds what is there; on one with KCSAN, looking and making
 * do not race.
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

#define LOOKERS	(sizeof(lookers) / sizeof(lookers[0]))
#define COUNTERS	"/sys/kernel/debug/secmmu/secmmu0/counters"

static atomic_bool over;
static unsigned char *ring;
static long long lost_interrupts;	/* before this case */

/* The queue that is there all the time is found, and nothing has ended. */
static void look_by_wait(void)
{
	struct secmmu_queue_wait wait = { .queue = queue.id };

	CHECK_EQ(ioctl(dev.fd, SECMMU_IOC_QUEUE_WAIT, &wait), 0);
}

static void look_by_poll(void)
{
	struct pollfd fd = { .fd = dev.fd, .events = POLLIN };

	CHECK_EQ(poll(&fd, 1, 0), 0);
}

static void look_by_fdinfo(void)
{
	char path[64], key[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", dev.fd);
	snprintf(key, sizeof(key), "secmmu-queue-%u:\tidle", queue.id);
	CHECK_EQ(read_key(path, key), 0);
	CHECK(read_key(path, "secmmu-queues:") >= 1);
}

static void look_by_mmap(void)
{
	void *page = mmap(NULL, SECMMU_DOORBELL_SIZE, PROT_WRITE, MAP_SHARED,
			  dev.fd, queue.id * (off_t)SECMMU_DOORBELL_SIZE);

	CHECK(page != MAP_FAILED);
	/* As many as have been submitted: none. */
	*(volatile uint32_t *)page = 0;
	CHECK_EQ(munmap(page, SECMMU_DOORBELL_SIZE), 0);
}

static void look_at_device(void)
{
	CHECK(read_number("/sys/class/misc/secmmu0/queues_used") >= 1);
	CHECK_EQ(read_key(COUNTERS, "lost"), 0);
	CHECK_EQ(read_key(COUNTERS, "lost_interrupts"), lost_interrupts);
}

static void (*const lookers[])(void) = {
	look_by_wait, look_by_poll, look_by_fdinfo, look_by_mmap,
	look_at_device,
};

static void *look(void *arg)
{
	void (*const *looker)(void) = arg;

	while (!atomic_load(&over))
		(*looker)();
	return NULL;
}

/* So many at a time, so that the list changes at both ends and between. */
static void make_and_end(unsigned int nr)
{
	struct secmmu_queue_create made[4];

	for (unsigned int i = 0; i < nr; i++) {
		made[i] = (struct secmmu_queue_create){
			.ring = (uintptr_t)ring,
		};
		CHECK_EQ(ioctl(dev.fd, SECMMU_IOC_QUEUE_CREATE, &made[i]), 0);
	}
	for (unsigned int i = 0; i < nr; i++) {
		struct secmmu_queue_destroy end = { .queue = made[i].queue };

		CHECK_EQ(ioctl(dev.fd, SECMMU_IOC_QUEUE_DESTROY, &end), 0);
	}
}

/*
 * KCSAN, where there is one, waits at one access of so many, so long (in us). On
 * a host with other work one CPU of the guest may be away for milliseconds, and
 * the other must still wait when it comes back.
 */
static void watch(const char *one_of, const char *wait)
{
	if (access("/sys/module/kcsan", F_OK))
		return;
	write_file("/sys/module/kcsan/parameters/skip_watch", one_of);
	write_file("/sys/module/kcsan/parameters/udelay_task", wait);
}

void test_threads_queues(void)
{
	pthread_t thread[LOOKERS];

	watch("300", "2000");
	ring = anon(PAGE);
	lost_interrupts = read_key(COUNTERS, "lost_interrupts");
	open_device();
	for (unsigned int i = 0; i < LOOKERS; i++)
		CHECK_EQ(pthread_create(&thread[i], NULL, look,
					(void *)&lookers[i]), 0);
	for (unsigned int i = 0; i < 600; i++)
		make_and_end(1 + i % 4);
	atomic_store(&over, true);
	for (unsigned int i = 0; i < LOOKERS; i++)
		pthread_join(thread[i], NULL);
	watch("4000", "1000");
}

/* Without this the boots on that kernel would pass and show nothing. */
void test_races_kernel(void)
{
	static const char kcsan[] = "/sys/kernel/debug/kcsan";
	long long before = read_key(kcsan, "setup_watchpoints");
	void *p = anon(MIB);

	CHECK_EQ(read_key(kcsan, "enabled"), 1);
	open_device();
	for (int i = 0; i < 50; i++) {
		CHECK_EQ(secmmu_fill(&queue, p, i, MIB), 0);
		CHECK_EQ(madvise(p, MIB, MADV_DONTNEED), 0);
	}
	note("%lld places watched", read_key(kcsan, "setup_watchpoints") - before);
	CHECK(read_key(kcsan, "setup_watchpoints") - before > 20);
}
