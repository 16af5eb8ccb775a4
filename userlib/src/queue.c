// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Queues: made, filled, submitted, ended, brought back. Lives here: whatever
 * rings a doorbell. Not here: results (wait.c), what a job is (the prep functions
 * in secmmu-jobs.h, sync.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "private.h"

static size_t ring_size(const struct secmmu_queue *q)
{
	return (q->mask + 1ul) * sizeof(*q->ring);
}

static size_t memory_size(const struct secmmu_queue *q)
{
	return ring_size(q) + (q->mask + 1ul) * sizeof(*q->done);
}

/* The driver's half of a queue whose memory is there. */
static int attach(struct secmmu_queue *q, struct secmmu *s)
{
	struct secmmu_queue_create create = { .ring = (uintptr_t)q->ring };
	struct secmmu_queue_destroy destroy = { 0 };
	void *doorbell;
	int ret;

	create.ring_order = __builtin_ctz(q->mask + 1);
	if (ioctl(s->fd, SECMMU_IOC_QUEUE_CREATE, &create))
		return -errno;
	doorbell = mmap(NULL, SECMMU_DOORBELL_SIZE, PROT_READ | PROT_WRITE,
			MAP_SHARED, s->fd, create.doorbell);
	if (doorbell == MAP_FAILED) {
		ret = -errno;
		destroy.queue = create.queue;
		ioctl(s->fd, SECMMU_IOC_QUEUE_DESTROY, &destroy);
		return ret;
	}
	q->id = create.queue;
	q->doorbell = doorbell;
	q->generation = s->generation;
	return 0;
}

/* After it no job touches memory. */
static void detach(struct secmmu_queue *q)
{
	struct secmmu_queue_destroy destroy = { .queue = q->id };

	/* What belonged to a file from before recovery goes with that. */
	if (q->generation == q->ctx->generation)
		ioctl(q->ctx->fd, SECMMU_IOC_QUEUE_DESTROY, &destroy);
	if (q->doorbell)
		munmap((void *)q->doorbell, SECMMU_DOORBELL_SIZE);
	q->doorbell = NULL;
	q->generation = 0;
}

int secmmu_queue_init(struct secmmu_queue *q, struct secmmu *s,
		      unsigned int entries, unsigned int flags)
{
	int ret;

	memset(q, 0, sizeof(*q));
	if (flags || !entries || entries & (entries - 1) ||
	    entries > 1u << SECMMU_MAX_RING_ORDER)
		return -EINVAL;
	if (!secmmu_is_ours(s))
		return -EPERM;
	q->mask = entries - 1;
	q->ring = mmap(NULL, memory_size(q), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (q->ring == MAP_FAILED)
		return -errno;
	q->done = (struct secmmu_completion *)((char *)q->ring + ring_size(q));
	ret = attach(q, s);
	if (ret) {
		munmap(q->ring, memory_size(q));
		return ret;
	}
	q->ctx = s;	/* only now is there anything for exit to end */
	return 0;
}

void secmmu_queue_exit(struct secmmu_queue *q)
{
	if (!q->ctx)
		return;
	/* First the device: the ring is its to read until then. */
	if (secmmu_is_ours(q->ctx))
		detach(q);
	munmap(q->ring, memory_size(q));
	q->ctx = NULL;
}

int secmmu_queue_reset(struct secmmu_queue *q, struct secmmu_desc *lost,
		       unsigned int max)
{
	uint32_t error, nr = q->tail - q->head;
	int ret;

	if (!secmmu_is_ours(q->ctx))
		return -EPERM;
	if (q->generation == q->ctx->generation) {
		ret = secmmu_queue_status(q, &error, NULL);
		if (ret)
			return ret;
		if (!error)
			return -EBUSY;
	}
	if (secmmu_done_at(q, 0))
		return -EBUSY;
	if (lost && nr > max)
		return -ENOSPC;
	detach(q);
	ret = attach(q, q->ctx);
	if (ret)
		return ret;	/* and may be tried again */
	for (uint32_t i = 0; lost && i < nr; i++)
		lost[i] = q->ring[(q->head + i) & q->mask];
	q->head = 0;
	q->tail = 0;
	q->rung = 0;
	q->stopped = 0;
	return nr;
}

struct secmmu_desc *secmmu_get_desc(struct secmmu_queue *q)
{
	uint32_t slot = q->tail & q->mask;
	struct secmmu_desc *desc = &q->ring[slot];

	if (!q->ctx || q->tail - q->head > q->mask)
		return NULL;
	memset(desc, 0, sizeof(*desc));
	desc->completion = (uintptr_t)&q->done[slot];
	__atomic_store_n(&q->done[slot].status, SECMMU_STATUS_PENDING,
			 __ATOMIC_RELAXED);
	q->tail++;
	return desc;
}

int secmmu_submit(struct secmmu_queue *q)
{
	int nr = q->tail - q->rung;

	/* A child has no doorbell mapped there, but may have something else. */
	if (!secmmu_is_ours(q->ctx))
		return -EPERM;
	if (!nr)
		return 0;
	if (!q->doorbell)
		return -ENODEV;
	/*
	 * The descriptors before the doorbell. A full fence, since release
	 * order says nothing of a store to a device on weakly ordered CPUs.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#if defined(__aarch64__)
	__asm__ volatile("dmb oshst" ::: "memory");
#endif
	*q->doorbell = q->tail;
	q->rung = q->tail;
	return nr;
}

int secmmu_queue_status(struct secmmu_queue *q, uint32_t *error,
			uint64_t *addr)
{
	struct secmmu_queue_wait wait = { .queue = q->id };

	if (!secmmu_is_ours(q->ctx))
		return -EPERM;
	if (q->generation != q->ctx->generation) {
		wait.error = SECMMU_QUEUE_DEVICE_LOST;
	} else {
		/* Any target does: the answer is in the out fields. */
		wait.target = q->rung;
		if (ioctl(q->ctx->fd, SECMMU_IOC_QUEUE_WAIT, &wait) &&
		    errno != EPIPE && errno != ETIME)
			return -errno;
	}
	if (error)
		*error = wait.error;
	if (addr)
		*addr = wait.error_addr;
	return 0;
}
