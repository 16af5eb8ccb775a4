// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interrupts that get lost, or come twice: work goes on, later than it should
 * but not much, and nothing is done twice.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest-test.h"

#define ROUNDS	60
#define PAGES	8ul
/* Rounds that may take 5 s: the machine may stand still, but not so often. */
#define SLOW	4

/*
 * The device loses every second message and repeats the others. Each round has
 * a few faults and a wait, so about every round loses something. Without the
 * driver's watch the second round would hang for ever.
 */
void test_lossy_interrupts(void)
{
	struct secmmu_stats before, after;
	double longest = 0, start = now();
	unsigned int slow = 0;
	uint64_t old;

	open_device();
	before = stats();
	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t *p = anon(PAGES * PAGE);
		double began = now();

		CHECK_EQ(secmmu_fill(&queue, p, i, PAGES * PAGE), 0);
		/* An atomic: what is done twice shows. */
		CHECK_EQ(secmmu_atomic_add(&queue, p, 8, 1, &old), 0);
		CHECK_EQ(old, i);
		CHECK_EQ(p[0], i + 1);
		CHECK_EQ(p[PAGES * PAGE / 8 - 1], i);
		if (now() - began > longest)
			longest = now() - began;
		slow += now() - began > 5;
		CHECK_EQ(munmap(p, PAGES * PAGE), 0);
	}
	after = stats();
	note("%u rounds, %llu faults, in %.1f s; the longest round %.2f s",
	     ROUNDS, (unsigned long long)(after.faults - before.faults),
	     now() - start, longest);
	/* A page is faulted in once or twice, however often one is told. */
	CHECK(after.faults - before.faults < ROUNDS * 6);
	CHECK(slow < SLOW);
	CHECK_EQ(after.failed, before.failed);
}

/* A sleeper is woken although the message of its completion is lost. */
void test_lossy_waits(void)
{
	unsigned char *p = anon(64 * MIB);
	struct secmmu_completion done;
	double longest = 0;

	open_device();
	for (int i = 0; i < 20; i++) {
		double began = now();

		/* Long enough that the wait is a sleep. */
		secmmu_prep_fill(secmmu_get_desc(&queue), p, i, 64 * MIB);
		CHECK_EQ(secmmu_submit(&queue), 1);
		CHECK_EQ(secmmu_wait_timeout(&queue, &done, 30000000000ll),
			 0);
		CHECK_EQ(done.status, SECMMU_STATUS_OK);
		/* The first has all the faults. */
		if (i && now() - began > longest)
			longest = now() - began;
	}
	note("the longest wait took %.2f s", longest);
	CHECK(longest < 10);
}

/* Nor is it lost on those who sleep in poll(), or for an eventfd. */
void test_lossy_poll(void)
{
	struct pollfd p[2] = {
		{ .events = POLLIN },
		{ .fd = eventfd(0, EFD_CLOEXEC), .events = POLLIN },
	};
	double longest = 0;
	unsigned int slow = 0;
	uint64_t count;

	open_device();
	p[0].fd = dev.fd;
	CHECK(p[1].fd >= 0);
	CHECK_EQ(secmmu_eventfd(&queue, p[1].fd), 0);
	for (int i = 0; i < ROUNDS; i++) {
		struct secmmu_completion done;
		double began = now();

		secmmu_prep_nop(secmmu_get_desc(&queue));
		CHECK_EQ(secmmu_submit(&queue), 1);
		CHECK_EQ(secmmu_arm(&queue, 1), 0);
		CHECK_EQ(poll(&p[i % 2], 1, 30000), 1);
		if (i % 2)
			CHECK_EQ(read(p[1].fd, &count, 8), 8);
		/* An eventfd may be early: of the round before. */
		CHECK_EQ(secmmu_wait(&queue, &done), 0);
		if (now() - began > longest)
			longest = now() - began;
		slow += now() - began > 5;
	}
	note("the longest round took %.2f s", longest);
	CHECK(slow < SLOW);
}

/*
 * On one CPU the driver does not ask the device to be silent, since it could not
 * take that back: each event has its interrupt. Faults in a row are where it does
 * ask elsewhere.
 */
void test_one_cpu(void)
{
	long long events, interrupts;

	open_device();
	events = device_counter("EVENTS");
	interrupts = device_counter("INTERRUPTS");
	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t *p = anon(16 * PAGE);
		struct secmmu_completion done;

		for (unsigned int page = 0; page < 16; page++)
			secmmu_prep_fill(secmmu_get_desc(&queue),
					 p + page * PAGE / 8, i, 8);
		CHECK_EQ(secmmu_submit(&queue), 16);
		for (unsigned int page = 0; page < 16; page++) {
			CHECK_EQ(secmmu_wait(&queue, &done), 0);
			CHECK_EQ(done.status, SECMMU_STATUS_OK);
		}
		CHECK_EQ(munmap(p, 16 * PAGE), 0);
	}
	/* Then the device is through with the last of them. */
	close_device();
	events = device_counter("EVENTS") - events;
	interrupts = device_counter("INTERRUPTS") - interrupts;
	note("%lld events, %lld interrupts", events, interrupts);
	CHECK(events >= ROUNDS);
	CHECK_EQ(interrupts, events);
}

/* Ends without a word, as most processes do. */
static int short_life(void *arg)
{
	unsigned char *p = anon(PAGE);

	open_device();
	for (int i = 0; i < 3; i++)
		if (secmmu_fill(&queue, p, i, PAGE))
			return 1;
	return 0;
}

/*
 * The end of a process stops its queues, which the device tells in an event that
 * nobody may have read when the next process is given the same queue: it is not
 * the next one's.
 */
void test_lossy_stale(void)
{
	for (int i = 0; i < 60; i++)
		CHECK_EQ(join(spawn(short_life, NULL)), 0);
}
