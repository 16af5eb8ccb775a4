// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A device that does not do what it must: it is taken off the bus before the
 * kernel is told that its memory is safe, whoever waits is told, and a fresh
 * start brings it back. The boot's device loses one shootdown.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest-test.h"

#define LEN	(1 * MIB)

void test_lost_shootdown(void)
{
	unsigned char *p = anon(LEN), *fresh;
	struct secmmu_completion done;
	struct secmmu ctx;
	double longest = 0;
	int ret = 0, i;

	open_device();
	for (i = 0; i < 100 && !ret; i++) {
		double start;

		ret = secmmu_fill(&queue, p, i, LEN);
		if (ret)
			break;
		/* Work is under way when the mapping goes. */
		secmmu_prep_fill(secmmu_get_desc(&queue), p, ~0ull, LEN);
		CHECK_EQ(secmmu_submit(&queue), 1);
		start = now();
		CHECK_EQ(madvise(p, LEN, MADV_DONTNEED), 0);
		if (now() - start > longest)
			longest = now() - start;
		ret = secmmu_wait(&queue, &done);
	}
	note("lost after %d rounds; the longest madvise took %.1f s", i,
	     longest);
	CHECK_EQ(ret, -ENODEV);
	/* The bound is two seconds; the rest is the machine's. */
	CHECK(longest > 1 && longest < 30);

	/* Nothing lands in memory that was freed to it. */
	fresh = anon(4 * LEN);
	memset(fresh, 0x11, 4 * LEN);
	usleep(100000);
	CHECK(all_are(fresh, 0x11, 4 * LEN));
	memset(p, 0x22, LEN);
	CHECK(all_are(p, 0x22, LEN));

	/* The doorbell is still mapped and leads nowhere; calls say so. */
	*queue.doorbell = 1;
	ret = secmmu_fill(&queue, p, 1, LEN);
	CHECK(ret == -ENODEV || ret == -EBUSY);
	CHECK_EQ(secmmu_open(&ctx, NULL), -ENODEV);
	CHECK_EQ(munmap(p, LEN), 0);
}

void test_lost_device(void)
{
	struct secmmu ctx;
	int fd;

	CHECK_EQ(secmmu_open(&ctx, NULL), -ENODEV);
	CHECK_EQ(syscall(SYS_delete_module, "secmmu", O_NONBLOCK), 0);
	fd = open("/lib/modules/secmmu.ko", O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_EQ(syscall(SYS_finit_module, fd, "", 0), 0);
	for (int i = 0; i < 200 && access("/dev/secmmu0", R_OK); i++)
		usleep(10000);
	open_device();
	for (int i = 1; i < 50; i++) {
		unsigned char *p = anon(LEN);

		CHECK_EQ(secmmu_fill(&queue, p, 0x0101010101010101ull * i,
				     LEN), 0);
		CHECK(all_are(p, i, LEN));
		CHECK_EQ(munmap(p, LEN), 0);
	}
}
