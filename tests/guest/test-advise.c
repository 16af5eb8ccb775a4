// SPDX-License-Identifier: GPL-2.0-or-later
/* Advice: prefetch, drop, residency; right, wrong, and in the middle of all. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-test.h"
#include "uffd.h"

#define LEN	(1 * MIB)
#define PAGES	((int64_t)(LEN / PAGE))

/*
 * Lookups that jobs cause from here on. In soft-TLB mode a page that is known can
 * still be missed, when the TLB has evicted it, but needs no lookup.
 */
static uint64_t lookups(void)
{
	struct secmmu_stats s = stats();

	return s.faults - (dev.mode == SECMMU_MODE_SOFT ? s.refills : 0);
}

void test_advise_prefetch(void)
{
	unsigned char *src = anon_thp(LEN, false), *dst = anon_thp(LEN, false);
	uint64_t before, writable, mapped;

	open_device();
	memset(src, 7, LEN);
	/* Ring and records have their pages. */
	CHECK_EQ(secmmu_fill(&queue, anon(PAGE), 0, PAGE), 0);

	CHECK_EQ(secmmu_resident(&dev, src, LEN, &writable), 0);
	CHECK_EQ(secmmu_prefetch(&dev, src, LEN, 0), PAGES);
	CHECK_EQ(secmmu_prefetch(&dev, dst, LEN, 1), PAGES);
	CHECK_EQ(secmmu_resident(&dev, src, LEN, &writable), PAGES);
	CHECK_EQ(writable, 0);
	CHECK_EQ(secmmu_resident(&dev, dst, LEN, &writable), PAGES);
	CHECK_EQ(writable, PAGES);
	CHECK_EQ(stats().prefetched, 2 * PAGES);

	before = lookups();
	CHECK_EQ(secmmu_copy(&queue, dst, src, LEN), 0);
	CHECK_EQ(lookups(), before);
	CHECK(all_are(dst, 7, LEN));

	/* Again: nothing is left to do. */
	mapped = stats().pages_mapped;
	CHECK_EQ(secmmu_prefetch(&dev, dst, LEN, 1), PAGES);
	CHECK_EQ(secmmu_prefetch(&dev, dst, LEN, 0), PAGES);
	CHECK_EQ(stats().pages_mapped, mapped);
	/* What may be read is to be written. */
	CHECK_EQ(secmmu_prefetch(&dev, src, LEN, 1), PAGES);
	CHECK_EQ(secmmu_resident(&dev, src, LEN, &writable), PAGES);
	CHECK_EQ(writable, PAGES);
	before = lookups();
	CHECK_EQ(secmmu_fill(&queue, src, 0, LEN), 0);
	CHECK_EQ(lookups(), before);
}

void test_advise_huge(void)
{
	unsigned char *p = anon_thp(4 * MIB, true);
	uint64_t before;

	open_device();
	CHECK_EQ(secmmu_fill(&queue, anon(PAGE), 0, PAGE), 0);
	/* Untouched: the pages that it brings in are huge, as a fault's are. */
	CHECK_EQ(secmmu_prefetch(&dev, p + 5, 4 * MIB - 5, 1), 1024);
	CHECK_EQ(stats().huge_mapped, 2);
	CHECK_EQ(secmmu_resident(&dev, p, 4 * MIB, NULL), 1024);
	CHECK_EQ(secmmu_resident(&dev, p + MIB + 1, MIB, NULL), 257);
	before = lookups();
	CHECK_EQ(secmmu_fill(&queue, p, 0, 4 * MIB), 0);
	CHECK_EQ(lookups(), before);
	/* A page of it goes: the device loses the whole. */
	CHECK_EQ(secmmu_drop(&dev, p + MIB, 1), 0);
	CHECK_EQ(secmmu_resident(&dev, p, 4 * MIB, NULL), 512);
}

void test_advise_drop(void)
{
	unsigned char *p = anon_thp(LEN, false);
	struct secmmu_stats before, after;
	uint64_t writable;

	open_device();
	CHECK_EQ(secmmu_fill(&queue, p, ~0ull, LEN), 0);
	CHECK_EQ(secmmu_resident(&dev, p, LEN, &writable), PAGES);
	CHECK_EQ(writable, PAGES);
	/* All pages that are touched, and no others. */
	CHECK_EQ(secmmu_drop(&dev, p + 100 * PAGE - 1, PAGE + 2), 0);
	CHECK_EQ(secmmu_resident(&dev, p, LEN, NULL), PAGES - 3);
	CHECK_EQ(secmmu_resident(&dev, p + 99 * PAGE, 3 * PAGE, NULL), 0);
	CHECK(all_are(p, 0xff, LEN));
	before = stats();
	CHECK_EQ(secmmu_drop(&dev, p, LEN), 0);
	after = stats();
	CHECK_EQ(after.shootdowns, before.shootdowns + 1);
	CHECK_EQ(after.pages_zapped, before.pages_zapped + PAGES - 3);
	/* There is nothing more (but a table, behind an IOMMU): no doorbell. */
	CHECK_EQ(secmmu_drop(&dev, p, LEN), 0);
	after = stats();
	CHECK_EQ(secmmu_drop(&dev, p, LEN), 0);
	CHECK_EQ(stats().shootdowns, after.shootdowns);
	CHECK_EQ(secmmu_fill(&queue, p, 0, LEN), 0);
	CHECK(all_are(p, 0, LEN));
	/* Everything, in one call. */
	CHECK_EQ(secmmu_drop(&dev, NULL, 1ul << dev.info.va_bits), 0);
	CHECK_EQ(stats().pages_resident, 0);
	CHECK_EQ(secmmu_resident(&dev, NULL, 1ul << dev.info.va_bits, NULL), 0);
	CHECK_EQ(secmmu_fill(&queue, p, 0, LEN), 0);
}

void test_advise_errors(void)
{
	struct secmmu_advise arg = { .advice = SECMMU_ADVISE_NR };
	unsigned char *p = anon(3 * PAGE);

	open_device();
	CHECK_EQ(munmap(p + PAGE, PAGE), 0);
	CHECK_EQ(mprotect(p + 2 * PAGE, PAGE, PROT_READ), 0);
	CHECK_EQ(secmmu_prefetch(&dev, p, 0, 1), 0);
	CHECK_EQ(secmmu_prefetch(&dev, p, 1, 1), 1);
	CHECK_EQ(secmmu_prefetch(&dev, p, 3 * PAGE, 0), -EFAULT);
	CHECK_EQ(secmmu_prefetch(&dev, p + 2 * PAGE, 1, 1), -EFAULT);
	CHECK_EQ(secmmu_prefetch(&dev, p + 2 * PAGE, 1, 0), 1);
	CHECK_EQ(secmmu_resident(&dev, p, 3 * PAGE, NULL), 2);
	CHECK_EQ(secmmu_prefetch(&dev, (void *)(1ul << 63), 1, 0), -EINVAL);
	CHECK_EQ(secmmu_drop(&dev, p, SIZE_MAX), -EINVAL);
	CHECK_EQ(ioctl(dev.fd, SECMMU_IOC_ADVISE, &arg), -1);
	CHECK_EQ(errno, EINVAL);
	arg = (struct secmmu_advise){ .flags = 1 };
	CHECK_EQ(ioctl(dev.fd, SECMMU_IOC_ADVISE, &arg), -1);
	CHECK_EQ(errno, EINVAL);
	/* What lies before an error is done, and told. */
	arg = (struct secmmu_advise){
		.addr = (uintptr_t)p, .len = 3 * PAGE,
	};
	CHECK_EQ(ioctl(dev.fd, SECMMU_IOC_ADVISE, &arg), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_EQ(arg.pages, 1);
}

static unsigned char *area;
static atomic_bool over;

static void *adviser(void *arg)
{
	uint32_t state = (uintptr_t)arg;
	uint64_t writable;

	while (!over) {
		size_t at = noise(&state) % LEN;
		size_t len = noise(&state) % (LEN - at);
		int64_t ret;

		switch (noise(&state) >> 5 & 3) {
		case 0:
			CHECK_EQ(secmmu_drop(&dev, area + at, len), 0);
			break;
		case 1:
			ret = secmmu_resident(&dev, area + at, len, &writable);
			CHECK(ret >= (int64_t)writable && ret <= PAGES);
			break;
		default:
			ret = secmmu_prefetch(&dev, area + at, len,
					      noise(&state) >> 7 & 1);
			/* Or it was read-only just then. */
			CHECK((ret >= 0 && ret <= PAGES) || ret == -EFAULT);
		}
	}
	return NULL;
}

/* Takes pages away, and has others put in their place. */
static void *taker(void *arg)
{
	uint32_t state = 99;

	while (!over) {
		size_t at = noise(&state) % LEN & -PAGE;

		madvise(area + at, LEN - at, noise(&state) >> 5 & 1 ?
			MADV_PAGEOUT : MADV_COLD);
		mprotect(area + at, PAGE, PROT_READ);
		mprotect(area, LEN, PROT_READ | PROT_WRITE);
		usleep(500);
	}
	return NULL;
}

void test_advise_under_jobs(void)
{
	pthread_t thread[3];
	double until = now() + 6;
	unsigned int rounds;

	area = anon_thp(LEN, false);
	open_device();
	CHECK_EQ(pthread_create(&thread[0], NULL, adviser, (void *)1), 0);
	CHECK_EQ(pthread_create(&thread[1], NULL, adviser, (void *)77), 0);
	CHECK_EQ(pthread_create(&thread[2], NULL, taker, NULL), 0);
	/* On the debug kernel a round takes a second. */
	for (rounds = 0; now() < until || rounds < 20 ||
	     stats().prefetched <= 1000; rounds++) {
		int ret = secmmu_fill(&queue, area, rounds % 251 *
				      0x0101010101010101ull, LEN);

		/* Where it met a page that was read-only just then. */
		if (ret == -EFAULT)
			continue;
		CHECK_EQ(ret, 0);
		CHECK(all_are(area, rounds % 251, LEN));
	}
	over = true;
	for (unsigned int i = 0; i < 3; i++)
		CHECK_EQ(pthread_join(thread[i], NULL), 0);
	note("%u rounds, %llu pages prefetched, %llu shootdowns", rounds,
	     (unsigned long long)stats().prefetched,
	     (unsigned long long)stats().shootdowns);
}

/* Waits for a page that nobody will ever bring. */
static int waits_for_ever(void *arg)
{
	unsigned char *p = uffd_missing(uffd_open(), LEN);
	int *told = arg;

	open_device();
	CHECK_EQ(write(told[1], "", 1), 1);
	secmmu_prefetch(&dev, p, LEN, 1);
	return 1;
}

void test_advise_killed(void)
{
	struct footprint before;
	unsigned char byte;
	pid_t child;
	int told[2];

	CHECK_EQ(pipe(told), 0);
	before = footprint();
	for (int i = 0; i < 3; i++) {
		child = spawn(waits_for_ever, told);
		CHECK_EQ(read(told[0], &byte, 1), 1);
		usleep(200000);
		CHECK_EQ(waitpid(child, NULL, WNOHANG), 0);
		CHECK_EQ(kill(child, SIGKILL), 0);
		CHECK_EQ(join(child), 128 + SIGKILL);
	}
	check_no_leak(&before, 3);
}

