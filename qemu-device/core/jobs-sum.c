/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - jobs that read an array into one number: CRC32C, REDUCE.
 *
 * Lives here: the two opcodes.
 * Not here: the polynomial (crc32c.c), checks of the descriptor (jobs.c).
 */
#include <string.h>

#include "internal.h"

typedef void SumFn(SecmmuJob *job, const uint8_t *p, size_t n);

static SecmmuStep sum(SecmmuEngine *engine, SecmmuQueue *q, SumFn *add,
                      size_t element)
{
    SecmmuJob *job = &q->job;

    while (job->pos < job->d.len) {
        SecmmuSpan src = { 0 };
        uint64_t left = job->d.len - job->pos;
        SecmmuAccess r;
        size_t n;

        if (engine->budget <= 0) {
            return SECMMU_STEP_MORE;
        }
        r = secmmu_span_open(engine, q, &src, job->d.src + job->pos, left,
                             false);
        if (r != SECMMU_ACCESS_OK) {
            return secmmu_step_failed(engine, r, left);
        }
        n = src.left;
        /*
         * The window's budget may end inside an element; pages do not, since
         * elements are aligned.
         */
        n &= -element;
        add(job, src.p, n);
        secmmu_span_close(engine, &src);
        secmmu_count(engine->count, SECMMU_CNT_BYTES_READ, n);
        engine->budget -= n;
        job->pos += n;
    }
    secmmu_job_partial(job);
    return SECMMU_STEP_DONE;
}

static void add_crc(SecmmuJob *job, const uint8_t *p, size_t n)
{
    job->acc = (uint32_t)~secmmu_crc32c_update(~(uint32_t)job->acc, p, n);
}

static void add_u64(SecmmuJob *job, const uint8_t *p, size_t n)
{
    uint64_t acc = job->acc;

    for (size_t i = 0; i < n; i += 8) {
        uint64_t v;

        memcpy(&v, p + i, 8);
        acc += le64toh(v);
    }
    job->acc = acc;
}

static void add_f32(SecmmuJob *job, const uint8_t *p, size_t n)
{
    double acc = job->facc;

    for (size_t i = 0; i < n; i += 4) {
        uint32_t bits;
        float f;

        memcpy(&bits, p + i, 4);
        bits = le32toh(bits);
        memcpy(&f, &bits, 4);
        acc += f;
    }
    job->facc = acc;
}

SecmmuStep secmmu_job_crc32c(SecmmuEngine *engine, SecmmuQueue *q)
{
    return sum(engine, q, add_crc, 1);
}

SecmmuStep secmmu_job_reduce(SecmmuEngine *engine, SecmmuQueue *q)
{
    if (q->job.d.variant == SECMMU_REDUCE_F32) {
        return sum(engine, q, add_f32, 4);
    }
    return sum(engine, q, add_u64, 8);
}
