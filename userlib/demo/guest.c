// SPDX-License-Identifier: LGPL-2.1-or-later
/* See guest.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

#define CGROUP_ROOT	"/sys/fs/cgroup"
#define ZRAM		"/dev/zram0"

void die(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(1);
}

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

long long read_key(const char *path, const char *key)
{
	FILE *file = fopen(path, "re");
	long long value = -1;
	char line[256];

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, key, strlen(key)) == 0 &&
		    sscanf(line + strlen(key), "%*[: \t]%lld", &value) == 1)
			break;
	}
	fclose(file);
	return value;
}

void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die("%s: cannot write '%s': %s", path, text, strerror(errno));
	close(fd);
}

/*
 * The header that swapon(2) looks for, at the start of the first page
 * (union swap_header in the kernel's include/linux/swap.h): 1024 bytes that it
 * leaves alone, version, last page, number of bad pages; the magic word ends
 * the page.
 */
static void make_swap(size_t bytes)
{
	long page_size = sysconf(_SC_PAGESIZE);
	uint32_t header[3] = { 1, bytes / page_size - 1, 0 };
	char *page = calloc(1, page_size);
	int fd = open(ZRAM, O_WRONLY | O_CLOEXEC);

	if (!page || fd < 0)
		die("%s: %s", ZRAM, strerror(errno));
	memcpy(page + 1024, header, sizeof(header));
	memcpy(page + page_size - 10, "SWAPSPACE2", 10);
	if (write(fd, page, page_size) != page_size || fsync(fd))
		die("%s: cannot write a swap header: %s", ZRAM,
		    strerror(errno));
	close(fd);
	free(page);
}

void swap_on_zram(size_t bytes)
{
	char text[32];

	if (read_key("/proc/meminfo", "SwapTotal") > 0)
		return;
	if (access("/sys/block/zram0/disksize", W_OK))
		die("no " ZRAM " to swap to: the kernel's zram module is not loaded, or this is not root");
	snprintf(text, sizeof(text), "%zu", bytes);
	write_file("/sys/block/zram0/disksize", text);
	make_swap(bytes);
	if (swapon(ZRAM, 0))
		die("%s: swapon: %s", ZRAM, strerror(errno));
}

const char *cgroup_file(const char *name, const char *file)
{
	static char path[256];

	snprintf(path, sizeof(path), CGROUP_ROOT "/%s/%s", name, file);
	return path;
}

void cgroup_enter(const char *name, size_t bytes)
{
	char text[32];

	if (access(CGROUP_ROOT "/cgroup.controllers", R_OK) &&
	    mount("cgroup2", CGROUP_ROOT, "cgroup2", 0, NULL))
		die("no cgroup v2 at " CGROUP_ROOT ", and it cannot be mounted: %s",
		    strerror(errno));
	/* What an earlier run left would have its counters. */
	rmdir(cgroup_file(name, ""));
	if (mkdir(cgroup_file(name, ""), 0755))
		die("%s: %s", cgroup_file(name, ""), strerror(errno));
	if (access(cgroup_file(name, "memory.max"), F_OK))
		write_file(CGROUP_ROOT "/cgroup.subtree_control", "+memory");
	snprintf(text, sizeof(text), "%zu", bytes);
	write_file(cgroup_file(name, "memory.max"), text);
	write_file(cgroup_file(name, "cgroup.procs"), "0");
}

void cgroup_leave(const char *name)
{
	write_file(CGROUP_ROOT "/cgroup.procs", "0");
	/* It may be busy for as long as a last page is being written out. */
	for (int i = 0; i < 100 && rmdir(cgroup_file(name, "")); i++)
		usleep(10000);
}
