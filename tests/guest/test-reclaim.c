// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reclaim by request and by limit, on both LRUs, to compressed memory and to a
 * disk; and the OOM reaper, whose ranges may not block.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "maps.h"

#define LEN	(8 * MIB)
#define LRU_GEN	"/sys/kernel/mm/lru_gen/enabled"

/* Not all that was asked for may be found: that is EAGAIN. */
static void reclaim(const char *group, const char *amount)
{
	int fd = open(cgroup_file(group, "memory.reclaim"),
		      O_WRONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	if (write(fd, amount, strlen(amount)) < 0)
		CHECK_EQ(errno, EAGAIN);
	close(fd);
}

/* Half by half, each with jobs on it; then all of it is as it was. */
static void reclaim_under_jobs(const char *group)
{
	unsigned char *p = anon_thp(LEN, false);
	struct secmmu_stats before;
	long long out;
	struct moved m;
	struct adder a;

	device_fills(p, 3, LEN);
	before = stats();
	out = read_key("/proc/vmstat", "pswpout");
	adder_start(&a, p, LEN / 8, false);
	for (int i = 0; i < 8; i++) {
		reclaim(group, "6M");
		adder_cpu(&a);
		both_see(p + LEN / 2, 3, LEN / 2);
	}
	adder_round(&a);
	adder_stop(&a);
	out = read_key("/proc/vmstat", "pswpout") - out;
	m = moved_since(&before);
	note("%lld pages out; %llu zapped by %llu shootdowns", out, m.zapped,
	     m.shootdowns);
	CHECK(out > 0);
	CHECK(m.zapped > 0);
	CHECK_EQ(munmap(p, LEN), 0);
}

/* memory.reclaim, on two lists and on many generations. */
void test_reclaim_by_request(void)
{
	long long was;

	swap_on_zram(640 * MIB);
	cgroup_enter("maps-reclaim", 256 * MIB);
	open_device();
	CHECK_EQ(access(LRU_GEN, W_OK), 0);
	{
		FILE *file = fopen(LRU_GEN, "re");
		unsigned int mask;

		CHECK(file);
		CHECK_EQ(fscanf(file, "%x", &mask), 1);
		fclose(file);
		was = mask;
	}
	write_file(LRU_GEN, "n");
	reclaim_under_jobs("maps-reclaim");
	write_file(LRU_GEN, "y");
	reclaim_under_jobs("maps-reclaim");
	write_file(LRU_GEN, was ? "y" : "n");
	close_device();
	cgroup_leave("maps-reclaim");
}

static bool was_high(void *arg)
{
	adder_cpu(arg);
	return read_key(cgroup_file("maps-high", "memory.events"), "high") > 0;
}

/* Over memory.high the process is held back; its jobs come to an end. */
void test_reclaim_memory_high(void)
{
	unsigned char *p;
	struct adder a;

	swap_on_zram(640 * MIB);
	cgroup_enter("maps-high", 256 * MIB);
	open_device();
	write_file(cgroup_file("maps-high", "memory.high"), "5M");
	p = anon_thp(LEN, false);
	device_fills(p, 1, LEN);
	adder_start(&a, p, LEN / 8, false);
	for (int i = 2; i < 5; i++) {
		adder_cpu(&a);
		device_fills(p + LEN / 2, i, LEN / 2);
		both_see(p + LEN / 2, i, LEN / 2);
	}
	/* What the device's faults go over it, a worker of the kernel sees to. */
	CHECK(wait_until(was_high, &a, 10));
	adder_round(&a);
	adder_stop(&a);
	note("memory.high was reached %lld times",
	     read_key(cgroup_file("maps-high", "memory.events"), "high"));
	CHECK_EQ(read_key(cgroup_file("maps-high", "memory.events"),
			  "oom_kill"), 0);
	write_file(cgroup_file("maps-high", "memory.high"), "max");
	close_device();
	cgroup_leave("maps-high");
}

/* Swap on a disk, where a page is under way for longer than in memory. */
void test_reclaim_to_disk(void)
{
	static const char path[] = "/root/disk/swap";
	unsigned char *p;
	int fd;

	mkdir("/root/disk", 0700);
	if (mount("/dev/vda", "/root/disk", "ext4", 0, NULL))
		CHECK_EQ(errno, EBUSY);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	p = anon(MIB);
	for (int i = 0; i < 24; i++)
		CHECK_EQ(write(fd, p, MIB), MIB);
	CHECK_EQ(fsync(fd), 0);
	CHECK_EQ(munmap(p, MIB), 0);
	close(fd);
	CHECK_EQ(system("mkswap /root/disk/swap"), 0);
	/* Before any other swap there is. */
	CHECK_EQ(swapon(path, SWAP_FLAG_PREFER | 32767), 0);
	cgroup_enter("maps-disk", 256 * MIB);
	open_device();
	reclaim_under_jobs("maps-disk");
	close_device();
	cgroup_leave("maps-disk");
	CHECK_EQ(swapoff(path), 0);
	CHECK_EQ(unlink(path), 0);
}

struct victim {
	const char *group;
	atomic_int *ready;
	size_t len;
};

/* Jobs without end on its memory; with a limit in the way, up to that. */
__attribute__((noreturn))
static int dies(void *arg)
{
	struct victim *v = arg;
	unsigned char *p;
	struct adder a;

	open_device();
	p = anon_thp(v->len, false);
	device_fills(p, 1, v->len);
	adder_start(&a, p, v->len, false);
	adder_round(&a);
	atomic_store(v->ready, 1);
	if (v->group) {
		/* Moved in late: what comes now is over the limit. */
		write_file(cgroup_file(v->group, "cgroup.procs"), "0");
		memset(anon_thp(64 * MIB, false), 1, 64 * MIB);
	}
	for (;;)
		pause();
}

/*
 * A victim that stops on its way out, with its memory and its jobs, for as long
 * as its tracer likes. Returns when it is there.
 */
static void stops_at_exit(pid_t child)
{
	int status;

	do
		CHECK_EQ(waitpid(child, &status, __WALL), child);
	while (WIFSTOPPED(status) &&
	       status >> 8 != (SIGTRAP | PTRACE_EVENT_EXIT << 8));
	CHECK(WIFSTOPPED(status));
}

static void ends(pid_t child)
{
	int status;

	CHECK_EQ(ptrace(PTRACE_CONT, child, 0, 0), 0);
	CHECK_EQ(waitpid(child, &status, __WALL), child);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static atomic_int *ready_flag(void)
{
	void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

static pid_t start_victim(struct victim *v)
{
	pid_t child;

	v->ready = ready_flag();
	child = spawn(dies, v);
	CHECK_EQ(ptrace(PTRACE_SEIZE, child, 0, PTRACE_O_TRACEEXIT), 0);
	while (!atomic_load(v->ready))
		usleep(5000);
	return child;
}

/* process_mrelease(): what the OOM reaper does, at a moment of our choice. */
void test_reap_by_request(void)
{
	struct victim v = { .len = 4 * MIB };
	struct secmmu_stats before;

	open_device();
	before = stats();
	for (int i = 0; i < 5; i++) {
		pid_t child = start_victim(&v);
		int pidfd = syscall(SYS_pidfd_open, child, 0);
		char path[64];

		CHECK(pidfd >= 0);
		snprintf(path, sizeof(path), "/proc/%d/status", child);
		CHECK_EQ(kill(child, SIGKILL), 0);
		stops_at_exit(child);
		CHECK(read_key(path, "RssAnon") > 4096);
		CHECK_EQ(syscall(SYS_process_mrelease, pidfd, 0), 0);
		note("reaped: RssAnon is %lld kB", read_key(path, "RssAnon"));
		ends(child);
		close(pidfd);
	}
	/* The device is there for everybody else. */
	device_fills(anon(MIB), 1, MIB);
	CHECK_EQ(stats().audit_violations, before.audit_violations);
}

/* The reaper itself, after an OOM kill whose victim does not go. */
void test_reap_after_oom(void)
{
	struct victim v = { .group = "maps-oom", .len = 4 * MIB };
	long long kb;
	char path[64];
	pid_t child;

	cgroup_enter("maps-oom", 24 * MIB);
	write_file(cgroup_file("maps-oom", "memory.swap.max"), "0");
	write_file("/sys/fs/cgroup/cgroup.procs", "0");
	open_device();
	child = start_victim(&v);
	stops_at_exit(child);
	CHECK_EQ(read_key(cgroup_file("maps-oom", "memory.events"),
			  "oom_kill"), 1);
	snprintf(path, sizeof(path), "/proc/%d/status", child);
	/* Two seconds are its due, then the reaper comes. */
	for (int i = 0; i < 300; i++) {
		kb = read_number(cgroup_file("maps-oom", "memory.current")) / 1024;
		if (kb < 4096)
			break;
		usleep(50000);
	}
	note("%lld kB are left of the victim's", kb);
	CHECK(kb < 4096);
	ends(child);
	device_fills(anon(MIB), 1, MIB);
	CHECK_EQ(rmdir(cgroup_file("maps-oom", "")), 0);
}
