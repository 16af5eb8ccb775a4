// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Results: looked for, waited for, taken. Lives here: whatever sleeps for a job.
 * Not here: how jobs come to be (queue.c).
 *
 * Whether a result is there is told by its record, in memory. The kernel is asked
 * only to sleep, and always by the count of jobs that shall have ended: a job
 * that ends between a look and the sleep has moved that count, so no wakeup is
 * lost whatever interrupts were asked for.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "private.h"

/*
 * Looks at a record before sleeping: twice as many as it took the last time, so
 * that a queue of short jobs does not sleep and one of long jobs does not
 * spin. The bound is some ten microseconds: where the engine, or the driver's
 * worker, waits for the CPU that spins here, that is what it costs them. Every
 * so often one long look finds out whether jobs have become short again.
 */
#define SPIN_MIN	64
#define SPIN_MAX	400
#define SPIN_PROBE	32

/*
 * Loads for one such look. An emulated CPU that relaxes leaves its loop and takes
 * a lock, for which the CPU that serves the fault may be waiting: not each time.
 */
#define SPIN_LOADS	16

static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Is the result there that is the @i-th from now on? */
static int is_done(const struct secmmu_queue *q, uint32_t i)
{
	const struct secmmu_completion *done = &q->done[(q->head + i) & q->mask];

	return __atomic_load_n(&done->status, __ATOMIC_ACQUIRE) !=
	       SECMMU_STATUS_PENDING;
}

const struct secmmu_completion *secmmu_done_at(struct secmmu_queue *q,
					       unsigned int i)
{
	/* A child has a copy of the records, in which nothing ever changes. */
	if (!secmmu_is_ours(q->ctx) || i >= q->rung - q->head || !is_done(q, i))
		return NULL;
	return &q->done[(q->head + i) & q->mask];
}

void secmmu_advance(struct secmmu_queue *q, unsigned int nr)
{
	q->head += nr;
}

int secmmu_peek(struct secmmu_queue *q, struct secmmu_completion *out)
{
	const struct secmmu_completion *done = secmmu_done_at(q, 0);

	if (!done) {
		if (!secmmu_is_ours(q->ctx))
			return -EPERM;
		return q->head == q->rung ? -ENOENT : -EAGAIN;
	}
	*out = *done;
	q->head++;
	return 0;
}

int secmmu_peek_nr(struct secmmu_queue *q, struct secmmu_completion *out,
		   unsigned int max)
{
	const struct secmmu_completion *done;
	unsigned int nr;

	if (!secmmu_is_ours(q->ctx))
		return -EPERM;
	if (max > q->mask + 1)
		max = q->mask + 1;
	for (nr = 0; nr < max && (done = secmmu_done_at(q, nr)); nr++)
		out[nr] = *done;
	q->head += nr;
	return nr;
}

static int queue_errno(uint32_t error)
{
	switch (error) {
	case SECMMU_QUEUE_BAD_DOORBELL:
		return -EPROTO;
	case SECMMU_QUEUE_RING_FAULT:
	case SECMMU_QUEUE_COMPLETION_FAULT:
		return -EFAULT;
	case SECMMU_QUEUE_MM_GONE:
		return -ESRCH;
	case SECMMU_QUEUE_DESTROYED:
		return -ECANCELED;
	default:
		return -ENODEV;
	}
}

/* True if the last of @nr results came while it was looked for. */
static int spin(struct secmmu_queue *q, unsigned int nr)
{
	unsigned int limit = q->spin;

	if (q->waits++ % SPIN_PROBE == 0)
		limit = SPIN_MAX;
	for (unsigned int i = 0; i <= limit; i++) {
		for (unsigned int k = 0; k < SPIN_LOADS; k++) {
			if (!is_done(q, nr - 1))
				continue;
			if (i)
				q->spin = 2 * i < SPIN_MIN ? SPIN_MIN :
					  2 * i > SPIN_MAX ? SPIN_MAX : 2 * i;
			return 1;
		}
		cpu_relax();
	}
	q->spin = q->spin / 2 < SPIN_MIN ? SPIN_MIN : q->spin / 2;
	return 0;
}

int secmmu_wait_ready(struct secmmu_queue *q, unsigned int nr,
		      int64_t timeout_ns)
{
	struct secmmu_queue_wait wait = {
		.queue = q->id,
		.target = q->head + nr,
		.timeout_ns = timeout_ns,
	};
	int64_t end = 0;

	if (!secmmu_is_ours(q->ctx))
		return -EPERM;
	if (nr > q->rung - q->head)
		return -ENOENT;
	if (!nr)
		return 0;
	if (timeout_ns > 0)
		end = secmmu_end_of(timeout_ns);
	if (spin(q, nr))
		return 0;
	if (q->generation != q->ctx->generation)
		return q->stopped = -ENODEV;
	while (ioctl(q->ctx->fd, SECMMU_IOC_QUEUE_WAIT, &wait)) {
		int err = errno;

		if (err != EINTR) {
			/* It may have ended just before that. */
			if (is_done(q, nr - 1))
				return 0;
			if (err == ETIME)
				return -ETIME;
			q->stopped = err == EPIPE ? queue_errno(wait.error) :
						    -err;
			return q->stopped;
		}
		if (timeout_ns > 0) {
			wait.timeout_ns = end - secmmu_now();
			if (wait.timeout_ns < 0)
				wait.timeout_ns = 0;
		}
	}
	return 0;
}

int secmmu_wait_timeout(struct secmmu_queue *q, struct secmmu_completion *out,
			int64_t timeout_ns)
{
	int ret = secmmu_wait_ready(q, 1, timeout_ns);

	return ret ? ret : secmmu_peek(q, out);
}

int secmmu_wait(struct secmmu_queue *q, struct secmmu_completion *out)
{
	return secmmu_wait_timeout(q, out, -1);
}

int secmmu_wait_nr(struct secmmu_queue *q, struct secmmu_completion *out,
		   unsigned int nr, int64_t timeout_ns)
{
	int ret = secmmu_wait_ready(q, nr, timeout_ns);

	return ret ? ret : secmmu_peek_nr(q, out, nr);
}

int secmmu_submit_and_wait(struct secmmu_queue *q, unsigned int nr,
			   int64_t timeout_ns)
{
	int submitted = secmmu_submit(q), ret;

	if (submitted < 0)
		return submitted;
	ret = secmmu_wait_ready(q, nr, timeout_ns);
	return ret ? ret : submitted;
}

int secmmu_arm(struct secmmu_queue *q, unsigned int nr)
{
	struct secmmu_queue_arm arm = {
		.queue = q->id,
		.target = q->head + nr,
		.flags = nr ? 0 : SECMMU_ARM_OFF,
	};

	if (!secmmu_is_ours(q->ctx))
		return -EPERM;
	if (q->generation != q->ctx->generation)
		return -ENODEV;
	return ioctl(q->ctx->fd, SECMMU_IOC_QUEUE_ARM, &arm) ? -errno : 0;
}

int secmmu_eventfd(struct secmmu_queue *q, int fd)
{
	struct secmmu_queue_eventfd arg = { .queue = q->id, .fd = fd };

	if (!secmmu_is_ours(q->ctx))
		return -EPERM;
	if (q->generation != q->ctx->generation)
		return -ENODEV;
	return ioctl(q->ctx->fd, SECMMU_IOC_QUEUE_EVENTFD, &arg) ? -errno : 0;
}
