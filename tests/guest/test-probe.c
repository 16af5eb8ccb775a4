// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A binding that fails half way: an error each time, nothing kept, and a
 * module that can be unloaded.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

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

/* Of a device to which the kernel gives no interrupt. */
void test_probe_no_irq(void)
{
	long long free;
	char address[256];
	int fd;

	find_function(address, sizeof(address));
	CHECK(access("/dev/secmmu0", F_OK) < 0);
	for (int i = 0; i < 20; i++)
		CHECK(bind_again(address));
	free = read_key("/proc/meminfo", "MemFree");
	/* The event ring alone is 64 KiB. */
	for (int i = 0; i < 200; i++) {
		int err = bind_again(address);

		/* As this kernel says it, or newer ones. */
		CHECK(err == EINVAL || err == ENOSPC);
	}
	note("MemFree: %+lld KiB", read_key("/proc/meminfo", "MemFree") - free);
	CHECK(free - read_key("/proc/meminfo", "MemFree") < 4096);
	CHECK(access("/dev/secmmu0", F_OK) < 0);
	CHECK_EQ(syscall(SYS_delete_module, "secmmu", O_NONBLOCK), 0);
	fd = open("/lib/modules/secmmu.ko", O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_EQ(syscall(SYS_finit_module, fd, "", 0), 0);
	close(fd);
}
