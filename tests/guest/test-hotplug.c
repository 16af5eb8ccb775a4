// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The device unplugged in the middle of jobs, and plugged in again. The guest
 * does it itself, through QEMU's monitor at its fourth serial port.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest-test.h"
#include "monitor.h"

#define LEN	(512 * 1024ul)
#define ONES	0x0101010101010101ull

/* Jobs until the device is lost; memory is the CPU's alone from then on. */
static int client(void *arg)
{
	unsigned char *p = anon(LEN), *fresh;
	struct secmmu_stats s;
	int *ready = arg, ret, i;

	open_device();
	for (i = 0; !(ret = secmmu_fill(&queue, p, ONES * (i & 127), LEN));
	     i++) {
		if (!all_are(p, i & 127, LEN))
			return 1;
		if (i == 1 && write(ready[1], "", 1) != 1)
			return 2;
		if (i % 4 == 3 && madvise(p, LEN, MADV_DONTNEED))
			return 3;
	}
	if (ret != -ENODEV)
		return 4;
	/* The doorbell's page shows ordinary memory now. */
	*queue.doorbell = 1;
	if (secmmu_stats(&dev, &s) != -ENODEV)
		return 5;
	fresh = anon(4 * LEN);
	memset(fresh, 0x11, 4 * LEN);
	memset(p, 0x22, LEN);
	usleep(20000);
	return !all_are(fresh, 0x11, 4 * LEN) || !all_are(p, 0x22, LEN);
}

static void round_plug(void)
{
	unsigned char *p = anon(LEN);
	int ready[2];
	pid_t child;
	char byte;

	CHECK_EQ(pipe2(ready, O_CLOEXEC), 0);
	child = spawn(client, ready);
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	monitor_unplug();
	CHECK_EQ(join(child), 0);
	monitor_plug();
	open_device();
	CHECK_EQ(secmmu_fill(&queue, p, ONES, LEN), 0);
	CHECK(all_are(p, 1, LEN));
	close_device();
	CHECK_EQ(munmap(p, LEN), 0);
	close(ready[0]);
	close(ready[1]);
}

void test_unplug(void)
{
	unsigned int nr = option("rounds", 6);
	struct footprint before;

	monitor_open();
	round_plug();
	before = footprint();
	for (unsigned int i = 0; i < nr; i++)
		round_plug();
	check_no_leak(&before, nr);
}
