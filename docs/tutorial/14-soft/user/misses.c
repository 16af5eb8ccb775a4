// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Chapter 14: the same jobs twice, on as much memory as is asked for (KiB), and
 * who had to do something for them. SECMMU_MODE=soft chooses soft-TLB mode.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <secmmu.h>

int main(int argc, char **argv)
{
	size_t len = strtoul(argc > 1 ? argv[1] : "64", NULL, 0) << 10;
	struct secmmu_stats last, now;
	struct secmmu_queue q;
	struct secmmu s;
	uint64_t *p, sum;

	p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || madvise(p, len, MADV_NOHUGEPAGE) ||
	    secmmu_open(&s, NULL) || secmmu_queue_init(&q, &s, 4, 0) ||
	    secmmu_fill(&q, p, 1, len) || secmmu_stats(&s, &last))
		return 1;
	for (int pass = 1; pass <= 2; pass++) {
		if (secmmu_reduce_u64(&q, p, len / 8, &sum) ||
		    secmmu_stats(&s, &now))
			return 1;
		printf("pass %d: misses %llu, walks %llu, faults %llu, drop-ins %llu\n",
		       pass,
		       (unsigned long long)(now.tlb_misses - last.tlb_misses),
		       (unsigned long long)(now.walks - last.walks),
		       (unsigned long long)(now.faults - last.faults),
		       (unsigned long long)(now.dropins - last.dropins));
		last = now;
	}
	secmmu_queue_exit(&q);
	secmmu_close(&s);
	return 0;
}
