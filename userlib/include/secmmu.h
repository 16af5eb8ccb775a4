/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libsecmmu - jobs for a secmmu device, on plain pointers.
 *
 *	get -> prep -> submit -> wait
 *
 *	struct secmmu s;
 *	struct secmmu_queue q;
 *	struct secmmu_completion done;
 *
 *	secmmu_open(&s, NULL);
 *	secmmu_queue_init(&q, &s, 64, 0);
 *	secmmu_prep_copy(secmmu_get_desc(&q), dst, src, len);
 *	secmmu_submit(&q);
 *	secmmu_wait(&q, &done);
 *
 * Lives here: all that a program calls. The descriptor, the completion record
 * and the meaning of each job are in <linux/secmmu.h>.
 * Not here: any function that allocates memory for data. Whatever the
 * program itself may touch, the device may be given: malloc, mmap, a file, the
 * stack.
 *
 * Errors are negative errno values; nothing sets errno. Nothing here prints.
 *
 * Threads: a struct secmmu_queue belongs to one thread at a time; different
 * queues may be used at the same time. A struct secmmu may be shared.
 *
 * Fork: a context works for the address space that opened it. In a child every
 * call returns -EPERM and no doorbell is rung; secmmu_queue_exit() and
 * secmmu_close() there only give back the child's own resources. (After
 * vfork() the address space is still the parent's, and so is the queue.)
 */
#ifndef SECMMU_H
#define SECMMU_H

#include <stddef.h>
#include <stdint.h>
#include <linux/secmmu.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct secmmu - an open device, caller-owned
 * @fd: the open file; for poll loops, not for ioctls of one's own.
 * @info: what the driver says of itself and the device.
 * @guard: private: a page that a fork wipes.
 */
struct secmmu {
	int fd;
	struct secmmu_info info;
	const volatile unsigned char *guard;
};

/**
 * struct secmmu_queue - a queue, caller-owned; all fields private
 */
struct secmmu_queue {
	struct secmmu *ctx;
	struct secmmu_desc *ring;
	struct secmmu_completion *done;
	volatile uint32_t *doorbell;
	uint32_t id;
	uint32_t mask;
	uint32_t head;		/* results handed out */
	uint32_t tail;		/* descriptors given out */
	uint32_t rung;		/* descriptors submitted */
	int stopped;		/* why no further job can end, or 0 */
};

/**
 * secmmu_open - open a device for this process
 * @s: filled in.
 * @path: device node, or NULL for /dev/secmmu0.
 *
 * The context is in walk mode, or in the one that the environment variable
 * SECMMU_MODE names, "walk" or "soft" (which is for tests: any program can be
 * run either way).
 *
 * Return: 0; -ENOENT, -EACCES, ... from open(); -EPROTO if the driver speaks
 * another major version; -EINTR and -ENOMEM from the driver may be tried again.
 */
int secmmu_open(struct secmmu *s, const char *path);

/**
 * secmmu_set_mode - choose how the device comes by translations
 * @s: the context, which has no queue yet.
 * @mode: SECMMU_MODE_WALK or SECMMU_MODE_SOFT; see <linux/secmmu.h>.
 *
 * Updates @s->info: each mode has an ASID of its own.
 * Return: 0; -EINVAL no such mode; -EBUSY it has queues; -EOPNOTSUPP the device
 * cannot; -EPERM in a child after fork; -ENODEV; -EINTR; -ENOMEM.
 */
int secmmu_set_mode(struct secmmu *s, enum secmmu_mode mode);

/**
 * secmmu_close - close it again
 * @s: the context; its queues have been ended with secmmu_queue_exit().
 */
void secmmu_close(struct secmmu *s);

/**
 * secmmu_stats - counters of this address space and of the device
 * @s: the context.
 * @stats: filled in.
 *
 * Return: 0; -EPERM in a child after fork; -ENODEV.
 */
int secmmu_stats(struct secmmu *s, struct secmmu_stats *stats);

/**
 * secmmu_queue_init - make a queue
 * @q: filled in.
 * @s: the context; must outlive the queue.
 * @entries: jobs that can be under way at one time; a power of two, 1 to 4096.
 * @flags: zero.
 *
 * Return: 0; -EINVAL; -ENOSPC no queue left; -ENOMEM; -ENODEV; -EPERM.
 */
int secmmu_queue_init(struct secmmu_queue *q, struct secmmu *s,
		      unsigned int entries, unsigned int flags);

/**
 * secmmu_queue_exit - end a queue
 * @q: the queue. Jobs that have not ended are dropped; when it returns, none of
 *	them touches memory.
 */
void secmmu_queue_exit(struct secmmu_queue *q);

/**
 * secmmu_get_desc - the next free descriptor
 * @q: the queue.
 *
 * Zeroed, with its completion record filled in: leave that field as it is.
 * Return: the descriptor, or NULL when as many jobs are under way (or their
 * results not taken) as the queue has entries.
 */
struct secmmu_desc *secmmu_get_desc(struct secmmu_queue *q);

/**
 * secmmu_submit - hand all prepared descriptors to the device
 * @q: the queue.
 *
 * Return: how many; -EPERM in a child after fork.
 */
int secmmu_submit(struct secmmu_queue *q);

/**
 * secmmu_peek - take the next result if there is one
 * @q: the queue.
 * @out: a copy of the completion record. Results come in the order in which
 *	the jobs were submitted.
 *
 * Return: 0; -EAGAIN not yet; -ENOENT no job is under way; -EPERM in a child
 * after fork. Never sleeps.
 */
int secmmu_peek(struct secmmu_queue *q, struct secmmu_completion *out);

/**
 * secmmu_wait - take the next result, sleeping until it is there
 * @q: the queue.
 * @out: as in secmmu_peek().
 *
 * Looks for a moment, then sleeps in the kernel. A signal handler does not end
 * the wait.
 * Return: 0; -ENOENT; -EPERM; or the queue has stopped: -EFAULT a descriptor
 * or a completion record could not be reached, -EPROTO bad doorbell, -ESRCH
 * the address space is gone, -ENODEV the device is, -ECANCELED another thread
 * has destroyed the queue. secmmu_queue_status() tells more. A stopped queue
 * is ended with secmmu_queue_exit() and made anew.
 */
int secmmu_wait(struct secmmu_queue *q, struct secmmu_completion *out);

/**
 * secmmu_wait_timeout - secmmu_wait() with an end
 * @q: the queue.
 * @out: as in secmmu_peek().
 * @timeout_ns: longest sleep in nanoseconds; negative: for ever.
 *
 * Return: as secmmu_wait(), and -ETIME. The job goes on; wait again for it.
 */
int secmmu_wait_timeout(struct secmmu_queue *q, struct secmmu_completion *out,
			int64_t timeout_ns);

/**
 * secmmu_queue_status - has the queue stopped, and why?
 * @q: the queue.
 * @error: enum secmmu_queue_error.
 * @addr: the address that goes with it. Either pointer may be NULL.
 *
 * Return: 0, whether it has stopped or not; -EPERM; -ENODEV.
 */
int secmmu_queue_status(struct secmmu_queue *q, uint32_t *error,
			uint64_t *addr);

/* Text for a status, a queue error; never NULL, static. */
const char *secmmu_strstatus(unsigned int status);
const char *secmmu_strqueue_error(unsigned int error);

/*
 * prep: fill in a descriptor from secmmu_get_desc(). No errors: what is
 * wrong with the arguments is told by the job's status. <linux/secmmu.h> says
 * what each job does.
 */
static inline void secmmu_desc_set_data(struct secmmu_desc *d, uint64_t data)
{
	d->user_data = data;
}

/* @flags: SECMMU_DESC_INTERRUPT, SECMMU_DESC_NO_BLOCK. */
static inline void secmmu_desc_set_flags(struct secmmu_desc *d, uint8_t flags)
{
	d->flags = flags;
}

static inline void secmmu_prep_nop(struct secmmu_desc *d)
{
	d->opcode = SECMMU_OP_NOP;
}

static inline void secmmu_prep_fill(struct secmmu_desc *d, void *dst,
				    uint64_t pattern, size_t len)
{
	d->opcode = SECMMU_OP_FILL;
	d->dst = (uintptr_t)dst;
	d->len = len;
	d->operand[0] = pattern;
}

static inline void secmmu_prep_copy(struct secmmu_desc *d, void *dst,
				    const void *src, size_t len)
{
	d->opcode = SECMMU_OP_COPY;
	d->dst = (uintptr_t)dst;
	d->src = (uintptr_t)src;
	d->len = len;
}

static inline void secmmu_prep_compare(struct secmmu_desc *d, const void *a,
				       const void *b, size_t len)
{
	d->opcode = SECMMU_OP_COMPARE;
	d->src = (uintptr_t)a;
	d->dst = (uintptr_t)b;
	d->len = len;
}

static inline void secmmu_prep_crc32c(struct secmmu_desc *d, const void *src,
				      size_t len, uint32_t crc)
{
	d->opcode = SECMMU_OP_CRC32C;
	d->src = (uintptr_t)src;
	d->len = len;
	d->operand[0] = crc;
}

static inline void secmmu_prep_reduce(struct secmmu_desc *d, const void *src,
				      size_t len, enum secmmu_reduce type)
{
	d->opcode = SECMMU_OP_REDUCE;
	d->variant = type;
	d->src = (uintptr_t)src;
	d->len = len;
}

/* @width: 4 or 8, to which @word is aligned. */
static inline void secmmu_prep_atomic_add(struct secmmu_desc *d, void *word,
					  unsigned int width, uint64_t add)
{
	d->opcode = SECMMU_OP_ATOMIC;
	d->variant = SECMMU_ATOMIC_ADD;
	d->dst = (uintptr_t)word;
	d->len = width;
	d->operand[0] = add;
}

static inline void secmmu_prep_atomic_cas(struct secmmu_desc *d, void *word,
					  unsigned int width,
					  uint64_t expected, uint64_t desired)
{
	d->opcode = SECMMU_OP_ATOMIC;
	d->variant = SECMMU_ATOMIC_CAS;
	d->dst = (uintptr_t)word;
	d->len = width;
	d->operand[0] = expected;
	d->operand[1] = desired;
}

static inline void secmmu_prep_list_walk(struct secmmu_desc *d,
					 const void *head, size_t next_offset,
					 size_t payload_offset,
					 uint64_t max_nodes)
{
	d->opcode = SECMMU_OP_LIST_WALK;
	d->src = (uintptr_t)head;
	d->operand[0] = next_offset;
	d->operand[1] = payload_offset;
	d->len = max_nodes;
}

/* @addrs: len / size addresses; @size: bytes of an element. */
static inline void secmmu_prep_gather(struct secmmu_desc *d, void *dst,
				      const uint64_t *addrs, size_t size,
				      size_t len)
{
	d->opcode = SECMMU_OP_GATHER;
	d->src = (uintptr_t)addrs;
	d->dst = (uintptr_t)dst;
	d->operand[0] = size;
	d->len = len;
}

static inline void secmmu_prep_scatter(struct secmmu_desc *d,
				       const uint64_t *addrs, const void *src,
				       size_t size, size_t len)
{
	d->opcode = SECMMU_OP_SCATTER;
	d->src = (uintptr_t)src;
	d->dst = (uintptr_t)addrs;
	d->operand[0] = size;
	d->len = len;
}

void secmmu_prep_saxpy(struct secmmu_desc *d, float *y, float a,
		       const float *x, size_t n);
/* c (m x n) = a (m x k) * b (k x n), row-major; 1 to 65535 each. */
void secmmu_prep_gemm(struct secmmu_desc *d, float *c, const float *a,
		      const float *b, unsigned int m, unsigned int n,
		      unsigned int k);

/*
 * Synchronous helpers: one job, from get to wait. The queue must be idle: with
 * jobs under way, or results not taken, they return -EBUSY and do nothing.
 * @len is in bytes, @n counts elements, and neither has a bound: what is above
 * SECMMU_MAX_LEN is done in several jobs (but for GEMM, whose result has to be
 * smaller). They sleep; the memory is the caller's all the time.
 *
 * Return: 0; -EBUSY; what secmmu_wait() returns; or by the job's status: FAULT
 * -EFAULT, NO_MEMORY -ENOMEM, POISONED -EHWPOISON, BUS_ERROR -EIO, TRUNCATED
 * -E2BIG, BAD_* -EINVAL. On an error, memory may have been written in part,
 * and results are not filled in unless it says so.
 */
int secmmu_fill(struct secmmu_queue *q, void *dst, uint64_t pattern,
		size_t len);
/* The ranges may overlap, as in memmove(). */
int secmmu_copy(struct secmmu_queue *q, void *dst, const void *src,
		size_t len);
/* @diff: offset of the first byte that differs, or @len. */
int secmmu_compare(struct secmmu_queue *q, const void *a, const void *b,
		   size_t len, size_t *diff);
/* @crc: in: the CRC so far (0 to begin); out: the new one. */
int secmmu_crc32c(struct secmmu_queue *q, const void *src, size_t len,
		  uint32_t *crc);
/* @sum: modulo 2^64. */
int secmmu_reduce_u64(struct secmmu_queue *q, const uint64_t *src, size_t n,
		      uint64_t *sum);
/* @sum: added in double precision, in order within each SECMMU_MAX_LEN bytes. */
int secmmu_reduce_f32(struct secmmu_queue *q, const float *src, size_t n,
		      double *sum);
/* @old (may be NULL): the word before. @width: 4 or 8. */
int secmmu_atomic_add(struct secmmu_queue *q, void *word, unsigned int width,
		      uint64_t add, uint64_t *old);
int secmmu_atomic_cas(struct secmmu_queue *q, void *word, unsigned int width,
		      uint64_t expected, uint64_t desired, uint64_t *old);
/*
 * @next_offset, @payload_offset: bytes into a node, below 4096. @max_nodes: so
 * that a list in a circle ends. @sum: of the payloads, modulo 2^64. @nodes (may
 * be NULL): nodes visited. Both are also filled in with -E2BIG: there are more.
 */
int secmmu_list_walk(struct secmmu_queue *q, const void *head,
		     size_t next_offset, size_t payload_offset,
		     uint64_t max_nodes, uint64_t *sum, uint64_t *nodes);
/* @size: bytes of an element, 1 to 4096; @addrs, @n: their addresses. */
int secmmu_gather(struct secmmu_queue *q, void *dst, const uint64_t *addrs,
		  size_t size, size_t n);
int secmmu_scatter(struct secmmu_queue *q, const uint64_t *addrs,
		   const void *src, size_t size, size_t n);
/* y[i] += a * x[i] */
int secmmu_saxpy(struct secmmu_queue *q, float *y, float a, const float *x,
		 size_t n);
/* As secmmu_prep_gemm(). */
int secmmu_gemm(struct secmmu_queue *q, float *c, const float *a,
		const float *b, unsigned int m, unsigned int n,
		unsigned int k);

#ifdef __cplusplus
}
#endif

#endif /* SECMMU_H */
