// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Allocations that fail, on the debug kernel: each one in turn of a call or of a
 * binding, and some of those that serve a device's faults. What was not done
 * leaves nothing behind (kmemleak looks, after the cases), and what is told
 * is -ENOMEM, or a job's NO_MEMORY.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest-test.h"

#define DEBUG	"/sys/kernel/debug/"
#define DRIVER	"/sys/bus/pci/drivers/secmmu/"
#define ONES	0x0101010101010101ull
/* No call and no binding has so many allocations. */
#define MANY	3000

static bool file_has(const char *path, const char *word)
{
	char line[512];
	FILE *file = fopen(path, "re");
	bool found = false;

	CHECK(file);
	while (!found && fgets(line, sizeof(line), file))
		found = strstr(line, word);
	fclose(file);
	return found;
}

/* Without these the boot would pass and show nothing. */
void test_debug_kernel(void)
{
	CHECK(file_has("/proc/kallsyms", " kasan_report"));
	CHECK(file_has("/proc/kallsyms", " __might_sleep"));
	CHECK_EQ(read_key("/proc/lockdep_stats", " debug_locks:"), 1);
	CHECK(file_has("/proc/cmdline", " page_poison=1"));
	CHECK_EQ(access(DEBUG "kmemleak", W_OK), 0);
	CHECK_EQ(access(DEBUG "failslab/probability", W_OK), 0);
	CHECK_EQ(access(DEBUG "fail_page_alloc/probability", W_OK), 0);
	/* It knows our locks, so it has looked at them. */
	CHECK(file_has("/proc/lockdep", "&smm->lock"));
}

static void attribute(const char *name, const char *value)
{
	static const char *const kinds[] = { "failslab", "fail_page_alloc" };
	char path[128];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), DEBUG "%s/%s", kinds[i], name);
		if (!access(path, F_OK))
			write_file(path, value);
	}
}

void failures_allowed(void)
{
	attribute("ignore-gfp-wait", "N");
	attribute("ignore-gfp-highmem", "N");
	attribute("min-order", "0");
	attribute("times", "-1");
	attribute("interval", "1");
	attribute("verbose", "0");
	attribute("task-filter", "Y");
	failure_rate(0);
}

void failure_rate(unsigned int percent)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", percent);
	attribute("probability", text);
}

/* /proc/thread-self/fail-nth, opened before: that allocates, too. */
static int nth_file;

static void nth_open(void)
{
	nth_file = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	CHECK(nth_file >= 0);
}

/* This thread's allocation number @nr from now on fails; 0: none. */
static void fail_nth(unsigned int nr)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", nr);
	CHECK(pwrite(nth_file, text, strlen(text), 0) > 0);
}

/* Has it failed? If not, it must not do so later. */
static bool has_failed(void)
{
	char text[16] = "";

	CHECK(pread(nth_file, text, sizeof(text) - 1, 0) > 0);
	fail_nth(0);
	return !atoi(text);
}

/* A call that is made again and again; 0 or an errno. */
struct call {
	const char *name;
	int (*run)(void);
	void (*undo)(void);
};

static int fd = -1;
static struct secmmu_queue_create created;
static void *ring;

static int calls_open(void)
{
	fd = open("/dev/secmmu0", O_RDWR | O_CLOEXEC);
	return fd < 0 ? errno : 0;
}

static void undoes_open(void)
{
	CHECK_EQ(close(fd), 0);
}

static int calls_mode(void)
{
	struct secmmu_set_mode arg = { .mode = SECMMU_MODE_SOFT };

	return ioctl(fd, SECMMU_IOC_MODE, &arg) ? errno : 0;
}

static void undoes_mode(void)
{
	struct secmmu_set_mode arg = { .mode = SECMMU_MODE_WALK };

	CHECK_EQ(ioctl(fd, SECMMU_IOC_MODE, &arg), 0);
}

static int calls_create(void)
{
	created = (struct secmmu_queue_create){ .ring = (uintptr_t)ring };
	return ioctl(fd, SECMMU_IOC_QUEUE_CREATE, &created) ? errno : 0;
}

static void undoes_create(void)
{
	struct secmmu_queue_destroy arg = { .queue = created.queue };

	CHECK_EQ(ioctl(fd, SECMMU_IOC_QUEUE_DESTROY, &arg), 0);
}

/* Every allocation of the call fails once, and then none. */
static void each_fails(const struct call *call)
{
	unsigned int nr, refused = 0;
	bool failed = true;

	for (nr = 1; failed && nr < MANY; nr++) {
		int err;

		fail_nth(nr);
		err = call->run();
		failed = has_failed();
		CHECK(!err || err == ENOMEM);
		CHECK(!err || failed);
		if (err)
			refused++;
		else
			call->undo();
	}
	note("%s: %u allocations, %u of them refused it", call->name, nr - 2,
	     refused);
	CHECK(nr < MANY);
	CHECK(refused);
}

void test_fail_calls(void)
{
	static const struct call open_call = {
		"open", calls_open, undoes_open
	}, mode_call = {
		"mode", calls_mode, undoes_mode
	}, create_call = {
		"queue create", calls_create, undoes_create
	};
	struct footprint before;

	unsetenv("SECMMU_MODE");
	failures_allowed();
	nth_open();
	ring = anon(PAGE);
	memset(ring, 0, PAGE);
	before = footprint();
	each_fails(&open_call);
	CHECK_EQ(calls_open(), 0);
	each_fails(&mode_call);
	each_fails(&create_call);
	undoes_open();
	check_no_leak(&before, 1);
	open_device();
}

/* The device's address on the bus. */
static void device_address(char *address, size_t size)
{
	char path[256] = "";

	CHECK(readlink("/sys/class/misc/secmmu0/device", path,
		       sizeof(path) - 1) > 0);
	snprintf(address, size, "%s", strrchr(path, '/') + 1);
}

static int bind_file;

static int bind_device(const char *address)
{
	ssize_t ret = pwrite(bind_file, address, strlen(address), 0);

	return ret < 0 ? errno : 0;
}

/* Bound, with allocation @nr failing. Afterwards it is unbound in any case. */
static bool bind_fails(const char *address, unsigned int nr,
		       unsigned int *refused)
{
	bool failed;
	int err;

	fail_nth(nr);
	err = bind_device(address);
	failed = has_failed();
	CHECK(!err || failed);
	CHECK_EQ(!access("/sys/class/misc/secmmu0", F_OK), !err);
	if (err)
		++*refused;
	else
		write_file(DRIVER "unbind", address);
	CHECK(access("/sys/class/misc/secmmu0", F_OK) < 0);
	CHECK(access(DEBUG "secmmu/secmmu0", F_OK) < 0);
	return failed;
}

/*
 * Each step of a binding fails once, and then, in any order, many times: what
 * kmemleak does not know of, such as memory for DMA, adds up.
 */
void test_fail_probe(void)
{
	unsigned int last, refused = 0, rounds = option("rounds", 100), i;
	uint32_t seed = 17;
	char address[64];
	long long free, lost;

	failures_allowed();
	nth_open();
	bind_file = open(DRIVER "bind", O_WRONLY | O_CLOEXEC);
	CHECK(bind_file >= 0);
	device_address(address, sizeof(address));
	write_file(DRIVER "unbind", address);
	for (last = 1; last < MANY; last++)
		if (!bind_fails(address, last, &refused))
			break;
	note("%u allocations, %u of them refused it", last - 1, refused);
	CHECK(last < MANY);
	CHECK(refused >= 10);

	refused = 0;
	free = footprint().free;
	for (i = 0; i < rounds; i++)
		bind_fails(address, 1 + noise(&seed) % last, &refused);
	lost = memory_lost(free, 4096);
	note("%u of %u refused it, memory but for slabs: %+lld KiB", refused, rounds, -lost);
	CHECK(lost < 4096);

	CHECK_EQ(bind_device(address), 0);
	for (i = 0; i < 2000 && access("/dev/secmmu0", R_OK); i++)
		usleep(5000);
	open_device();
	CHECK_EQ(secmmu_fill(&queue, anon(PAGE), ONES, PAGE), 0);
}

/* The kernel's threads that may serve a fault of the device may fail, or not. */
static void workers_may_fail(bool may)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	unsigned int nr = 0;

	CHECK(dir);
	while ((entry = readdir(dir))) {
		char path[300], name[64] = "";
		FILE *file;
		int set;

		if (!isdigit(entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (!fgets(name, sizeof(name), file))
			name[0] = 0;
		fclose(file);
		if (strncmp(name, "kworker/u", 9))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/make-it-fail",
			 entry->d_name);
		set = open(path, O_WRONLY | O_CLOEXEC);
		if (set < 0)
			continue;
		nr += write(set, may ? "1" : "0", 1) == 1;
		close(set);
	}
	closedir(dir);
	CHECK(nr);
}

#define LEN	(256 * 1024ul)

/*
 * One job from and to memory that the device has not seen. False if the queue
 * has not survived it; a queue whose ring or record could not be reached is
 * stopped, and the next one is made.
 */
static bool copy_once(unsigned int round, unsigned int *by_status)
{
	unsigned char *src = anon(LEN), *dst = anon(LEN), *want = anon(LEN);
	struct secmmu_completion done;
	struct secmmu_desc *desc;
	int ret;

	fill_noise(want, LEN, round);
	memcpy(src, want, LEN);
	desc = secmmu_get_desc(&queue);
	CHECK(desc);
	secmmu_prep_copy(desc, dst, src, LEN);
	CHECK_EQ(secmmu_submit(&queue), 1);
	ret = secmmu_wait(&queue, &done);
	if (!ret) {
		CHECK(done.status < SECMMU_STATUS_NR);
		by_status[done.status]++;
		CHECK(done.bytes <= LEN);
		/* What it says it has done is done, and the source is whole. */
		CHECK(!memcmp(dst, want, done.bytes));
		CHECK(done.status != SECMMU_STATUS_OK || done.bytes == LEN);
		CHECK(!memcmp(src, want, LEN));
	} else {
		CHECK_EQ(ret, -EFAULT);
	}
	CHECK_EQ(munmap(src, LEN), 0);
	CHECK_EQ(munmap(dst, LEN), 0);
	CHECK_EQ(munmap(want, LEN), 0);
	return !ret;
}

/* While faults are served, 3 or 20 of 100 allocations fail. */
void test_fail_jobs(void)
{
	unsigned int by_status[SECMMU_STATUS_NR] = { 0 }, stopped = 0;
	unsigned int rounds = option("rounds", 100);
	struct footprint before;

	failures_allowed();
	open_device();
	close_device();
	before = footprint();
	open_device();
	for (unsigned int i = 0; i < rounds; i++) {
		bool alive;

		/* New ones come with the load. */
		if (i % 8 == 0)
			workers_may_fail(true);
		failure_rate(i % 2 ? 3 : 20);
		alive = copy_once(i, by_status);
		failure_rate(0);
		if (alive)
			continue;
		stopped++;
		close_device();
		open_device();
	}
	workers_may_fail(false);
	note("%u rounds: %u done, %u NO_MEMORY, %u stopped the queue", rounds,
	     by_status[SECMMU_STATUS_OK], by_status[SECMMU_STATUS_NO_MEMORY],
	     stopped);
	CHECK(by_status[SECMMU_STATUS_OK]);
	CHECK(by_status[SECMMU_STATUS_NO_MEMORY]);
	CHECK_EQ(by_status[SECMMU_STATUS_OK] +
		 by_status[SECMMU_STATUS_NO_MEMORY] + stopped, rounds);
	/* As if nothing had been. */
	memset(by_status, 0, sizeof(by_status));
	for (unsigned int i = 0; i < 20; i++)
		CHECK(copy_once(i, by_status));
	CHECK_EQ(by_status[SECMMU_STATUS_OK], 20);
	close_device();
	check_no_leak(&before, rounds);
}
