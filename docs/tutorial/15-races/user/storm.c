// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Chapter 15: for two seconds one thread changes the mapping in whatever way,
 * and the device works on it. No byte can be checked here; audit checks every
 * access.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <secmmu.h>

#define PAGE	4096ul
#define LEN	(4ul << 20)

static char *p;
static atomic_int stop;

static void *change(void *arg)
{
	unsigned int seed = 1;

	(void)arg;
	while (!atomic_load(&stop)) {
		size_t at = rand_r(&seed) % (LEN / PAGE - 64) * PAGE;
		size_t len = (1 + rand_r(&seed) % 64) * PAGE;

		switch (rand_r(&seed) % 4) {
		case 0:
			madvise(p + at, len, MADV_DONTNEED);
			break;
		case 1:
			mprotect(p + at, len, PROT_READ);
			break;
		case 2:
			mprotect(p + at, len, PROT_READ | PROT_WRITE);
			break;
		default:
			mmap(p + at, len, PROT_READ | PROT_WRITE, MAP_FIXED |
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		}
	}
	return NULL;
}

int main(void)
{
	time_t end = time(NULL) + 2;
	struct secmmu_stats stats;
	struct secmmu_queue q;
	pthread_t thread;
	struct secmmu s;

	p = mmap(NULL, LEN, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || secmmu_open(&s, NULL) ||
	    secmmu_queue_init(&q, &s, 4, 0))
		return 1;
	pthread_create(&thread, NULL, change, NULL);
	while (time(NULL) < end) {
		int ret = secmmu_fill(&q, p, 1, LEN);

		/* Read-only just now: that is right, and may happen. */
		if (ret && ret != -EFAULT)
			return 1;
	}
	atomic_store(&stop, 1);
	pthread_join(thread, NULL);
	if (secmmu_stats(&s, &stats))
		return 1;
	printf("faults %llu, refused %llu, looked up again %llu, ranges %llu\n",
	       (unsigned long long)stats.faults,
	       (unsigned long long)stats.refused,
	       (unsigned long long)stats.retries,
	       (unsigned long long)stats.ranges);
	printf("accesses compared: %s; not allowed by the CPU's table: %llu\n",
	       stats.audit_checks ? "all" : "none",
	       (unsigned long long)stats.audit_violations);
	secmmu_queue_exit(&q);
	secmmu_close(&s);
	return 0;
}
