// SPDX-License-Identifier: GPL-2.0-or-later
/* Pages of hugetlbfs: private and shared, forked, punched, cut off. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "maps.h"

#define LEN	(2 * HUGE)

/* Some more than are used: a copy on write needs one besides. */
static void huge_pages(const char *nr)
{
	write_file("/proc/sys/vm/nr_hugepages", nr);
	CHECK(read_key("/proc/meminfo", "HugePages_Total") == atoi(nr));
}

static int writes(void *p)
{
	if (!all_are(p, 1, LEN))
		return 1;
	memset(p, 2, LEN);
	return !all_are(p, 2, LEN);
}

void test_hugetlb_private(void)
{
	struct secmmu_stats before, after;
	struct adder a;
	unsigned char *p;

	huge_pages("10");
	p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		 MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	CHECK(p != MAP_FAILED);
	open_device();
	before = stats();
	both_see(p, 0, LEN);
	device_fills(p, 1, LEN);
	both_see(p, 1, LEN);
	after = stats();
	CHECK(after.huge_mapped - before.huge_mapped >= LEN / HUGE);
	CHECK_EQ(join(spawn(writes, p)), 0);
	both_see(p, 1, LEN);
	before = stats();
	CHECK_EQ(mprotect(p, LEN, PROT_READ), 0);
	CHECK(moved_since(&before).zapped <= LEN / PAGE);
	device_faults(p, LEN, true, p);
	CHECK_EQ(mprotect(p, LEN, PROT_READ | PROT_WRITE), 0);

	adder_start(&a, p, LEN, false);
	for (int i = 0; i < 10; i++) {
		pid_t child = fork();

		CHECK(child >= 0);
		if (!child)
			_exit(0);
		adder_cpu(&a);
		CHECK_EQ(join(child), 0);
	}
	adder_round(&a);
	adder_stop(&a);
	device_fills(p, 3, LEN);
	before = stats();
	CHECK_EQ(munmap(p + HUGE, HUGE), 0);
	CHECK_EQ(moved_since(&before).zapped, HUGE / PAGE);
	CHECK_EQ(moved_since(&before).shootdowns, 1);
	device_faults(p, LEN, false, p + HUGE);
	CHECK_EQ(munmap(p, HUGE), 0);
	huge_pages("0");
}

void test_hugetlb_shared(void)
{
	int fd = memfd_create("secmmu", MFD_CLOEXEC | MFD_HUGETLB);
	struct adder a;
	unsigned char *p;

	CHECK(fd >= 0);
	huge_pages("10");
	CHECK_EQ(ftruncate(fd, LEN), 0);
	p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	open_device();
	device_fills(p, 1, LEN);
	/* Another page is punched out, again and again, under jobs on the first. */
	adder_start(&a, p, HUGE, false);
	for (int i = 0; i < 30; i++) {
		CHECK_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE |
				   FALLOC_FL_KEEP_SIZE, HUGE, HUGE), 0);
		both_see(p + HUGE, 0, HUGE);
		device_fills(p + HUGE, i + 1, HUGE);
		both_see(p + HUGE, i + 1, HUGE);
	}
	adder_round(&a);
	adder_stop(&a);
	CHECK_EQ(ftruncate(fd, HUGE), 0);
	device_faults(p, LEN, false, p + HUGE);
	CHECK_EQ(munmap(p, LEN), 0);
	close(fd);
	huge_pages("0");
}
