// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Jobs that stopped at a fault: the rest of them. Lives here: what is left of
 * each opcode, and how two parts make a whole. Not here: jobs that are merely too
 * long for one descriptor (sync.c).
 */
#include <errno.h>
#include <string.h>

#include "private.h"

/* Brought in at one time for a job that has stopped. */
#define PREFETCH	(256 * 1024)

/* Stops at one place after which a job may wait for its pages after all. */
#define PATIENCE	8

/* Bytes of the rest's start: what is done, or what of it can be built upon. */
static uint64_t start_of_rest(const struct secmmu_desc *job,
			      const struct secmmu_completion *done)
{
	uint64_t row = job->operand[1] >> 16 & 0xffff;

	/* No descriptor means a part of a row: that one is done again. */
	if (job->opcode == SECMMU_OP_GEMM && row)
		return done->bytes - done->bytes % (4 * row);
	return done->bytes;
}

/* Can a job as this have come so far? What follows divides by its numbers. */
static int is_possible(const struct secmmu_desc *job,
		       const struct secmmu_completion *done)
{
	if (done->bytes > job->len)
		return 0;
	switch (job->opcode) {
	case SECMMU_OP_GATHER:
	case SECMMU_OP_SCATTER:
		return job->operand[0] != 0;
	case SECMMU_OP_GEMM:
		return (job->operand[1] >> 16 & 0xffff) != 0;
	default:
		return 1;
	}
}

static uint64_t rotate(uint64_t pattern, unsigned int bytes)
{
	unsigned int bits = 8 * (bytes % 8);

	return bits ? pattern >> bits | pattern << (64 - bits) : pattern;
}

/* The job does not say which node it has come to: go there by the links. */
static uint64_t node_after(const struct secmmu_desc *job, uint32_t nodes)
{
	uint64_t node = job->src, next;

	for (; nodes; nodes--) {
		memcpy(&next, (const char *)(uintptr_t)node + job->operand[0],
		       sizeof(next));
		node = next;
	}
	return node;
}

int secmmu_continue(struct secmmu_desc *desc, const struct secmmu_desc *job,
		    const struct secmmu_completion *done)
{
	uint64_t at = start_of_rest(job, done), m, n, k;

	if (done->status != SECMMU_STATUS_PARTIAL || !is_possible(job, done))
		return -EINVAL;
	secmmu_prep_desc(desc, job);
	switch (job->opcode) {
	case SECMMU_OP_FILL:
		desc->operand[0] = rotate(job->operand[0], at % 8);
		desc->dst += at;
		break;
	case SECMMU_OP_COPY:
		/* From the end, if a byte would be read after it is written. */
		if (job->dst > job->src && job->dst - job->src < job->len)
			break;
		desc->src += at;
		desc->dst += at;
		break;
	case SECMMU_OP_CRC32C:
		desc->operand[0] = done->result;
		desc->src += at;
		break;
	case SECMMU_OP_REDUCE:
		desc->src += at;
		break;
	case SECMMU_OP_COMPARE:
	case SECMMU_OP_SAXPY:
		desc->src += at;
		desc->dst += at;
		break;
	case SECMMU_OP_ATOMIC:
		return 0;	/* all of it or nothing */
	case SECMMU_OP_LIST_WALK:
		desc->src = node_after(job, done->bytes);
		break;
	case SECMMU_OP_GATHER:
		desc->src += at / job->operand[0] * sizeof(uint64_t);
		desc->dst += at;
		break;
	case SECMMU_OP_SCATTER:
		desc->src += at;
		desc->dst += at / job->operand[0] * sizeof(uint64_t);
		break;
	case SECMMU_OP_GEMM:
		m = job->operand[1] & 0xffff;
		n = job->operand[1] >> 16 & 0xffff;
		k = job->operand[1] >> 32;
		desc->src += at / (4 * n) * 4 * k;
		desc->dst += at;
		desc->operand[1] = (m - at / (4 * n)) | n << 16 | k << 32;
		break;
	default:
		return -EINVAL;
	}
	desc->len -= at;
	return 0;
}

static uint64_t add_doubles(uint64_t a, uint64_t b)
{
	double x, y;

	memcpy(&x, &a, sizeof(x));
	memcpy(&y, &b, sizeof(y));
	x += y;
	memcpy(&a, &x, sizeof(a));
	return a;
}

void secmmu_merge(const struct secmmu_desc *job, struct secmmu_completion *done,
		  const struct secmmu_completion *rest)
{
	uint64_t result = rest->result;

	switch (job->opcode) {
	case SECMMU_OP_COMPARE:
		result += done->bytes;
		break;
	case SECMMU_OP_LIST_WALK:
		result += done->result;
		break;
	case SECMMU_OP_REDUCE:
		result = job->variant == SECMMU_REDUCE_F32 ?
			 add_doubles(done->result, result) :
			 done->result + result;
		break;
	default:
		break;
	}
	done->status = rest->status;
	done->bytes = start_of_rest(job, done) + rest->bytes;
	done->fault_addr = rest->fault_addr;
	done->result = result;
}

static int is_in(uint64_t addr, uint64_t start, uint64_t len)
{
	return addr >= start && addr - start < len;
}

/* Does the job write at @addr, where it has stopped? */
static int is_written(const struct secmmu_desc *job, uint64_t addr)
{
	switch (job->opcode) {
	case SECMMU_OP_FILL:
	case SECMMU_OP_ATOMIC:
		return 1;
	case SECMMU_OP_COPY:
	case SECMMU_OP_GATHER:
	case SECMMU_OP_SAXPY:
	case SECMMU_OP_GEMM:
		return is_in(addr, job->dst, job->len);
	case SECMMU_OP_SCATTER:
		return !is_in(addr, job->src, job->len) &&
		       !is_in(addr, job->dst, job->len / job->operand[0] *
						      sizeof(uint64_t));
	default:
		return 0;
	}
}

/* From @addr on, what the job will use there, within reason. */
static int bring_in(struct secmmu_queue *q, const struct secmmu_desc *job,
		    uint64_t addr)
{
	uint64_t len = 1;
	int64_t ret;

	if (is_in(addr, job->src, job->len))
		len = job->src + job->len - addr;
	else if (is_in(addr, job->dst, job->len))
		len = job->dst + job->len - addr;
	if (job->opcode == SECMMU_OP_LIST_WALK)
		len = 1;
	if (len > PREFETCH)
		len = PREFETCH;
	ret = secmmu_prefetch(q->ctx, (const void *)(uintptr_t)addr, len,
			      is_written(job, addr));
	/* What follows may not be there, or not be meant; one page is enough. */
	if (ret < 0 && len > 1)
		ret = secmmu_prefetch(q->ctx, (const void *)(uintptr_t)addr, 1,
				      is_written(job, addr));
	return ret < 0 ? ret : 0;
}

int secmmu_finish(struct secmmu_queue *q, const struct secmmu_desc *job,
		  struct secmmu_completion *done)
{
	struct secmmu_completion part = *done;
	struct secmmu_desc now = *job, *desc;
	unsigned int stops = 0;
	int ret;

	while (part.status == SECMMU_STATUS_PARTIAL) {
		if (!is_possible(&now, &part))
			return -EINVAL;
		ret = bring_in(q, &now, part.fault_addr);
		if (ret)
			return ret;
		ret = secmmu_sync_begin(q, &desc);
		if (ret)
			return ret;
		stops = part.bytes ? 0 : stops + 1;
		ret = secmmu_continue(desc, &now, &part);
		if (ret) {
			q->tail--;
			return ret;
		}
		if (stops > PATIENCE)
			desc->flags &= ~SECMMU_DESC_NO_BLOCK;
		now = *desc;
		ret = secmmu_submit_and_wait(q, 1, -1);
		if (ret < 0)
			return ret;
		secmmu_peek(q, &part);
		secmmu_merge(job, done, &part);
	}
	return secmmu_status_errno(done->status);
}
