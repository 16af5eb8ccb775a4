// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A counterpart of each scenario of the kernel's own tests of HMM
 * (tools/testing/selftests/mm/hmm-tests.c), with jobs in place of that test's
 * read and write ioctls, and with the counts that each must come to.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "maps.h"

#define LEN	(1 * MIB)
#define PAGES	(LEN / PAGE)
/* A fault brings at most so many pages in. */
#define BATCH	256	/* FAULT_BATCH of driver/fault.c */

/*
 * What a job over @pages pages that the device does not have costs: each is
 * entered once, by as few faults as there are batches; soft-TLB mode may need
 * some more for what its TLB has evicted meanwhile.
 */
static void costs(const struct secmmu_stats *before, size_t pages)
{
	struct moved m = moved_since(before);
	size_t batches = (pages + BATCH - 1) / BATCH;

	note("%zu pages: %llu faults, %llu mapped, %llu shootdowns", pages,
	     m.faults, m.mapped, m.shootdowns);
	CHECK(m.mapped >= pages);
	CHECK(m.faults >= batches);
	/* A range of pages may begin and end within a region of 2 MiB. */
	if (!soft_mode())
		CHECK(m.faults <= batches + 2);
	CHECK_EQ(m.shootdowns, 0);
}

/* Nothing is faulted, mapped or shot down that is there already. */
static void costs_nothing(const struct secmmu_stats *before)
{
	struct moved m = moved_since(before);

	CHECK_EQ(m.mapped, 0);
	CHECK_EQ(m.shootdowns, 0);
	if (!soft_mode())
		CHECK_EQ(m.faults, 0);
}

/* The ring and a job's own pages are in: what comes now is what is measured. */
static void warm_up(void)
{
	/* Of no pages that khugepaged could put together as we count. */
	unsigned char *p = anon_thp(130 * PAGE, false);

	open_device();
	for (int i = 0; i < 130; i++)
		device_fills(p + i * PAGE, 1, PAGE);
}

void test_hmm_open_close(void)
{
	struct secmmu_stats before;

	open_device();
	before = stats();
	for (int i = 0; i < 50; i++) {
		struct secmmu ctx;

		CHECK_EQ(secmmu_open(&ctx, NULL), 0);
		secmmu_close(&ctx);
	}
	costs_nothing(&before);
	device_fills(anon(PAGE), 1, PAGE);
}

/*
 * Not of those: a whole ring at a time, as fast as its records come in. Who
 * has seen the last one may fill the ring again at once.
 */
void test_full_rings(void)
{
	uint64_t *word = anon(PAGE);
	struct secmmu_completion done;

	open_device();
	for (uint64_t round = 1; round <= 1500; round++) {
		for (int i = 0; i < 64; i++)
			secmmu_prep_atomic_add(secmmu_get_desc(&queue), word, 8,
					       1);
		CHECK_EQ(secmmu_submit(&queue), 64);
		for (int i = 0; i < 64; i++)
			CHECK_EQ(secmmu_wait(&queue, &done), 0);
		CHECK_EQ(*word, round * 64);
	}
}

void test_hmm_anon_read(void)
{
	unsigned char *p = anon_thp(LEN, false);
	struct secmmu_stats before;

	warm_up();
	memset(p, 3, LEN);
	memset(p + LEN / 2, 0, LEN / 2);
	CHECK_EQ(madvise(p + LEN / 2, LEN / 2, MADV_DONTNEED), 0);
	before = stats();
	/* Half is there, half the zero page. */
	device_sees(p, 3, LEN / 2);
	device_sees(p + LEN / 2, 0, LEN / 2);
	costs(&before, PAGES);
	before = stats();
	both_see(p, 3, LEN / 2);
	both_see(p + LEN / 2, 0, LEN / 2);
	costs_nothing(&before);
}

void test_hmm_anon_read_prot(void)
{
	unsigned char *p = anon_thp(LEN, false);
	struct secmmu_stats before;

	warm_up();
	memset(p, 3, LEN);
	CHECK_EQ(mprotect(p, LEN, PROT_NONE), 0);
	before = stats();
	device_faults(p, LEN, false, p);
	CHECK_EQ(moved_since(&before).mapped, 0);
	CHECK_EQ(moved_since(&before).shootdowns, 0);
	CHECK_EQ(stats().failed - before.failed, 1);
	/* The CPU's own copy has not been touched by it. */
	CHECK_EQ(mprotect(p, LEN, PROT_READ), 0);
	both_see(p, 3, LEN);
}

void test_hmm_anon_write(void)
{
	unsigned char *p = anon_thp(LEN, false);
	struct secmmu_stats before;

	warm_up();
	before = stats();
	device_fills(p, 4, LEN);
	costs(&before, PAGES);
	before = stats();
	both_see(p, 4, LEN);
	device_fills(p, 5, LEN);
	both_see(p, 5, LEN);
	costs_nothing(&before);
}

void test_hmm_anon_write_prot(void)
{
	unsigned char *p = anon_thp(LEN, false);
	struct secmmu_stats before;

	warm_up();
	CHECK_EQ(mprotect(p, LEN, PROT_READ), 0);
	device_sees(p, 0, LEN);
	before = stats();
	device_faults(p, LEN, true, p);
	CHECK_EQ(stats().failed - before.failed, 1);
	CHECK_EQ(moved_since(&before).mapped, 0);
	both_see(p, 0, LEN);
	CHECK_EQ(mprotect(p, LEN, PROT_READ | PROT_WRITE), 0);
	device_fills(p, 6, LEN);
	both_see(p, 6, LEN);
}

struct shared {
	unsigned char *p;
	unsigned char before, after;
};

/* A child with a context of its own: its device, its memory. */
static int child_writes(void *arg)
{
	struct shared *s = arg;

	/* The parent's context is not for us. */
	if (secmmu_fill(&queue, s->p, 0, PAGE) >= 0)
		return 2;
	open_device();
	both_see(s->p, s->before, LEN);
	device_fills(s->p, s->after, LEN);
	both_see(s->p, s->after, LEN);
	return 0;
}

void test_hmm_anon_write_child(void)
{
	struct shared s = { anon_thp(LEN, false), 7, 8 };
	struct secmmu_stats before;
	struct moved m;

	warm_up();
	device_fills(s.p, 7, LEN);
	before = stats();
	CHECK_EQ(join(spawn(child_writes, &s)), 0);
	m = moved_since(&before);
	/* The fork took all of it from the device; one range for each VMA. */
	CHECK(m.zapped >= PAGES);
	CHECK(m.shootdowns > 0 && m.shootdowns <= m.ranges);
	both_see(s.p, 7, LEN);
	device_fills(s.p, 9, LEN);
	both_see(s.p, 9, LEN);
}

void test_hmm_anon_write_child_shared(void)
{
	struct shared s = { .before = 7, .after = 8 };
	struct secmmu_stats before;

	s.p = mmap(NULL, LEN, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(s.p != MAP_FAILED);
	warm_up();
	device_fills(s.p, 7, LEN);
	CHECK_EQ(join(spawn(child_writes, &s)), 0);
	/* Ring and records are private: those the fork took away. */
	for (int i = 0; i < 3; i++)
		device_fills(anon(PAGE), 1, PAGE);
	/* What is shared with a child stays with the device. */
	before = stats();
	both_see(s.p, 8, LEN);
	device_fills(s.p, 9, LEN);
	costs_nothing(&before);
	both_see(s.p, 9, LEN);
}

void test_hmm_anon_write_huge(void)
{
	unsigned char *p = anon_thp(2 * HUGE, true);
	struct secmmu_stats before, after;

	warm_up();
	before = stats();
	device_fills(p, 3, 2 * HUGE);
	both_see(p, 3, 2 * HUGE);
	after = stats();
	CHECK_EQ(after.huge_mapped - before.huge_mapped, 2);
	CHECK_EQ(after.pages_mapped - before.pages_mapped, 2 * HUGE / PAGE);
	CHECK_EQ(moved_since(&before).shootdowns, 0);
	before = after;
	CHECK_EQ(madvise(p, 2 * HUGE, MADV_DONTNEED), 0);
	CHECK_EQ(moved_since(&before).shootdowns, 1);
	CHECK_EQ(moved_since(&before).zapped, 2 * HUGE / PAGE);
	both_see(p, 0, 2 * HUGE);
}

void test_hmm_anon_write_hugetlbfs(void)
{
	struct secmmu_stats before, after;
	unsigned char *p;

	write_file("/proc/sys/vm/nr_hugepages", "4");
	p = mmap(NULL, HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		 MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	CHECK(p != MAP_FAILED);
	warm_up();
	before = stats();
	device_fills(p, 3, HUGE);
	both_see(p, 3, HUGE);
	after = stats();
	CHECK_EQ(after.huge_mapped - before.huge_mapped, 1);
	CHECK_EQ(moved_since(&before).mapped, HUGE / PAGE);
	CHECK_EQ(moved_since(&before).shootdowns, 0);
	if (!soft_mode())
		CHECK(moved_since(&before).faults <= 2);
	CHECK_EQ(munmap(p, HUGE), 0);
	CHECK_EQ(moved_since(&after).shootdowns, 1);
	write_file("/proc/sys/vm/nr_hugepages", "0");
}

void test_hmm_file(void)
{
	int fd = open("/root/hmm", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct secmmu_stats before;
	struct moved m;
	unsigned char *p, *buf = anon_thp(LEN, false);

	CHECK(fd >= 0);
	CHECK_EQ(unlink("/root/hmm"), 0);
	memset(buf, 2, LEN);
	CHECK_EQ(write(fd, buf, LEN), LEN);
	p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	warm_up();
	before = stats();
	device_sees(p, 2, LEN);
	costs(&before, PAGES);
	/* Each page gains the right to be written, in its place. */
	before = stats();
	device_fills(p, 3, LEN);
	m = moved_since(&before);
	CHECK_EQ(m.mapped, 0);
	CHECK_EQ(m.shootdowns, 0);
	CHECK_EQ(pread(fd, buf, LEN, 0), LEN);
	CHECK(all_are(buf, 3, LEN));
	close(fd);
}

/* Many times; the second one onwards is free. */
void test_hmm_anon_read_multiple(void)
{
	struct secmmu_stats before;
	struct moved m;

	warm_up();
	for (int i = 1; i < 40; i++) {
		unsigned char *p = anon_thp(LEN, false);

		memset(p, i, LEN);
		device_sees(p, i, LEN);
		before = stats();
		device_sees(p, i, LEN);
		costs_nothing(&before);
		before = stats();
		CHECK_EQ(munmap(p, LEN), 0);
		m = moved_since(&before);
		CHECK_EQ(m.zapped, PAGES);
		CHECK_EQ(m.shootdowns, 1);
	}
}

static void *tear_down(void *p)
{
	usleep(2000);
	munmap(p, LEN);
	return NULL;
}

/* Taken away in the middle of a read: whole, or refused at an address in it. */
void test_hmm_anon_teardown(void)
{
	enum { TIMES = 59 };
	struct secmmu_stats before;
	struct moved m;

	warm_up();
	before = stats();
	for (int i = 1; i <= TIMES; i++) {
		unsigned char *p = anon_thp(LEN, false);
		struct secmmu_desc desc = {
			.opcode = SECMMU_OP_REDUCE, .src = (uintptr_t)p,
			.len = LEN,
		};
		struct secmmu_completion done;
		pthread_t thread;

		memset(p, i, LEN);
		CHECK_EQ(pthread_create(&thread, NULL, tear_down, p), 0);
		do {
			done = run(&queue, &desc);
			if (done.status == SECMMU_STATUS_OK)
				CHECK_EQ(done.result, 0x0101010101010101ull *
					 i * (LEN / 8));
		} while (done.status == SECMMU_STATUS_OK);
		CHECK_EQ(done.status, SECMMU_STATUS_FAULT);
		CHECK(done.fault_addr >= (uintptr_t)p &&
		      done.fault_addr < (uintptr_t)p + LEN);
		CHECK_EQ(pthread_join(thread, NULL), 0);
	}
	m = moved_since(&before);
	note("%llu pages mapped, %llu zapped by %llu shootdowns", m.mapped,
	     m.zapped, m.shootdowns);
	/* One job each time, and no more than one doorbell a range. */
	CHECK_EQ(stats().failed - before.failed, TIMES);
	CHECK(m.shootdowns > 0 && m.shootdowns <= m.ranges);
	CHECK(m.zapped > 0);
}

/* A page of everything side by side, and a job over all of it (snapshot too). */
void test_hmm_mixed_map(void)
{
	enum { NONE, ZERO, ANON, RO, SHARED, NR };
	int fd = memfd_create("secmmu", MFD_CLOEXEC);
	unsigned char *p = anon_thp(NR * PAGE, false), out[PAGE];
	struct secmmu_stats before;
	struct moved m;

	CHECK(fd >= 0);
	CHECK_EQ(ftruncate(fd, PAGE), 0);
	CHECK(mmap(p + SHARED * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED |
		   MAP_FIXED, fd, 0) == p + SHARED * PAGE);
	warm_up();
	memset(p + ANON * PAGE, ANON, PAGE);
	memset(p + RO * PAGE, RO, PAGE);
	memset(p + SHARED * PAGE, SHARED, PAGE);
	CHECK_EQ(mprotect(p + RO * PAGE, PAGE, PROT_READ), 0);
	CHECK_EQ(mprotect(p + NONE * PAGE, PAGE, PROT_NONE), 0);
	before = stats();
	device_faults(p, NR * PAGE, false, p);
	both_see(p + ZERO * PAGE, 0, PAGE);
	both_see(p + ANON * PAGE, ANON, PAGE);
	both_see(p + RO * PAGE, RO, PAGE);
	both_see(p + SHARED * PAGE, SHARED, PAGE);
	/* What each may do, as a snapshot would tell. */
	device_faults(p + RO * PAGE, PAGE, true, p + RO * PAGE);
	device_fills(p + ZERO * PAGE, 9, 2 * PAGE);
	device_fills(p + SHARED * PAGE, 9, PAGE);
	CHECK_EQ(pread(fd, out, PAGE, 0), PAGE);
	CHECK(all_are(out, 9, PAGE));
	both_see(p + ZERO * PAGE, 9, 2 * PAGE);
	CHECK_EQ(stats().failed - before.failed, 2);
	/* Four are read; the zero page goes when it is written to. */
	m = moved_since(&before);
	CHECK_EQ(m.mapped, 5);
	CHECK_EQ(m.zapped, 1);
	CHECK_EQ(m.shootdowns, 1);
}

/* A huge page whose parts have different permissions. */
void test_hmm_compound(void)
{
	/* Alone in its GiB, so that the table above it has nothing else. */
	void *alone = (void *)0x100000000000;
	unsigned char *p = mmap(alone, HUGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS |
				MAP_FIXED_NOREPLACE, -1, 0);
	struct secmmu_stats before;
	struct moved m;

	CHECK(p == alone);
	CHECK_EQ(madvise(p, HUGE, MADV_HUGEPAGE), 0);
	warm_up();
	memset(p, 1, HUGE);
	device_fills(p, 2, HUGE);
	before = stats();
	CHECK_EQ(mprotect(p + 4 * PAGE, 4 * PAGE, PROT_READ), 0);
	/*
	 * All of a 2 MiB entry goes for four pages of it. The kernel's split is
	 * a range within, and behind an IOMMU finds a table that is empty now.
	 */
	m = moved_since(&before);
	CHECK_EQ(m.zapped, HUGE / PAGE);
	CHECK(m.shootdowns == 1 || (m.shootdowns == 2 && behind_iommu()));
	device_faults(p + 4 * PAGE, HUGE, true, p + 4 * PAGE);
	device_sees(p, 2, HUGE);
	device_fills(p + 8 * PAGE, 3, HUGE - 8 * PAGE);
	both_see(p, 2, 8 * PAGE);
	both_see(p + 8 * PAGE, 3, HUGE - 8 * PAGE);
}

/* One memory at two addresses, one of them changes. */
void test_hmm_double_map(void)
{
	int fd = memfd_create("secmmu", MFD_CLOEXEC);
	struct secmmu_stats before;
	unsigned char *p, *q;

	CHECK(fd >= 0);
	CHECK_EQ(ftruncate(fd, LEN), 0);
	p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	q = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED && q != MAP_FAILED);
	warm_up();
	device_fills(p, 1, LEN);
	both_see(q, 1, LEN);
	before = stats();
	CHECK_EQ(mprotect(q, LEN, PROT_READ), 0);
	CHECK_EQ(moved_since(&before).zapped, PAGES);
	CHECK_EQ(moved_since(&before).shootdowns, 1);
	before = stats();
	device_fills(p, 2, LEN);
	costs_nothing(&before);
	both_see(q, 2, LEN);
	device_faults(q, LEN, true, q);
	CHECK_EQ(munmap(q, LEN), 0);
	device_fills(p, 3, LEN);
	both_see(p, 3, LEN);
	close(fd);
}

/* Exclusive access: an ATOMIC job is one step, to the CPU and to a child. */
void test_hmm_exclusive(void)
{
	unsigned char *p = anon_thp(LEN, false);
	struct secmmu_stats before;
	uint64_t old;
	struct adder a;
	pid_t child;

	warm_up();
	before = stats();
	for (size_t i = 0; i < PAGES; i++) {
		CHECK_EQ(secmmu_atomic_add(&queue, p + i * PAGE, 8, 5, &old),
			 0);
		CHECK_EQ(old, 0);
	}
	CHECK(moved_since(&before).mapped >= PAGES);
	/* On a page that is read-only no part of it happens. */
	before = stats();
	CHECK_EQ(mprotect(p, LEN, PROT_READ), 0);
	CHECK_EQ(moved_since(&before).zapped, PAGES);
	CHECK_EQ(moved_since(&before).shootdowns, 1);
	CHECK_EQ(secmmu_atomic_add(&queue, p, 8, 5, &old), -EFAULT);
	CHECK_EQ(stats().failed - before.failed, 1);
	CHECK_EQ(*(uint64_t *)p, 5);
	CHECK_EQ(mprotect(p, LEN, PROT_READ | PROT_WRITE), 0);
	adder_start(&a, p, LEN, false);
	for (int i = 0; i < 100; i++)
		adder_cpu(&a);
	/* exclusive_cow: a fork in between has the old value for good. */
	before = stats();
	child = fork();
	CHECK(child >= 0);
	if (!child) {
		uint64_t first = *(uint64_t *)(p + 128);

		usleep(20000);
		_exit(*(uint64_t *)(p + 128) != first);
	}
	for (int i = 0; i < 20; i++)
		adder_cpu(&a);
	CHECK_EQ(join(child), 0);
	adder_round(&a);
	adder_stop(&a);
	CHECK(moved_since(&before).zapped > 0);
	CHECK(moved_since(&before).shootdowns > 0);
}
