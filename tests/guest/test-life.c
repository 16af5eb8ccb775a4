// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Processes: several at a time, children, exits, kills, and the module itself.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bus.h"
#include "guest-test.h"

#define LEN	(1 * MIB)

/* fork: the parent's device and CPU write, the child's memory stays. */
void test_fork_cow(void)
{
	unsigned char *p = anon(LEN);
	int go[2];

	open_device();
	for (int round = 0; round < 10; round++) {
		unsigned char c;
		pid_t child;

		CHECK_EQ(pipe(go), 0);
		CHECK_EQ(secmmu_fill(&queue, p, 0x0101010101010101ull, LEN),
			 0);
		child = fork();
		CHECK(child >= 0);
		if (!child) {
			/* After the parent's device has written... */
			if (read(go[0], &c, 1) != 1 || !all_are(p, 1, LEN))
				_exit(1);
			/* ...and what we write is not the parent's. */
			memset(p, 3, LEN);
			_exit(0);
		}
		CHECK_EQ(secmmu_fill(&queue, p, 0x0202020202020202ull, LEN),
			 0);
		CHECK_EQ(write(go[1], "", 1), 1);
		CHECK_EQ(join(child), 0);
		CHECK(all_are(p, 2, LEN));
		close(go[0]);
		close(go[1]);
	}
}

/* Forks while jobs run: each child keeps a snapshot that does not change. */
void test_fork_under_jobs(void)
{
	size_t len = 4 * MIB;
	unsigned char *p = anon(len);
	unsigned int under_way = 0, last = 0;
	struct secmmu_completion done;

	open_device();
	memset(p, 0, len);
	for (int round = 0; round < 15; round++) {
		pid_t child;

		while (under_way < 8) {
			secmmu_prep_fill(secmmu_get_desc(&queue), p,
					 0x0101010101010101ull * (++last & 127),
					 len);
			under_way++;
		}
		CHECK(secmmu_submit(&queue) > 0);
		child = fork();
		CHECK(child >= 0);
		if (!child) {
			unsigned char *copy = malloc(len);

			memcpy(copy, p, len);
			usleep(30000);
			_exit(!!memcmp(copy, p, len));
		}
		for (int i = 0; i < 4; i++, under_way--) {
			CHECK_EQ(secmmu_wait(&queue, &done), 0);
			CHECK_EQ(done.status, SECMMU_STATUS_OK);
		}
		CHECK_EQ(join(child), 0);
	}
	for (; under_way; under_way--)
		CHECK_EQ(secmmu_wait(&queue, &done), 0);
	CHECK(all_are(p, last & 127, len));
}

static int use_inherited(void *arg)
{
	struct secmmu_queue_wait wait = { .queue = queue.id };
	struct secmmu_info info;
	struct secmmu_desc *desc;
	unsigned char vec;
	void *doorbell = (void *)queue.doorbell;

	if (ioctl(dev.fd, SECMMU_IOC_INFO, &info) == 0 || errno != EPERM)
		return 1;
	if (ioctl(dev.fd, SECMMU_IOC_QUEUE_WAIT, &wait) == 0 ||
	    errno != EPERM)
		return 2;
	if (mmap(NULL, SECMMU_DOORBELL_SIZE, PROT_WRITE, MAP_SHARED, dev.fd,
		 queue.id * (off_t)SECMMU_DOORBELL_SIZE) != MAP_FAILED ||
	    errno != EPERM)
		return 3;
	/* The doorbell page is not mapped here... */
	if (mincore(doorbell, SECMMU_DOORBELL_SIZE, &vec) == 0 ||
	    errno != ENOMEM)
		return 4;
	/* ...and the library does not touch it. */
	desc = secmmu_get_desc(&queue);
	secmmu_prep_nop(desc);
	if (secmmu_submit(&queue) != -EPERM)
		return 5;
	return 0;
}

void test_child_is_refused(void)
{
	open_device();
	CHECK_EQ(join(spawn(use_inherited, NULL)), 0);
	CHECK_EQ(secmmu_fill(&queue, anon(PAGE), 1, PAGE), 0);
}

void test_two_opens(void)
{
	struct secmmu second;
	struct secmmu_queue q2;
	unsigned char *p = anon(LEN);
	uint64_t sum;

	open_device();
	CHECK_EQ(secmmu_open(&second, NULL), 0);
	CHECK_EQ(secmmu_queue_init(&q2, &second, 8, 0), 0);
	/* One mm, one ASID, one notifier, one table. */
	CHECK_EQ(second.info.asid, dev.info.asid);
	CHECK_EQ(secmmu_fill(&queue, p, 1, LEN), 0);
	CHECK_EQ(secmmu_reduce_u64(&q2, (void *)p, LEN / 8, &sum), 0);
	CHECK_EQ(sum, LEN / 8);
	/* Each other's queues are nobody's. */
	struct secmmu_queue_destroy destroy = { .queue = q2.id };

	CHECK(ioctl(dev.fd, SECMMU_IOC_QUEUE_DESTROY, &destroy) < 0);
	CHECK_EQ(errno, ENOENT);
	/* The first close leaves the address space to the other. */
	close_device();
	CHECK_EQ(secmmu_fill(&q2, p, 2, LEN), 0);
	CHECK_EQ(madvise(p, LEN, MADV_DONTNEED), 0);
	CHECK_EQ(secmmu_reduce_u64(&q2, (void *)p, LEN / 8, &sum), 0);
	CHECK_EQ(sum, 0);
	secmmu_queue_exit(&q2);
	secmmu_close(&second);
	open_device();
	CHECK_EQ(secmmu_fill(&queue, p, 3, LEN), 0);
}

#define SAME_VA ((void *)0x600000000000)

/* Two processes with different bytes at the same address, at the same time. */
static int same_va(void *arg)
{
	uint64_t mine = (uintptr_t)arg, sum;
	uint64_t *p = mmap(SAME_VA, LEN, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (p == MAP_FAILED)
		return 1;
	open_device();
	for (int i = 0; i < 100; i++) {
		if (secmmu_fill(&queue, p, mine + i, LEN) ||
		    secmmu_reduce_u64(&queue, p, LEN / 8, &sum) ||
		    sum != (mine + i) * (LEN / 8) || p[LEN / 16] != mine + i)
			return 2;
		if (i % 10 == 0)
			madvise(p, LEN, MADV_DONTNEED);
	}
	return 0;
}

void test_two_processes(void)
{
	pid_t child[4];

	for (uintptr_t i = 0; i < 4; i++)
		child[i] = spawn(same_va, (void *)(1000 * (i + 1)));
	for (int i = 0; i < 4; i++)
		CHECK_EQ(join(child[i]), 0);
}

static int work_for_ever(void *arg)
{
	size_t len = 8 * MIB;
	unsigned char *p = anon(len);
	struct secmmu_completion done;
	int *ready = arg;

	open_device();
	for (unsigned int i = 0;; i++) {
		struct secmmu_desc *desc = secmmu_get_desc(&queue);

		if (!desc) {
			secmmu_wait(&queue, &done);
			continue;
		}
		secmmu_prep_fill(desc, p, i, len);
		secmmu_submit(&queue);
		if (i == 3 && write(ready[1], "", 1) != 1)
			return 1;
		if (i % 8 == 7)
			madvise(p, len, MADV_DONTNEED);
	}
	return 0;
}

/* kill -9 in the middle of a job; the device is free again afterwards. */
void test_kill(void)
{
	long long before = 0, lost;

	for (int round = 0; round < 30; round++) {
		int ready[2];
		pid_t child;
		char c;

		CHECK_EQ(pipe(ready), 0);
		child = spawn(work_for_ever, ready);
		CHECK_EQ(read(ready[0], &c, 1), 1);
		usleep(round * 700);
		CHECK_EQ(kill(child, SIGKILL), 0);
		CHECK_EQ(join(child), 128 + SIGKILL);
		close(ready[0]);
		close(ready[1]);
		if (round == 4)
			before = footprint().free;
	}
	/* A worker that serves a fault may have the last one's memory yet. */
	lost = memory_lost(before, 32 * 1024);
	note("%lld KiB free after 5 kills, %+lld KiB after 30", before, -lost);
	CHECK(lost < 32 * 1024);
	open_device();
	CHECK_EQ(secmmu_fill(&queue, anon(LEN), 1, LEN), 0);
}

#define EXEC_JOBS	60

static int exec_self(void *arg)
{
	size_t len = 2 * MIB;
	unsigned char *p = anon(len);

	open_device();
	if (secmmu_fill(&queue, p, 1, len))
		return 1;
	/* More work than an exec takes, and none of it needs a fault. */
	for (unsigned int i = 0; i < EXEC_JOBS; i++)
		secmmu_prep_fill(secmmu_get_desc(&queue), p, i, len);
	if (secmmu_submit(&queue) != EXEC_JOBS)
		return 2;
	/* The fd without close-on-exec: the file survives, the mm does not. */
	fcntl(dev.fd, F_SETFD, 0);
	execl("/bin/busybox", "true", NULL);
	return 3;
}

void test_exec(void)
{
	for (int i = 0; i < 20; i++)
		CHECK_EQ(join(spawn(exec_self, NULL)), 0);
	open_device();
	CHECK_EQ(secmmu_fill(&queue, anon(LEN), 1, LEN), 0);
}

static int many_queues(void *arg)
{
	struct secmmu_queue q[8];
	unsigned char *p = anon(8 * LEN);

	if (secmmu_open(&dev, NULL))
		return 1;
	for (int i = 0; i < 8; i++)
		if (secmmu_queue_init(&q[i], &dev, 4, 0))
			return 2;
	for (int i = 0; i < 8; i++) {
		secmmu_prep_fill(secmmu_get_desc(&q[i]), p + i * LEN, i, LEN);
		if (secmmu_submit(&q[i]) != 1)
			return 3;
	}
	/* Half are ended with their jobs under way, half with the process. */
	for (int i = 0; i < 4; i++)
		secmmu_queue_exit(&q[i]);
	return 0;
}

void test_queues_come_and_go(void)
{
	for (int i = 0; i < 40; i++)
		CHECK_EQ(join(spawn(many_queues, NULL)), 0);
}

static int delete_module(void)
{
	return syscall(SYS_delete_module, "secmmu", O_NONBLOCK);
}

void test_rmmod(void)
{
	for (int i = 0; i < 5; i++) {
		open_device();
		CHECK_EQ(secmmu_fill(&queue, anon(LEN), 1, LEN), 0);
		CHECK_EQ(delete_module(), -1);
		CHECK(errno == EWOULDBLOCK || errno == EBUSY);
		CHECK_EQ(secmmu_fill(&queue, anon(LEN), 1, LEN), 0);
		close_device();
		unload_module();
		CHECK(access("/dev/secmmu0", F_OK) < 0);
		load_module();
	}
	open_device();
	CHECK_EQ(secmmu_fill(&queue, anon(LEN), 1, LEN), 0);
}
