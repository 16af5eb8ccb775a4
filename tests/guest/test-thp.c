// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Huge pages that come and go underneath: MADV_COLLAPSE, khugepaged, a split
 * by debugfs; quiet with counts, and with jobs in flight.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "maps.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#define KHUGEPAGED	"/sys/kernel/mm/transparent_hugepage/khugepaged/"
#define SPLIT		"/sys/kernel/debug/split_huge_pages"
#define LEN		(4 * MIB)

/* Huge pages at @p, by the process's own page tables. */
static long long huge_kb(void *p)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	char line[256];
	unsigned long start, end;
	long long kb = 0, found = -1;
	bool inside = false;

	CHECK(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = (uintptr_t)p >= start && (uintptr_t)p < end;
		else if (inside && sscanf(line, "AnonHugePages: %lld", &kb) == 1)
			found = kb;
	}
	fclose(file);
	CHECK(found >= 0);
	return found;
}

/* A collapse needs pages that nobody holds for the moment: not at each try. */
static bool collapse(void *p, size_t len)
{
	for (int i = 0; i < 50; i++) {
		if (!madvise(p, len, MADV_COLLAPSE))
			return true;
		CHECK_EQ(errno == EAGAIN || errno == EBUSY || errno == ENOMEM ? 0 : errno, 0);
	}
	return false;
}

static void split(void *p, size_t len)
{
	char text[96];

	snprintf(text, sizeof(text), "%d,%#lx,%#lx", getpid(),
		 (unsigned long)p, (unsigned long)p + len);
	write_file(SPLIT, text);
}

void test_thp_collapse(void)
{
	unsigned char *p = anon_thp(LEN, false);
	struct secmmu_stats before, after;
	struct moved m;

	open_device();
	device_fills(p, 2, LEN);
	before = stats();
	/* From here on khugepaged may be the quicker one: it counts as well. */
	CHECK_EQ(madvise(p, LEN, MADV_HUGEPAGE), 0);
	CHECK(collapse(p, LEN));
	m = moved_since(&before);
	note("MADV_COLLAPSE of %lu MiB: %llu pages zapped by %llu shootdowns",
	     LEN / MIB, m.zapped, m.shootdowns);
	CHECK(huge_kb(p) > 0);
	CHECK(m.zapped >= LEN / PAGE);
	CHECK(m.shootdowns >= LEN / HUGE);
	before = stats();
	both_see(p, 2, LEN);
	device_fills(p, 3, LEN);
	both_see(p, 3, LEN);
	after = stats();
	/* What is huge now is mapped as such. */
	CHECK(after.huge_mapped - before.huge_mapped >= LEN / HUGE ||
	      behind_iommu());
	/*
	 * And in small pieces after a split, which keeps the data. It leaves out
	 * a page that somebody else holds just then.
	 */
	CHECK_EQ(madvise(p, LEN, MADV_NOHUGEPAGE), 0);
	before = stats();
	for (int i = 0; i < 100 && huge_kb(p); i++)
		split(p, LEN);
	m = moved_since(&before);
	note("split: %llu pages zapped by %llu shootdowns", m.zapped,
	     m.shootdowns);
	CHECK_EQ(huge_kb(p), 0);
	CHECK(m.zapped >= LEN / PAGE);
	before = stats();
	both_see(p, 3, LEN);
	device_fills(p, 4, LEN);
	both_see(p, 4, LEN);
}

void test_thp_collapse_and_split_under_jobs(void)
{
	unsigned char *p = anon_thp(LEN, false);
	unsigned int collapsed = 0, splits = 0;
	struct adder a;

	open_device();
	memset(p, 1, LEN);
	CHECK_EQ(madvise(p, LEN, MADV_HUGEPAGE), 0);
	adder_start(&a, p, LEN, false);
	for (int i = 0; i < 20 || (!(collapsed && splits) && i < 200); i++) {
		bool huge = collapse(p, LEN);

		collapsed += huge;
		adder_cpu(&a);
		adder_round(&a);
		split(p, LEN);
		splits += huge && !huge_kb(p);
		adder_cpu(&a);
	}
	adder_stop(&a);
	note("%u collapses and %u splits", collapsed, splits);
	CHECK(collapsed > 0 && splits > 0);
}

static bool is_huge(void *p)
{
	return huge_kb(p) >= (long long)(LEN / 1024);
}

/* The kernel's own thread collapses, as it goes, under jobs. */
void test_thp_khugepaged(void)
{
	unsigned char *p = anon_thp(LEN, false);
	struct adder a;
	bool came;

	open_device();
	memset(p, 1, LEN);
	adder_start(&a, p, LEN, false);
	write_file(KHUGEPAGED "scan_sleep_millisecs", "0");
	write_file(KHUGEPAGED "pages_to_scan", "8192");
	CHECK_EQ(madvise(p, LEN, MADV_HUGEPAGE), 0);
	came = wait_until(is_huge, p, 30);
	write_file(KHUGEPAGED "scan_sleep_millisecs", "10000");
	write_file(KHUGEPAGED "pages_to_scan", "4096");
	adder_cpu(&a);
	adder_round(&a);
	adder_stop(&a);
	CHECK(came);
	/* The holes of a range can be filled with nothing, too. */
	split(p, LEN);
	device_fills(p, 6, LEN);
	both_see(p, 6, LEN);
}
