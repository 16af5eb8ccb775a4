// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files: ext4 on a disk with writeback, truncate and holes; tmpfs with swap;
 * seals. What the device writes is what the file holds.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "maps.h"

#define LEN	(1 * MIB)

static int open_file(const char *path)
{
	int fd;

	mkdir("/root/disk", 0700);
	if (mount("/dev/vda", "/root/disk", "ext4", 0, NULL))
		CHECK_EQ(errno, EBUSY);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(ftruncate(fd, LEN), 0);
	return fd;
}

static unsigned char *map(int fd)
{
	void *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

/* What the file itself holds, read past the page cache. */
static void on_disk(int fd, unsigned char c)
{
	unsigned char *buf = anon(LEN);
	char path[32];
	int direct;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	direct = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	CHECK(direct >= 0);
	CHECK_EQ(pread(direct, buf, LEN, 0), LEN);
	CHECK(all_are(buf, c, LEN));
	CHECK_EQ(munmap(buf, LEN), 0);
	close(direct);
}

void test_file_writeback(void)
{
	int fd = open_file("/root/disk/file");
	unsigned char *p = map(fd);
	struct secmmu_stats before;
	struct moved m;
	struct adder a;

	open_device();
	for (int i = 1; i < 5; i++) {
		device_fills(p, i, LEN);
		before = stats();
		CHECK_EQ(msync(p, LEN, MS_SYNC), 0);
		m = moved_since(&before);
		/*
		 * Written back, a page is clean and read-only: only so does
		 * the next write of the device make it dirty again.
		 */
		CHECK(m.zapped >= LEN / PAGE);
		on_disk(fd, i);
		both_see(p, i, LEN);
	}
	note("msync: %llu pages zapped by %llu shootdowns", m.zapped,
	     m.shootdowns);
	CHECK_EQ(pwrite(fd, &(char){ 9 }, 1, 77 * PAGE), 1);
	CHECK_EQ(p[77 * PAGE], 9);
	device_sees(p, 4, 77 * PAGE);

	adder_start(&a, p, LEN, false);
	for (int i = 0; i < 10; i++) {
		CHECK_EQ(fsync(fd), 0);
		CHECK_EQ(posix_fadvise(fd, 0, LEN, POSIX_FADV_DONTNEED), 0);
		adder_cpu(&a);
	}
	adder_round(&a);
	adder_stop(&a);
	device_fills(p, 7, LEN);
	CHECK_EQ(munmap(p, LEN), 0);
	CHECK_EQ(fsync(fd), 0);
	on_disk(fd, 7);
	close(fd);
}

void test_file_truncate(void)
{
	int fd = open_file("/root/disk/file");
	unsigned char *p = map(fd);
	struct secmmu_stats before;
	struct adder a;

	open_device();
	device_fills(p, 1, LEN);
	before = stats();
	CHECK_EQ(ftruncate(fd, LEN / 2), 0);
	CHECK(moved_since(&before).zapped >= LEN / 2 / PAGE);
	device_faults(p, LEN, false, p + LEN / 2);
	CHECK_EQ(ftruncate(fd, LEN), 0);
	both_see(p, 1, LEN / 2);
	both_see(p + LEN / 2, 0, LEN / 2);
	CHECK_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			   LEN / 4), 0);
	both_see(p, 0, LEN / 4);
	both_see(p + LEN / 4, 1, LEN / 4);
	/* The rest comes and goes; the first quarter is at work. */
	adder_start(&a, p, LEN / 4, false);
	for (int i = 0; i < 20; i++) {
		device_fills(p + LEN / 2, 3, LEN / 2);
		CHECK_EQ(ftruncate(fd, LEN / 2), 0);
		device_faults(p + LEN / 2, LEN / 2, true, p + LEN / 2);
		CHECK_EQ(ftruncate(fd, LEN), 0);
		both_see(p + LEN / 2, 0, LEN / 2);
	}
	adder_round(&a);
	adder_stop(&a);
	CHECK_EQ(munmap(p, LEN), 0);
	close(fd);
}

/* Shared memory goes to swap and comes back; holes are punched under jobs. */
void test_shmem_under_jobs(void)
{
	int fd = memfd_create("secmmu", MFD_CLOEXEC);
	unsigned char *p;
	struct adder a;

	CHECK(fd >= 0);
	CHECK_EQ(ftruncate(fd, LEN), 0);
	p = map(fd);
	swap_on_zram(640 * MIB);
	open_device();
	device_fills(p, 1, LEN);
	adder_start(&a, p, LEN / 2, false);
	for (int i = 1; i < 30; i++) {
		CHECK_EQ(madvise(p, LEN, MADV_PAGEOUT), 0);
		adder_cpu(&a);
		device_fills(p + LEN / 2, i, LEN / 2);
		if (i & 1)
			CHECK_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE |
					   FALLOC_FL_KEEP_SIZE, LEN / 2,
					   LEN / 4), 0);
		else
			CHECK_EQ(madvise(p + LEN / 2, LEN / 4, MADV_REMOVE),
				 0);
		both_see(p + LEN / 2, 0, LEN / 4);
		both_see(p + 3 * LEN / 4, i, LEN / 4);
	}
	adder_round(&a);
	adder_stop(&a);
	CHECK_EQ(munmap(p, LEN), 0);
	close(fd);
}

/* A seal against writing: no new writable mapping, and none on the device. */
void test_memfd_seals(void)
{
	int fd = memfd_create("secmmu", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	unsigned char *p, *ro;

	CHECK(fd >= 0);
	CHECK_EQ(ftruncate(fd, LEN), 0);
	p = map(fd);
	open_device();
	device_fills(p, 1, LEN);
	/* While it is mapped writable, by whomever, it cannot be sealed. */
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	CHECK_EQ(errno, EBUSY);
	CHECK_EQ(munmap(p, LEN), 0);
	/* The device holds no page: or this would be busy still. */
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK), 0);
	ro = mmap(NULL, LEN, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(ro != MAP_FAILED);
	both_see(ro, 1, LEN);
	device_faults(ro, LEN, true, ro);
	CHECK_EQ(ftruncate(fd, LEN / 2), -1);
	both_see(ro, 1, LEN);
	close(fd);
}

/* Sealed under jobs, which go on where they are: the others have come too late. */
void test_memfd_seals_under_jobs(void)
{
	static const unsigned int seals[] = {
		F_SEAL_GROW, F_SEAL_SHRINK, F_SEAL_FUTURE_WRITE, F_SEAL_SEAL,
	};
	int fd = memfd_create("secmmu", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	unsigned char *p;
	struct adder a;

	CHECK(fd >= 0);
	CHECK_EQ(ftruncate(fd, LEN), 0);
	p = map(fd);
	open_device();
	device_fills(p, 1, LEN);
	adder_start(&a, p, LEN, false);
	for (int i = 0; i < 10; i++) {
		/* No page is held, but jobs come by all the time. */
		CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
		CHECK_EQ(errno, EBUSY);
		adder_cpu(&a);
	}
	for (size_t i = 0; i < sizeof(seals) / sizeof(seals[0]); i++) {
		CHECK_EQ(fcntl(fd, F_ADD_SEALS, seals[i]), 0);
		adder_cpu(&a);
		adder_round(&a);
	}
	CHECK(mmap(NULL, LEN, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	CHECK_EQ(errno, EPERM);
	CHECK_EQ(ftruncate(fd, LEN / 2), -1);
	adder_stop(&a);
	CHECK_EQ(munmap(p, LEN), 0);
	close(fd);
}
