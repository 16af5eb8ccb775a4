// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Soft-TLB mode: choosing it, both modes side by side, and what is not there:
 * walks and lookups. That jobs do the same in both modes is not shown here, but
 * by running all other cases in each (the boots main-soft and swap-soft).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest-test.h"

#define LEN	(1 * MIB)
#define ONES	0x0101010101010101ull

/* A context of its own mode, whatever SECMMU_MODE says. */
struct side {
	struct secmmu ctx;
	struct secmmu_queue q;
};

static void side_open(struct side *side, enum secmmu_mode mode)
{
	CHECK_EQ(secmmu_open(&side->ctx, NULL), 0);
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

static int child_sets_mode(void *arg)
{
	return secmmu_set_mode(arg, SECMMU_MODE_SOFT) != -EPERM;
}

void test_soft_choice(void)
{
	struct secmmu_set_mode bad = { .mode = SECMMU_MODE_SOFT,
				       .reserved = 1 };
	struct side side;
	uint32_t asid;

	side_open(&side, SECMMU_MODE_WALK);
	/* A queue fixes the mode; asking for the one that it has is no change. */
	CHECK_EQ(secmmu_set_mode(&side.ctx, SECMMU_MODE_SOFT), -EBUSY);
	CHECK_EQ(secmmu_set_mode(&side.ctx, SECMMU_MODE_WALK), 0);
	CHECK_EQ(secmmu_set_mode(&side.ctx, SECMMU_MODE_NR), -EINVAL);
	CHECK(ioctl(side.ctx.fd, SECMMU_IOC_MODE, &bad) < 0);
	CHECK_EQ(errno, EINVAL);
	CHECK_EQ(join(spawn(child_sets_mode, &side.ctx)), 0);

	/* Back and forth while there is none. */
	secmmu_queue_exit(&side.q);
	asid = side.ctx.info.asid;
	for (int i = 0; i < 50; i++) {
		CHECK_EQ(secmmu_set_mode(&side.ctx, SECMMU_MODE_SOFT), 0);
		CHECK_EQ(secmmu_set_mode(&side.ctx, SECMMU_MODE_WALK), 0);
	}
	CHECK_EQ(side.ctx.info.asid, asid);
	CHECK_EQ(secmmu_set_mode(&side.ctx, SECMMU_MODE_SOFT), 0);
	CHECK_EQ(secmmu_queue_init(&side.q, &side.ctx, 8, 0), 0);
	CHECK_EQ(secmmu_fill(&side.q, anon(LEN), 1, LEN), 0);
	side_close(&side);

	setenv("SECMMU_MODE", "hard", 1);
	CHECK_EQ(secmmu_open(&side.ctx, NULL), -EINVAL);
	unsetenv("SECMMU_MODE");
}

/* Both kinds of context in one process, on the same memory. */
void test_soft_beside_walk(void)
{
	unsigned char *p = anon(LEN);
	struct side walk, soft;
	uint64_t sum;

	side_open(&walk, SECMMU_MODE_WALK);
	side_open(&soft, SECMMU_MODE_SOFT);
	CHECK(walk.ctx.info.asid != soft.ctx.info.asid);
	for (unsigned int i = 1; i < 40; i++) {
		pid_t child;

		CHECK_EQ(secmmu_fill(&walk.q, p, ONES * i, LEN), 0);
		CHECK_EQ(secmmu_reduce_u64(&soft.q, (void *)p, LEN / 8, &sum),
			 0);
		CHECK_EQ(sum, ONES * i * (LEN / 8));
		child = fork();
		CHECK(child >= 0);
		if (!child) {
			usleep(20000);
			_exit(!all_are(p, i, LEN));
		}
		CHECK_EQ(secmmu_fill(&soft.q, p, ONES * (i + 100), LEN), 0);
		CHECK_EQ(secmmu_reduce_u64(&walk.q, (void *)p, LEN / 8, &sum),
			 0);
		CHECK_EQ(sum, ONES * (i + 100) * (LEN / 8));
		CHECK(all_are(p, i + 100, LEN));
		CHECK_EQ(join(child), 0);
		CHECK_EQ(madvise(p, LEN, MADV_DONTNEED), 0);
		CHECK_EQ(secmmu_reduce_u64(&soft.q, (void *)p, LEN / 8, &sum),
			 0);
		CHECK_EQ(sum, 0);
	}
	/* The end of one is not the end of the other. */
	side_close(&walk);
	CHECK_EQ(secmmu_fill(&soft.q, p, ONES, LEN), 0);
	side_open(&walk, SECMMU_MODE_WALK);
	side_close(&soft);
	CHECK_EQ(secmmu_fill(&walk.q, p, ONES * 2, LEN), 0);
	CHECK(all_are(p, 2, LEN));
	side_close(&walk);
}

/* No table is walked; what the TLB has evicted is not looked up again. */
void test_soft_no_walks(void)
{
	struct secmmu_stats before, first, second;
	struct side soft;
	uint64_t *p, sum;
	size_t len;

	side_open(&soft, SECMMU_MODE_SOFT);
	len = 3 * PAGE * soft.ctx.info.tlb_entries;
	p = anon_thp(len, false);
	before = side_stats(&soft);
	CHECK_EQ(secmmu_fill(&soft.q, p, 3, len), 0);
	first = side_stats(&soft);
	CHECK_EQ(secmmu_reduce_u64(&soft.q, p, len / 8, &sum), 0);
	CHECK_EQ(sum, 3 * (len / 8));
	second = side_stats(&soft);
	note("%zu MiB twice through %u TLB entries: faults %llu and %llu, pages looked up %llu and %llu, drop-ins %llu and %llu",
	     len / MIB, soft.ctx.info.tlb_entries,
	     (unsigned long long)(first.faults - before.faults),
	     (unsigned long long)(second.faults - first.faults),
	     (unsigned long long)(first.pages_mapped - before.pages_mapped),
	     (unsigned long long)(second.pages_mapped - first.pages_mapped),
	     (unsigned long long)(first.dropins - before.dropins),
	     (unsigned long long)(second.dropins - first.dropins));
	CHECK_EQ(second.walks, before.walks);
	CHECK(first.pages_mapped - before.pages_mapped >= len / PAGE);
	CHECK(second.faults > first.faults);
	CHECK(second.refills > first.refills);
	/* But for a page that the kernel has moved meanwhile. */
	CHECK(second.pages_mapped - first.pages_mapped < len / PAGE / 16);
	CHECK(second.dropins - first.dropins >= len / PAGE / 2);
	side_close(&soft);

	side_open(&soft, SECMMU_MODE_WALK);
	CHECK_EQ(secmmu_fill(&soft.q, p, 4, len), 0);
	first = side_stats(&soft);
	CHECK_EQ(first.dropins, 0);
	CHECK(first.walks > second.walks);
	side_close(&soft);
}
