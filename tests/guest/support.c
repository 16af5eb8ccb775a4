// SPDX-License-Identifier: GPL-2.0-or-later
/* What the cases share; see guest-test.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-test.h"

struct secmmu dev = { .fd = -1 };
struct secmmu_queue queue;

void open_device(void)
{
	CHECK_EQ(secmmu_open(&dev, NULL), 0);
	CHECK_EQ(secmmu_queue_init(&queue, &dev, 64, 0), 0);
}

void close_device(void)
{
	secmmu_queue_exit(&queue);
	secmmu_close(&dev);
}

struct secmmu_stats stats(void)
{
	struct secmmu_stats s;

	CHECK_EQ(secmmu_stats(&dev, &s), 0);
	return s;
}

void *anon(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

void *anon_thp(size_t len, bool huge)
{
	uintptr_t p = (uintptr_t)anon(len + HUGE);

	p = (p + HUGE - 1) & ~(HUGE - 1);
	CHECK_EQ(madvise((void *)p, len, huge ? MADV_HUGEPAGE :
			 MADV_NOHUGEPAGE), 0);
	return (void *)p;
}

struct secmmu_completion run(struct secmmu_queue *q,
			     const struct secmmu_desc *desc)
{
	struct secmmu_desc *slot = secmmu_get_desc(q);
	struct secmmu_completion done;
	uint64_t completion;

	CHECK(slot);
	completion = slot->completion;
	*slot = *desc;
	slot->completion = completion;
	CHECK_EQ(secmmu_submit(q), 1);
	CHECK_EQ(secmmu_wait(q, &done), 0);
	return done;
}

unsigned long option(const char *name, unsigned long otherwise)
{
	unsigned long value = otherwise;
	char line[2048] = "", key[64], *at;
	FILE *file = fopen("/proc/cmdline", "re");

	CHECK(file && fgets(line, sizeof(line), file));
	fclose(file);
	snprintf(key, sizeof(key), " secmmu.%s=", name);
	at = strstr(line, key);
	if (at)
		value = strtoul(at + strlen(key), NULL, 0);
	return value;
}

long long read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	long long value;

	CHECK(file && fscanf(file, "%lld", &value) == 1);
	fclose(file);
	return value;
}

long long device_counter(const char *name)
{
	long long value = read_key("/sys/kernel/debug/secmmu/secmmu0/counters",
				   name);

	CHECK(value >= 0);
	return value;
}

static long long slab_objects(const char *cache)
{
	char path[128];

	/* Shrinking flushes what the CPUs keep; then the count is exact. */
	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", cache);
	write_file(path, "1");
	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/objects", cache);
	return read_number(path);
}

/*
 * Pages that are free but lie with a CPU, for its next allocations: up to part of
 * a zone's low watermark each, which is 28 MiB in a guest of 1 GiB with huge
 * pages. MemFree leaves them out, and nothing gives them back while there is memory.
 */
long long free_with_cpus(void)
{
	FILE *file = fopen("/proc/zoneinfo", "re");
	long long sum = 0, count;
	char line[256];

	CHECK(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " count: %lld", &count) == 1)
			sum += count;
	fclose(file);
	return sum * PAGE / 1024;
}

struct footprint footprint(void)
{
	static const char *const sizes[] = {
		"32", "64", "96", "128", "192", "256", "512", "1k", "2k",
		"4k", "8k",
	};
	struct footprint f = { 0 };

	/* Frees what has been put behind SRCU and RCU. */
	usleep(200000);
	write_file("/proc/sys/vm/drop_caches", "3");
	f.mms = slab_objects("mm_struct");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char name[32], path[64];

		snprintf(name, sizeof(name), "kmalloc-cg-%s", sizes[i]);
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s", name);
		/* An architecture's smallest may be larger: arm64's is 128. */
		if (i >= 5 || !access(path, F_OK))
			f.small += slab_objects(name);
	}
	f.with_cpus = free_with_cpus();
	f.free = read_key("/proc/meminfo", "MemFree") + f.with_cpus;
	/* KASAN keeps freed objects for a while; lost ones are kmemleak's to find. */
	if (!access("/sys/kernel/debug/kmemleak", F_OK))
		f.free += read_key("/proc/meminfo", "Slab");
	return f;
}

long long memory_lost(long long before, long long enough)
{
	double start = now();
	long long lost;

	do
		lost = before - footprint().free;
	while (lost >= enough && now() - start < 20);
	return lost;
}

/* Lines of a file of debugfs but for its heading. */
static unsigned int debugfs_lines(const char *name)
{
	unsigned int lines = 0;
	char path[128], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/debug/secmmu/secmmu0/%s",
		 name);
	file = fopen(path, "re");
	CHECK(file);
	while (fgets(line, sizeof(line), file))
		lines++;
	fclose(file);
	CHECK(lines);
	return lines - 1;
}

static long long module_users(void)
{
	return read_number("/sys/module/secmmu/refcnt");
}

void check_no_leak(const struct footprint *before, unsigned int rounds)
{
	/* One of anything in each second round would be more than this. */
	long long few = 4 + rounds / 2;
	struct footprint after = footprint();

	/*
	 * What is closed goes in its own time: a worker has an mm until its fault
	 * is served, a grace period is late. What leaks does not go.
	 */
	for (int i = 0; i < 40 &&
	     (debugfs_lines("asids") || debugfs_lines("queues") ||
	      module_users() || after.mms - before->mms >= few ||
	      after.small - before->small >= few ||
	      before->free - after.free > 8 * 1024); i++)
		after = footprint();
	note("%u rounds: mms %+lld, small objects %+lld, free %+lld KiB, with CPUs %+lld",
	     rounds, after.mms - before->mms, after.small - before->small,
	     after.free - before->free, after.with_cpus - before->with_cpus);
	CHECK_EQ(debugfs_lines("asids"), 0);
	CHECK_EQ(debugfs_lines("queues"), 0);
	CHECK_EQ(module_users(), 0);
	CHECK(after.mms - before->mms < few);
	CHECK(after.small - before->small < few);
	/* The machine keeps some for itself; a ring of the device is 64 KiB. */
	CHECK(before->free - after.free < 32 * 1024);
}

uint32_t noise(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

void fill_noise(void *p, size_t len, uint32_t seed)
{
	unsigned char *c = p;
	uint32_t state = seed | 1;

	while (len--)
		*c++ = noise(&state) >> 9;
}

bool all_are(const void *p, unsigned char c, size_t len)
{
	const unsigned char *b = p;

	return !len || (*b == c && !memcmp(b, b + 1, len - 1));
}

pid_t spawn(int (*fn)(void *arg), void *arg)
{
	pid_t child = fork();

	CHECK(child >= 0);
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(fn(arg));
	}
	return child;
}

int join(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		CHECK_EQ(errno, EINTR);
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   128 + WTERMSIG(status);
}
