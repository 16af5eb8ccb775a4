// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Chapter 13: jobs without end, until something happens. "work fork" lets a
 * child try as well.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <secmmu.h>

#define LEN	(1ul << 20)

int main(int argc, char **argv)
{
	uint64_t *p = malloc(LEN), sum;
	struct secmmu_queue q;
	struct secmmu s;
	int ret;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (!p || secmmu_open(&s, NULL) || secmmu_queue_init(&q, &s, 4, 0))
		return 1;
	if (argc > 1 && !strcmp(argv[1], "fork")) {
		if (!fork()) {
			ret = secmmu_fill(&q, p, 2, LEN);
			printf("child: %s\n", strerror(-ret));
			ret = secmmu_open(&s, NULL);
			printf("child, with an open of its own: %s\n",
			       ret ? strerror(-ret) : "ok");
			_exit(0);
		}
		wait(NULL);
		ret = secmmu_fill(&q, p, 1, LEN);
		printf("parent: %s\n", ret ? strerror(-ret) : "ok");
		return 0;
	}
	printf("working\n");
	do {
		ret = secmmu_fill(&q, p, 1, LEN);
		if (!ret)
			ret = secmmu_reduce_u64(&q, p, LEN / 8, &sum);
	} while (!ret);
	printf("ended: %s\n", strerror(-ret));
	return 0;
}
