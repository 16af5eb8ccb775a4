/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libsecmmu - the jobs: what to prepare, and each done in one call.
 *
 * Lives here: a prep function and a synchronous helper for each opcode. Not
 * here: how a prepared job is submitted and waited for (secmmu.h, which includes
 * this, and is what programs include).
 */
#ifndef SECMMU_JOBS_H
#define SECMMU_JOBS_H

#include <stddef.h>
#include <stdint.h>
#include <linux/secmmu.h>

#ifdef __cplusplus
extern "C" {
#endif

struct secmmu_queue;

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

/* All of @job but its completion record: a job again, or one made elsewhere. */
static inline void secmmu_prep_desc(struct secmmu_desc *d,
				    const struct secmmu_desc *job)
{
	uint64_t completion = d->completion;

	*d = *job;
	d->completion = completion;
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

#endif /* SECMMU_JOBS_H */
