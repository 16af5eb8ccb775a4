/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - jobs through arrays of addresses: GATHER, SCATTER.
 *
 * Lives here: the two opcodes.
 * Not here: checks of the descriptor (jobs.c).
 *
 * For each element in turn: its address is read, the element is read into
 * the engine's buffer, the (at most two) pages that it goes to are opened, and
 * only then is it written. So an element is written once and whole, and
 * what an earlier one wrote, be it an address, is seen by the next.
 */
#include <string.h>

#include "internal.h"

typedef struct Pages {
    SecmmuPage index;
    SecmmuPage from;
    SecmmuPage to;
} Pages;

/* Writes @len bytes of the buffer, nothing if a page is missing. */
static SecmmuAccess put(SecmmuEngine *engine, SecmmuQueue *q,
                        SecmmuPage *page, uint64_t va, size_t len)
{
    SecmmuPage second = { .va = 0 };
    uint8_t *p, *p2;
    size_t left, left2;
    SecmmuAccess r = secmmu_page_at(engine, q, page, va, true, &p, &left);

    if (r != SECMMU_ACCESS_OK) {
        return r;
    }
    if (left < len) {
        r = secmmu_page_at(engine, q, &second, va + left, true, &p2, &left2);
        if (r != SECMMU_ACCESS_OK) {
            return r;
        }
        memcpy(p2, engine->bounce + left, len - left);
        secmmu_page_close(engine, &second);
    }
    memcpy(p, engine->bounce, MIN(left, len));
    secmmu_count(engine->count, SECMMU_CNT_BYTES_WRITTEN, len);
    return SECMMU_ACCESS_OK;
}

static SecmmuStep indexed(SecmmuEngine *engine, SecmmuQueue *q, Pages *pages)
{
    SecmmuJob *job = &q->job;
    bool gather = job->d.opcode == SECMMU_OP_GATHER;
    uint64_t size = job->d.operand[0];
    uint64_t array = gather ? job->d.src : job->d.dst;
    uint64_t array_end = array + job->d.len / size * 8;
    uint64_t plain = gather ? job->d.dst : job->d.src;
    uint64_t plain_end = plain + job->d.len;

    while (job->pos < job->d.len) {
        uint64_t target, from, to, from_end, to_end;
        SecmmuAccess r;

        if (engine->budget <= 0) {
            return SECMMU_STEP_MORE;
        }
        r = secmmu_page_read(engine, q, &pages->index,
                             array + job->pos / size * 8, &target, 8);
        if (r != SECMMU_ACCESS_OK) {
            return secmmu_step_failed(engine, r,
                                      array_end - engine->fault.va);
        }
        target = le64toh(target);
        if (!secmmu_va_ok(target, size)) {
            secmmu_job_partial(job);
            job->status = SECMMU_STATUS_BAD_ADDRESS;
            job->fault_addr = target;
            return SECMMU_STEP_DONE;
        }
        from = gather ? target : plain + job->pos;
        from_end = gather ? target + size : plain_end;
        to = gather ? plain + job->pos : target;
        to_end = gather ? plain_end : target + size;
        r = secmmu_page_read(engine, q, &pages->from, from, engine->bounce,
                             size);
        if (r != SECMMU_ACCESS_OK) {
            return secmmu_step_failed(engine, r, from_end - engine->fault.va);
        }
        r = put(engine, q, &pages->to, to, size);
        if (r != SECMMU_ACCESS_OK) {
            return secmmu_step_failed(engine, r, to_end - engine->fault.va);
        }
        engine->budget -= 64 + 2 * size;
        job->pos += size;
    }
    secmmu_job_partial(job);
    return SECMMU_STEP_DONE;
}

static SecmmuStep run(SecmmuEngine *engine, SecmmuQueue *q)
{
    Pages pages = { .index.va = 0 };
    SecmmuStep step = indexed(engine, q, &pages);

    secmmu_page_close(engine, &pages.index);
    secmmu_page_close(engine, &pages.from);
    secmmu_page_close(engine, &pages.to);
    return step;
}

SecmmuStep secmmu_job_gather(SecmmuEngine *engine, SecmmuQueue *q)
{
    return run(engine, q);
}

SecmmuStep secmmu_job_scatter(SecmmuEngine *engine, SecmmuQueue *q)
{
    return run(engine, q);
}
