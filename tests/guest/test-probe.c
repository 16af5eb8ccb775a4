// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A binding that fails half way: an error each time, nothing kept, and a
 * module that can be unloaded.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bus.h"
#include "guest-test.h"

#define PCI	"/sys/bus/pci/devices/"

/* The address of the function with our numbers, bound or not. */
static void find_function(char *address, size_t size)
{
	DIR *dir = opendir(PCI);
	struct dirent *entry;

	CHECK(dir);
	address[0] = 0;
	while ((entry = readdir(dir))) {
		char path[300];
		unsigned int id = 0;
		FILE *file;

		snprintf(path, sizeof(path), PCI "%s/device", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fscanf(file, "%x", &id) == 1 && id == 0x5ec2)
			snprintf(address, size, "%s", entry->d_name);
		fclose(file);
	}
	closedir(dir);
	CHECK(address[0]);
}

static int bind_again(const char *address)
{
	int fd = open("/sys/bus/pci/drivers/secmmu/bind", O_WRONLY | O_CLOEXEC);
	ssize_t ret;
	int err;

	CHECK(fd >= 0);
	ret = write(fd, address, strlen(address));
	err = ret < 0 ? errno : 0;
	close(fd);
	return err;
}

/* So often, with one of the two errors each time; nothing is left of it. */
static void bind_fails(const char *address, int times, int error, int or_error)
{
	long long before = 0, kept;

	CHECK(access("/dev/secmmu0", F_OK) < 0);
	for (int i = 0; i < times; i++) {
		int err = bind_again(address);

		CHECK(err == error || err == or_error);
		/* The first ones may be what fills the caches. */
		if (i == times / 2)
			before = footprint().free;
	}
	/* The event ring alone is 32 KiB, in each of the second half. */
	kept = memory_lost(before, times * 10);
	note("%lld KiB kept", kept);
	CHECK(kept < times * 10);
	CHECK(access("/dev/secmmu0", F_OK) < 0);
}

/* Of a device to which the kernel gives no interrupt. */
void test_probe_no_irq(void)
{
	char address[256];
	int fd;

	find_function(address, sizeof(address));
	/* As this kernel says it, or newer ones. */
	bind_fails(address, 220, EINVAL, ENOSPC);
	CHECK_EQ(syscall(SYS_delete_module, "secmmu", O_NONBLOCK), 0);
	fd = open("/lib/modules/secmmu.ko", O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_EQ(syscall(SYS_finit_module, fd, "", 0), 0);
	close(fd);
}

#define NOT_STARTED	100	/* x-fail-start */

/* Of a device that is lost, and then does not start for a long time. */
void test_probe_no_start(void)
{
	char address[256];
	struct secmmu ctx;
	unsigned char *p = anon(MIB);
	int ret = 0, err;

	snprintf(address, sizeof(address), "%s", bus_address());
	open_device();
	for (int i = 0; i < 100 && !ret; i++) {
		ret = secmmu_fill(&queue, p, i, MIB);
		CHECK_EQ(madvise(p, MIB, MADV_DONTNEED), 0);
	}
	CHECK_EQ(ret, -ENODEV);
	memset(p, 0x22, MIB);
	/* It was reset, and did not come back: nobody may have it. */
	usleep(100000);
	CHECK_EQ(secmmu_open(&ctx, NULL), -ENODEV);
	CHECK(all_are(p, 0x22, MIB));
	close_device();

	bus_unbind();
	bind_fails(address, NOT_STARTED - 1, EIO, EIO);
	/* Or unbound before its recovery had tried: then one more fails. */
	err = bind_again(address);
	CHECK(!err || err == EIO);
	if (err)
		bus_bind();
	await_node();
	open_device();
	CHECK_EQ(secmmu_fill(&queue, p, 0, MIB), 0);
	CHECK(all_are(p, 0, MIB));
	close_device();
}
