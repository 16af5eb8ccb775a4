// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pages that move to other frames: compaction, move_pages(), migrate_pages(),
 * between the two nodes that the boot has.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "maps.h"

#define LEN	(1 * MIB)
#define PAGES	(LEN / PAGE)

static size_t move_to(unsigned char *p, size_t len, int node)
{
	size_t pages = len / PAGE, there = 0;
	void **at = malloc(pages * sizeof(*at));
	int *nodes = malloc(pages * sizeof(*nodes));
	int *status = malloc(pages * sizeof(*status));

	CHECK(at && nodes && status);
	for (size_t i = 0; i < pages; i++) {
		at[i] = p + i * PAGE;
		nodes[i] = node;
		status[i] = -1;
	}
	CHECK(syscall(SYS_move_pages, 0, pages, at, nodes, status, 2) >= 0);
	for (size_t i = 0; i < pages; i++)
		there += status[i] == node;
	free(at);
	free(nodes);
	free(status);
	return there;
}

void test_move_pages(void)
{
	unsigned char *p = anon_thp(LEN, false);
	struct secmmu_stats before;
	struct moved m;
	struct adder a;
	size_t moved = 0;

	open_device();
	device_fills(p, 1, LEN);
	move_to(p, LEN, 0);
	both_see(p, 1, LEN);
	before = stats();
	moved = move_to(p, LEN, 1);
	m = moved_since(&before);
	note("move_pages: %zu of %lu on node 1; %llu pages zapped by %llu shootdowns",
	     moved, PAGES, m.zapped, m.shootdowns);
	/* A page that somebody holds stays: there must be none. */
	CHECK(moved >= PAGES - PAGES / 16);
	CHECK(m.zapped >= moved - PAGES / 16);
	CHECK(m.shootdowns <= m.zapped);
	both_see(p, 1, LEN);
	device_fills(p, 2, LEN);
	both_see(p, 2, LEN);

	moved = 0;
	adder_start(&a, p, LEN, false);
	for (int i = 0; i < 20; i++) {
		moved += move_to(p, LEN, i & 1);
		adder_cpu(&a);
	}
	adder_round(&a);
	adder_stop(&a);
	note("%zu page moves under jobs", moved);
	CHECK(moved > PAGES);
}

/* Pages that the kernel has moved since it started, whoever wanted that. */
static long long pages_moved(void)
{
	return read_key("/proc/vmstat", "pgmigrate_success");
}

void test_migrate_pages(void)
{
	unsigned char *p = anon_thp(LEN, false);
	unsigned char *huge = anon_thp(4 * MIB, true);
	unsigned long node[2] = { 1, 2 };
	struct secmmu_stats before;
	struct moved m;
	struct adder a, b;
	long long moved;

	open_device();
	device_fills(p, 1, LEN);
	device_fills(huge, 1, 4 * MIB);
	CHECK(syscall(SYS_migrate_pages, 0, 8 * sizeof(long), &node[1],
		      &node[0]) >= 0);
	before = stats();
	CHECK(syscall(SYS_migrate_pages, 0, 8 * sizeof(long), &node[0],
		      &node[1]) >= 0);
	m = moved_since(&before);
	note("migrate_pages: %llu pages zapped by %llu shootdowns", m.zapped,
	     m.shootdowns);
	/* All of both, but for what was in use just then. */
	CHECK(m.zapped >= (LEN + 4 * MIB) / PAGE / 2);
	CHECK(m.shootdowns > 0);
	both_see(p, 1, LEN);
	both_see(huge, 1, 4 * MIB);
	moved = pages_moved();
	adder_start(&a, p, LEN, false);
	adder_start(&b, huge, 4 * MIB, false);
	for (int i = 0; i < 10; i++) {
		CHECK(syscall(SYS_migrate_pages, 0, 8 * sizeof(long),
			      &node[~i & 1], &node[i & 1]) >= 0);
		adder_cpu(&a);
		adder_cpu(&b);
	}
	adder_round(&a);
	adder_stop(&a);
	adder_stop(&b);
	moved = pages_moved() - moved;
	note("%lld pages moved under jobs", moved);
	CHECK(moved > (long long)PAGES);
}

/* Memory full of holes, and how many of its pages compaction moves. */
static uint64_t compact_holes(unsigned char *p, size_t len)
{
	struct secmmu_stats before;
	long long moved;
	struct moved m;

	device_fills(p, 1, len);
	for (size_t at = 0; at < len; at += 2 * PAGE)
		CHECK_EQ(madvise(p + at, PAGE, MADV_DONTNEED), 0);
	moved = read_key("/proc/vmstat", "compact_migrate_scanned");
	before = stats();
	write_file("/proc/sys/vm/compact_memory", "1");
	m = moved_since(&before);
	note("compaction: %lld pages looked at, %llu of the device's zapped",
	     read_key("/proc/vmstat", "compact_migrate_scanned") - moved,
	     m.zapped);
	return m.zapped;
}

/* Holes all over memory, so that compaction has something to close. */
void test_compaction(void)
{
	size_t len = 96 * MIB;
	unsigned char *p;
	struct adder a;
	long long moved;
	int tries = 4;

	open_device();
	/*
	 * It moves pages from one end of memory to the other. What lies at the
	 * right one already stays where it is, and leaves the other to the next.
	 */
	do
		p = anon_thp(len, false);
	while (!compact_holes(p, len) && --tries);
	CHECK(tries);
	for (size_t at = 0; at < len; at += 128 * PAGE) {
		both_see(p + at, 0, PAGE);
		both_see(p + at + PAGE, 1, PAGE);
	}
	moved = pages_moved();
	adder_start(&a, p, 4 * MIB, false);
	for (int i = 0; i < 3; i++) {
		for (size_t at = 4 * MIB; at < len; at += 2 * PAGE)
			madvise(p + at + (i & 1) * PAGE, PAGE, MADV_DONTNEED);
		write_file("/proc/sys/vm/compact_memory", "1");
		adder_cpu(&a);
		device_fills(p + 4 * MIB, i, len - 4 * MIB);
	}
	adder_round(&a);
	adder_stop(&a);
	moved = pages_moved() - moved;
	note("compaction: %lld pages moved under jobs", moved);
	CHECK(moved > 0);
	both_see(p + 4 * MIB, 2, len - 4 * MIB);
}

#define NUMA	"/sys/kernel/debug/sched/numa_balancing/"
#define SYSCTL	"/proc/sys/kernel/numa_balancing"

static atomic_bool spin_enough;

static void *spin(void *arg)
{
	while (!atomic_load(&spin_enough))
		;
	return NULL;
}

static void scan_often(const char *delay, const char *min, const char *max)
{
	write_file(NUMA "scan_delay_ms", delay);
	write_file(NUMA "scan_period_min_ms", min);
	write_file(NUMA "scan_period_max_ms", max);
}

static bool is_balanced(void)
{
	FILE *file = fopen(SYSCTL, "re");
	bool on;

	CHECK(file);
	on = fgetc(file) != '0';
	fclose(file);
	return on;
}

/*
 * NUMA balancing makes pages inaccessible to see who uses them: to the CPU by an
 * entry without permission, to the device by a range. What the device uses next
 * is accessible to both again, or to neither.
 */
void test_numa_hints(void)
{
	unsigned char *p = anon_thp(LEN, false);
	struct secmmu_stats before;
	pthread_t thread;
	bool was_on = is_balanced();
	struct moved m;
	double start;
	uint64_t sum;

	/* Of a process with one thread only pages of another node are taken. */
	CHECK_EQ(pthread_create(&thread, NULL, spin, NULL), 0);
	write_file(SYSCTL, "1");
	scan_often("1", "10", "20");
	open_device();
	device_fills(p, 1, LEN);
	before = stats();
	start = now();
	/* The scan is for those who compute; the CPU keeps off the pages. */
	while (now() - start < 3 ||
	       (moved_since(&before).zapped < LEN / PAGE && now() - start < 60))
		CHECK_EQ(secmmu_reduce_u64(&queue, (uint64_t *)p, LEN / 8,
					   &sum), 0);
	m = moved_since(&before);
	atomic_store(&spin_enough, true);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	/* The kernel's own times: other cases count ranges. */
	scan_often("1000", "1000", "60000");
	write_file(SYSCTL, was_on ? "1" : "0");
	note("%llu pages zapped by %llu shootdowns", m.zapped, m.shootdowns);
	CHECK(m.zapped >= LEN / PAGE);
	both_see(p, 1, LEN);
}
