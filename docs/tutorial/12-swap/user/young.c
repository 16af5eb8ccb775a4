// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Chapter 12: two pieces of memory, both filled by the device. It goes on using
 * one of them while the CPU needs room for other things. Which pages are still
 * in memory then? Run it under a memory limit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <secmmu.h>

#define PAGE	4096ul
#define LEN	(3ul << 20)
#define ROOM	(64ul << 20)

static char *map(size_t len)
{
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || madvise(p, len, MADV_NOHUGEPAGE))
		exit(1);
	return p;
}

static size_t in_memory(void *p)
{
	static unsigned char in[LEN / PAGE];
	size_t nr = 0;

	if (mincore(p, LEN, in))
		exit(1);
	for (size_t i = 0; i < sizeof(in); i++)
		nr += in[i] & 1;
	return nr * 100 / sizeof(in);
}

int main(void)
{
	char *used = map(LEN), *idle = map(LEN), *room = map(ROOM);
	struct secmmu_queue q;
	struct secmmu s;
	uint64_t sum;

	if (secmmu_open(&s, NULL) || secmmu_queue_init(&q, &s, 4, 0) ||
	    secmmu_fill(&q, used, 1, LEN) || secmmu_fill(&q, idle, 1, LEN))
		return 1;
	for (size_t at = 0; at < ROOM; at += 16 * PAGE) {
		memset(room + at, 1, 16 * PAGE);
		if (secmmu_reduce_u64(&q, (uint64_t *)used, LEN / 8, &sum))
			return 1;
	}
	printf("what the device uses: %s in memory\n",
	       in_memory(used) > 75 ? "nearly all" :
	       in_memory(used) > 25 ? "some" : "nearly nothing");
	printf("what it does not use: %s in memory\n",
	       in_memory(idle) > 75 ? "nearly all" :
	       in_memory(idle) > 25 ? "some" : "nearly nothing");
	secmmu_queue_exit(&q);
	secmmu_close(&s);
	return 0;
}
