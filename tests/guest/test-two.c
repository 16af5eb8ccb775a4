// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two devices in one machine: a process that uses both has a notifier, an ASID
 * and a table in each, and one memory.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest-test.h"

#define LEN	(1 * MIB)
#define ONES	0x0101010101010101ull
#define DRIVER	"/sys/bus/pci/drivers/secmmu/"

struct side {
	struct secmmu ctx;
	struct secmmu_queue q;
};

static const char *const node[2] = { "/dev/secmmu0", "/dev/secmmu1" };

static void side_open(struct side *side, const char *path,
		      enum secmmu_mode mode)
{
	CHECK_EQ(secmmu_open(&side->ctx, path), 0);
	CHECK_EQ(secmmu_set_mode(&side->ctx, mode), 0);
	CHECK_EQ(secmmu_queue_init(&side->q, &side->ctx, 8, 0), 0);
}

static void side_close(struct side *side)
{
	secmmu_queue_exit(&side->q);
	secmmu_close(&side->ctx);
}

static struct secmmu_stats side_stats(struct side *side)
{
	struct secmmu_stats s;

	CHECK_EQ(secmmu_stats(&side->ctx, &s), 0);
	return s;
}

static uint64_t side_sum(struct side *side, const void *p)
{
	uint64_t sum;

	CHECK_EQ(secmmu_reduce_u64(&side->q, p, LEN / 8, &sum), 0);
	return sum;
}

/* Each device counts in a word of its own, and both in a common one. */
struct counting {
	struct side *side;
	uint64_t *own;
	uint64_t *common;
};

#define COUNTS	400

static void *count(void *arg)
{
	struct counting *c = arg;
	uint64_t old;

	for (uint64_t i = 0; i < COUNTS; i++) {
		CHECK_EQ(secmmu_atomic_add(&c->side->q, c->own, 8, 1, &old),
			 0);
		CHECK_EQ(old, i);
		CHECK_EQ(secmmu_atomic_add(&c->side->q, c->common, 8, 1, NULL),
			 0);
	}
	return NULL;
}

void test_two_devices(void)
{
	uint64_t *words = anon_thp(HUGE, true);
	unsigned char *p = anon(LEN);
	struct counting c[2];
	pthread_t thread[2];
	struct side side[2];

	for (int i = 0; i < 2; i++)
		side_open(&side[i], node[i], SECMMU_MODE_WALK);

	/* What one writes the other reads, across forks and new pages. */
	for (unsigned int i = 1; i < 60; i++) {
		struct side *writer = &side[i % 2], *reader = &side[!(i % 2)];
		pid_t child;

		CHECK_EQ(secmmu_fill(&writer->q, p, ONES * i, LEN), 0);
		CHECK_EQ(side_sum(reader, p), ONES * i * (LEN / 8));
		child = fork();
		CHECK(child >= 0);
		if (!child) {
			usleep(20000);
			_exit(!all_are(p, i, LEN));
		}
		CHECK_EQ(secmmu_fill(&reader->q, p, ONES * (i + 64), LEN), 0);
		CHECK_EQ(side_sum(writer, p), ONES * (i + 64) * (LEN / 8));
		CHECK_EQ(join(child), 0);
		CHECK_EQ(madvise(p, LEN, MADV_DONTNEED), 0);
		CHECK_EQ(side_sum(writer, p), 0);
		CHECK_EQ(side_sum(reader, p), 0);
	}

	/* Both at the same time, while the CPU moves and protects. */
	for (int i = 0; i < 2; i++) {
		c[i] = (struct counting){ &side[i], &words[1 + i], &words[0] };
		CHECK_EQ(pthread_create(&thread[i], NULL, count, &c[i]), 0);
	}
	for (int i = 0; i < 200; i++) {
		pid_t child = fork();

		CHECK(child >= 0);
		if (!child)
			_exit(0);
		madvise(words, HUGE, i % 2 ? MADV_PAGEOUT : MADV_COLD);
		CHECK_EQ(join(child), 0);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	CHECK_EQ(words[0], 2 * COUNTS);
	CHECK_EQ(words[1], COUNTS);
	CHECK_EQ(words[2], COUNTS);
	side_close(&side[0]);
	side_close(&side[1]);
}

/* Both devices in both modes: four address spaces of one process. */
void test_two_shootdowns(void)
{
	struct secmmu_stats before[4], after;
	unsigned char *p = anon_thp(LEN, false);
	struct side side[4];

	for (int i = 0; i < 4; i++)
		side_open(&side[i], node[i / 2],
			  i % 2 ? SECMMU_MODE_SOFT : SECMMU_MODE_WALK);
	CHECK_EQ(side[0].ctx.info.asid, side[2].ctx.info.asid);
	CHECK(side[0].ctx.info.asid != side[1].ctx.info.asid);

	for (int mapped = 0; mapped < 16; mapped++) {
		memset(p, mapped, LEN);
		for (int i = 0; i < 4; i++) {
			if (mapped & 1 << i)
				CHECK_EQ(side_sum(&side[i], p),
					 ONES * mapped * (LEN / 8));
			before[i] = side_stats(&side[i]);
		}
		CHECK_EQ(madvise(p, LEN, MADV_DONTNEED), 0);
		for (int i = 0; i < 4; i++) {
			after = side_stats(&side[i]);
			CHECK_EQ(after.ranges - before[i].ranges, 1);
			CHECK_EQ(after.shootdowns - before[i].shootdowns,
				 !!(mapped & 1 << i));
		}
	}
	for (int i = 0; i < 4; i++)
		side_close(&side[i]);
}

/* The PCI address of /dev/secmmuN, for the driver's bind and unbind. */
static void pci_address(unsigned int n, char *address, size_t len)
{
	char path[64], target[256], *slash;
	ssize_t got;

	snprintf(path, sizeof(path), "/sys/class/misc/secmmu%u/device", n);
	got = readlink(path, target, sizeof(target) - 1);
	CHECK(got > 0);
	target[got] = 0;
	slash = strrchr(target, '/');
	CHECK(slash);
	snprintf(address, len, "%s", slash + 1);
}

void test_two_lives(void)
{
	unsigned char *p = anon(LEN);
	struct side side[2];
	char address[32];

	pci_address(0, address, sizeof(address));
	for (unsigned int round = 1; round < 10; round++) {
		for (int i = 0; i < 2; i++)
			side_open(&side[i], node[i], round % 2);
		CHECK_EQ(secmmu_fill(&side[0].q, p, ONES * round, LEN), 0);
		CHECK_EQ(side_sum(&side[1], p), ONES * round * (LEN / 8));
		/* A job is under way while the device is taken away... */
		secmmu_prep_fill(secmmu_get_desc(&side[0].q), p, 0, LEN);
		CHECK_EQ(secmmu_submit(&side[0].q), 1);
		write_file(DRIVER "unbind", address);
		CHECK_EQ(secmmu_fill(&side[1].q, p, ONES * 100, LEN), 0);
		CHECK(all_are(p, 100, LEN));
		CHECK_EQ(madvise(p, LEN, MADV_DONTNEED), 0);
		CHECK_EQ(side_sum(&side[1], p), 0);
		side_close(&side[0]);
		CHECK_EQ(secmmu_fill(&side[1].q, p, ONES, LEN), 0);
		/* ...and comes back, beside the other. */
		write_file(DRIVER "bind", address);
		for (int i = 0; i < 200 && access(node[0], R_OK); i++)
			usleep(10000);
		side_open(&side[0], node[0], SECMMU_MODE_WALK);
		CHECK_EQ(side_sum(&side[0], p), ONES * (LEN / 8));
		side_close(&side[0]);
		side_close(&side[1]);
	}
}
