// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Ageing: reclaim sees what the device uses. Of two sets of pages that the
 * device has filled, it goes on using one while the CPU fills a cgroup to its
 * limit many times over: that one must stay, the other must go.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "guest-test.h"

/*
 * One set fits into half of the limit, both do not: the classic lists have no
 * reason to look at pages once found active while those are the lesser part.
 */
#define LIMIT	(7 * MIB)
#define SET	(3 * MIB)	/* fits into the TLB, which would hide its use */
#define STEP	(1 * MIB)
#define STREAM	(32 * MIB)
#define ROUNDS	4

/* Percent of a set. */
static unsigned int resident(void *p)
{
	static unsigned char vec[SET / PAGE];
	unsigned int nr = 0;

	CHECK_EQ(mincore(p, SET, vec), 0);
	for (unsigned int i = 0; i < SET / PAGE; i++)
		nr += vec[i] & 1;
	return nr * 100 / (SET / PAGE);
}

/* At least this much of what the device uses is there when it comes back. */
#define KEPT		95
/*
 * The multi-generational LRU of newer kernels keeps less of what only a device
 * uses: 92% to 94% on 6.12, with a shootdown for each page that is aged as well
 * as with one for many; 87% to 90% with a driver that finds nothing young.
 */
#define KEPT_NEWER_MGLRU 90

static bool newer_than_6_1(void)
{
	unsigned int major, minor;
	struct utsname uts;

	CHECK_EQ(uname(&uts), 0);
	CHECK_EQ(sscanf(uts.release, "%u.%u", &major, &minor), 2);
	return major > 6 || (major == 6 && minor > 1);
}

static void ageing(const char *name, const char *lru_gen,
		   unsigned int least)
{
	struct secmmu_stats before, after;
	unsigned int kept = 0, idle_kept;
	uint64_t *hot, *idle, *stream, sum;
	unsigned int passes = 0;

	write_file("/sys/kernel/mm/lru_gen/enabled", lru_gen);
	swap_on_zram(640 * MIB);
	cgroup_enter(name, LIMIT);
	open_device();
	hot = anon_thp(SET, false);
	idle = anon_thp(SET, false);
	stream = anon_thp(STREAM, false);
	CHECK_EQ(secmmu_fill(&queue, hot, 1, SET), 0);
	CHECK_EQ(secmmu_fill(&queue, idle, 1, SET), 0);
	before = stats();

	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < STREAM / 8; i += STEP / 8, passes++) {
			for (size_t k = i; k < i + STEP / 8; k += PAGE / 8)
				stream[k] += k;
			kept += resident(hot);
			CHECK_EQ(secmmu_reduce_u64(&queue, hot, SET / 8, &sum),
				 0);
			CHECK_EQ(sum, SET / 8);
		}
	}
	after = stats();
	kept /= passes;
	idle_kept = resident(idle);
	note("%u passes of the device: it found %u%% of its pages there, %llu of %llu were mapped anew; of those it did not use %u%% are left",
	     passes, kept,
	     (unsigned long long)(after.pages_mapped - before.pages_mapped),
	     (unsigned long long)passes * SET / PAGE, idle_kept);
	note("found young %llu times; shootdowns %llu, of them for ageing %llu",
	     (unsigned long long)(after.aged - before.aged),
	     (unsigned long long)(after.shootdowns - before.shootdowns),
	     (unsigned long long)(after.age_shootdowns -
				  before.age_shootdowns));
	CHECK(after.aged > before.aged);
	CHECK(kept >= least);
	CHECK(idle_kept <= 20);
	close_device();
	cgroup_leave(name);
	write_file("/sys/kernel/mm/lru_gen/enabled", "n");
}

void test_ageing_classic(void)
{
	ageing("ageing-classic", "n", KEPT);
}

void test_ageing_mglru(void)
{
	ageing("ageing-mglru", "y", newer_than_6_1() ? KEPT_NEWER_MGLRU :
							    KEPT);
}
