/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs on arrays of addresses and of floats: GATHER, SCATTER, SAXPY, GEMM.
 *
 * Lives here: as test-jobs.c, for these opcodes.
 * Not here: the frame (jobs.h).
 */
#include <string.h>

#include "cases.h"
#include "jobs.h"

#define A 0x7f0000000000ull
#define B 0x7f0010000000ull
#define C 0x7f0020000000ull

/* Sizes of elements, some of which lie across pages. */
static const unsigned element[] = { 1, 3, 8, 100, 4096 };

static void gather(struct mem *m, struct queue *q)
{
    static uint8_t pool[8 * PAGE], want[6 * PAGE];

    mem_alloc(m, A, PAGE, 0);
    mem_alloc(m, B, sizeof(pool), 0);
    mem_alloc(m, C, sizeof(want), SECMMU_SPTE_W);
    mem_random(m, B, pool, sizeof(pool));
    for (unsigned e = 0; e < sizeof(element) / sizeof(element[0]); e++) {
        unsigned size = element[e], n = size > 1000 ? 5 : 100;
        struct secmmu_completion c;

        memset(want, 0, sizeof(want));
        mem_write(m, C, want, sizeof(want));
        for (unsigned i = 0; i < n; i++) {
            uint64_t off = random_u64(&m->seed) % (sizeof(pool) - size);
            uint64_t va = B + off;

            mem_write(m, A + 8 * i, &va, 8);
            memcpy(want + 7 + i * size, pool + off, size);
        }
        c = jobs_ok(q, (struct secmmu_desc) {
            .opcode = SECMMU_OP_GATHER, .src = A, .dst = C + 7,
            .len = n * size, .operand[0] = size,
        });
        CHECK_EQ(c.bytes, n * size);
        mem_check(m, C, want, sizeof(want));
    }
}

void test_job_gather(void)
{
    jobs_in_all_modes(gather);
}

static void scatter(struct mem *m, struct queue *q)
{
    static uint8_t from[6 * PAGE], want[8 * PAGE];

    mem_alloc(m, A, PAGE, 0);
    mem_alloc(m, B, sizeof(want), SECMMU_SPTE_W);
    mem_alloc(m, C, sizeof(from), 0);
    mem_random(m, C, from, sizeof(from));
    mem_random(m, B, want, sizeof(want));
    for (unsigned e = 0; e < sizeof(element) / sizeof(element[0]); e++) {
        unsigned size = element[e], n = size > 1000 ? 5 : 100;
        struct secmmu_completion c;

        for (unsigned i = 0; i < n; i++) {
            uint64_t off = random_u64(&m->seed) % (sizeof(want) - size);
            uint64_t va = B + off;

            mem_write(m, A + 8 * i, &va, 8);
            /* Where elements overlap, the later one wins. */
            memcpy(want + off, from + 3 + i * size, size);
        }
        c = jobs_ok(q, (struct secmmu_desc) {
            .opcode = SECMMU_OP_SCATTER, .src = C + 3, .dst = A,
            .len = n * size, .operand[0] = size,
        });
        CHECK_EQ(c.bytes, n * size);
        mem_check(m, B, want, sizeof(want));
    }
}

void test_job_scatter(void)
{
    jobs_in_all_modes(scatter);
}

static float real(struct mem *m)
{
    return (float)(int)(random_u64(&m->seed) % 2001 - 1000) / 16;
}

static void saxpy(struct mem *m, struct queue *q)
{
    static float x[3 * PAGE / 4], y[3 * PAGE / 4];
    const float a = 1.1f;
    uint32_t bits;

    mem_alloc(m, A, sizeof(x), 0);
    mem_alloc(m, B, sizeof(y), SECMMU_SPTE_W);
    for (unsigned i = 0; i < sizeof(x) / 4; i++) {
        x[i] = real(m);
        y[i] = real(m);
    }
    mem_write(m, A, x, sizeof(x));
    mem_write(m, B, y, sizeof(y));
    memcpy(&bits, &a, 4);
    jobs_ok(q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_SAXPY, .src = A + 20, .dst = B + 8,
        .len = sizeof(x) - 40, .operand[0] = bits,
    });
    for (unsigned i = 0; i < (sizeof(x) - 40) / 4; i++) {
        /* Rounded between the two. */
        volatile float product = a * x[i + 5];

        y[i + 2] += product;
    }
    mem_check(m, B, y, sizeof(y));
}

void test_job_saxpy(void)
{
    jobs_in_all_modes(saxpy);
}

static void gemm(struct mem *m, struct queue *q)
{
    static const unsigned dims[][3] = {
        { 1, 1, 1 }, { 3, 5, 7 }, { 17, 33, 9 }, { 40, 1, 64 },
        { 1, 70, 40 },
    };
    static float a[40 * 64], b[64 * 70], c[40 * 70];

    mem_alloc(m, A, sizeof(a) + 64, 0);
    mem_alloc(m, B, sizeof(b) + 64, 0);
    mem_alloc(m, C, sizeof(c) + 64, SECMMU_SPTE_W);
    for (unsigned t = 0; t < sizeof(dims) / sizeof(dims[0]); t++) {
        unsigned rows = dims[t][0], cols = dims[t][1], mid = dims[t][2];

        for (unsigned i = 0; i < rows * mid; i++) {
            a[i] = real(m);
        }
        for (unsigned i = 0; i < mid * cols; i++) {
            b[i] = real(m);
        }
        mem_write(m, A + 4, a, 4 * rows * mid);
        mem_write(m, B + 8, b, 4 * mid * cols);
        jobs_ok(q, (struct secmmu_desc) {
            .opcode = SECMMU_OP_GEMM, .src = A + 4, .dst = C + 12,
            .len = 4 * rows * cols, .operand = {
                B + 8, rows | cols << 16 | (uint64_t)mid << 32,
            },
        });
        for (unsigned i = 0; i < rows; i++) {
            for (unsigned j = 0; j < cols; j++) {
                volatile float sum = 0, product;

                for (unsigned k = 0; k < mid; k++) {
                    product = a[i * mid + k] * b[k * cols + j];
                    sum += product;
                }
                c[i * cols + j] = sum;
            }
        }
        mem_check(m, C + 12, c, 4 * rows * cols);
    }
}

void test_job_gemm(void)
{
    jobs_in_all_modes(gemm);
}
