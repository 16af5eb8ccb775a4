/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - jobs on 32-bit floats: SAXPY, GEMM.
 *
 * Lives here: the two opcodes.
 * Not here: checks of the descriptor (jobs.c).
 *
 * The contract has each product rounded before it is added, so no compiler
 * may fuse the two.
 */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("O3", "fp-contract=off")
#endif

#include <string.h>

#include "internal.h"

static inline float get_f32(const uint8_t *p)
{
    uint32_t bits;
    float f;

    memcpy(&bits, p, 4);
    bits = le32toh(bits);
    memcpy(&f, &bits, 4);
    return f;
}

static inline void put_f32(uint8_t *p, float f)
{
    uint32_t bits;

    memcpy(&bits, &f, 4);
    bits = htole32(bits);
    memcpy(p, &bits, 4);
}

SecmmuStep secmmu_job_saxpy(SecmmuEngine *engine, SecmmuQueue *q)
{
    SecmmuJob *job = &q->job;
    SecmmuSpan src = { 0 }, dst = { 0 };
    SecmmuStep step = SECMMU_STEP_DONE;
    uint64_t start = job->pos;
    uint32_t bits = job->d.operand[0];
    float a;

    memcpy(&a, &bits, 4);
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
        /* Whole floats: addresses, pages and the budget's steps all are. */
        n = MIN(src.left, dst.left);
        for (size_t i = 0; i < n; i += 4) {
            float product = a * get_f32(src.p + i);

            put_f32(dst.p + i, get_f32(dst.p + i) + product);
        }
        secmmu_pair_advance(engine, job, &src, &dst, n);
    }
    secmmu_span_close(engine, &src);
    secmmu_span_close(engine, &dst);
    secmmu_count(engine->count, SECMMU_CNT_BYTES_READ,
                 2 * (job->pos - start));
    secmmu_count(engine->count, SECMMU_CNT_BYTES_WRITTEN, job->pos - start);
    if (step == SECMMU_STEP_DONE) {
        secmmu_job_partial(job);
    }
    return step;
}

/*
 * GEMM sums a tile of one row of C in the job's private memory, then writes it:
 * each element of C is written once, and a fault at any point finds all of
 * the sums in the job.
 */
typedef struct Gemm {
    uint64_t a, b, c;           /* addresses */
    uint64_t a_end, b_end, c_end;
    uint32_t n, k;
    /* the tile at hand */
    uint64_t row;
    uint32_t column, width;
    SecmmuPage pa, pb, pc;
} Gemm;

static void find_tile(const SecmmuJob *job, Gemm *g)
{
    uint64_t element = job->pos / 4;

    g->row = element / g->n;
    g->column = element % g->n;
    g->width = MIN(SECMMU_GEMM_TILE, g->n - g->column);
}

/* Adds products of one A element with (part of) the tile's row of B. */
static SecmmuStep add_products(SecmmuEngine *engine, SecmmuQueue *q, Gemm *g)
{
    SecmmuJob *job = &q->job;
    uint64_t va_a = g->a + 4 * (g->row * g->k + job->gemm_k);
    uint64_t va_b = g->b + 4 * ((uint64_t)job->gemm_k * g->n + g->column +
                                job->gemm_j);
    size_t left, n;
    SecmmuAccess r;
    uint8_t *p;
    float a;

    r = secmmu_page_at(engine, q, &g->pa, va_a, false, &p, &left);
    if (r != SECMMU_ACCESS_OK) {
        return secmmu_step_failed(engine, r, g->a_end - va_a);
    }
    a = get_f32(p);
    r = secmmu_page_at(engine, q, &g->pb, va_b, false, &p, &left);
    if (r != SECMMU_ACCESS_OK) {
        /* Later rows of C read all of B again; the last only what is left. */
        bool again = job->pos + 4ull * g->n < job->d.len;

        return secmmu_step_failed(engine, r, again ? g->b_end - va_b :
                                  4ull * (g->width - job->gemm_j));
    }
    n = MIN(left / 4, g->width - job->gemm_j);
    for (size_t i = 0; i < n; i++) {
        float product = a * get_f32(p + 4 * i);

        job->tile[job->gemm_j + i] += product;
    }
    secmmu_count(engine->count, SECMMU_CNT_BYTES_READ, 4 * n + 4);
    engine->budget -= 4 * n + 16;
    job->gemm_j += n;
    if (job->gemm_j == g->width) {
        job->gemm_j = 0;
        job->gemm_k++;
    }
    return SECMMU_STEP_DONE;
}

static SecmmuStep write_tile(SecmmuEngine *engine, SecmmuQueue *q, Gemm *g)
{
    SecmmuJob *job = &q->job;
    uint64_t va = g->c + job->pos + 4ull * job->gemm_j;
    size_t left, n;
    SecmmuAccess r;
    uint8_t *p;

    r = secmmu_page_at(engine, q, &g->pc, va, true, &p, &left);
    if (r != SECMMU_ACCESS_OK) {
        return secmmu_step_failed(engine, r, g->c_end - va);
    }
    n = MIN(left / 4, g->width - job->gemm_j);
    for (size_t i = 0; i < n; i++) {
        put_f32(p + 4 * i, job->tile[job->gemm_j + i]);
    }
    secmmu_count(engine->count, SECMMU_CNT_BYTES_WRITTEN, 4 * n);
    engine->budget -= 4 * n;
    job->gemm_j += n;
    if (job->gemm_j == g->width) {
        job->gemm_j = 0;
        job->gemm_k = 0;
        job->pos += 4ull * g->width;
        memset(job->tile, 0, sizeof(job->tile));
        if (job->pos < job->d.len) {
            find_tile(job, g);
        }
    }
    return SECMMU_STEP_DONE;
}

SecmmuStep secmmu_job_gemm(SecmmuEngine *engine, SecmmuQueue *q)
{
    SecmmuJob *job = &q->job;
    uint64_t dims = job->d.operand[1];
    uint64_t m = dims & 0xffff;
    Gemm g = {
        .a = job->d.src, .b = job->d.operand[0], .c = job->d.dst,
        .n = dims >> 16 & 0xffff, .k = dims >> 32,
    };
    SecmmuStep step = SECMMU_STEP_DONE;

    g.a_end = g.a + 4 * m * g.k;
    g.b_end = g.b + 4ull * g.k * g.n;
    g.c_end = g.c + job->d.len;
    if (!job->pos && !job->gemm_k && !job->gemm_j) {
        memset(job->tile, 0, sizeof(job->tile));
    }
    find_tile(job, &g);
    while (step == SECMMU_STEP_DONE && job->pos < job->d.len) {
        if (engine->budget <= 0) {
            step = SECMMU_STEP_MORE;
        } else if (job->gemm_k < g.k) {
            step = add_products(engine, q, &g);
        } else {
            step = write_tile(engine, q, &g);
        }
    }
    secmmu_page_close(engine, &g.pa);
    secmmu_page_close(engine, &g.pb);
    secmmu_page_close(engine, &g.pc);
    if (step == SECMMU_STEP_DONE) {
        secmmu_job_partial(job);
    }
    return step;
}
