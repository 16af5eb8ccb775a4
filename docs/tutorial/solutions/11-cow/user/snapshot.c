// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Solution of chapter 11's exercise: private memory, and the child's own CPU.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <secmmu.h>

#define LEN	(1ul << 20)

int main(void)
{
	uint64_t *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct secmmu_queue q;
	struct secmmu s;
	uint64_t sum;
	int go[2];
	pid_t child;
	char c = 0;

	if (p == MAP_FAILED || pipe(go) || secmmu_open(&s, NULL) ||
	    secmmu_queue_init(&q, &s, 4, 0) || secmmu_fill(&q, p, 1, LEN))
		return 1;

	child = fork();
	if (!child) {
		if (read(go[0], &c, 1) != 1)
			_exit(1);
		sum = 0;
		for (size_t i = 0; i < LEN / 8; i++)
			sum += p[i];
		printf("snapshot %llu\n", (unsigned long long)sum);
		fflush(stdout);
		_exit(0);
	}
	if (secmmu_fill(&q, p, 2, LEN) || write(go[1], &c, 1) != 1)
		return 1;
	waitpid(child, NULL, 0);
	if (secmmu_reduce_u64(&q, p, LEN / 8, &sum))
		return 1;
	printf("now %llu\n", (unsigned long long)sum);
	return 0;
}
