// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Waiting for results by other means than secmmu_wait(): poll(), eventfd, many at
 * a time; and queues that are brought back.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest-test.h"

#define LEN		(1 * MIB)
#define SECONDS		1000	/* of poll() */
#define ROUNDS		300

static short polled(int fd, int timeout)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int ret = poll(&p, 1, timeout);

	CHECK(ret >= 0);
	return ret ? p.revents : 0;
}

static void submit_fill(void *p, uint64_t value, uint8_t flags)
{
	struct secmmu_desc *desc = secmmu_get_desc(&queue);

	CHECK(desc);
	secmmu_prep_fill(desc, p, value * 0x0101010101010101ull, LEN);
	secmmu_desc_set_data(desc, value);
	secmmu_desc_set_flags(desc, flags);
	CHECK_EQ(secmmu_submit(&queue), 1);
}

static void submit_nop(uint8_t flags)
{
	struct secmmu_desc *desc = secmmu_get_desc(&queue);

	CHECK(desc);
	secmmu_prep_nop(desc);
	secmmu_desc_set_flags(desc, flags);
	CHECK_EQ(secmmu_submit(&queue), 1);
}

static void take(uint64_t data)
{
	struct secmmu_completion done;

	CHECK_EQ(secmmu_peek(&queue, &done), 0);
	CHECK_EQ(done.status, SECMMU_STATUS_OK);
	CHECK_EQ(done.user_data, data);
}

static int child_polls(void *arg)
{
	CHECK_EQ(polled(dev.fd, 0), POLLERR);
	CHECK_EQ(secmmu_arm(&queue, 1), -EPERM);
	CHECK_EQ(secmmu_eventfd(&queue, -1), -EPERM);
	return 0;
}

/* A sleeper for a nearer result than poll() waits for. */
static void *sleeper(void *arg)
{
	CHECK_EQ(secmmu_wait_ready(&queue, 1, -1), 0);
	return NULL;
}

void test_wait_poll(void)
{
	unsigned char *p = anon(LEN);
	struct epoll_event ev = { .events = EPOLLIN };
	struct secmmu_completion done[3];
	pthread_t thread;
	int epoll;

	open_device();
	CHECK_EQ(polled(dev.fd, 0), 0);
	CHECK_EQ(join(spawn(child_polls, NULL)), 0);

	/* Nobody asked: a result alone is no news. */
	submit_fill(p, 1, 0);
	CHECK_EQ(secmmu_wait_ready(&queue, 1, -1), 0);
	CHECK_EQ(polled(dev.fd, 0), 0);
	/* Asked late: it is there already. And it stays there. */
	CHECK_EQ(secmmu_arm(&queue, 1), 0);
	CHECK_EQ(polled(dev.fd, 0), POLLIN);
	CHECK_EQ(polled(dev.fd, 0), POLLIN);
	take(1);
	/* The next one is not. */
	CHECK_EQ(secmmu_arm(&queue, 1), 0);
	CHECK_EQ(polled(dev.fd, 0), 0);
	submit_fill(p, 2, 0);
	CHECK_EQ(polled(dev.fd, 30 * SECONDS), POLLIN);
	take(2);
	CHECK_EQ(secmmu_arm(&queue, 0), 0);
	CHECK_EQ(polled(dev.fd, 0), 0);

	/* Jobs that end about when poll() begins to sleep. */
	for (unsigned int i = 0; i < ROUNDS; i++) {
		submit_nop(0);
		CHECK_EQ(secmmu_arm(&queue, 1), 0);
		CHECK_EQ(polled(dev.fd, 30 * SECONDS), POLLIN);
		take(0);
	}

	/* One of three is waited for by a thread, all three by epoll. */
	epoll = epoll_create1(EPOLL_CLOEXEC);
	CHECK_EQ(epoll_ctl(epoll, EPOLL_CTL_ADD, dev.fd, &ev), 0);
	for (unsigned int i = 0; i < ROUNDS / 10; i++) {
		CHECK_EQ(secmmu_arm(&queue, 3), 0);
		CHECK_EQ(epoll_wait(epoll, &ev, 1, 0), 0);
		submit_fill(p, 3, 0);
		CHECK_EQ(pthread_create(&thread, NULL, sleeper, NULL), 0);
		CHECK_EQ(pthread_join(thread, NULL), 0);
		submit_fill(p, 4, 0);
		submit_fill(p, 5, 0);
		CHECK_EQ(epoll_wait(epoll, &ev, 1, 30 * SECONDS), 1);
		CHECK_EQ(secmmu_peek_nr(&queue, done, 3), 3);
		CHECK(all_are(p, 5, LEN));
	}
	close(epoll);
}

static uint64_t signalled(int fd, int timeout)
{
	uint64_t count = 0;

	if (polled(fd, timeout))
		CHECK_EQ(read(fd, &count, sizeof(count)),
			 (ssize_t)sizeof(count));
	return count;
}

void test_wait_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), pipes[2];
	struct secmmu_queue_arm arm = { .flags = 2 };
	unsigned char *p = anon(LEN);
	unsigned int got;

	CHECK(fd >= 0);
	CHECK_EQ(pipe(pipes), 0);
	open_device();
	CHECK_EQ(secmmu_eventfd(&queue, pipes[0]), -EINVAL);
	CHECK_EQ(secmmu_eventfd(&queue, 1000), -EBADF);
	CHECK_EQ(secmmu_eventfd(&queue, -2), -EBADF);
	arm.queue = queue.id;
	CHECK_EQ(ioctl(dev.fd, SECMMU_IOC_QUEUE_ARM, &arm), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_EQ(secmmu_eventfd(&queue, fd), 0);

	/* Each job tells, without a call before it. */
	for (unsigned int i = 0; i < ROUNDS; i++) {
		submit_nop(SECMMU_DESC_INTERRUPT);
		CHECK(signalled(fd, 30 * SECONDS));
		take(0);
	}
	/* Many at a time: read, take what is there, sleep. */
	for (unsigned int i = 0; i < 32; i++)
		submit_fill(p, i, i % 2 ? SECMMU_DESC_INTERRUPT : 0);
	for (got = 0; got < 32; ) {
		struct secmmu_completion done[32];

		CHECK(signalled(fd, 30 * SECONDS));
		got += secmmu_peek_nr(&queue, done, 32);
	}
	/*
	 * Jobs that tell nobody, and a target. A result is there before it is
	 * told, so what was told of the jobs before may come only now.
	 */
	submit_fill(p, 1, 0);
	submit_fill(p, 2, 0);
	CHECK_EQ(secmmu_arm(&queue, 2), 0);
	do
		CHECK(signalled(fd, 30 * SECONDS));
	while (!secmmu_done_at(&queue, 1));
	take(1);
	take(2);
	/* Already reached: told all the same. */
	submit_nop(0);
	CHECK_EQ(secmmu_wait_ready(&queue, 1, -1), 0);
	while (signalled(fd, 0))
		;
	CHECK_EQ(secmmu_arm(&queue, 1), 0);
	CHECK(signalled(fd, 0));
	take(0);
	/* Not any more. */
	CHECK_EQ(secmmu_eventfd(&queue, -1), 0);
	while (signalled(fd, 0))
		;
	submit_nop(SECMMU_DESC_INTERRUPT);
	CHECK_EQ(secmmu_wait_ready(&queue, 1, -1), 0);
	CHECK_EQ(signalled(fd, 100), 0);
	/* A queue that ends with one. */
	CHECK_EQ(secmmu_eventfd(&queue, fd), 0);
	close_device();
	CHECK(signalled(fd, 0));
	close(fd);
}

void test_wait_many(void)
{
	const struct secmmu_completion *done;
	struct secmmu_completion out[32];
	unsigned char *p = anon(LEN);
	unsigned int i, data = 0;

	open_device();
	for (unsigned int round = 0; round < 20; round++) {
		for (i = 0; i < 32; i++) {
			struct secmmu_desc *desc = secmmu_get_desc(&queue);

			secmmu_prep_fill(desc, p, i, 4 * PAGE);
			secmmu_desc_set_data(desc, data + i);
		}
		CHECK_EQ(secmmu_submit_and_wait(&queue, 16, -1), 32);
		secmmu_for_each_done(&queue, i, done)
			CHECK_EQ(done->user_data, data + i);
		CHECK(i >= 16);
		secmmu_advance(&queue, i);
		CHECK_EQ(secmmu_wait_nr(&queue, out, 32 - i, -1), 32 - i);
		if (i < 32)
			CHECK_EQ(out[31 - i].user_data, data + 31);
		CHECK_EQ(secmmu_wait_ready(&queue, 1, -1), -ENOENT);
		data += 32;
	}
}

static int late_fd;

static double cpu_seconds(void)
{
	struct rusage u;

	CHECK_EQ(getrusage(RUSAGE_THREAD, &u), 0);
	return u.ru_utime.tv_sec + u.ru_stime.tv_sec +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Brings the page that a job waits for, but after a while. */
static void *brings_late(void *arg)
{
	struct uffdio_zeropage *zero = arg;

	usleep(1000000);
	CHECK_EQ(ioctl(late_fd, UFFDIO_ZEROPAGE, zero), 0);
	return NULL;
}

/* The share of a CPU that a wait of a second takes. */
static double share_of_wait(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_zeropage zero = { 0 };
	unsigned char *p = anon(PAGE);
	double start, cpu;
	pthread_t thread;
	uint32_t crc;

	late_fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	CHECK(late_fd >= 0);
	CHECK_EQ(ioctl(late_fd, UFFDIO_API, &api), 0);
	reg.range.start = (uintptr_t)p;
	reg.range.len = PAGE;
	zero.range = reg.range;
	CHECK_EQ(ioctl(late_fd, UFFDIO_REGISTER, &reg), 0);
	start = now();
	cpu = cpu_seconds();
	CHECK_EQ(pthread_create(&thread, NULL, brings_late, &zero), 0);
	CHECK_EQ(secmmu_crc32c(&queue, p, PAGE, &crc), 0);
	cpu = cpu_seconds() - cpu;
	start = now() - start;
	CHECK_EQ(pthread_join(thread, NULL), 0);
	note("%.0f%% of a CPU in a wait of %.1f s", 100 * cpu / start, start);
	CHECK(start > 0.5);
	close(late_fd);
	return cpu / start;
}

/*
 * Who waits for a long job leaves the CPU to others: the engines, and the workers
 * that serve their faults, may need it. This job takes a second of anybody's
 * clock, so the share does not depend on how busy the host is, but for a guest
 * whose CPU stands still under the waiter: who spins does so each time.
 */
void test_wait_idle(void)
{
	double share = 1;

	open_device();
	for (int i = 0; i < 5 && share >= 0.3; i++)
		share = share_of_wait();
	CHECK(share < 0.3);
}

/* A queue that has stopped by the program's fault, and is used again. */
void test_wait_reset(void)
{
	struct secmmu_desc lost[64], *desc;
	struct secmmu_completion done;
	unsigned char *p = anon(LEN);

	open_device();
	CHECK_EQ(secmmu_queue_reset(&queue, lost, 64), -EBUSY);
	submit_fill(p, 1, 0);
	CHECK_EQ(secmmu_wait_ready(&queue, 1, -1), 0);
	*queue.doorbell = 1000;
	/* Jobs 2 and 3 come after the one that stops it; 4 is not submitted. */
	submit_fill(p, 2, 0);
	submit_fill(p, 3, 0);
	desc = secmmu_get_desc(&queue);
	secmmu_prep_fill(desc, p, 4, LEN);
	secmmu_desc_set_data(desc, 4);
	CHECK_EQ(secmmu_wait_ready(&queue, 2, -1), -EPROTO);
	CHECK_EQ(polled(dev.fd, 0), POLLIN | POLLERR);
	/* What is there is not lost. */
	CHECK_EQ(secmmu_queue_reset(&queue, lost, 64), -EBUSY);
	take(1);
	CHECK_EQ(secmmu_queue_reset(&queue, lost, 2), -ENOSPC);
	CHECK_EQ(secmmu_queue_reset(&queue, lost, 64), 3);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK_EQ(lost[i].user_data, i + 2);
		secmmu_prep_desc(secmmu_get_desc(&queue), &lost[i]);
	}
	CHECK_EQ(polled(dev.fd, 0), 0);
	CHECK_EQ(secmmu_submit_and_wait(&queue, 3, -1), 3);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK_EQ(secmmu_wait(&queue, &done), 0);
		CHECK_EQ(done.status, SECMMU_STATUS_OK);
		CHECK_EQ(done.user_data, i + 2);
	}
	CHECK_EQ(secmmu_fill(&queue, p, 0, LEN), 0);
	CHECK(all_are(p, 0, LEN));
}
