// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * secmmu_bench: QEMU's teaching device, for scale. Lives here: one page through
 * its DMA, which knows one buffer of 4 KiB, physical addresses, and a timer of
 * 100 ms for each transfer, whatever its size. Driven from user space, as it has
 * no driver: what it costs is its own.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "guest.h"

#define EDU_ID		"0x11e8"	/* of vendor 0x1234 */
#define EDU_SRC		0x80
#define EDU_DST		0x88
#define EDU_COUNT	0x90
#define EDU_CMD		0x98
#define EDU_RUN		1
#define EDU_FROM_BUFFER	2
#define EDU_BUFFER	0x40000
/* Older ones abort QEMU for a transfer that ends where the buffer does. */
#define EDU_BYTES	(PAGE - 8)

#define PCI_COMMAND	4
#define MASTER_MEMORY	6

static volatile uint64_t *regs;

/* The folder of the device in sysfs. */
static void find(char *path, size_t size)
{
	DIR *dir = opendir("/sys/bus/pci/devices");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char id[16] = "";
		int fd;

		snprintf(path, size, "/sys/bus/pci/devices/%s/device",
			 entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (read(fd, id, sizeof(id) - 1) > 0 &&
		    !strncmp(id, EDU_ID, strlen(EDU_ID))) {
			close(fd);
			closedir(dir);
			path[strlen(path) - strlen("/device")] = '\0';
			return;
		}
		close(fd);
	}
	die("no edu device");
}

static int open_in(const char *path, const char *name)
{
	char file[320];
	int fd;

	snprintf(file, sizeof(file), "%s/%s", path, name);
	fd = open(file, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die("%s", file);
	return fd;
}

static void start(void)
{
	uint16_t command;
	char path[300];
	int fd;

	find(path, sizeof(path));
	fd = open_in(path, "config");
	if (pread(fd, &command, 2, PCI_COMMAND) != 2)
		die("edu: configuration space");
	command |= MASTER_MEMORY;
	if (pwrite(fd, &command, 2, PCI_COMMAND) != 2)
		die("edu: configuration space");
	close(fd);
	fd = open_in(path, "resource0");
	regs = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (regs == MAP_FAILED)
		die("edu: registers");
	close(fd);
}

static uint64_t physical(void *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (pread(fd, &entry, 8, (uintptr_t)p / PAGE * 8) != 8)
		die("/proc/self/pagemap");
	close(fd);
	return (entry & ((1ull << 55) - 1)) * PAGE;
}

static void transfer(uint64_t src, uint64_t dst, uint64_t command)
{
	regs[EDU_SRC / 8] = src;
	regs[EDU_DST / 8] = dst;
	regs[EDU_COUNT / 8] = EDU_BYTES;
	regs[EDU_CMD / 8] = command | EDU_RUN;
	while (regs[EDU_CMD / 8] & EDU_RUN)
		usleep(1000);
}

void edu(unsigned int rounds)
{
	unsigned char *p = memory(2 * PAGE, false);
	uint64_t from, to;

	start();
	touch(p, 2 * PAGE);
	if (mlock(p, 2 * PAGE))
		die("mlock");
	from = physical(p);
	to = physical(p + PAGE);
	if (!from || !to)
		die("edu: physical addresses are for root");
	while (rounds--) {
		double t = now_ns();

		memset(p, 'a' + rounds, PAGE);
		transfer(from, EDU_BUFFER, 0);
		transfer(EDU_BUFFER, to, EDU_FROM_BUFFER);
		if (memcmp(p, p + PAGE, EDU_BYTES))
			die("edu: another page");
		bench_sample("subject", now_ns() - t);
	}
}
