// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Step 5 of the demo: two arrays of 128 MiB under memory.max of 64 MiB. The
 * device copies one to the other, block by block, and back; before each copy
 * the CPU stamps the round into every page, so that a write that was lost in
 * swap cannot look right. Meanwhile another thread checks every byte of the
 * blocks that are done, and the device sums them up.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"

#define CGROUP		"secmmu-demo"
#define LIMIT		(64 * MIB)
#define ARRAY		(128 * MIB)
#define BLOCK		MIB
#define BLOCKS		(ARRAY / BLOCK)
#define WORDS		(BLOCK / sizeof(uint64_t))
#define PAGE_WORDS	(4096 / sizeof(uint64_t))
#define ROUNDS		1
#define AHEAD		4	/* blocks under way */

/* What the checking thread needs of a round. */
struct round {
	const uint64_t *dst;
	unsigned int nr;
	sem_t copied;		/* one for each block that is there */
	const uint64_t *bad;	/* first word that is wrong, or NULL */
};

/*
 * Word i holds i * STEP, and the first of each page the round on top. (An odd
 * number with no pattern: words that are lost, old or of another place differ.)
 */
#define STEP		0x9e3779b97f4a7c15ull

static uint64_t word(size_t i, unsigned int round)
{
	return i * STEP + (i % PAGE_WORDS ? 0 : round);
}

/* The sum of a block's words, by the formula and not by its bytes. */
static uint64_t block_sum(size_t block, unsigned int round)
{
	uint64_t first = block * WORDS, last = first + WORDS - 1;

	return (first + last) * (WORDS / 2) * STEP +
	       WORDS / PAGE_WORDS * round;
}

static void fill_page(uint64_t *page, size_t i)
{
	for (size_t k = 0; k < PAGE_WORDS; k++)
		page[k] = (i + k) * STEP;
}

/* The first of a page's words that is wrong, or NULL. */
static const uint64_t *check_page(const uint64_t *page, size_t i,
				  unsigned int round)
{
	uint64_t diff = page[0] ^ word(i, round);
	size_t k;

	/* Without a branch: an emulated CPU takes this for each word. */
	for (k = 1; k < PAGE_WORDS; k++)
		diff |= page[k] ^ (i + k) * STEP;
	if (!diff)
		return NULL;
	for (k = 0; k < PAGE_WORDS - 1; k++)
		if (page[k] != word(i + k, round))
			break;
	return &page[k];
}

static void *checker(void *arg)
{
	struct round *round = arg;

	for (size_t block = 0; block < BLOCKS; block++) {
		size_t end = (block + 1) * WORDS;

		while (sem_wait(&round->copied))
			;	/* a signal */
		for (size_t i = block * WORDS; i < end; i += PAGE_WORDS) {
			round->bad = check_page(&round->dst[i], i, round->nr);
			if (round->bad)
				return NULL;
		}
	}
	return NULL;
}

static void submit_block(struct demo *demo, uint64_t *dst, uint64_t *src,
			 size_t block, unsigned int round)
{
	struct secmmu_desc *desc;
	size_t i = block * WORDS;

	for (size_t page = i; page < i + WORDS; page += PAGE_WORDS)
		src[page] = word(page, round);
	desc = secmmu_get_desc(&demo->q);
	secmmu_prep_copy(desc, dst + i, src + i, BLOCK);
	desc = secmmu_get_desc(&demo->q);
	secmmu_prep_reduce(desc, dst + i, BLOCK, SECMMU_REDUCE_U64);
	secmmu_submit(&demo->q);
}

static void finish_block(struct demo *demo, size_t block, unsigned int round)
{
	struct secmmu_completion copied, summed;
	int ret = secmmu_wait(&demo->q, &copied);

	if (!ret)
		ret = secmmu_wait(&demo->q, &summed);
	if (ret)
		die("swap: the queue has stopped: %s", strerror(-ret));
	if (copied.status != SECMMU_STATUS_OK ||
	    summed.status != SECMMU_STATUS_OK)
		die("swap: block %zu: %s, %s", block,
		    secmmu_strstatus(copied.status),
		    secmmu_strstatus(summed.status));
	if (summed.result != block_sum(block, round))
		die("swap: block %zu: the device's sum is wrong", block);
}

/* Looked at while jobs are under way: nothing may be pinned even then. */
static void look(struct demo *demo)
{
	long long pinned = read_key("/proc/self/status", "VmPin");
	struct secmmu_stats stats;

	if (pinned < 0 || secmmu_stats(&demo->s, &stats))
		die("swap: no VmPin in /proc/self/status, or no statistics");
	if (pinned > demo->swap.vm_pin)
		demo->swap.vm_pin = pinned;
	if ((long long)stats.pages_resident > demo->swap.resident)
		demo->swap.resident = stats.pages_resident;
}

static void run_round(struct demo *demo, uint64_t *dst, uint64_t *src,
		      unsigned int nr)
{
	struct round round = { .dst = dst, .nr = nr };
	pthread_t thread;

	if (sem_init(&round.copied, 0, 0) ||
	    pthread_create(&thread, NULL, checker, &round))
		die("no thread: %s", strerror(errno));
	for (size_t block = 0; block < BLOCKS + AHEAD; block++) {
		if (block < BLOCKS)
			submit_block(demo, dst, src, block, nr);
		if (block % 16 == 0)
			look(demo);
		if (block >= AHEAD) {
			finish_block(demo, block - AHEAD, nr);
			sem_post(&round.copied);
		}
	}
	pthread_join(thread, NULL);
	sem_destroy(&round.copied);
	if (round.bad)
		die("swap: round %u: word %zu is wrong: %#llx, not %#llx", nr,
		    (size_t)(round.bad - round.dst),
		    (unsigned long long)*round.bad,
		    (unsigned long long)word(round.bad - round.dst, nr));
}

static long long event(const char *key)
{
	return read_key(cgroup_file(CGROUP, "memory.events"), key);
}

void step_swap(struct demo *demo)
{
	long long out = read_key("/proc/vmstat", "pswpout");
	long long in = read_key("/proc/vmstat", "pswpin");
	long long oom, hits, resident;
	uint64_t *a, *b;

	swap_on_zram(640 * MIB);
	cgroup_enter(CGROUP, LIMIT);
	look(demo);
	resident = demo->swap.resident;	/* not the cgroup's */
	a = malloc(ARRAY);
	b = malloc(ARRAY);
	if (!a || !b)
		die("no memory");
	for (size_t i = 0; i < ARRAY / sizeof(*a); i += PAGE_WORDS)
		fill_page(&a[i], i);

	for (unsigned int nr = 1; nr <= ROUNDS; nr++) {
		double t = now();

		run_round(demo, nr % 2 ? b : a, nr % 2 ? a : b, nr);
		fact("round %u: 256 MiB through 64 MiB in %.1f s, all bytes right",
		     nr, now() - t);
	}

	hits = event("max");
	oom = event("oom_kill");
	demo->swap.limit_hits = hits;
	demo->swap.oom_kills = oom;
	demo->swap.swapped_out = read_key("/proc/vmstat", "pswpout") - out;
	demo->swap.swapped_in = read_key("/proc/vmstat", "pswpin") - in;
	free(a);
	free(b);
	cgroup_leave(CGROUP);

	if (hits <= 0 || oom != 0)
		die("swap: memory.events: max %lld, oom_kill %lld", hits, oom);
	/* All that is read had to go out before, but for what fits. */
	if (demo->swap.swapped_out < (long long)(ARRAY / 4096) ||
	    demo->swap.swapped_in < (long long)(LIMIT / 4096))
		die("swap: %lld pages out, %lld in: the limit was not felt",
		    demo->swap.swapped_out, demo->swap.swapped_in);
	if (demo->swap.vm_pin != 0)
		die("swap: VmPin was %lld kB", demo->swap.vm_pin);
	if (demo->swap.resident > resident + (long long)(LIMIT / 4096))
		die("swap: the device held %lld pages, more than the limit",
		    demo->swap.resident);
	fact("%lld pages swapped out, %lld in; the device held %lld at most; VmPin 0",
	     demo->swap.swapped_out, demo->swap.swapped_in,
	     demo->swap.resident);
}
