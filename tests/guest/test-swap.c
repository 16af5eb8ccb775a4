// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory that does not fit: swap under a cgroup's limit, with the device at work
 * on it. Every pass changes every page, so a write that swap has lost shows.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-test.h"

#define WORDS(bytes)	((bytes) / sizeof(uint64_t))

static uint64_t word(size_t i, uint64_t round)
{
	return (i * 0x9e3779b97f4a7c15ull) ^ (round << 56);
}

/*
 * Copies @src to @dst in jobs of @block bytes, two under way, after stamping the
 * round into each page of the source; checks all of @dst with the CPU.
 */
static void pass(uint64_t *dst, uint64_t *src, size_t len, size_t block,
		 uint64_t round)
{
	struct secmmu_completion done;
	size_t i, blocks = len / block;

	for (size_t b = 0; b < blocks + 2; b++) {
		size_t at = WORDS(b * block);

		if (b < blocks) {
			for (i = at; i < at + WORDS(block); i++)
				src[i] = word(i, round);
			secmmu_prep_copy(secmmu_get_desc(&queue), dst + at,
					 src + at, block);
			CHECK_EQ(secmmu_submit(&queue), 1);
		}
		if (b < 2)
			continue;
		CHECK_EQ(secmmu_wait(&queue, &done), 0);
		CHECK_EQ(done.status, SECMMU_STATUS_OK);
	}
	for (i = 0; i < WORDS(len); i++)
		if (dst[i] != word(i, round))
			fail(__FILE__, __LINE__, "round %llu word %zu: %#llx",
			     (unsigned long long)round, i,
			     (unsigned long long)dst[i]);
}

static void swap_case(const char *name, size_t limit, size_t len, size_t block,
		      unsigned int rounds)
{
	uint64_t *a, *b, *swap;
	long long hits, in, out;
	struct secmmu_stats s;

	swap_on_zram(640 * MIB);
	out = read_key("/proc/vmstat", "pswpout");
	in = read_key("/proc/vmstat", "pswpin");
	cgroup_enter(name, limit);
	open_device();
	a = anon(len / 2);
	b = anon(len / 2);
	for (unsigned int round = 1; round <= rounds; round++) {
		pass(b, a, len / 2, block, round);
		swap = a;
		a = b;
		b = swap;
	}
	s = stats();
	out = read_key("/proc/vmstat", "pswpout") - out;
	in = read_key("/proc/vmstat", "pswpin") - in;
	hits = read_key(cgroup_file(name, "memory.events"), "max");
	note("%zu of %zu MiB: %lld pages out, %lld in, limit reached %lld times; faults %llu, refused %llu, retries %llu",
	     limit / MIB, len / MIB, out, in, hits, (unsigned long long)s.faults,
	     (unsigned long long)s.refused, (unsigned long long)s.retries);
	note("%llu ranges; %llu shootdowns, of them for ageing %llu, to split entries %llu; found young %llu times",
	     (unsigned long long)s.ranges, (unsigned long long)s.shootdowns,
	     (unsigned long long)s.age_shootdowns,
	     (unsigned long long)s.split_shootdowns,
	     (unsigned long long)s.aged);
	CHECK_EQ(read_key("/proc/self/status", "VmPin"), 0);
	CHECK(hits > 0);
	CHECK(out > (long long)(len / PAGE / 2));
	CHECK(in > (long long)(len / PAGE / 2));
	CHECK(s.shootdowns > 0);
	CHECK_EQ(read_key(cgroup_file(name, "memory.events"), "oom_kill"), 0);
	/* The device cannot hold more than the limit allows. */
	CHECK(s.pages_resident <= limit / PAGE);
	munmap(a, len / 2);
	munmap(b, len / 2);
	close_device();
	cgroup_leave(name);
}

/*
 * Where this is run once more, on another kernel, say, "secmmu.swap=" has less of
 * it do: there is nothing here that the rest of it would show.
 */
static unsigned int part(unsigned int whole)
{
	unsigned int some = whole / option("swap", 1);

	return some ? some : 1;
}

void test_swap_64m(void)
{
	size_t limit = part(64) * MIB;

	swap_case("swap-64m", limit, 4 * limit, MIB, 2);
}

/*
 * Three huge pages fill the limit, and while one of them is being written out
 * there may be nothing to reclaim for a moment: nobody may be killed for that.
 */
void test_swap_tiny(void)
{
	/* Two at least: what one round writes comes back in the next. */
	swap_case("swap-tiny", 6 * MIB, 32 * MIB, 64 * 1024,
		  1 + part(2));
}

/*
 * One job over far more than fits. The driver may look many pages up at one
 * time, but none of them can be reclaimed until it lets go of them.
 */
void test_swap_one_job(void)
{
	size_t len = 16 * MIB;
	uint64_t *p, sum;

	swap_on_zram(640 * MIB);
	cgroup_enter("swap-one-job", 3 * MIB);
	open_device();
	p = anon_thp(len, false);
	for (uint64_t round = 1; round <= 3; round++) {
		CHECK_EQ(secmmu_fill(&queue, p, round, len), 0);
		CHECK_EQ(secmmu_reduce_u64(&queue, p, WORDS(len), &sum), 0);
		CHECK_EQ(sum, round * WORDS(len));
	}
	CHECK_EQ(read_key(cgroup_file("swap-one-job", "memory.events"),
			  "oom_kill"), 0);
	close_device();
	cgroup_leave("swap-one-job");
}

/*
 * Pages that came in a moment ago sit in lists of each CPU, where reclaim does
 * not find them. Moving a page has the kernel empty those lists first.
 */
static void settle_lru(void *page)
{
	int node = 0, status;

	CHECK_EQ(syscall(SYS_move_pages, 0, 1, &page, &node, &status, 0), 0);
}

/* All that the device reads and writes for itself goes out between two jobs. */
void test_swap_rings(void)
{
	size_t ring_len = 64 * (sizeof(struct secmmu_desc) +
				sizeof(struct secmmu_completion));
	uint64_t *p = anon(16 * PAGE);
	struct secmmu_completion done;
	struct secmmu_stats before, after;
	unsigned int out = 0;

	swap_on_zram(640 * MIB);
	open_device();
	before = stats();
	for (unsigned int i = 0; i < 200; i++) {
		struct secmmu_desc *desc = secmmu_get_desc(&queue);
		unsigned char resident[2];

		secmmu_prep_fill(desc, p, i, 16 * PAGE);
		settle_lru(queue.ring);
		/* What the first try only gets ready, the second takes out. */
		for (int try = 0; try < 2; try++)
			CHECK_EQ(madvise(queue.ring, ring_len, MADV_PAGEOUT),
				 0);
		CHECK_EQ(madvise(p, 16 * PAGE, MADV_PAGEOUT), 0);
		CHECK_EQ(mincore(queue.ring, ring_len, resident), 0);
		out += !(resident[0] & 1);
		CHECK_EQ(secmmu_submit(&queue), 1);
		/* And while the job is on its way. */
		madvise(queue.ring, ring_len, MADV_PAGEOUT);
		CHECK_EQ(secmmu_wait(&queue, &done), 0);
		CHECK_EQ(done.status, SECMMU_STATUS_OK);
		CHECK_EQ(p[0], i);
		CHECK_EQ(p[WORDS(16 * PAGE) - 1], i);
	}
	after = stats();
	note("ring found on swap %u times of 200; %llu faults", out,
	     (unsigned long long)(after.faults - before.faults));
	CHECK(out > 150);
	CHECK(after.faults - before.faults > 60);
}

/* Fills more than the limit by the device alone, in a cgroup without swap. */
static int hog(void *arg)
{
	size_t len = 64 * MIB;
	void *p;
	int ret;

	cgroup_enter("swap-oom", 16 * MIB);
	write_file(cgroup_file("swap-oom", "memory.swap.max"), "0");
	open_device();
	p = anon(len);
	ret = secmmu_fill(&queue, p, 1, len);
	/* Killed before this, or told that there is no memory. */
	return ret == -ENOMEM || ret == -EFAULT ? 3 : 4;
}

static int neighbour(void *arg)
{
	uint64_t *p, sum;

	open_device();
	p = anon(MIB);
	for (uint64_t i = 1; i <= 300; i++) {
		if (secmmu_fill(&queue, p, i, MIB) ||
		    secmmu_reduce_u64(&queue, p, WORDS(MIB), &sum) ||
		    sum != i * WORDS(MIB))
			return 1;
		usleep(1000);
	}
	return 0;
}

void test_swap_no_swap(void)
{
	pid_t other = spawn(neighbour, NULL), child;
	int status;

	child = spawn(hog, NULL);
	status = join(child);
	note("the one over its limit ended with %d", status);
	CHECK(status == 128 + SIGKILL || status == 3);
	CHECK_EQ(join(other), 0);
	/* And the device is there for the next one. */
	CHECK_EQ(join(spawn(neighbour, NULL)), 0);
	rmdir(cgroup_file("swap-oom", ""));
}

/*
 * The worker makes room in the cgroup, which takes pages from this very process:
 * ranges, each of which moves the sequence. It must not have been sampled before.
 * With two lists of pages: there newer kernels may find nothing to reclaim for
 * seconds, and the worker has to wait as long before it lets anybody be killed.
 */
void test_swap_stream(void)
{
	const size_t len = 32 * MIB;
	struct secmmu_stats before, after;
	uint64_t *p, sum;
	long long in;

	write_file("/sys/kernel/mm/lru_gen/enabled", "n");
	swap_on_zram(640 * MIB);
	cgroup_enter("swap-stream", 16 * MIB);
	open_device();
	p = anon_thp(len, false);
	CHECK_EQ(secmmu_fill(&queue, p, 1, len), 0);
	in = read_key("/proc/vmstat", "pswpin");
	before = stats();
	for (size_t at = 0; at < WORDS(len); at += WORDS(MIB))
		CHECK_EQ(secmmu_fill(&queue, p + at, 2, MIB), 0);
	after = stats();
	in = read_key("/proc/vmstat", "pswpin") - in;
	note("%lld pages came back from swap; %llu of %llu faults looked up again",
	     in, (unsigned long long)(after.retries - before.retries),
	     (unsigned long long)(after.faults - before.faults));
	CHECK(in >= (long long)(len / PAGE / 2));
	CHECK((after.retries - before.retries) * 4 <
	      after.faults - before.faults);
	CHECK_EQ(secmmu_reduce_u64(&queue, p, WORDS(len), &sum), 0);
	CHECK_EQ(sum, 2 * WORDS(len));
	close_device();
	cgroup_leave("swap-stream");
}
