// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Solution of chapter 12's exercise: only the pages whose words are gathered come
 * back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <secmmu.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

#define PAGE	4096ul
#define PAGES	256
#define LEN	(PAGES * PAGE)

int main(void)
{
	unsigned char in[PAGES];
	static uint64_t addrs[PAGES / 4], words[PAGES / 4];
	uint64_t sum = 0, *p;
	struct secmmu_queue q;
	int resident = 0;
	struct secmmu s;

	p = mmap(NULL, LEN, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || madvise(p, LEN, MADV_NOHUGEPAGE) ||
	    secmmu_open(&s, NULL) || secmmu_queue_init(&q, &s, 4, 0))
		return 1;
	for (size_t i = 0; i < PAGES; i++)
		p[i * PAGE / 8] = i;
	for (int i = 0; i < 20; i++)
		madvise(p, LEN, MADV_PAGEOUT);

	for (size_t i = 0; i < PAGES / 4; i++)
		addrs[i] = (uintptr_t)&p[4 * i * PAGE / 8];
	if (secmmu_gather(&q, words, addrs, sizeof(*words), PAGES / 4))
		return 1;
	for (size_t i = 0; i < PAGES / 4; i++)
		sum += words[i];

	if (mincore(p, LEN, in))
		return 1;
	for (int i = 0; i < PAGES; i++)
		resident += in[i] & 1;
	printf("sum %llu, in memory %d\n", (unsigned long long)sum, resident);
	secmmu_queue_exit(&q);
	secmmu_close(&s);
	return 0;
}
