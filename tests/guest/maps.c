// SPDX-License-Identifier: GPL-2.0-or-later
/* What the cases about changing mappings share; see maps.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "maps.h"

#define ONES		0x0101010101010101ull
#define BATCH		32
/* Where in a page the counter is: not where the stamps of others are. */
#define COUNTER		128

void device_fills(void *p, unsigned char c, size_t len)
{
	CHECK_EQ(secmmu_fill(&queue, p, ONES * c, len), 0);
}

void device_sees(const void *p, unsigned char c, size_t len)
{
	uint64_t sum;

	CHECK_EQ(secmmu_reduce_u64(&queue, p, len / 8, &sum), 0);
	CHECK_EQ(sum, ONES * c * (len / 8));
}

void both_see(const void *p, unsigned char c, size_t len)
{
	device_sees(p, c, len);
	CHECK(all_are(p, c, len));
}

void device_faults(const void *p, size_t len, bool write, const void *at)
{
	struct secmmu_desc desc = {
		.opcode = write ? SECMMU_OP_FILL : SECMMU_OP_REDUCE,
		.src = write ? 0 : (uintptr_t)p,
		.dst = write ? (uintptr_t)p : 0,
		.len = len,
	};
	struct secmmu_completion done = run(&queue, &desc);

	CHECK_EQ(done.status, SECMMU_STATUS_FAULT);
	CHECK_EQ(done.fault_addr, (uintptr_t)at);
	CHECK_EQ(done.bytes, (const char *)at - (const char *)p);
}

bool soft_mode(void)
{
	const char *mode = getenv("SECMMU_MODE");

	return mode && !strcmp(mode, "soft");
}

bool behind_iommu(void)
{
	return !access("/sys/class/misc/secmmu0/device/iommu_group", F_OK);
}

bool kernel_from(unsigned int major, unsigned int minor)
{
	unsigned int have_major, have_minor;
	struct utsname name;

	CHECK_EQ(uname(&name), 0);
	CHECK_EQ(sscanf(name.release, "%u.%u", &have_major, &have_minor), 2);
	return have_major > major ||
	       (have_major == major && have_minor >= minor);
}

bool supported_from(const char *what, unsigned int major, unsigned int minor)
{
	struct utsname name;

	if (kernel_from(major, minor))
		return true;
	CHECK_EQ(uname(&name), 0);
	note("not supported: %s needs a kernel from %u.%u on, this is %s",
	     what, major, minor, name.release);
	return false;
}

struct moved moved_since(const struct secmmu_stats *before)
{
	struct secmmu_stats after = stats();

	return (struct moved) {
		.faults = after.faults - before->faults,
		.ranges = after.ranges - before->ranges,
		/* Ageing is not a change, nor is a choice of the driver's. */
		.shootdowns = after.shootdowns - before->shootdowns -
			      (after.age_shootdowns - before->age_shootdowns) -
			      (after.split_shootdowns -
			       before->split_shootdowns),
		.zapped = after.pages_zapped - before->pages_zapped,
		.mapped = after.pages_mapped - before->pages_mapped,
	};
}

static uint64_t *counter(struct adder *a, size_t page)
{
	return (uint64_t *)(a->p + page * PAGE + COUNTER);
}

static void *adder_thread(void *arg)
{
	struct adder *a = arg;
	size_t first = 0;

	while (!atomic_load(&a->stop)) {
		size_t nr = a->pages - first < BATCH ? a->pages - first : BATCH;
		struct secmmu_completion done;

		for (size_t i = 0; i < nr; i++)
			secmmu_prep_atomic_add(secmmu_get_desc(&a->queue),
					       counter(a, first + i), 8, 1);
		CHECK_EQ(secmmu_submit(&a->queue), nr);
		for (size_t i = 0; i < nr; i++) {
			CHECK_EQ(secmmu_wait(&a->queue, &done), 0);
			if (done.status == SECMMU_STATUS_OK)
				a->added[first + i]++;
			else if (a->may_fault &&
				 done.status == SECMMU_STATUS_FAULT)
				a->refused++;
			else
				fail(__FILE__, __LINE__,
				     "a job on page %zu ended with status %u at %#llx",
				     first + i, done.status,
				     (unsigned long long)done.fault_addr);
			atomic_fetch_add(&a->jobs, 1);
		}
		first = (first + nr) % a->pages;
	}
	return NULL;
}

void adder_start(struct adder *a, void *p, size_t len, bool may_fault)
{
	*a = (struct adder) {
		.p = p, .pages = len / PAGE, .may_fault = may_fault,
	};
	/*
	 * Not from malloc(), whose pages might have company, and expressly
	 * small pages: khugepaged is not to count here what it does there.
	 */
	a->base = anon_thp(a->pages * 8, false);
	a->added = anon_thp(a->pages * 8, false);
	for (size_t i = 0; i < a->pages; i++)
		a->base[i] = *counter(a, i);
	CHECK_EQ(secmmu_queue_init(&a->queue, &dev, BATCH, 0), 0);
	CHECK_EQ(pthread_create(&a->thread, NULL, adder_thread, a), 0);
}

void adder_cpu(struct adder *a)
{
	for (size_t i = 0; i < a->pages; i++) {
		__atomic_fetch_add(counter(a, i), 1, __ATOMIC_SEQ_CST);
		a->base[i]++;
	}
}

void adder_round(struct adder *a)
{
	unsigned long long until = atomic_load(&a->jobs) + a->pages;

	while (atomic_load(&a->jobs) < until)
		usleep(500);
}

void adder_stop(struct adder *a)
{
	atomic_store(&a->stop, true);
	CHECK_EQ(pthread_join(a->thread, NULL), 0);
	for (size_t i = 0; i < a->pages; i++)
		if (*counter(a, i) != a->base[i] + a->added[i])
			fail(__FILE__, __LINE__,
			     "page %zu of %zu: its counter is %llu; the CPU has made it %llu and the device added %llu",
			     i, a->pages, (unsigned long long)*counter(a, i),
			     (unsigned long long)a->base[i],
			     (unsigned long long)a->added[i]);
	note("%llu jobs in flight meanwhile, %llu of them refused",
	     (unsigned long long)atomic_load(&a->jobs), a->refused);
	CHECK(atomic_load(&a->jobs) > a->refused);
	secmmu_queue_exit(&a->queue);
}

bool wait_until(bool (*done)(void *arg), void *arg, double seconds)
{
	double until = now() + seconds;

	while (!done(arg)) {
		if (now() > until)
			return false;
		usleep(20000);
	}
	return true;
}
