// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Chapter 10: one thread takes memory away again and again, the device writes to
 * its last pages meanwhile. The counters tell how often they met.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <secmmu.h>

#define LEN	(16ul << 20)
#define TAIL	(16ul << 12)
#define ROUNDS	40

static char *p;
static atomic_int stop;

static void *take_away(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		memset(p, 1, LEN);
		if (madvise(p, LEN, MADV_DONTNEED))
			exit(1);
	}
	atomic_store(&stop, 1);
	return NULL;
}

int main(void)
{
	struct secmmu_stats stats;
	struct secmmu_queue q;
	struct secmmu s;
	pthread_t thread;

	p = mmap(NULL, LEN, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || madvise(p, LEN, MADV_NOHUGEPAGE) ||
	    secmmu_open(&s, NULL) || secmmu_queue_init(&q, &s, 4, 0))
		return 1;
	pthread_create(&thread, NULL, take_away, NULL);
	while (!atomic_load(&stop))
		if (secmmu_fill(&q, p + LEN - TAIL, 0, TAIL))
			return 1;
	pthread_join(thread, NULL);
	if (secmmu_stats(&s, &stats))
		return 1;
	printf("faults %llu: refused %llu, looked up again %llu\n",
	       (unsigned long long)stats.faults,
	       (unsigned long long)stats.refused,
	       (unsigned long long)stats.retries);
	printf("resumes %llu\n", (unsigned long long)stats.resumes);
	printf("accesses that the CPU's table did not allow: %llu\n",
	       (unsigned long long)stats.audit_violations);
	secmmu_queue_exit(&q);
	secmmu_close(&s);
	return 0;
}
