// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The changes that keep the data: reclaim and advice, protection, forks, soft
 * dirty. Each quiet, with the count of what it cost the device, and with jobs
 * in flight all the while. What takes data away is in test-mm.c and test-race.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "maps.h"

#define LEN	(1 * MIB)

/* Puts nothing out, so nothing may be taken from the device. */
void test_advice_cold(void)
{
	unsigned char *p = anon_thp(LEN, false);
	struct secmmu_stats before;
	struct moved m;
	struct adder a;

	open_device();
	device_fills(p, 1, LEN);
	before = stats();
	CHECK_EQ(madvise(p, LEN, MADV_COLD), 0);
	m = moved_since(&before);
	note("MADV_COLD: %llu pages zapped, %llu shootdowns", m.zapped,
	     m.shootdowns);
	CHECK_EQ(m.zapped, 0);
	both_see(p, 1, LEN);

	adder_start(&a, p, LEN, false);
	for (int i = 0; i < 50; i++) {
		CHECK_EQ(madvise(p, LEN, MADV_COLD), 0);
		adder_cpu(&a);
	}
	adder_round(&a);
	adder_stop(&a);
}

void test_advice_pageout(void)
{
	unsigned char *p = anon_thp(LEN, false);
	struct secmmu_stats before;
	struct moved m;
	struct adder a;

	swap_on_zram(640 * MIB);
	open_device();
	device_fills(p, 1, LEN);
	before = stats();
	/* What the first only gets ready the second takes out. */
	for (int i = 0; i < 3; i++)
		CHECK_EQ(madvise(p, LEN, MADV_PAGEOUT), 0);
	m = moved_since(&before);
	note("MADV_PAGEOUT: %llu of %lu pages zapped by %llu shootdowns",
	     m.zapped, LEN / PAGE, m.shootdowns);
	CHECK(m.zapped >= LEN / PAGE / 2);
	/* Reclaim goes page by page, and no page needs two. */
	CHECK(m.shootdowns <= m.zapped);
	both_see(p, 1, LEN);

	adder_start(&a, p, LEN, false);
	for (int i = 0; i < 40; i++) {
		CHECK_EQ(madvise(p, LEN, MADV_PAGEOUT), 0);
		if (i % 4 == 0)
			adder_cpu(&a);
	}
	adder_round(&a);
	adder_stop(&a);
}

/* Present before the device asks: it still faults, and finds what is there. */
void test_advice_populate(void)
{
	unsigned char *p = anon_thp(LEN, false);
	struct secmmu_stats before;
	struct moved m;
	struct adder a;

	open_device();
	device_fills(anon_thp(LEN, false), 1, LEN);
	CHECK_EQ(madvise(p, LEN, MADV_POPULATE_READ), 0);
	before = stats();
	both_see(p, 0, LEN);
	m = moved_since(&before);
	CHECK_EQ(m.mapped, LEN / PAGE);
	CHECK_EQ(m.zapped, 0);
	/* The zero page goes: one range and one shootdown for all of it. */
	before = stats();
	CHECK_EQ(madvise(p, LEN, MADV_POPULATE_WRITE), 0);
	m = moved_since(&before);
	note("MADV_POPULATE_WRITE over what the device reads: %llu zapped by %llu shootdowns",
	     m.zapped, m.shootdowns);
	CHECK_EQ(m.zapped, LEN / PAGE);
	device_fills(p, 3, LEN);
	both_see(p, 3, LEN);
	CHECK_EQ(madvise(p, LEN, MADV_POPULATE_READ), 0);
	both_see(p, 3, LEN);

	/* Out, and in again by whoever is first: job or advice. */
	swap_on_zram(640 * MIB);
	adder_start(&a, p, LEN, false);
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(madvise(p, LEN, MADV_PAGEOUT), 0);
		CHECK_EQ(madvise(p, LEN, i & 1 ? MADV_POPULATE_WRITE :
				 MADV_POPULATE_READ), 0);
		adder_cpu(&a);
	}
	adder_round(&a);
	adder_stop(&a);
}

/* Jobs are refused while the memory is read-only, and none of them is lost. */
void test_protect_under_jobs(void)
{
	unsigned char *p = anon_thp(LEN, false);
	struct secmmu_stats before;
	struct moved m;
	struct adder a;

	open_device();
	device_fills(p, 1, LEN);
	before = stats();
	CHECK_EQ(mprotect(p, LEN, PROT_READ), 0);
	m = moved_since(&before);
	CHECK_EQ(m.shootdowns, 1);
	CHECK_EQ(m.zapped, LEN / PAGE);
	before = stats();
	CHECK_EQ(mprotect(p, LEN, PROT_READ | PROT_WRITE), 0);
	/* Nothing is mapped now, so nothing is shot down. */
	CHECK(moved_since(&before).shootdowns <= behind_iommu());

	adder_start(&a, p, LEN, true);
	for (int i = 0; i < 60; i++) {
		CHECK_EQ(mprotect(p, LEN, i & 1 ? PROT_NONE : PROT_READ), 0);
		usleep(1000);
		CHECK_EQ(mprotect(p, LEN, PROT_READ | PROT_WRITE), 0);
		usleep(2000);
		adder_cpu(&a);
	}
	adder_round(&a);
	adder_stop(&a);
}

/* There, and back to where it was; the place away stays taken in between. */
static void there_and_back(unsigned char *p, unsigned char *away)
{
	CHECK(mremap(p, LEN, LEN, MREMAP_MAYMOVE | MREMAP_FIXED, away) == away);
	usleep(1000);
	CHECK(mremap(away, LEN, LEN, MREMAP_MAYMOVE | MREMAP_FIXED, p) == p);
	CHECK(mmap(away, LEN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
		   MAP_FIXED_NOREPLACE, -1, 0) == away);
}

/* Moved away and back: a job finds the counter there or nothing at all. */
void test_move_under_jobs(void)
{
	unsigned char *p = anon_thp(LEN, false), *away = anon_thp(LEN, false);
	struct secmmu_stats before;
	struct moved m;
	struct adder a;

	open_device();
	device_fills(p, 1, LEN);
	before = stats();
	there_and_back(p, away);
	m = moved_since(&before);
	CHECK_EQ(m.zapped, LEN / PAGE);
	CHECK(m.shootdowns == 1 || (m.shootdowns == 2 && behind_iommu()));
	both_see(p, 1, LEN);

	adder_start(&a, p, LEN, true);
	for (int i = 0; i < 40; i++) {
		there_and_back(p, away);
		usleep(2000);
		adder_cpu(&a);
	}
	adder_round(&a);
	adder_stop(&a);
}

static int looks_on(void *arg)
{
	struct adder *a = arg;
	uint64_t sums[2] = { 0 };

	/* The child's copy stands still, whatever the device adds. */
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < a->pages; i++)
			sums[pass] += *(uint64_t *)(a->p + i * PAGE + 128);
		usleep(3000);
	}
	/* And what it writes is its own. */
	memset(a->p, 0xee, a->pages * PAGE / 2);
	return sums[0] != sums[1];
}

/* Forks, and children that write, exit and exec, with jobs in flight. */
void test_fork_and_exec_under_jobs(void)
{
	unsigned char *p = anon_thp(LEN, false);
	struct secmmu_stats before;
	struct adder a;
	struct moved m;
	int status;
	pid_t child;

	open_device();
	device_fills(p, 1, LEN);
	before = stats();
	CHECK_EQ(join(spawn(looks_on, &(struct adder){ .p = p })), 0);
	m = moved_since(&before);
	note("fork: %llu pages zapped by %llu shootdowns", m.zapped,
	     m.shootdowns);
	CHECK(m.zapped >= LEN / PAGE);
	adder_start(&a, p, LEN, false);
	for (int i = 0; i < 12; i++) {
		child = spawn(looks_on, &a);
		adder_cpu(&a);
		CHECK_EQ(join(child), 0);
		/* A vfork shares the mm until the exec. */
		child = vfork();
		CHECK(child >= 0);
		if (!child) {
			execl("/bin/busybox", "true", (char *)NULL);
			_exit(127);
		}
		CHECK_EQ(waitpid(child, &status, 0), child);
		CHECK_EQ(status, 0);
	}
	adder_round(&a);
	adder_stop(&a);
}

static bool soft_dirty(void *p)
{
	FILE *map = fopen("/proc/self/pagemap", "re");
	uint64_t entry;

	CHECK(map && !fseek(map, (uintptr_t)p / PAGE * 8, SEEK_SET));
	CHECK_EQ(fread(&entry, 8, 1, map), 1);
	fclose(map);
	return entry >> 55 & 1;
}

/* What the device writes after a clear is dirty again, as the CPU's is. */
void test_soft_dirty(void)
{
	unsigned char *p = anon_thp(LEN, false);
	struct adder a;

	open_device();
	device_fills(p, 1, LEN);
	for (int i = 0; i < 5; i++) {
		write_file("/proc/self/clear_refs", "4");
		CHECK(!soft_dirty(p));
		device_sees(p, 1, LEN);
		CHECK(!soft_dirty(p + i * PAGE));
		device_fills(p + i * PAGE, 1, PAGE);
		CHECK(soft_dirty(p + i * PAGE));
		CHECK(!soft_dirty(p + (i + 1) * PAGE));
	}
	adder_start(&a, p, LEN, false);
	for (int i = 0; i < 20; i++) {
		write_file("/proc/self/clear_refs", i & 1 ? "1" : "4");
		adder_cpu(&a);
	}
	adder_round(&a);
	adder_stop(&a);
}

static volatile sig_atomic_t bus_errors;
static siginfo_t bus_error;

static void on_bus_error(int signal, siginfo_t *info, void *context)
{
	bus_errors++;
	bus_error = *info;
}

/* A page that has failed: the job is told so, the pages beside are there. */
void test_poisoned_page(void)
{
	unsigned char *p = anon_thp(LEN, false);
	struct secmmu_desc desc = {
		.opcode = SECMMU_OP_FILL, .dst = (uintptr_t)p, .len = LEN,
	};
	struct sigaction action = {
		.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO,
	};
	struct secmmu_completion done;
	struct adder a;

	CHECK_EQ(sigaction(SIGBUS, &action, NULL), 0);
	open_device();
	device_fills(p, 1, LEN);
	/* Jobs on the pages beside it do not notice. */
	adder_start(&a, p + LEN / 2, LEN / 2, false);
	CHECK_EQ(madvise(p + 5 * PAGE, PAGE, MADV_HWPOISON), 0);
	/* Newer kernels tell the process at once, as if it had run into it. */
	CHECK_EQ(bus_errors, kernel_from(6, 11));
	if (bus_errors) {
		CHECK_EQ(bus_error.si_code, BUS_MCEERR_AR);
		CHECK(bus_error.si_addr == p + 5 * PAGE);
	}
	done = run(&queue, &desc);
	CHECK_EQ(done.status, SECMMU_STATUS_POISONED);
	CHECK_EQ(done.fault_addr, (uintptr_t)p + 5 * PAGE);
	CHECK_EQ(done.bytes, 5 * PAGE);
	adder_round(&a);
	adder_stop(&a);
	/* A new page comes to the same place. */
	CHECK_EQ(munmap(p + 5 * PAGE, PAGE), 0);
	CHECK(mmap(p + 5 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_FIXED |
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == p + 5 * PAGE);
	both_see(p + 5 * PAGE, 0, PAGE);
	device_fills(p, 2, LEN);
	both_see(p, 2, LEN);
	/* That the device ran into it is the job's affair, no signal's. */
	CHECK_EQ(bus_errors, kernel_from(6, 11));
}
