/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libsecmmu: the synchronous helpers and the prep functions behind them: the
 * descriptors that come of them, what becomes of a status, and what is too
 * long for one job. No operand is touched here: addresses are only looked at.
 * Not here: whether the device agrees (lib-jobs.c).
 */
#include <errno.h>

#include "fake.h"

#define GIB     (1ull << 30)
#define P(n)    ((void *)(uintptr_t)(n))
#define A       0x100000000000ull
#define B       0x200000000000ull
#define C       0x300000000000ull
#define JOBS    16

static struct secmmu s;
static struct secmmu_queue q;

/* What the device was given, and what it is to answer. */
static struct secmmu_desc job[JOBS];
static unsigned jobs;
static struct secmmu_completion answer[JOBS];
static bool answered[JOBS];

static void record(const struct secmmu_desc *d, struct secmmu_completion *c)
{
    CHECK(jobs < JOBS);
    job[jobs] = *d;
    if (answered[jobs]) {
        *c = answer[jobs];
    }
    jobs++;
}

static void again(void)
{
    jobs = 0;
    memset(answered, 0, sizeof(answered));
}

static void begin(void)
{
    fake_reset();
    fake_open(&s, &q, 4);
    fake.exec = record;
    again();
}

static void end(void)
{
    fake_close(&s, &q);
}

static void will_answer(unsigned n, uint32_t status, uint32_t bytes,
                        uint64_t result)
{
    answered[n] = true;
    answer[n] = (struct secmmu_completion) {
        .status = status, .bytes = bytes, .result = result,
    };
}

/* Descriptor @n has these fields, and zeroes in all others. */
static void is_job(unsigned n, struct secmmu_desc want)
{
    struct secmmu_desc got = job[n];

    CHECK(n < jobs);
    CHECK(got.completion);
    CHECK_EQ(got.opcode, want.opcode);
    CHECK_EQ(got.flags, want.flags);
    CHECK_EQ(got.variant, want.variant);
    CHECK_EQ(got.reserved, want.reserved);
    CHECK_EQ(got.user_data, want.user_data);
    CHECK_EQ(got.src, want.src);
    CHECK_EQ(got.dst, want.dst);
    CHECK_EQ(got.len, want.len);
    CHECK_EQ(got.operand[0], want.operand[0]);
    CHECK_EQ(got.operand[1], want.operand[1]);
}

#define IS_JOB(n, ...) is_job(n, (struct secmmu_desc) { __VA_ARGS__ })

static void descriptors(void)
{
    uint64_t sum, old, nodes;
    uint32_t crc = 0x1234;
    double dsum;
    size_t diff;
    float half = 0.5f;
    uint32_t bits;

    memcpy(&bits, &half, sizeof(bits));
    begin();
    CHECK_EQ(secmmu_fill(&q, P(A + 1), 0x0123456789abcdef, 77), 0);
    IS_JOB(0, .opcode = SECMMU_OP_FILL, .dst = A + 1, .len = 77,
           .operand = { 0x0123456789abcdef });
    again();
    CHECK_EQ(secmmu_copy(&q, P(A), P(B), 123), 0);
    IS_JOB(0, .opcode = SECMMU_OP_COPY, .dst = A, .src = B, .len = 123);
    again();
    will_answer(0, SECMMU_STATUS_OK, 99, 55);
    CHECK_EQ(secmmu_compare(&q, P(A), P(B), 99, &diff), 0);
    IS_JOB(0, .opcode = SECMMU_OP_COMPARE, .src = A, .dst = B, .len = 99);
    CHECK_EQ(diff, 55);
    again();
    will_answer(0, SECMMU_STATUS_OK, 10, 0xcafef00d);
    CHECK_EQ(secmmu_crc32c(&q, P(A), 10, &crc), 0);
    IS_JOB(0, .opcode = SECMMU_OP_CRC32C, .src = A, .len = 10,
           .operand = { 0x1234 });
    CHECK_EQ(crc, 0xcafef00d);
    again();
    will_answer(0, SECMMU_STATUS_OK, 24, UINT64_MAX);
    CHECK_EQ(secmmu_reduce_u64(&q, P(A), 3, &sum), 0);
    IS_JOB(0, .opcode = SECMMU_OP_REDUCE, .variant = SECMMU_REDUCE_U64,
           .src = A, .len = 24);
    CHECK_EQ(sum, UINT64_MAX);
    again();
    will_answer(0, SECMMU_STATUS_OK, 12, 0x4004000000000000);   /* 2.5 */
    CHECK_EQ(secmmu_reduce_f32(&q, P(A), 3, &dsum), 0);
    IS_JOB(0, .opcode = SECMMU_OP_REDUCE, .variant = SECMMU_REDUCE_F32,
           .src = A, .len = 12);
    CHECK(dsum == 2.5);
    again();
    will_answer(0, SECMMU_STATUS_OK, 4, 41);
    CHECK_EQ(secmmu_atomic_add(&q, P(A), 4, 1, &old), 0);
    IS_JOB(0, .opcode = SECMMU_OP_ATOMIC, .variant = SECMMU_ATOMIC_ADD,
           .dst = A, .len = 4, .operand = { 1 });
    CHECK_EQ(old, 41);
    again();
    will_answer(0, SECMMU_STATUS_OK, 8, 7);
    CHECK_EQ(secmmu_atomic_cas(&q, P(A), 8, 7, 9, &old), 0);
    IS_JOB(0, .opcode = SECMMU_OP_ATOMIC, .variant = SECMMU_ATOMIC_CAS,
           .dst = A, .len = 8, .operand = { 7, 9 });
    CHECK_EQ(old, 7);
    CHECK_EQ(secmmu_atomic_add(&q, P(A), 4, 1, NULL), 0);
    CHECK_EQ(secmmu_atomic_cas(&q, P(A), 4, 1, 2, NULL), 0);
    again();
    will_answer(0, SECMMU_STATUS_OK, 5, 15);
    CHECK_EQ(secmmu_list_walk(&q, P(A), 8, 16, 1000, &sum, &nodes), 0);
    IS_JOB(0, .opcode = SECMMU_OP_LIST_WALK, .src = A, .len = 1000,
           .operand = { 8, 16 });
    CHECK_EQ(sum, 15);
    CHECK_EQ(nodes, 5);
    again();
    will_answer(0, SECMMU_STATUS_TRUNCATED, 1000, 99);
    CHECK_EQ(secmmu_list_walk(&q, P(A), 0, 8, 1000, &sum, &nodes), -E2BIG);
    CHECK_EQ(sum, 99);
    CHECK_EQ(nodes, 1000);
    CHECK_EQ(secmmu_list_walk(&q, P(A), 0, 8, 1, &sum, NULL), 0);
    again();
    CHECK_EQ(secmmu_gather(&q, P(A), P(B), 24, 10), 0);
    IS_JOB(0, .opcode = SECMMU_OP_GATHER, .dst = A, .src = B, .len = 240,
           .operand = { 24 });
    again();
    CHECK_EQ(secmmu_scatter(&q, P(A), P(B), 24, 10), 0);
    IS_JOB(0, .opcode = SECMMU_OP_SCATTER, .dst = A, .src = B, .len = 240,
           .operand = { 24 });
    again();
    CHECK_EQ(secmmu_saxpy(&q, P(A), half, P(B), 100), 0);
    IS_JOB(0, .opcode = SECMMU_OP_SAXPY, .dst = A, .src = B, .len = 400,
           .operand = { bits });
    again();
    CHECK_EQ(secmmu_gemm(&q, P(A), P(B), P(C), 2, 3, 4), 0);
    IS_JOB(0, .opcode = SECMMU_OP_GEMM, .dst = A, .src = B, .len = 24,
           .operand = { C, 2 | 3 << 16 | 4ull << 32 });
    again();
    CHECK_EQ(secmmu_gemm(&q, P(A), P(B), P(C), 65535, 1, 65535), 0);
    IS_JOB(0, .opcode = SECMMU_OP_GEMM, .dst = A, .src = B, .len = 4 * 65535,
           .operand = { C, 65535 | 1 << 16 | 65535ull << 32 });
    end();
}

/* The prep functions that have no helper, and the setters. */
static void prep(void)
{
    struct secmmu_completion c;
    struct secmmu_desc *d;

    begin();
    d = secmmu_get_desc(&q);
    secmmu_prep_nop(d);
    secmmu_desc_set_data(d, 0x123456789abcdef0);
    secmmu_desc_set_flags(d, SECMMU_DESC_INTERRUPT | SECMMU_DESC_NO_BLOCK);
    CHECK_EQ(secmmu_submit(&q), 1);
    CHECK_EQ(secmmu_wait(&q, &c), 0);
    IS_JOB(0, .opcode = SECMMU_OP_NOP, .flags = 3,
           .user_data = 0x123456789abcdef0);
    CHECK_EQ(c.user_data, 0x123456789abcdef0);
    end();
}

static const struct {
    uint32_t status;
    int ret;
} statuses[] = {
    { SECMMU_STATUS_OK, 0 },
    { SECMMU_STATUS_TRUNCATED, -E2BIG },
    { SECMMU_STATUS_FAULT, -EFAULT },
    { SECMMU_STATUS_NO_MEMORY, -ENOMEM },
    { SECMMU_STATUS_POISONED, -EHWPOISON },
    { SECMMU_STATUS_BUS_ERROR, -EIO },
    { SECMMU_STATUS_BAD_OPCODE, -EINVAL },
    { SECMMU_STATUS_BAD_FLAGS, -EINVAL },
    { SECMMU_STATUS_BAD_LENGTH, -EINVAL },
    { SECMMU_STATUS_BAD_ADDRESS, -EINVAL },
    { SECMMU_STATUS_BAD_ALIGN, -EINVAL },
    { 0x7fffffff, -EINVAL },            /* of a device yet to come */
};

static int call(unsigned which)
{
    static uint64_t sum;
    static uint32_t crc;
    static double dsum;
    static size_t diff;

    switch (which) {
    case 0:
        return secmmu_fill(&q, P(A), 1, 8);
    case 1:
        return secmmu_copy(&q, P(A), P(B), 8);
    case 2:
        return secmmu_compare(&q, P(A), P(B), 8, &diff);
    case 3:
        return secmmu_crc32c(&q, P(A), 8, &crc);
    case 4:
        return secmmu_reduce_u64(&q, P(A), 1, &sum);
    case 5:
        return secmmu_reduce_f32(&q, P(A), 1, &dsum);
    case 6:
        return secmmu_atomic_add(&q, P(A), 8, 1, &sum);
    case 7:
        return secmmu_atomic_cas(&q, P(A), 8, 1, 2, &sum);
    case 8:
        return secmmu_list_walk(&q, P(A), 0, 8, 8, &sum, NULL);
    case 9:
        return secmmu_gather(&q, P(A), P(B), 8, 1);
    case 10:
        return secmmu_scatter(&q, P(A), P(B), 8, 1);
    case 11:
        return secmmu_saxpy(&q, P(A), 1, P(B), 2);
    case 12:
        return secmmu_gemm(&q, P(A), P(B), P(C), 1, 1, 1);
    default:
        return 1;
    }
}

#define CALLS   13

static void statuses_and_errnos(void)
{
    begin();
    CHECK_EQ(call(CALLS), 1);
    for (unsigned i = 0; i < CALLS; i++) {
        for (size_t k = 0; k < sizeof(statuses) / sizeof(statuses[0]); k++) {
            again();
            will_answer(0, statuses[k].status, 8, 8);
            CHECK_EQ(call(i), statuses[k].ret);
            CHECK_EQ(jobs, 1);
        }
    }
    end();
}

/* The queue must be idle, and is so again after whatever went wrong. */
static void idle(void)
{
    struct secmmu_completion c;

    begin();
    for (unsigned i = 0; i < CALLS; i++) {
        again();
        secmmu_prep_nop(secmmu_get_desc(&q));
        CHECK_EQ(call(i), -EBUSY);
        CHECK_EQ(secmmu_submit(&q), 1);
        CHECK_EQ(call(i), -EBUSY);
        fake_run(0);
        CHECK_EQ(call(i), -EBUSY);      /* its result was not taken */
        CHECK_EQ(secmmu_wait(&q, &c), 0);
        again();
        will_answer(0, SECMMU_STATUS_FAULT, 0, 0);
        CHECK_EQ(call(i), -EFAULT);
        CHECK_EQ(call(i), 0);
        again();
    }
    end();
}

static void queue_has_stopped(void)
{
    for (unsigned i = 0; i < CALLS; i++) {
        begin();
        fake.queue[0].error = SECMMU_QUEUE_DEVICE_LOST;
        CHECK_EQ(call(i), -ENODEV);
        end();
    }
}

static void arguments(void)
{
    static const unsigned big[] = { 65536, 0x80000000, 0xffffffff };
    uint64_t sum;
    double dsum;

    begin();
    for (size_t i = 0; i < sizeof(big) / sizeof(big[0]); i++) {
        CHECK_EQ(secmmu_gemm(&q, P(A), P(B), P(C), big[i], 1, 1), -EINVAL);
        CHECK_EQ(secmmu_gemm(&q, P(A), P(B), P(C), 1, big[i], 1), -EINVAL);
        CHECK_EQ(secmmu_gemm(&q, P(A), P(B), P(C), 1, 1, big[i]), -EINVAL);
    }
    /* Numbers of elements whose bytes wrap round. */
    CHECK_EQ(secmmu_reduce_u64(&q, P(A), SIZE_MAX / 8 + 2, &sum), -EINVAL);
    CHECK_EQ(secmmu_reduce_f32(&q, P(A), SIZE_MAX / 4 + 2, &dsum), -EINVAL);
    CHECK_EQ(secmmu_saxpy(&q, P(A), 1, P(B), SIZE_MAX / 4 + 2), -EINVAL);
    CHECK_EQ(secmmu_gather(&q, P(A), P(B), 64, SIZE_MAX / 64 + 2), -EINVAL);
    CHECK_EQ(secmmu_scatter(&q, P(A), P(B), 64, SIZE_MAX / 64 + 2), -EINVAL);
    /* A size that would never come to an end. */
    CHECK_EQ(secmmu_gather(&q, P(A), P(B), 0, 3), -EINVAL);
    CHECK_EQ(secmmu_scatter(&q, P(A), P(B), 0, 3), -EINVAL);
    CHECK_EQ(jobs, 0);
    CHECK_EQ(secmmu_fill(&q, P(A), 1, 8), 0);   /* the queue is as it was */
    CHECK_EQ(jobs, 1);
    end();
}

static void nothing_to_do(void)
{
    uint32_t crc = 77;
    uint64_t sum;
    double dsum;
    size_t diff;

    begin();
    CHECK_EQ(secmmu_fill(&q, P(A), 1, 0), 0);
    CHECK_EQ(secmmu_copy(&q, P(A), P(B), 0), 0);
    will_answer(2, SECMMU_STATUS_OK, 0, 0);
    CHECK_EQ(secmmu_compare(&q, P(A), P(B), 0, &diff), 0);
    CHECK_EQ(diff, 0);
    will_answer(3, SECMMU_STATUS_OK, 0, 77);
    CHECK_EQ(secmmu_crc32c(&q, P(A), 0, &crc), 0);
    CHECK_EQ(crc, 77);
    CHECK_EQ(secmmu_reduce_u64(&q, P(A), 0, &sum), 0);
    CHECK_EQ(sum, 0);
    CHECK_EQ(secmmu_reduce_f32(&q, P(A), 0, &dsum), 0);
    CHECK(dsum == 0);
    CHECK_EQ(secmmu_gather(&q, P(A), P(B), 8, 0), 0);
    CHECK_EQ(secmmu_scatter(&q, P(A), P(B), 8, 0), 0);
    CHECK_EQ(secmmu_saxpy(&q, P(A), 1, P(B), 0), 0);
    for (unsigned i = 0; i < jobs; i++) {
        CHECK_EQ(job[i].len, 0);
    }
    end();
}

/* 5 GiB and some: three jobs, whose ranges follow each other. */
static void pieces(void)
{
    const uint64_t len = 5 * GIB + 24, piece = 2 * GIB;
    uint32_t crc = 1;
    uint64_t sum;
    double dsum, d = 1.5;
    size_t diff;
    uint64_t dbits;

    memcpy(&dbits, &d, sizeof(d));
    begin();
    CHECK_EQ(secmmu_fill(&q, P(A), 9, 2 * GIB), 0);     /* just one */
    CHECK_EQ(jobs, 1);
    again();
    CHECK_EQ(secmmu_fill(&q, P(A), 9, len), 0);
    CHECK_EQ(jobs, 3);
    for (unsigned i = 0; i < 3; i++) {
        IS_JOB(i, .opcode = SECMMU_OP_FILL, .dst = A + i * piece,
               .len = i < 2 ? piece : len - 2 * piece, .operand = { 9 });
    }
    again();
    CHECK_EQ(secmmu_copy(&q, P(A), P(B), len), 0);
    CHECK_EQ(jobs, 3);
    for (unsigned i = 0; i < 3; i++) {
        IS_JOB(i, .opcode = SECMMU_OP_COPY, .dst = A + i * piece,
               .src = B + i * piece, .len = i < 2 ? piece : len - 2 * piece);
    }
    again();
    for (unsigned i = 0; i < 3; i++) {
        will_answer(i, SECMMU_STATUS_OK, 0, i < 2 ? piece : len - 2 * piece);
    }
    CHECK_EQ(secmmu_compare(&q, P(A), P(B), len, &diff), 0);
    CHECK_EQ(jobs, 3);
    CHECK_EQ(diff, len);
    again();
    will_answer(0, SECMMU_STATUS_OK, 0, piece);
    will_answer(1, SECMMU_STATUS_OK, 0, 12345);
    CHECK_EQ(secmmu_compare(&q, P(A), P(B), len, &diff), 0);
    CHECK_EQ(jobs, 2);
    CHECK_EQ(diff, piece + 12345);
    again();
    for (unsigned i = 0; i < 3; i++) {
        will_answer(i, SECMMU_STATUS_OK, 0, 100 + i);
    }
    CHECK_EQ(secmmu_crc32c(&q, P(A), len, &crc), 0);
    CHECK_EQ(jobs, 3);
    CHECK_EQ(job[0].operand[0], 1);
    CHECK_EQ(job[1].operand[0], 100);
    CHECK_EQ(job[2].operand[0], 101);
    CHECK_EQ(crc, 102);
    again();
    for (unsigned i = 0; i < 3; i++) {
        will_answer(i, SECMMU_STATUS_OK, 0, UINT64_MAX - i);
    }
    CHECK_EQ(secmmu_reduce_u64(&q, P(A), len / 8, &sum), 0);
    CHECK_EQ(jobs, 3);
    CHECK_EQ(job[2].len, len - 2 * piece);
    CHECK_EQ(sum, UINT64_MAX - 5);      /* modulo 2^64 */
    again();
    for (unsigned i = 0; i < 3; i++) {
        will_answer(i, SECMMU_STATUS_OK, 0, dbits);
    }
    CHECK_EQ(secmmu_reduce_f32(&q, P(A), len / 4, &dsum), 0);
    CHECK_EQ(jobs, 3);
    CHECK(dsum == 4.5);
    again();
    CHECK_EQ(secmmu_saxpy(&q, P(A), 2, P(B), len / 4), 0);
    CHECK_EQ(jobs, 3);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(job[i].src, B + i * piece);
        CHECK_EQ(job[i].dst, A + i * piece);
        CHECK_EQ(job[i].len, i < 2 ? piece : len - 2 * piece);
        CHECK_EQ(job[i].operand[0], job[0].operand[0]);
    }
    end();
}

/* Elements are not cut, and the array of addresses goes along. */
static void pieces_of_elements(void)
{
    const uint64_t size = 24, per = 2 * GIB / size, n = 5 * GIB / size;

    begin();
    CHECK_EQ(secmmu_gather(&q, P(A), P(B), size, n), 0);
    CHECK_EQ(jobs, 3);
    for (unsigned i = 0; i < 3; i++) {
        IS_JOB(i, .opcode = SECMMU_OP_GATHER, .dst = A + i * per * size,
               .src = B + i * per * 8,
               .len = (i < 2 ? per : n - 2 * per) * size, .operand = { size });
    }
    again();
    CHECK_EQ(secmmu_scatter(&q, P(A), P(B), size, n), 0);
    CHECK_EQ(jobs, 3);
    for (unsigned i = 0; i < 3; i++) {
        IS_JOB(i, .opcode = SECMMU_OP_SCATTER, .dst = A + i * per * 8,
               .src = B + i * per * size,
               .len = (i < 2 ? per : n - 2 * per) * size, .operand = { size });
    }
    end();
}

/* The first error ends it. */
static void pieces_that_fail(void)
{
    const uint64_t len = 7 * GIB;

    begin();
    will_answer(1, SECMMU_STATUS_FAULT, 4096, 0);
    CHECK_EQ(secmmu_fill(&q, P(A), 9, len), -EFAULT);
    CHECK_EQ(jobs, 2);
    again();
    will_answer(2, SECMMU_STATUS_NO_MEMORY, 0, 0);
    CHECK_EQ(secmmu_copy(&q, P(A), P(B), len), -ENOMEM);
    CHECK_EQ(jobs, 3);
    again();
    will_answer(1, SECMMU_STATUS_BUS_ERROR, 0, 0);
    CHECK_EQ(secmmu_saxpy(&q, P(A), 1, P(B), len / 4), -EIO);
    CHECK_EQ(jobs, 2);
    again();
    will_answer(0, SECMMU_STATUS_FAULT, 0, 0);
    CHECK_EQ(secmmu_gather(&q, P(A), P(B), 8, len / 8), -EFAULT);
    CHECK_EQ(jobs, 1);
    end();
}

/*
 * As memmove(): the device sees to it within a job, and pieces come in the
 * order in which none overwrites what another has still to read.
 */
static void overlaps(void)
{
    const uint64_t piece = 2 * GIB, len = 5 * GIB + 24;
    static const int64_t shifts[] = {
        1, -1, 4096, -4096, 3ll << 30, -(3ll << 30), 6ll << 30, -(6ll << 30),
    };

    begin();
    CHECK_EQ(secmmu_copy(&q, P(A + 1), P(A), piece), 0);
    CHECK_EQ(secmmu_copy(&q, P(A), P(A + 1), piece), 0);
    CHECK_EQ(jobs, 2);
    for (size_t k = 0; k < sizeof(shifts) / sizeof(shifts[0]); k++) {
        uint64_t done = 0;

        again();
        CHECK_EQ(secmmu_copy(&q, P(A + shifts[k]), P(A), len), 0);
        CHECK_EQ(jobs, 3);
        for (unsigned i = 0; i < jobs; i++) {
            const struct secmmu_desc *d = &job[i];

            CHECK_EQ(d->dst - d->src, shifts[k]);
            CHECK(d->src >= A && d->src + d->len <= A + len);
            done += d->len;
            /* Nothing written so far is read from here on. */
            for (unsigned later = i + 1; later < jobs; later++) {
                const struct secmmu_desc *l = &job[later];

                CHECK(d->dst + d->len <= l->src || l->src + l->len <= d->dst);
                CHECK(d->src + d->len <= l->src || l->src + l->len <= d->src);
            }
        }
        CHECK_EQ(done, len);
    }
    end();
}

/* Each piece takes up the list where the one before left it. */
static void long_lists(void)
{
    const uint64_t piece = 2 * GIB;
    uint64_t sum, nodes;

    begin();
    for (unsigned i = 0; i < 2; i++) {
        will_answer(i, SECMMU_STATUS_TRUNCATED, piece, 5 + i);
        answer[i].fault_addr = B + 64 * i;
    }
    will_answer(2, SECMMU_STATUS_OK, 1000, UINT64_MAX);
    CHECK_EQ(secmmu_list_walk(&q, P(A), 8, 0, 5 * GIB, &sum, &nodes), 0);
    CHECK_EQ(jobs, 3);
    IS_JOB(0, .opcode = SECMMU_OP_LIST_WALK, .src = A, .len = piece,
           .operand = { 8 });
    IS_JOB(1, .opcode = SECMMU_OP_LIST_WALK, .src = B, .len = piece,
           .operand = { 8 });
    IS_JOB(2, .opcode = SECMMU_OP_LIST_WALK, .src = B + 64, .len = GIB,
           .operand = { 8 });
    CHECK_EQ(sum, 10);                  /* modulo 2^64 */
    CHECK_EQ(nodes, 2 * piece + 1000);

    again();
    will_answer(0, SECMMU_STATUS_TRUNCATED, piece, 1);
    answer[0].fault_addr = B;
    will_answer(1, SECMMU_STATUS_TRUNCATED, GIB, 2);
    answer[1].fault_addr = C;
    CHECK_EQ(secmmu_list_walk(&q, P(A), 8, 0, 3 * GIB, &sum, &nodes), -E2BIG);
    CHECK_EQ(jobs, 2);
    CHECK_EQ(sum, 3);
    CHECK_EQ(nodes, 3 * GIB);

    again();
    will_answer(0, SECMMU_STATUS_TRUNCATED, piece, 1);
    will_answer(1, SECMMU_STATUS_FAULT, 7, 0);
    CHECK_EQ(secmmu_list_walk(&q, P(A), 8, 0, 3 * GIB, &sum, &nodes), -EFAULT);
    end();
}

static const Case cases[] = {
    CASE(descriptors), CASE(prep), CASE(statuses_and_errnos), CASE(idle),
    CASE(queue_has_stopped), CASE(arguments), CASE(nothing_to_do),
    CASE(pieces), CASE(pieces_of_elements), CASE(pieces_that_fail),
    CASE(overlaps),
    CASE(long_lists),
};
TEST_MAIN(cases)
