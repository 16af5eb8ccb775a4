// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Chapter 12: memory that the device has filled goes to swap, and comes back
 * because the device asks for it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <secmmu.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

#define PAGE	4096ul
#define PAGES	256
#define LEN	(PAGES * PAGE)

static struct secmmu s;

static void told(const char *what, void *p)
{
	unsigned char in[PAGES];
	struct secmmu_stats stats;
	int resident = 0;

	if (mincore(p, LEN, in) || secmmu_stats(&s, &stats))
		exit(1);
	for (int i = 0; i < PAGES; i++)
		resident += in[i] & 1;
	printf("%-22s in memory %3d, on the device %3llu\n", what, resident,
	       (unsigned long long)stats.pages_resident);
}

int main(void)
{
	struct secmmu_queue q;
	uint64_t sum, *p;

	p = mmap(NULL, LEN, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || madvise(p, LEN, MADV_NOHUGEPAGE) ||
	    secmmu_open(&s, NULL) || secmmu_queue_init(&q, &s, 4, 0))
		return 1;
	if (secmmu_fill(&q, p, 3, LEN))
		return 1;
	told("filled by the device", p);
	/* Pages that the CPU has just made are on no list yet: a few rounds. */
	for (int i = 0; i < 20; i++)
		madvise(p, LEN, MADV_PAGEOUT);
	told("paged out", p);
	if (secmmu_reduce_u64(&q, p, LEN / 8, &sum))
		return 1;
	printf("sum %llu, and it should be %lu\n", (unsigned long long)sum,
	       3 * LEN / 8);
	told("summed by the device", p);
	secmmu_queue_exit(&q);
	secmmu_close(&s);
	return 0;
}
