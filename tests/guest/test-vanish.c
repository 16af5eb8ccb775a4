// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A device that is there no more: reads give ones, writes do nothing. Nobody has
 * unplugged it as far as Linux knows.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest-test.h"

#define LEN	(1 * MIB)

/* Jobs until it vanishes: found out in time, with memory as it was. */
void test_vanished(void)
{
	unsigned char *p = anon(LEN), *fresh;
	double start = now(), longest = 0;
	struct secmmu ctx;
	int ret = 0, i;

	open_device();
	for (i = 0; i < 100 && !ret; i++) {
		double began;

		start = now();
		ret = secmmu_fill(&queue, p, i, LEN);
		began = now();
		CHECK_EQ(madvise(p, LEN, MADV_DONTNEED), 0);
		if (now() - began > longest)
			longest = now() - began;
	}
	note("noticed in job %d after %.2f s; the longest madvise %.2f s", i,
	     now() - start, longest);
	CHECK_EQ(ret, -ENODEV);
	CHECK(now() - start < 10);
	fresh = anon(4 * LEN);
	memset(fresh, 0x11, 4 * LEN);
	memset(p, 0x22, LEN);
	usleep(100000);
	CHECK(all_are(fresh, 0x11, 4 * LEN));
	CHECK(all_are(p, 0x22, LEN));
	/* It does not come back, and says so. */
	CHECK_EQ(secmmu_open(&ctx, NULL), -ENODEV);
	*queue.doorbell = 1;
	CHECK_EQ(munmap(p, LEN), 0);
}

/* Unbinding is possible, and binding is not. */
void test_vanished_unbind(void)
{
	struct secmmu ctx;
	int fd;

	CHECK_EQ(secmmu_open(&ctx, NULL), -ENODEV);
	CHECK_EQ(syscall(SYS_delete_module, "secmmu", O_NONBLOCK), 0);
	/* The module loads, and finds no device that it knows. */
	fd = open("/lib/modules/secmmu.ko", O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_EQ(syscall(SYS_finit_module, fd, "", 0), 0);
	close(fd);
	usleep(200000);
	CHECK_EQ(secmmu_open(&ctx, NULL), -ENOENT);
	CHECK_EQ(syscall(SYS_delete_module, "secmmu", O_NONBLOCK), 0);
}
