// SPDX-License-Identifier: GPL-2.0-or-later
/* Same-page merging: pages that become one, and part again at a write. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "maps.h"

#define KSM		"/sys/kernel/mm/ksm/"
#define LEN		(1 * MIB)
#define PAGES		(LEN / PAGE)

static bool merged(void *arg)
{
	return read_number(KSM "pages_sharing") >= (long long)(PAGES - 8);
}

static void scan(bool on)
{
	write_file(KSM "sleep_millisecs", on ? "2" : "20");
	write_file(KSM "pages_to_scan", on ? "2000" : "100");
	write_file(KSM "max_page_sharing", "1024");
	write_file(KSM "run", on ? "1" : "0");
}

void test_ksm_merge(void)
{
	unsigned char *p = anon_thp(LEN, false);
	struct secmmu_stats before;
	struct moved m;

	open_device();
	device_fills(p, 7, LEN);
	before = stats();
	scan(true);
	CHECK_EQ(madvise(p, LEN, MADV_MERGEABLE), 0);
	CHECK(wait_until(merged, NULL, 30));
	scan(false);
	m = moved_since(&before);
	note("merged: %lld share one page; %llu pages zapped by %llu shootdowns",
	     read_number(KSM "pages_sharing"), m.zapped, m.shootdowns);
	CHECK(m.zapped >= PAGES - 8);
	/* All are one page, which is read and never written. */
	both_see(p, 7, LEN);
	for (size_t i = 0; i < PAGES; i += 16) {
		device_fills(p + i * PAGE, 9, PAGE);
		both_see(p + i * PAGE, 9, PAGE);
		both_see(p + (i + 1) * PAGE, 7, 15 * PAGE);
	}
	/* Taken apart: each has its own copy from here on. */
	before = stats();
	CHECK_EQ(madvise(p, LEN, MADV_UNMERGEABLE), 0);
	m = moved_since(&before);
	note("taken apart: %llu pages zapped by %llu shootdowns", m.zapped,
	     m.shootdowns);
	CHECK(m.zapped >= PAGES - PAGES / 16 - 8);
	for (size_t i = 0; i < PAGES; i += 16)
		both_see(p + (i + 1) * PAGE, 7, 15 * PAGE);
	device_fills(p, 8, LEN);
	both_see(p, 8, LEN);
}

/* Merged while jobs write, unmerged while jobs write. */
void test_ksm_under_jobs(void)
{
	unsigned char *p = anon_thp(LEN, false);
	struct adder a;
	long long most = 0;

	open_device();
	device_fills(p, 0, LEN);
	/* Only half is being written: the rest can merge, and must stay so. */
	adder_start(&a, p, LEN / 2, false);
	for (int i = 0; i < 6; i++) {
		scan(true);
		CHECK_EQ(madvise(p, LEN, MADV_MERGEABLE), 0);
		for (int j = 0; j < 10 || (!most && j < 300); j++) {
			long long sharing;

			usleep(30000);
			sharing = read_number(KSM "pages_sharing");
			most = sharing > most ? sharing : most;
		}
		adder_cpu(&a);
		if (i & 1)
			CHECK_EQ(madvise(p, LEN, MADV_UNMERGEABLE), 0);
		else
			write_file(KSM "run", "2");
		both_see(p + LEN / 2, 0, LEN / 2);
		device_fills(p + LEN / 2 + (i + 3) * PAGE, 0, PAGE);
	}
	scan(false);
	adder_round(&a);
	adder_stop(&a);
	note("up to %lld pages shared another's", most);
	CHECK(most > 0);
}
