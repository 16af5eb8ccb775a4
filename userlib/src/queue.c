// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Contexts and queues: open, get, submit, wait. Lives here: everything that
 * talks to the driver or rings a doorbell. Not here: what a job is (the prep
 * functions in secmmu.h, sync.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "private.h"

#define GUARD_SIZE	4096

/*
 * Looks at a completion record before sleeping. Long enough for a small job
 * that meets no fault, short enough to be cheap where the device's engine
 * and this thread share a CPU.
 */
#define SPINS		200

static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static int set_mode(struct secmmu *s, enum secmmu_mode mode)
{
	struct secmmu_set_mode arg = { .mode = mode };

	return ioctl(s->fd, SECMMU_IOC_MODE, &arg) ||
	       ioctl(s->fd, SECMMU_IOC_INFO, &s->info) ? -errno : 0;
}

/* What SECMMU_MODE asks for, if it is set (and this is no setuid program). */
static int mode_from_env(struct secmmu *s)
{
	const char *mode = secure_getenv("SECMMU_MODE");

	if (!mode || !strcmp(mode, "walk"))
		return 0;
	return strcmp(mode, "soft") ? -EINVAL : set_mode(s, SECMMU_MODE_SOFT);
}

int secmmu_open(struct secmmu *s, const char *path)
{
	unsigned char *guard;
	int ret;

	memset(s, 0, sizeof(*s));
	s->fd = open(path ? path : "/dev/secmmu0", O_RDWR | O_CLOEXEC);
	if (s->fd < 0)
		return -errno;
	guard = mmap(NULL, GUARD_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (guard == MAP_FAILED) {
		ret = -errno;
		goto close_fd;
	}
	if (madvise(guard, GUARD_SIZE, MADV_WIPEONFORK) ||
	    ioctl(s->fd, SECMMU_IOC_INFO, &s->info)) {
		ret = -errno;
		goto unmap;
	}
	if (s->info.uapi_version >> 16 != SECMMU_UAPI_VERSION >> 16) {
		ret = -EPROTO;
		goto unmap;
	}
	ret = mode_from_env(s);
	if (ret)
		goto unmap;
	*guard = 1;
	s->guard = guard;
	return 0;

unmap:
	munmap(guard, GUARD_SIZE);
close_fd:
	close(s->fd);
	s->fd = -1;
	return ret;
}

void secmmu_close(struct secmmu *s)
{
	if (s->fd < 0)
		return;
	munmap((void *)s->guard, GUARD_SIZE);
	close(s->fd);
	s->fd = -1;
}

int secmmu_set_mode(struct secmmu *s, enum secmmu_mode mode)
{
	return secmmu_is_ours(s) ? set_mode(s, mode) : -EPERM;
}

int secmmu_stats(struct secmmu *s, struct secmmu_stats *stats)
{
	if (!secmmu_is_ours(s))
		return -EPERM;
	return ioctl(s->fd, SECMMU_IOC_STATS, stats) ? -errno : 0;
}

static size_t ring_size(const struct secmmu_queue *q)
{
	return (q->mask + 1ul) * sizeof(*q->ring);
}

static size_t memory_size(const struct secmmu_queue *q)
{
	return ring_size(q) + (q->mask + 1ul) * sizeof(*q->done);
}

int secmmu_queue_init(struct secmmu_queue *q, struct secmmu *s,
		      unsigned int entries, unsigned int flags)
{
	struct secmmu_queue_create create = { 0 };
	struct secmmu_queue_destroy destroy = { 0 };
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
	q->done = (void *)((char *)q->ring + ring_size(q));

	create.ring = (uintptr_t)q->ring;
	create.ring_order = __builtin_ctz(entries);
	if (ioctl(s->fd, SECMMU_IOC_QUEUE_CREATE, &create)) {
		ret = -errno;
		goto unmap;
	}
	q->id = create.queue;
	q->doorbell = mmap(NULL, SECMMU_DOORBELL_SIZE, PROT_READ | PROT_WRITE,
			   MAP_SHARED, s->fd, create.doorbell);
	if (q->doorbell == MAP_FAILED) {
		ret = -errno;
		destroy.queue = q->id;
		ioctl(s->fd, SECMMU_IOC_QUEUE_DESTROY, &destroy);
		goto unmap;
	}
	q->ctx = s;	/* only now is there anything for exit to end */
	return 0;

unmap:
	munmap(q->ring, memory_size(q));
	return ret;
}

void secmmu_queue_exit(struct secmmu_queue *q)
{
	struct secmmu_queue_destroy destroy = { .queue = q->id };

	if (!q->ctx)
		return;
	/* First the device: the ring is its to read until then. */
	if (secmmu_is_ours(q->ctx)) {
		ioctl(q->ctx->fd, SECMMU_IOC_QUEUE_DESTROY, &destroy);
		munmap((void *)q->doorbell, SECMMU_DOORBELL_SIZE);
	}
	munmap(q->ring, memory_size(q));
	q->ctx = NULL;
}

struct secmmu_desc *secmmu_get_desc(struct secmmu_queue *q)
{
	uint32_t slot = q->tail & q->mask;
	struct secmmu_desc *desc = &q->ring[slot];

	if (q->tail - q->head > q->mask)
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

int secmmu_peek(struct secmmu_queue *q, struct secmmu_completion *out)
{
	struct secmmu_completion *done = &q->done[q->head & q->mask];

	/* A child has a copy of the records, in which nothing ever changes. */
	if (!secmmu_is_ours(q->ctx))
		return -EPERM;
	if (q->head == q->rung)
		return -ENOENT;
	if (__atomic_load_n(&done->status, __ATOMIC_ACQUIRE) ==
	    SECMMU_STATUS_PENDING)
		return -EAGAIN;
	*out = *done;
	q->head++;
	return 0;
}

int secmmu_wait(struct secmmu_queue *q, struct secmmu_completion *out)
{
	return secmmu_wait_timeout(q, out, -1);
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

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

int secmmu_wait_timeout(struct secmmu_queue *q, struct secmmu_completion *out,
			int64_t timeout_ns)
{
	struct secmmu_queue_wait wait = {
		.queue = q->id,
		.target = q->head + 1,
		.timeout_ns = timeout_ns,
	};
	int64_t end = 0;
	int ret;

	if (timeout_ns > 0 &&
	    __builtin_add_overflow(now_ns(), timeout_ns, &end))
		end = INT64_MAX;
	for (int i = 0; i < SPINS; i++) {
		ret = secmmu_peek(q, out);
		if (ret != -EAGAIN)
			return ret;
		cpu_relax();
	}
	while (ioctl(q->ctx->fd, SECMMU_IOC_QUEUE_WAIT, &wait)) {
		int err = errno;

		if (err != EINTR) {
			/* It may have ended just before that. */
			ret = secmmu_peek(q, out);
			if (ret != -EAGAIN)
				return ret;
			if (err == ETIME)
				return -ETIME;
			q->stopped = err == EPIPE ? queue_errno(wait.error) :
						    -err;
			return q->stopped;
		}
		if (timeout_ns > 0) {
			wait.timeout_ns = end - now_ns();
			if (wait.timeout_ns < 0)
				wait.timeout_ns = 0;
		}
	}
	return secmmu_peek(q, out);
}

int secmmu_queue_status(struct secmmu_queue *q, uint32_t *error,
			uint64_t *addr)
{
	struct secmmu_queue_wait wait = { .queue = q->id };

	if (!secmmu_is_ours(q->ctx))
		return -EPERM;
	/* Any target does: the answer is in the out fields. */
	wait.target = q->rung;
	if (ioctl(q->ctx->fd, SECMMU_IOC_QUEUE_WAIT, &wait) &&
	    errno != EPIPE && errno != ETIME)
		return -errno;
	if (error)
		*error = wait.error;
	if (addr)
		*addr = wait.error_addr;
	return 0;
}

static const char *const statuses[SECMMU_STATUS_NR] = {
	[SECMMU_STATUS_PENDING] = "not ended",
	[SECMMU_STATUS_OK] = "done",
	[SECMMU_STATUS_PARTIAL] = "stopped at a fault",
	[SECMMU_STATUS_TRUNCATED] = "list longer than its bound",
	[SECMMU_STATUS_FAULT] = "access not allowed",
	[SECMMU_STATUS_NO_MEMORY] = "no memory to bring the page in",
	[SECMMU_STATUS_POISONED] = "hardware memory error",
	[SECMMU_STATUS_BUS_ERROR] = "no memory behind the address",
	[SECMMU_STATUS_BAD_OPCODE] = "unknown opcode or variant",
	[SECMMU_STATUS_BAD_FLAGS] = "undefined flag or field",
	[SECMMU_STATUS_BAD_LENGTH] = "length not possible",
	[SECMMU_STATUS_BAD_ADDRESS] = "address outside user space",
	[SECMMU_STATUS_BAD_ALIGN] = "address not aligned",
};

const char *secmmu_strstatus(unsigned int status)
{
	if (status >= SECMMU_STATUS_NR || !statuses[status])
		return "unknown status";
	return statuses[status];
}

const char *secmmu_strqueue_error(unsigned int error)
{
	switch (error) {
	case SECMMU_QUEUE_OK:
		return "running";
	case SECMMU_QUEUE_BAD_DOORBELL:
		return "doorbell beyond the ring";
	case SECMMU_QUEUE_RING_FAULT:
		return "a descriptor could not be read";
	case SECMMU_QUEUE_COMPLETION_FAULT:
		return "a completion record could not be written";
	case SECMMU_QUEUE_MM_GONE:
		return "the address space has ended";
	case SECMMU_QUEUE_DEVICE_LOST:
		return "the device is lost";
	case SECMMU_QUEUE_DESTROYED:
		return "destroyed";
	default:
		return "unknown error";
	}
}
