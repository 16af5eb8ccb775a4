// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Chapter 1: the device is given a pointer of this process, and sees what the
 * process sees behind it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <secmmu.h>

#define NR	1000
#define SIZE	(1 << 20)

struct node {
	struct node *next;
	uint64_t payload;
};

static void must(int ret, const char *what)
{
	if (ret) {
		printf("%s: %s\n", what, strerror(-ret));
		exit(1);
	}
}

/* Each node its own malloc(), as in any program. */
static struct node *make_list(void)
{
	struct node *head = NULL;

	for (uint64_t i = 1; i <= NR; i++) {
		struct node *node = malloc(sizeof(*node));

		if (!node)
			exit(1);
		node->next = head;
		node->payload = i;
		head = node;
	}
	return head;
}

static void list(struct secmmu_queue *q)
{
	uint64_t sum, nodes;

	must(secmmu_list_walk(q, make_list(), offsetof(struct node, next),
			      offsetof(struct node, payload), NR, &sum,
			      &nodes), "list");
	printf("list: %llu nodes, sum %llu\n", (unsigned long long)nodes,
	       (unsigned long long)sum);
}

/* "VmPin:", what the kernel says of pages that may not move. */
static void print_pinned(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[128];

	while (status && fgets(line, sizeof(line), status))
		if (!strncmp(line, "VmPin:", 6))
			fputs(line, stdout);
	if (status)
		fclose(status);
}

static void take_away(struct secmmu_queue *q)
{
	uint64_t *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t sum;

	if (p == MAP_FAILED)
		exit(1);
	must(secmmu_fill(q, p, 1, SIZE), "fill");
	must(secmmu_reduce_u64(q, p, SIZE / 8, &sum), "sum");
	printf("filled by the device: sum %llu\n", (unsigned long long)sum);
	print_pinned();

	/* The kernel gives other, zeroed pages from here on. */
	madvise(p, SIZE, MADV_DONTNEED);
	must(secmmu_reduce_u64(q, p, SIZE / 8, &sum), "sum");
	printf("after MADV_DONTNEED: sum %llu\n", (unsigned long long)sum);

	munmap(p, SIZE);
	printf("after munmap: %s\n",
	       strerror(-secmmu_reduce_u64(q, p, SIZE / 8, &sum)));
}

int main(void)
{
	struct secmmu s;
	struct secmmu_queue q;
	struct secmmu_stats stats;

	must(secmmu_open(&s, NULL), "open");
	must(secmmu_queue_init(&q, &s, 8, 0), "queue");
	list(&q);
	take_away(&q);
	must(secmmu_stats(&s, &stats), "stats");
	printf("faults %llu, of them failed %llu; shootdowns %llu\n",
	       (unsigned long long)stats.faults,
	       (unsigned long long)stats.failed,
	       (unsigned long long)stats.shootdowns);
	secmmu_queue_exit(&q);
	secmmu_close(&s);
	return 0;
}
