// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What one process can take of the machine through the driver: contexts, queues
 * and secondary tables are charged to its memory cgroup, and end with that; or
 * earlier, where the device has no more of them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client.h"
#include "guest-test.h"

#define GROUP	"limits"

static long long charged(void)
{
	return read_number(cgroup_file(GROUP, "memory.current"));
}

/* Newer kernels give the CPU's page tables back after a grace period. */
static bool charge_falls_to(long long bytes)
{
	for (int i = 0; i < 600 && charged() >= bytes; i++)
		usleep(50000);
	return charged() < bytes;
}

/*
 * Reads a byte in each of @nr 2 MiB regions. The kernel has its zero page there,
 * so this takes page tables only: one of the CPU's and one of ours each.
 */
static int sparse_reads(unsigned char *p, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		uint32_t crc = 0;
		int ret = secmmu_crc32c(&queue, p + i * HUGE, 1, &crc);

		if (ret)
			return ret;
	}
	return 0;
}

static unsigned char *sparse(unsigned int nr)
{
	unsigned char *p = mmap(NULL, nr * HUGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
				-1, 0);

	CHECK(p != MAP_FAILED);
	CHECK_EQ(madvise(p, nr * HUGE, MADV_NOHUGEPAGE), 0);
	return p;
}

/* Each table is charged, to the one whose memory it maps. */
void test_limit_tables(void)
{
	unsigned int nr = 2000;
	unsigned char *p = sparse(nr);
	long long before, tables, taken;

	cgroup_enter(GROUP, 512 * MIB);
	open_device();
	before = charged();
	CHECK_EQ(sparse_reads(p, nr), 0);
	tables = stats().table_bytes;
	taken = charged() - before;
	note("%lld KiB charged, of which %lld KiB are the device's tables",
	     taken >> 10, tables >> 10);
	CHECK(tables >= (long long)(nr * PAGE));
	/* The CPU's own, and ours; what the CPUs keep in hand is less. */
	CHECK(taken > (long long)(nr * PAGE) + tables * 9 / 10);
	/* And they go with the mapping. */
	CHECK_EQ(munmap(p, nr * HUGE), 0);
	CHECK(charge_falls_to(before + taken / 8));
	note("%lld KiB after munmap", (charged() - before) >> 10);
	close_device();
	cgroup_leave(GROUP);
}

static int takes_tables(void *arg)
{
	unsigned int nr = 16000;
	unsigned char *p = sparse(nr);

	cgroup_enter(GROUP, 12 * MIB);
	open_device();
	return sparse_reads(p, nr) ? 1 : 0;
}

/* MemAvailable leaves out what lies with the CPUs. */
static long long available(void)
{
	return read_key("/proc/meminfo", "MemAvailable") + free_with_cpus();
}

/* A process that wants 120 MiB of them under a limit of 12 MiB. */
void test_limit_process(void)
{
	long long before = available(), least;
	pid_t child = spawn(takes_tables, NULL);
	int status;

	least = before;
	while (kill(child, 0) == 0 && access(cgroup_file(GROUP, ""), F_OK))
		usleep(1000);
	for (;;) {
		long long now = available();
		char state[64] = "", path[64];
		FILE *file;

		if (now < least)
			least = now;
		snprintf(path, sizeof(path), "/proc/%d/stat", child);
		file = fopen(path, "re");
		CHECK(file && fgets(state, sizeof(state), file));
		fclose(file);
		if (strstr(state, ") Z"))
			break;
		usleep(2000);
	}
	status = join(child);
	note("it ended with %d; the machine had %lld KiB less at most", status,
	     before - least);
	/* Killed for it, or told by its job. */
	CHECK(status == 128 + SIGKILL || status == 1);
	CHECK(before - least < 40 * 1024);
	CHECK(rmdir(cgroup_file(GROUP, "")) == 0);
	/* Others notice nothing. */
	open_device();
	CHECK_EQ(secmmu_fill(&queue, anon(MIB), 1, MIB), 0);
}

/* Pages, and the tables for them, are the caller's to pay for. */
void test_limit_prefetch(void)
{
	unsigned int nr = 2000;
	unsigned char *p = sparse(nr);
	long long before, tables, taken;

	cgroup_enter(GROUP, 512 * MIB);
	open_device();
	before = charged();
	/* As above: page tables only, one of the CPU's and one of ours each. */
	for (unsigned int i = 0; i < nr; i++)
		CHECK_EQ(secmmu_prefetch(&dev, p + i * HUGE, 1, 0), 1);
	tables = stats().table_bytes;
	taken = charged() - before;
	note("%lld KiB charged, of which %lld KiB are the device's tables",
	     taken >> 10, tables >> 10);
	CHECK(tables >= (long long)(nr * PAGE));
	CHECK(taken > (long long)(nr * PAGE) + tables * 9 / 10);
	/* And pages. */
	CHECK_EQ(secmmu_prefetch(&dev, p, 16 * HUGE, 1), 16 * 512);
	note("%lld KiB charged with pages", (charged() - before) >> 10);
	CHECK(charged() - before > taken + (long long)(15 * HUGE));
	CHECK_EQ(munmap(p, nr * HUGE), 0);
	CHECK(charge_falls_to(before + taken / 8));
	close_device();
	cgroup_leave(GROUP);
}

static int prefetches_too_much(void *arg)
{
	unsigned char *p = sparse(16);

	cgroup_enter(GROUP, 8 * MIB);
	open_device();
	return secmmu_prefetch(&dev, p, 16 * HUGE, 1) == -ENOMEM ? 1 : 0;
}

/* 32 MiB under a limit of 8 MiB: as if the process had touched them. */
void test_limit_prefetch_oom(void)
{
	int status = join(spawn(prefetches_too_much, NULL));

	note("it ended with %d", status);
	CHECK(status == 128 + SIGKILL || status == 1);
	CHECK_EQ(rmdir(cgroup_file(GROUP, "")), 0);
	open_device();
	CHECK_EQ(secmmu_fill(&queue, anon(MIB), 1, MIB), 0);
}

/*
 * With nobody to kill, the calls themselves fail: every context and queue takes
 * memory of the group, and at its end there is none.
 */
static int takes_contexts(void *arg)
{
	struct rlimit files = { 20000, 20000 };
	struct secmmu_queue_create create = {
		.ring = (uintptr_t)anon(PAGE), .ring_order = 0,
	};
	unsigned int contexts = 0, queues = 0;
	int err, last = 0;

	/* A page fault of ours would find nothing left either. */
	CHECK_EQ(mlockall(MCL_CURRENT), 0);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
	write_file("/proc/self/oom_score_adj", "-1000");
	cgroup_enter(GROUP, 8 * MIB);
	for (;;) {
		int fd = open("/dev/secmmu0", O_RDWR | O_CLOEXEC);

		if (fd < 0)
			break;
		last = fd;
		contexts++;
		while (contexts < 3 &&
		       !ioctl(fd, SECMMU_IOC_QUEUE_CREATE, &create)) {
			create.reserved = 0;
			queues++;
		}
	}
	err = errno;
	for (unsigned int i = 0; i < contexts; i++)
		close(last--);
	note("%u contexts and %u queues until %s", contexts, queues,
	     strerror(err));
	return err == ENOMEM && contexts > 3 && queues > 3 ? 0 : 1;
}

void test_limit_contexts(void)
{
	struct footprint before = footprint();

	CHECK_EQ(join(spawn(takes_contexts, NULL)), 0);
	CHECK_EQ(rmdir(cgroup_file(GROUP, "")), 0);
	check_no_leak(&before, 20);
	open_device();
	CHECK_EQ(secmmu_fill(&queue, anon(MIB), 1, MIB), 0);
}

/* A device with three ASIDs and four queues. */

static void works(struct secmmu_queue *q)
{
	unsigned char *p = anon(MIB);

	CHECK_EQ(secmmu_fill(q, p, 0x0101010101010101ull, MIB), 0);
	CHECK(all_are(p, 1, MIB));
	CHECK_EQ(munmap(p, MIB), 0);
}

static int lives(const struct client *me)
{
	works(&queue);
	client_tells(me);
	client_awaits_end(me);
	return 0;
}

static int finds_none(void *arg)
{
	return secmmu_open(&dev, NULL) != -ENOSPC;
}

/* What a process had is given back a little after its end. */
static int finds_one(void *arg)
{
	double start = now();
	int ret;

	while ((ret = secmmu_open(&dev, NULL)) == -ENOSPC && now() - start < 30)
		usleep(10000);
	CHECK_EQ(ret, 0);
	CHECK_EQ(secmmu_queue_init(&queue, &dev, 8, 0), 0);
	works(&queue);
	return 0;
}

/*
 * Three processes have an address space each: there is none for a fourth, nor for
 * another mode of one of the three, and all of them go on. There is one when one
 * of them ends.
 */
void test_few_asids(void)
{
	struct footprint before;
	struct client a, b;
	struct secmmu soft;

	before = footprint();
	open_device();
	a = client_start(lives);
	b = client_start(lives);
	CHECK_EQ(secmmu_open(&soft, NULL), 0);
	for (int i = 0; i < 200; i++) {
		CHECK_EQ(secmmu_set_mode(&soft, SECMMU_MODE_SOFT), -ENOSPC);
		CHECK_EQ(join(spawn(finds_none, NULL)), 0);
	}
	works(&queue);
	/* The later one has the other's pipe too. */
	CHECK_EQ(client_end(&b), 0);
	CHECK_EQ(join(spawn(finds_one, NULL)), 0);
	CHECK_EQ(client_end(&a), 0);
	CHECK_EQ(secmmu_set_mode(&soft, SECMMU_MODE_SOFT), 0);
	secmmu_close(&soft);
	works(&queue);
	close_device();
	check_no_leak(&before, 200);
}

/* Four queues, whoever has them. */
void test_few_queues(void)
{
	struct secmmu_queue q[3], one;
	struct secmmu other;
	double start;
	int ret;

	open_device();
	CHECK_EQ(secmmu_open(&other, NULL), 0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(secmmu_queue_init(&q[i], i ? &other : &dev, 8, 0), 0);
	for (int i = 0; i < 200; i++) {
		CHECK_EQ(secmmu_queue_init(&one, &dev, 8, 0), -ENOSPC);
		CHECK_EQ(secmmu_queue_init(&one, &other, 8, 0), -ENOSPC);
	}
	works(&queue);
	for (int i = 0; i < 3; i++)
		works(&q[i]);
	secmmu_queue_exit(&q[2]);
	/* It is given back when who served its last fault is done. */
	start = now();
	while ((ret = secmmu_queue_init(&one, &dev, 8, 0)) == -ENOSPC &&
	       now() - start < 10)
		usleep(1000);
	CHECK_EQ(ret, 0);
	works(&one);
	secmmu_queue_exit(&one);
	secmmu_queue_exit(&q[1]);
	secmmu_queue_exit(&q[0]);
	secmmu_close(&other);
}
