// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every way in which one process can change its own mappings, with the device
 * using them before and after. The device must see what the CPU sees, and be
 * refused what the CPU would be refused.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "maps.h"

#define LEN	(1 * MIB)

/* The zero page is shared by everybody: it must never be written. */
void test_zero_page(void)
{
	unsigned char *p = anon(LEN), *q = anon(LEN);

	open_device();
	device_sees(p, 0, LEN);			/* maps the zero page */
	device_sees(q, 0, LEN);
	device_fills(p, 0x5a, LEN);		/* must break it first */
	both_see(p, 0x5a, LEN);
	both_see(q, 0, LEN);
	CHECK(all_are(anon(LEN), 0, LEN));
}

void test_dontneed(void)
{
	unsigned char *p = anon(LEN);

	open_device();
	for (int i = 1; i < 20; i++) {
		device_fills(p, i, LEN);
		CHECK_EQ(madvise(p, LEN, MADV_DONTNEED), 0);
		both_see(p, 0, LEN);
		memset(p, i, LEN);
		device_sees(p, i, LEN);
	}
	/* A hole of one page, each at another place. */
	for (size_t at = 0; at < LEN; at += 17 * PAGE) {
		memset(p, 7, LEN);
		device_fills(p, 9, LEN);
		CHECK_EQ(madvise(p + at, PAGE, MADV_DONTNEED), 0);
		both_see(p + at, 0, PAGE);
		if (at)
			both_see(p, 9, at);
		both_see(p + at + PAGE, 9, LEN - at - PAGE);
	}
}

void test_madv_free(void)
{
	unsigned char *p = anon_thp(LEN, false);
	unsigned int gone = 0;

	open_device();
	device_fills(p, 3, LEN);
	CHECK_EQ(madvise(p, LEN, MADV_FREE), 0);
	/* Written after that, so it is not free any more. */
	device_fills(p, 4, LEN);
	CHECK_EQ(madvise(p, LEN, MADV_PAGEOUT), 0);
	both_see(p, 4, LEN);
	CHECK_EQ(madvise(p, LEN, MADV_COLD), 0);
	both_see(p, 4, LEN);
	/*
	 * Not written after it: reclaimed, a page is gone, for both. The last ones are
	 * still in a list of this CPU's and stay.
	 */
	CHECK_EQ(madvise(p, LEN, MADV_FREE), 0);
	CHECK_EQ(madvise(p, LEN, MADV_PAGEOUT), 0);
	for (size_t at = 0; at < LEN; at += PAGE) {
		uint32_t crc = 0;

		/* The device looks first. */
		CHECK_EQ(secmmu_crc32c(&queue, p + at, 1, &crc), 0);
		both_see(p + at, p[at], PAGE);
		CHECK(p[at] == 0 || p[at] == 4);
		gone += !p[at];
	}
	note("MADV_FREE: %u pages of %lu gone", gone, LEN / PAGE);
	CHECK(gone > LEN / PAGE / 2);
}

void test_munmap(void)
{
	unsigned char *p = anon(LEN), *again;

	open_device();
	device_fills(p, 1, LEN);
	CHECK_EQ(munmap(p + LEN / 2, LEN / 4), 0);
	device_faults(p, LEN, false, p + LEN / 2);
	device_faults(p, LEN, true, p + LEN / 2);
	both_see(p + 3 * LEN / 4, 1, LEN / 4);
	/* Something else comes to the same place. */
	again = mmap(p + LEN / 2, LEN / 4, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	CHECK(again == p + LEN / 2);
	both_see(again, 0, LEN / 4);
	device_fills(p, 2, LEN);
	both_see(p, 2, LEN);
}

void test_mprotect(void)
{
	unsigned char *p = anon(LEN);

	open_device();
	device_fills(p, 1, LEN);
	CHECK_EQ(mprotect(p + LEN / 2, LEN / 2, PROT_READ), 0);
	device_faults(p, LEN, true, p + LEN / 2);
	device_sees(p + LEN / 2, 1, LEN / 2);
	CHECK_EQ(mprotect(p + LEN / 2, LEN / 2, PROT_NONE), 0);
	device_faults(p, LEN, false, p + LEN / 2);
	CHECK_EQ(mprotect(p, LEN, PROT_READ | PROT_WRITE), 0);
	device_fills(p, 2, LEN);
	both_see(p, 2, LEN);
}

void test_mremap(void)
{
	unsigned char *p = anon(LEN), *moved, *target = anon(2 * LEN);

	open_device();
	device_fills(p, 6, LEN);
	moved = mremap(p, LEN, LEN, MREMAP_MAYMOVE | MREMAP_FIXED, target);
	CHECK(moved == target);
	device_faults(p, LEN, false, p);
	both_see(moved, 6, LEN);
	moved = mremap(moved, LEN, 3 * LEN, MREMAP_MAYMOVE);
	CHECK(moved != MAP_FAILED);
	both_see(moved, 6, LEN);
	both_see(moved + LEN, 0, 2 * LEN);
	/* The mapping stays behind, empty (private anonymous memory only). */
	p = anon(LEN);
	device_fills(p, 7, LEN);
	moved = mremap(p, LEN, LEN, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	CHECK(moved != MAP_FAILED);
	both_see(moved, 7, LEN);
	both_see(p, 0, LEN);
}

void test_prot(void)
{
	unsigned char *p = anon(LEN);
	struct secmmu_desc none = {
		.opcode = SECMMU_OP_COPY, .src = 0x1000, .len = 100,
	};

	open_device();
	CHECK_EQ(mprotect(p, LEN, PROT_NONE), 0);
	device_faults(p, LEN, false, p);
	device_faults(p, LEN, true, p);
	CHECK_EQ(mprotect(p, LEN, PROT_READ), 0);
	device_sees(p, 0, LEN);
	device_faults(p, LEN, true, p);
	/* Nothing mapped at all. */
	none.dst = (uintptr_t)p;
	CHECK_EQ(run(&queue, &none).status, SECMMU_STATUS_FAULT);
}

static void huge(bool on)
{
	size_t len = 8 * MIB;
	unsigned char *p = anon_thp(len, on);
	struct secmmu_stats before, after;

	open_device();
	before = stats();
	memset(p, 1, len);
	device_sees(p, 1, len);
	device_fills(p, 2, len);
	both_see(p, 2, len);
	after = stats();
	note("%llu entries of 2 MiB",
	     (unsigned long long)(after.huge_mapped - before.huge_mapped));
	CHECK((after.huge_mapped > before.huge_mapped) == on);
	/* One 4 KiB page out of the middle. */
	CHECK_EQ(madvise(p + HUGE + 5 * PAGE, PAGE, MADV_DONTNEED), 0);
	both_see(p + HUGE, 2, 5 * PAGE);
	both_see(p + HUGE + 5 * PAGE, 0, PAGE);
	both_see(p + HUGE + 6 * PAGE, 2, HUGE - 6 * PAGE);
	/* Unmap half of one, protect half of another. */
	CHECK_EQ(munmap(p + 2 * HUGE + HUGE / 2, HUGE / 2), 0);
	device_faults(p + 2 * HUGE, HUGE, false, p + 2 * HUGE + HUGE / 2);
	CHECK_EQ(mprotect(p + 3 * HUGE, HUGE / 2, PROT_READ), 0);
	device_fills(p + 3 * HUGE + HUGE / 2, 3, HUGE / 2);
	device_faults(p + 3 * HUGE, HUGE, true, p + 3 * HUGE);
	both_see(p + 3 * HUGE, 2, HUGE / 2);
}

void test_thp(void)
{
	huge(true);
}

void test_no_thp(void)
{
	huge(false);
}

/*
 * A huge page that the CPU maps by 4 KiB entries: what changes then is told page
 * by page, and the device's entry may still be one of 2 MiB.
 */
void test_thp_by_pages(void)
{
	unsigned char *p = anon_thp(HUGE, true);
	struct secmmu_stats before;

	open_device();
	memset(p, 1, HUGE);
	CHECK_EQ(mprotect(p + PAGE, PAGE, PROT_READ), 0);
	CHECK_EQ(mprotect(p + PAGE, PAGE, PROT_READ | PROT_WRITE), 0);
	before = stats();
	device_sees(p, 1, HUGE);
	CHECK(stats().huge_mapped > before.huge_mapped);
	CHECK_EQ(madvise(p + 5 * PAGE, PAGE, MADV_DONTNEED), 0);
	both_see(p + 5 * PAGE, 0, PAGE);
	both_see(p, 1, 5 * PAGE);
	both_see(p + 6 * PAGE, 1, HUGE - 6 * PAGE);
}

/* A huge page, read through a 2 MiB entry, becomes writable page by page. */
void test_thp_after_fork(void)
{
	unsigned char *p = anon_thp(HUGE, true);
	pid_t child;

	open_device();
	memset(p, 1, HUGE);
	device_fills(p, 1, HUGE);
	child = fork();
	CHECK(child >= 0);
	if (!child) {
		usleep(200000);
		_exit(!all_are(p, 1, HUGE));
	}
	device_sees(p, 1, HUGE);
	for (size_t at = 0; at < HUGE; at += 64 * PAGE)
		device_fills(p + at, 2, PAGE);
	CHECK_EQ(join(child), 0);
	for (size_t at = 0; at < HUGE; at += 64 * PAGE) {
		both_see(p + at, 2, PAGE);
		both_see(p + at + PAGE, 1, 63 * PAGE);
	}
	device_fills(p, 3, HUGE);
	both_see(p, 3, HUGE);
}

static void shared_file(int fd)
{
	unsigned char *p, *q, *private, *ro;

	CHECK_EQ(ftruncate(fd, LEN), 0);
	p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	q = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	private = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ro = mmap(NULL, LEN, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED && q != MAP_FAILED && private != MAP_FAILED &&
	      ro != MAP_FAILED);
	both_see(p, 0, LEN);
	device_fills(p, 1, LEN);
	both_see(q, 1, LEN);
	both_see(private, 1, LEN);
	both_see(ro, 1, LEN);
	device_faults(ro, LEN, true, ro);
	/* A private mapping's writes stay private. */
	device_fills(private, 2, LEN / 2);
	both_see(private, 2, LEN / 2);
	both_see(p, 1, LEN);
	device_fills(q, 3, LEN);
	both_see(p, 3, LEN);
	both_see(private + LEN / 2, 3, LEN / 2);
	both_see(private, 2, LEN / 2);
	/* Through the file, and gone with its end. */
	CHECK_EQ(msync(p, LEN, MS_SYNC), 0);
	memset(p, 4, LEN);
	device_sees(q, 4, LEN);
	CHECK_EQ(ftruncate(fd, LEN / 2), 0);
	device_faults(p, LEN, false, p + LEN / 2);
	CHECK_EQ(ftruncate(fd, LEN), 0);
	both_see(p + LEN / 2, 0, LEN / 2);
	close(fd);
}

void test_memfd(void)
{
	int fd = memfd_create("secmmu", MFD_CLOEXEC);

	CHECK(fd >= 0);
	open_device();
	shared_file(fd);
}

void test_file(void)
{
	/* The initramfs's own file system: page cache like any other. */
	int fd = open("/root/file", O_RDWR | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0);
	CHECK_EQ(unlink("/root/file"), 0);
	open_device();
	shared_file(fd);
}

void test_punch_hole(void)
{
	int fd = memfd_create("secmmu", MFD_CLOEXEC);
	unsigned char *p;

	CHECK(fd >= 0);
	CHECK_EQ(ftruncate(fd, LEN), 0);
	p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	open_device();
	device_fills(p, 1, LEN);
	CHECK_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			   LEN / 4, LEN / 4), 0);
	both_see(p, 1, LEN / 4);
	both_see(p + LEN / 4, 0, LEN / 4);
	both_see(p + LEN / 2, 1, LEN / 2);
	CHECK_EQ(madvise(p, LEN / 4, MADV_REMOVE), 0);
	both_see(p, 0, LEN / 2);
}

static int sees_and_answers(void *arg)
{
	unsigned char *p = arg;

	if (!all_are(p, 1, LEN))
		return 1;
	memset(p, 2, LEN);
	return 0;
}

/* Shared memory across a fork: the child's CPU, the parent's device. */
void test_shared_anon(void)
{
	unsigned char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	open_device();
	device_fills(p, 1, LEN);
	CHECK_EQ(join(spawn(sees_and_answers, p)), 0);
	both_see(p, 2, LEN);
}

/* The queue's own memory at odd places, and operands on the stack. */
void test_odd_places(void)
{
	unsigned char local[3 * PAGE + 11];
	static unsigned char global[5000];
	unsigned char *heap = malloc(777);

	open_device();
	memset(local, 1, sizeof(local));
	CHECK_EQ(secmmu_copy(&queue, global, local, sizeof(global)), 0);
	CHECK(all_are(global, 1, sizeof(global)));
	CHECK_EQ(secmmu_copy(&queue, heap, global + 3, 777), 0);
	CHECK(all_are(heap, 1, 777));
	/* The text of the program, which it may read and not write. */
	CHECK_EQ(secmmu_copy(&queue, heap, (void *)test_odd_places, 64), 0);
	CHECK(!memcmp(heap, (void *)test_odd_places, 64));
	CHECK_EQ(secmmu_copy(&queue, (void *)test_odd_places, heap, 64),
		 -EFAULT);
	free(heap);
}

static bool resident(void *p)
{
	unsigned char vec;

	CHECK_EQ(mincore(p, PAGE, &vec), 0);
	return vec & 1;
}

static uint64_t page_count(void *p)
{
	uint64_t entry, count;
	int map = open("/proc/self/pagemap", O_RDONLY);
	int counts = open("/proc/kpagecount", O_RDONLY);

	CHECK(map >= 0 && counts >= 0);
	CHECK_EQ(pread(map, &entry, 8, (uintptr_t)p / PAGE * 8), 8);
	CHECK(entry >> 63);
	CHECK_EQ(pread(counts, &count, 8, (entry & ((1ull << 55) - 1)) * 8), 8);
	close(map);
	close(counts);
	return count;
}

/*
 * Not one page stays referenced: nothing is pinned, pages that the device maps
 * can be reclaimed and their memory comes back.
 */
void test_no_reference(void)
{
	size_t len = 64 * MIB, kept = 0;
	unsigned char *p = anon_thp(len, false);
	long long before, after;

	swap_on_zram(640 * MIB);
	open_device();
	device_fills(p, 1, LEN);
	CHECK_EQ(read_key("/proc/self/status", "VmPin"), 0);
	CHECK_EQ(read_key("/proc/self/status", "VmLck"), 0);
	CHECK_EQ(page_count(p), 1);

	/* A page with a reference too many cannot be reclaimed. */
	device_sees(p, 1, LEN);
	for (int tries = 0; tries < 5; tries++)
		CHECK_EQ(madvise(p, LEN, MADV_PAGEOUT), 0);
	for (size_t at = 0; at < LEN; at += PAGE)
		kept += resident(p + at);
	note("%zu of %lu pages could not be reclaimed", kept, LEN / PAGE);
	CHECK(kept < LEN / PAGE / 4);
	both_see(p, 1, LEN);

	/* And one that is unmapped does not become free. */
	munmap(p, len);
	usleep(200000);
	before = read_key("/proc/meminfo", "MemFree");
	for (int round = 0; round < 4; round++) {
		p = anon_thp(len, false);
		device_fills(p, 1, len);
		munmap(p, len);
	}
	usleep(200000);
	after = read_key("/proc/meminfo", "MemFree");
	note("MemFree %lld kB before, %lld kB after 256 MiB came and went",
	     before, after);
	CHECK(before - after < 64 * 1024);
}

/* Nothing mapped on the device: no doorbell, however large the range. */
void test_no_needless_shootdown(void)
{
	size_t len = 16 * MIB;
	unsigned char *p = anon_thp(len, false);
	struct secmmu_stats before, after;

	open_device();
	memset(p, 1, len);
	before = stats();
	for (size_t at = 0; at < len; at += PAGE)
		CHECK_EQ(madvise(p + at, PAGE, MADV_DONTNEED), 0);
	after = stats();
	CHECK(after.ranges - before.ranges >= len / PAGE);
	CHECK_EQ(after.shootdowns, before.shootdowns);
	/* One range, one doorbell, however much is mapped. */
	device_fills(p, 2, len);
	before = stats();
	CHECK_EQ(madvise(p, len, MADV_DONTNEED), 0);
	after = stats();
	CHECK_EQ(after.shootdowns - before.shootdowns, 1);
	CHECK(after.pages_zapped - before.pages_zapped >= len / PAGE);
	/*
	 * Tables that became empty are freed; behind an IOMMU, whose mappings
	 * are given back from them first, when the next range comes by.
	 */
	if (access("/sys/class/iommu/dmar0", F_OK) == 0) {
		CHECK_EQ(madvise(p, len, MADV_DONTNEED), 0);
		after = stats();
	}
	CHECK(after.table_bytes < before.table_bytes);
}

/* Does the kernel's command line ask for an IOMMU? */
static bool wants_iommu(void)
{
	char line[1024] = "";
	FILE *f = fopen("/proc/cmdline", "re");

	CHECK(f && fgets(line, sizeof(line), f));
	fclose(f);
	return strstr(line, "intel_iommu=on");
}

/* The boots that ask for an audit, or for an IOMMU, must get one. */
void test_audited(void)
{
	struct secmmu_stats before, after;

	CHECK_EQ(access("/sys/class/iommu/dmar0", F_OK) == 0, wants_iommu());
	open_device();
	before = stats();
	device_fills(anon(LEN), 1, LEN);
	after = stats();
	CHECK(after.audit_checks >= before.audit_checks + LEN / HUGE + 1);
	CHECK_EQ(after.audit_violations, before.audit_violations);
}
