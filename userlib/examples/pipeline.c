// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A pipeline of CPU threads and device queues: producers malloc() and fill
 * blocks, the device checksums them, consumers check and free() them.
 * Usage: pipeline [BLOCKS]
 *
 * Each pair has a queue of its own, because a queue belongs to one thread at a
 * time; here the producer submits and the consumer waits, under the pair's
 * lock. The ring of descriptors bounds how far the producer may be ahead.
 *
 * What to copy from here: two threads on one queue, and user_data as a pointer.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <secmmu.h>

#define PAIRS	2
#define DEPTH	8		/* blocks on their way, for each pair */
#define WORDS	4096		/* in a block */

/* What travels: it is malloc'd by one thread and freed by another. */
struct block {
	uint64_t number;
	uint64_t sum;		/* by the producer */
	uint64_t words[WORDS];
};

struct pair {
	struct secmmu_queue queue;
	pthread_mutex_t lock;	/* of the queue */
	pthread_cond_t moved;	/* a block was submitted, or taken */
	unsigned int blocks;	/* to send */
	unsigned int on_way;	/* submitted, not taken */
	unsigned int wrong;
};

static void *produce(void *arg)
{
	struct pair *pair = arg;

	for (unsigned int i = 0; i < pair->blocks; i++) {
		struct block *block = malloc(sizeof(*block));
		struct secmmu_desc *desc;

		if (!block)
			abort();
		block->number = i;
		block->sum = 0;
		for (int w = 0; w < WORDS; w++) {
			block->words[w] = (uint64_t)i << 32 ^ w;
			block->sum += block->words[w];
		}
		pthread_mutex_lock(&pair->lock);
		while (!(desc = secmmu_get_desc(&pair->queue)))
			pthread_cond_wait(&pair->moved, &pair->lock);
		secmmu_prep_reduce(desc, block->words, sizeof(block->words),
				   SECMMU_REDUCE_U64);
		secmmu_desc_set_data(desc, (uintptr_t)block);
		secmmu_submit(&pair->queue);
		pair->on_way++;
		pthread_cond_broadcast(&pair->moved);
		pthread_mutex_unlock(&pair->lock);
	}
	return NULL;
}

static void *consume(void *arg)
{
	struct pair *pair = arg;

	for (unsigned int i = 0; i < pair->blocks; i++) {
		struct secmmu_completion done;
		struct block *block;
		int ret;

		pthread_mutex_lock(&pair->lock);
		while (!pair->on_way)
			pthread_cond_wait(&pair->moved, &pair->lock);
		ret = secmmu_wait(&pair->queue, &done);
		pair->on_way--;
		pthread_cond_broadcast(&pair->moved);
		pthread_mutex_unlock(&pair->lock);
		if (ret) {
			fprintf(stderr, "pipeline: %s\n", strerror(-ret));
			exit(1);
		}
		block = (struct block *)(uintptr_t)done.user_data;
		/* Jobs of one queue end in the order in which they came. */
		if (done.status != SECMMU_STATUS_OK || block->number != i ||
		    done.result != block->sum)
			pair->wrong++;
		free(block);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned int blocks = argc > 1 ? (unsigned int)atoi(argv[1]) : 1000;
	pthread_t producer[PAIRS], consumer[PAIRS];
	static struct pair pairs[PAIRS];
	struct secmmu dev;
	unsigned int wrong = 0;
	int ret = secmmu_open(&dev, NULL);

	for (int i = 0; !ret && i < PAIRS; i++) {
		pthread_mutex_init(&pairs[i].lock, NULL);
		pthread_cond_init(&pairs[i].moved, NULL);
		pairs[i].blocks = blocks;
		ret = secmmu_queue_init(&pairs[i].queue, &dev, DEPTH, 0);
	}
	if (ret) {
		fprintf(stderr, "pipeline: no device: %s\n", strerror(-ret));
		return 1;
	}
	for (int i = 0; i < PAIRS; i++) {
		if (pthread_create(&producer[i], NULL, produce, &pairs[i]) ||
		    pthread_create(&consumer[i], NULL, consume, &pairs[i])) {
			fprintf(stderr, "pipeline: no thread\n");
			return 1;
		}
	}
	for (int i = 0; i < PAIRS; i++) {
		pthread_join(producer[i], NULL);
		pthread_join(consumer[i], NULL);
		wrong += pairs[i].wrong;
		secmmu_queue_exit(&pairs[i].queue);
	}
	secmmu_close(&dev);
	printf("%u blocks through %d pairs of threads, %u wrong\n",
	       blocks * PAIRS, PAIRS, wrong);
	return wrong ? 1 : 0;
}
