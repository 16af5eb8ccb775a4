/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - jobs on single words: ATOMIC, LIST_WALK.
 *
 * Lives here: the two opcodes.
 * Not here: checks of the descriptor (jobs.c).
 */
#include <string.h>

#include "internal.h"

static uint64_t atomic32(uint32_t *p, const struct secmmu_desc *d)
{
    uint32_t old = __atomic_load_n(p, __ATOMIC_RELAXED);
    uint32_t new;

    if (d->variant == SECMMU_ATOMIC_CAS) {
        old = htole32(d->operand[0]);
        __atomic_compare_exchange_n(p, &old, htole32(d->operand[1]), false,
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        return le32toh(old);
    }
    do {
        new = htole32(le32toh(old) + (uint32_t)d->operand[0]);
    } while (!__atomic_compare_exchange_n(p, &old, new, true,
                                          __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    return le32toh(old);
}

static uint64_t atomic64(uint64_t *p, const struct secmmu_desc *d)
{
    uint64_t old = __atomic_load_n(p, __ATOMIC_RELAXED);
    uint64_t new;

    if (d->variant == SECMMU_ATOMIC_CAS) {
        old = htole64(d->operand[0]);
        __atomic_compare_exchange_n(p, &old, htole64(d->operand[1]), false,
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        return le64toh(old);
    }
    do {
        new = htole64(le64toh(old) + d->operand[0]);
    } while (!__atomic_compare_exchange_n(p, &old, new, true,
                                          __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    return le64toh(old);
}

/*
 * Exactly once: the only access that can fault comes before the operation, and
 * nothing comes between the operation and the end of the job's EXECUTE phase.
 * A compare that fails needs the right to write as well, as on a CPU.
 */
SecmmuStep secmmu_job_atomic(SecmmuEngine *engine, SecmmuQueue *q)
{
    SecmmuJob *job = &q->job;
    SecmmuSpan dst = { 0 };
    SecmmuAccess r;

    r = secmmu_span_open(engine, q, &dst, job->d.dst, job->d.len, true);
    if (r != SECMMU_ACCESS_OK) {
        return secmmu_step_failed(engine, r, job->d.len);
    }
    job->acc = job->d.len == 4 ? atomic32(dst.host, &job->d) :
                                 atomic64(dst.host, &job->d);
    secmmu_span_close(engine, &dst);
    secmmu_count(engine->count, SECMMU_CNT_BYTES_READ, job->d.len);
    secmmu_count(engine->count, SECMMU_CNT_BYTES_WRITTEN, job->d.len);
    job->pos = job->d.len;
    secmmu_job_partial(job);
    return SECMMU_STEP_DONE;
}

static SecmmuStep end_walk(SecmmuJob *job, uint32_t status, uint64_t addr)
{
    job->status = status;
    job->fault_addr = addr;
    secmmu_job_partial(job);
    return SECMMU_STEP_DONE;
}

SecmmuStep secmmu_job_list_walk(SecmmuEngine *engine, SecmmuQueue *q)
{
    SecmmuJob *job = &q->job;
    uint64_t next_at = job->d.operand[0], payload_at = job->d.operand[1];
    SecmmuPage page = { .va = 0 };
    SecmmuStep step;

    for (;;) {
        uint64_t payload, next;
        SecmmuAccess r;

        if (!job->node) {
            step = end_walk(job, SECMMU_STATUS_OK, 0);
            break;
        }
        if (!secmmu_va_ok(job->node, SECMMU_PAGE_SIZE + 8)) {
            /* Near the end of the address space: look closer. */
            uint64_t last = next_at > payload_at ? next_at : payload_at;

            if (!secmmu_va_ok(job->node, last + 8)) {
                step = end_walk(job, SECMMU_STATUS_BAD_ADDRESS, job->node);
                break;
            }
        }
        if (job->pos == job->d.len) {
            step = end_walk(job, SECMMU_STATUS_TRUNCATED, job->node);
            break;
        }
        if (engine->budget <= 0) {
            step = SECMMU_STEP_MORE;
            break;
        }
        r = secmmu_page_read(engine, q, &page, job->node + payload_at,
                             &payload, 8);
        if (r == SECMMU_ACCESS_OK) {
            r = secmmu_page_read(engine, q, &page, job->node + next_at,
                                 &next, 8);
        }
        if (r != SECMMU_ACCESS_OK) {
            step = secmmu_step_failed(engine, r, 1);
            if (step == SECMMU_STEP_FAULT) {
                /* What of the field lies from the missing byte on. */
                uint64_t va = engine->fault.va;
                uint64_t field = job->node + next_at;

                if (va < field || va >= field + 8) {
                    field = job->node + payload_at;
                }
                engine->fault.extent = field + 8 - va;
            }
            break;
        }
        engine->budget -= 64;
        job->acc += le64toh(payload);
        job->node = le64toh(next);
        job->pos++;
    }
    secmmu_page_close(engine, &page);
    return step;
}
