/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - jobs: what is common to all opcodes.
 *
 * Lives here: the check of a descriptor, dispatch, outcomes.
 * Not here: the opcodes (jobs-*.c), the ring and the completion record
 * (queue.c).
 *
 * The rule that makes faults restartable: a step first opens what it needs
 * (which may fault, and has no effect but A and D bits), then acts, then
 * advances the job. So a job that is taken up again neither leaves out nor
 * repeats anything.
 */
#include <string.h>

#include "internal.h"

typedef struct OpInfo {
    SecmmuJobFn *fn;
    uint8_t variants;           /* variant is below this */
    uint8_t operands;           /* those used; the others must be zero */
    bool src;                   /* [src, src + len) is used */
    bool dst;
} OpInfo;

static const OpInfo op_info[SECMMU_OP_NR] = {
    [SECMMU_OP_NOP]       = { NULL, 1, 0, false, false },
    [SECMMU_OP_FILL]      = { secmmu_job_fill, 1, 1, false, true },
    [SECMMU_OP_COPY]      = { secmmu_job_copy, 1, 0, true, true },
    [SECMMU_OP_COMPARE]   = { secmmu_job_compare, 1, 0, true, true },
    [SECMMU_OP_CRC32C]    = { secmmu_job_crc32c, 1, 1, true, false },
    [SECMMU_OP_REDUCE]    = { secmmu_job_reduce, 2, 0, true, false },
    [SECMMU_OP_ATOMIC]    = { secmmu_job_atomic, 2, 2, false, true },
    [SECMMU_OP_LIST_WALK] = { secmmu_job_list_walk, 1, 2, false, false },
    [SECMMU_OP_GATHER]    = { secmmu_job_gather, 1, 1, false, true },
    [SECMMU_OP_SCATTER]   = { secmmu_job_scatter, 1, 1, true, false },
    [SECMMU_OP_SAXPY]     = { secmmu_job_saxpy, 1, 1, true, true },
    [SECMMU_OP_GEMM]      = { secmmu_job_gemm, 1, 2, false, true },
};

static uint32_t bad_address(SecmmuJob *job, uint64_t va)
{
    job->fault_addr = va;
    return SECMMU_STATUS_BAD_ADDRESS;
}

/* [va, va + len): a wrap is an error of length, the rest one of address. */
static uint32_t check_range(SecmmuJob *job, uint64_t va, uint64_t len)
{
    if (va + len < va) {
        return SECMMU_STATUS_BAD_LENGTH;
    }
    if (!secmmu_va_ok(va, len)) {
        return bad_address(job, va < SECMMU_VA_END ? SECMMU_VA_END : va);
    }
    return SECMMU_STATUS_OK;
}

static uint32_t check_indexed(SecmmuJob *job, uint64_t array)
{
    uint64_t size = job->d.operand[0];

    if (!size || size > SECMMU_PAGE_SIZE || job->d.len % size) {
        return SECMMU_STATUS_BAD_LENGTH;
    }
    return check_range(job, array, job->d.len / size * 8);
}

static uint32_t check_floats(const SecmmuJob *job)
{
    if ((job->d.src | job->d.dst) % 4) {
        return SECMMU_STATUS_BAD_ALIGN;
    }
    return job->d.len % 4 ? SECMMU_STATUS_BAD_LENGTH : SECMMU_STATUS_OK;
}

static uint32_t check_gemm(SecmmuJob *job)
{
    uint64_t dims = job->d.operand[1];
    uint64_t m = dims & 0xffff, n = dims >> 16 & 0xffff, k = dims >> 32;
    uint32_t status;

    if (!m || !n || !k || k > 0xffff || job->d.len != 4 * m * n) {
        return SECMMU_STATUS_BAD_LENGTH;
    }
    if ((job->d.src | job->d.dst | job->d.operand[0]) % 4) {
        return SECMMU_STATUS_BAD_ALIGN;
    }
    status = check_range(job, job->d.src, 4 * m * k);
    if (status == SECMMU_STATUS_OK) {
        status = check_range(job, job->d.operand[0], 4 * k * n);
    }
    return status;
}

static uint32_t check_opcode(SecmmuJob *job)
{
    const struct secmmu_desc *d = &job->d;
    unsigned size;

    switch (d->opcode) {
    case SECMMU_OP_CRC32C:
        if (d->operand[0] >> 32) {
            return SECMMU_STATUS_BAD_FLAGS;
        }
        job->acc = d->operand[0];
        return SECMMU_STATUS_OK;
    case SECMMU_OP_REDUCE:
        size = d->variant == SECMMU_REDUCE_F32 ? 4 : 8;
        if (d->src % size) {
            return SECMMU_STATUS_BAD_ALIGN;
        }
        return d->len % size ? SECMMU_STATUS_BAD_LENGTH : SECMMU_STATUS_OK;
    case SECMMU_OP_ATOMIC:
        if (d->len != 4 && d->len != 8) {
            return SECMMU_STATUS_BAD_LENGTH;
        }
        if (d->variant == SECMMU_ATOMIC_ADD && d->operand[1]) {
            return SECMMU_STATUS_BAD_FLAGS;
        }
        return d->dst % d->len ? SECMMU_STATUS_BAD_ALIGN : SECMMU_STATUS_OK;
    case SECMMU_OP_LIST_WALK:
        if ((d->operand[0] | d->operand[1]) >= SECMMU_PAGE_SIZE) {
            return SECMMU_STATUS_BAD_LENGTH;
        }
        job->node = d->src;
        return SECMMU_STATUS_OK;
    case SECMMU_OP_COPY:
        job->backward = d->dst > d->src && d->dst - d->src < d->len;
        return SECMMU_STATUS_OK;
    case SECMMU_OP_GATHER:
        return check_indexed(job, d->src);
    case SECMMU_OP_SCATTER:
        return check_indexed(job, d->dst);
    case SECMMU_OP_SAXPY:
        if (d->operand[0] >> 32) {
            return SECMMU_STATUS_BAD_FLAGS;
        }
        return check_floats(job);
    case SECMMU_OP_GEMM:
        return check_gemm(job);
    default:
        return SECMMU_STATUS_OK;
    }
}

uint32_t secmmu_job_prepare(SecmmuJob *job)
{
    const struct secmmu_desc *d = &job->d;
    const OpInfo *op;
    uint32_t status;

    job->pos = 0;
    job->node = 0;
    job->acc = 0;
    job->facc = 0;
    job->backward = false;
    job->gemm_k = 0;
    job->gemm_j = 0;
    job->bytes = 0;
    job->fault_addr = 0;
    job->result = 0;

    if (d->opcode >= SECMMU_OP_NR || d->opcode == 0) {
        return SECMMU_STATUS_BAD_OPCODE;
    }
    op = &op_info[d->opcode];
    if (d->variant >= op->variants) {
        return SECMMU_STATUS_BAD_OPCODE;
    }
    if ((d->flags & ~SECMMU_DESC_FLAGS) || d->reserved ||
        (op->operands < 1 && d->operand[0]) ||
        (op->operands < 2 && d->operand[1])) {
        return SECMMU_STATUS_BAD_FLAGS;
    }
    if (d->len > SECMMU_MAX_LEN) {
        return SECMMU_STATUS_BAD_LENGTH;
    }
    status = check_opcode(job);
    if (status == SECMMU_STATUS_OK && op->src) {
        status = check_range(job, d->src, d->len);
    }
    if (status == SECMMU_STATUS_OK && op->dst) {
        status = check_range(job, d->dst, d->len);
    }
    return status;
}

SecmmuStep secmmu_job_step(SecmmuEngine *engine, SecmmuQueue *q)
{
    SecmmuJob *job = &q->job;
    const OpInfo *op = &op_info[job->d.opcode];

    job->status = SECMMU_STATUS_OK;
    if (!op->fn) {
        return SECMMU_STEP_DONE;
    }
    return op->fn(engine, q);
}

void secmmu_job_partial(SecmmuJob *job)
{
    job->bytes = job->pos;
    switch (job->d.opcode) {
    case SECMMU_OP_COMPARE:
        job->result = job->pos;
        break;
    case SECMMU_OP_CRC32C:
    case SECMMU_OP_LIST_WALK:
    case SECMMU_OP_ATOMIC:
        job->result = job->acc;
        break;
    case SECMMU_OP_REDUCE:
        if (job->d.variant == SECMMU_REDUCE_F32) {
            memcpy(&job->result, &job->facc, 8);
        } else {
            job->result = job->acc;
        }
        break;
    case SECMMU_OP_GEMM:
        if (job->gemm_k == job->d.operand[1] >> 32) {
            /* The sums are done and a part of the tile is written. */
            job->bytes += 4 * job->gemm_j;
        }
        break;
    default:
        break;
    }
}

SecmmuAccess secmmu_open_pair(SecmmuEngine *engine, SecmmuQueue *q,
                              SecmmuSpan *src, SecmmuSpan *dst, bool write)
{
    SecmmuJob *job = &q->job;
    uint64_t left = job->d.len - job->pos;
    SecmmuAccess r;

    if (!src->left) {
        secmmu_span_close(engine, src);
        r = secmmu_span_open(engine, q, src, job->d.src + job->pos, left,
                             false);
        if (r != SECMMU_ACCESS_OK) {
            return r;
        }
    }
    if (!dst->left) {
        secmmu_span_close(engine, dst);
        r = secmmu_span_open(engine, q, dst, job->d.dst + job->pos, left,
                             write);
        if (r != SECMMU_ACCESS_OK) {
            return r;
        }
    }
    return SECMMU_ACCESS_OK;
}

void secmmu_pair_advance(SecmmuEngine *engine, SecmmuJob *job,
                         SecmmuSpan *src, SecmmuSpan *dst, size_t n)
{
    src->p += n;
    src->left -= n;
    dst->p += n;
    dst->left -= n;
    engine->budget -= n;
    job->pos += n;
}

SecmmuStep secmmu_step_failed(SecmmuEngine *engine, SecmmuAccess access,
                              uint64_t extent)
{
    switch (access) {
    case SECMMU_ACCESS_FAULT:
        engine->fault.extent = extent;
        return SECMMU_STEP_FAULT;
    case SECMMU_ACCESS_BUS:
        return SECMMU_STEP_BUS;
    default:
        /* Leave the window, come back in a new one. */
        engine->budget = 0;
        return SECMMU_STEP_MORE;
    }
}
