/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - jobs on plain bytes: FILL, COPY, COMPARE.
 *
 * Lives here: the three opcodes. Bytes go from page to page, with no buffer
 * in between.
 * Not here: checks of the descriptor (jobs.c).
 */
#include <string.h>

#include "internal.h"

/* Stores the pattern, starting at its byte @phase, over @n bytes. */
static void fill_bytes(uint8_t *p, uint64_t pattern, unsigned phase, size_t n)
{
    unsigned bits = 8 * phase;
    uint64_t word = bits ? pattern >> bits | pattern << (64 - bits) : pattern;
    uint64_t le = htole64(word);

    if (word == (word & 0xff) * 0x0101010101010101ull) {
        memset(p, word & 0xff, n);
        return;
    }
    for (; n >= 8; n -= 8, p += 8) {
        memcpy(p, &le, 8);
    }
    memcpy(p, &le, n);
}

SecmmuStep secmmu_job_fill(SecmmuEngine *engine, SecmmuQueue *q)
{
    SecmmuJob *job = &q->job;

    while (job->pos < job->d.len) {
        SecmmuSpan dst = { 0 };
        uint64_t left = job->d.len - job->pos;
        SecmmuAccess r;

        if (engine->budget <= 0) {
            return SECMMU_STEP_MORE;
        }
        r = secmmu_span_open(engine, q, &dst, job->d.dst + job->pos, left,
                             true);
        if (r != SECMMU_ACCESS_OK) {
            return secmmu_step_failed(engine, r, left);
        }
        fill_bytes(dst.p, job->d.operand[0], job->pos & 7, dst.left);
        secmmu_count(engine->count, SECMMU_CNT_BYTES_WRITTEN, dst.left);
        engine->budget -= dst.left;
        job->pos += dst.left;
        secmmu_span_close(engine, &dst);
    }
    secmmu_job_partial(job);
    return SECMMU_STEP_DONE;
}

static SecmmuStep copy_forward(SecmmuEngine *engine, SecmmuQueue *q)
{
    SecmmuJob *job = &q->job;
    SecmmuSpan src = { 0 }, dst = { 0 };
    SecmmuStep step = SECMMU_STEP_DONE;
    uint64_t start = job->pos;

    while (job->pos < job->d.len) {
        SecmmuAccess r;
        size_t n;

        if (engine->budget <= 0) {
            step = SECMMU_STEP_MORE;
            break;
        }
        r = secmmu_open_pair(engine, q, &src, &dst, true);
        if (r != SECMMU_ACCESS_OK) {
            step = secmmu_step_failed(engine, r, job->d.len - job->pos);
            break;
        }
        n = MIN(src.left, dst.left);
        /* The pieces may share bytes: memmove, as the whole. */
        memmove(dst.p, src.p, n);
        secmmu_pair_advance(engine, job, &src, &dst, n);
    }
    secmmu_span_close(engine, &src);
    secmmu_span_close(engine, &dst);
    secmmu_count(engine->count, SECMMU_CNT_BYTES_READ, job->pos - start);
    secmmu_count(engine->count, SECMMU_CNT_BYTES_WRITTEN, job->pos - start);
    return step;
}

/*
 * Bytes of [start, end) in the page piece that ends at @end; the piece of a
 * 4 KiB page, so that a fault names one page at most.
 */
static uint64_t tail_piece(uint64_t start, uint64_t end)
{
    uint64_t page = (end - 1) & ~(SECMMU_PAGE_SIZE - 1);

    return end - (page > start ? page : start);
}

/*
 * dst lies above src in the same bytes: the end goes first. job->pos counts
 * what is done from the end. A fault names the lowest byte that the job
 * touches in the faulting page, and the extent ends with the page: what lies
 * below is touched too, but not in a rising run from a missing byte.
 */
static SecmmuStep copy_backward(SecmmuEngine *engine, SecmmuQueue *q)
{
    SecmmuJob *job = &q->job;

    while (job->pos < job->d.len) {
        uint64_t left = job->d.len - job->pos;
        uint64_t from = tail_piece(job->d.src, job->d.src + left);
        uint64_t to = tail_piece(job->d.dst, job->d.dst + left);
        uint64_t n = MIN(from, to);
        SecmmuSpan src = { 0 }, dst = { 0 };
        SecmmuAccess r;

        if (engine->budget <= 0) {
            return SECMMU_STEP_MORE;
        }
        r = secmmu_span_open(engine, q, &src, job->d.src + left - from, from,
                             false);
        if (r != SECMMU_ACCESS_OK) {
            return secmmu_step_failed(engine, r, from);
        }
        r = secmmu_span_open(engine, q, &dst, job->d.dst + left - to, to,
                             true);
        if (r != SECMMU_ACCESS_OK) {
            secmmu_span_close(engine, &src);
            return secmmu_step_failed(engine, r, to);
        }
        memmove(dst.p + to - n, src.p + from - n, n);
        secmmu_span_close(engine, &src);
        secmmu_span_close(engine, &dst);
        secmmu_count(engine->count, SECMMU_CNT_BYTES_READ, n);
        secmmu_count(engine->count, SECMMU_CNT_BYTES_WRITTEN, n);
        engine->budget -= n;
        job->pos += n;
    }
    return SECMMU_STEP_DONE;
}

SecmmuStep secmmu_job_copy(SecmmuEngine *engine, SecmmuQueue *q)
{
    SecmmuStep step = q->job.backward ? copy_backward(engine, q) :
                                        copy_forward(engine, q);

    if (step == SECMMU_STEP_DONE) {
        secmmu_job_partial(&q->job);
    }
    return step;
}

static size_t first_difference(const uint8_t *a, const uint8_t *b, size_t n)
{
    size_t i = 0;

    if (!memcmp(a, b, n)) {
        return n;
    }
    while (i < n && a[i] == b[i]) {
        i++;
    }
    return i;
}

SecmmuStep secmmu_job_compare(SecmmuEngine *engine, SecmmuQueue *q)
{
    SecmmuJob *job = &q->job;
    SecmmuSpan src = { 0 }, dst = { 0 };
    SecmmuStep step = SECMMU_STEP_DONE;

    while (job->pos < job->d.len) {
        SecmmuAccess r;
        size_t n, same;

        if (engine->budget <= 0) {
            step = SECMMU_STEP_MORE;
            break;
        }
        r = secmmu_open_pair(engine, q, &src, &dst, false);
        if (r != SECMMU_ACCESS_OK) {
            step = secmmu_step_failed(engine, r, job->d.len - job->pos);
            break;
        }
        n = MIN(src.left, dst.left);
        same = first_difference(src.p, dst.p, n);
        secmmu_count(engine->count, SECMMU_CNT_BYTES_READ, 2 * n);
        secmmu_pair_advance(engine, job, &src, &dst, same);
        if (same < n) {
            break;
        }
    }
    secmmu_span_close(engine, &src);
    secmmu_span_close(engine, &dst);
    if (step == SECMMU_STEP_DONE) {
        secmmu_job_partial(job);
    }
    return step;
}
