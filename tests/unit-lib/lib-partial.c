/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libsecmmu in front of the device core: jobs that stop at each page they do not
 * find, and their rests. For every opcode the outcome is that of one job, as the
 * CPU works it out. Not here: jobs that may wait (lib-jobs.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "machine.h"

#define PAGE    4096ul
#define LEN     (24 * PAGE)

static struct secmmu s;
static struct secmmu_queue q;
static Random rnd;

static void begin(void)
{
    fake_reset();
    machine_start(2);
    fake_open(&s, &q, 8);
}

static void end(void)
{
    fake_close(&s, &q);
    machine_stop();
}

static void *area(void)
{
    uint8_t *p = aligned_alloc(PAGE, LEN);

    CHECK(p);
    for (size_t i = 0; i < LEN; i++) {
        p[i] = random_next(&rnd) >> 32;
    }
    return p;
}

/* Submits @job, taking what the device says of it. */
static struct secmmu_completion once(const struct secmmu_desc *job)
{
    struct secmmu_desc *d = secmmu_get_desc(&q);
    struct secmmu_completion c;

    CHECK(d);
    secmmu_prep_desc(d, job);
    CHECK_EQ(secmmu_submit(&q), 1);
    CHECK_EQ(secmmu_wait(&q, &c), 0);
    return c;
}

static unsigned stops;

/*
 * To the end by hand: each page is brought in when it is met, one at a time, so
 * that the job stops at every one of them.
 */
static struct secmmu_completion by_hand(struct secmmu_desc *job)
{
    struct secmmu_completion done, rest;
    struct secmmu_desc d = { 0 };

    job->flags = SECMMU_DESC_NO_BLOCK;
    job->user_data = 0x1234;
    done = once(job);
    for (stops = 0; done.status == SECMMU_STATUS_PARTIAL; stops++) {
        CHECK(stops < 500);
        CHECK(secmmu_prefetch(&s, (void *)(uintptr_t)done.fault_addr, 1, 1)
              == 1);
        CHECK_EQ(secmmu_continue(&d, job, &done), 0);
        CHECK_EQ(d.flags, SECMMU_DESC_NO_BLOCK);
        CHECK_EQ(d.user_data, 0x1234);
        CHECK_EQ(d.completion, 0);
        rest = once(&d);
        secmmu_merge(job, &done, &rest);
    }
    CHECK_EQ(done.user_data, 0x1234);
    return done;
}

/* Or by the library; from a device that knows none of the pages. */
static struct secmmu_completion by_library(struct secmmu_desc *job)
{
    struct secmmu_completion done;

    job->flags = SECMMU_DESC_NO_BLOCK;
    done = once(job);
    CHECK_EQ(done.status, SECMMU_STATUS_PARTIAL);
    CHECK_EQ(secmmu_finish(&q, job, &done), 0);
    return done;
}

static void ended(const struct secmmu_completion *c, uint64_t bytes,
                  uint64_t result)
{
    CHECK_EQ(c->status, SECMMU_STATUS_OK);
    CHECK_EQ(c->bytes, bytes);
    CHECK_EQ(c->result, result);
    CHECK_EQ(c->fault_addr, 0);
}

typedef struct secmmu_completion Way(struct secmmu_desc *job);

static Way *const ways[] = { by_hand, by_library };
#define EACH_WAY(i) for (unsigned i = 0; i < 2; i++)

static void fill(void)
{
    EACH_WAY(w) {
        uint8_t *p = area(), pattern[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
        struct secmmu_desc job = { 0 };
        struct secmmu_completion c;
        uint64_t word;

        begin();
        memcpy(&word, pattern, 8);
        /* No page begins with the pattern's first byte. */
        secmmu_prep_fill(&job, p + 3, word, LEN - 10);
        c = ways[w](&job);
        ended(&c, LEN - 10, 0);
        for (size_t i = 0; i < LEN - 10; i++) {
            CHECK_EQ(p[3 + i], pattern[i % 8]);
        }
        CHECK(w || stops == LEN / PAGE);
        free(p);
        end();
    }
}

/* Apart, down and up over itself. */
static void copy(void)
{
    static const struct {
        size_t src, dst, len;
    } moves[] = {
        { 5, 12 * PAGE + 9, 10 * PAGE }, { 2 * PAGE + 7, 11, 20 * PAGE },
        { 11, 2 * PAGE + 7, 20 * PAGE }, { 0, 1, LEN - 1 }, { 1, 0, LEN - 1 },
    };

    for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
        EACH_WAY(w) {
            uint8_t *p = area(), *want = malloc(LEN);
            struct secmmu_desc job = { 0 };
            struct secmmu_completion c;

            begin();
            memcpy(want, p, LEN);
            memmove(want + moves[i].dst, want + moves[i].src, moves[i].len);
            secmmu_prep_copy(&job, p + moves[i].dst, p + moves[i].src,
                             moves[i].len);
            c = ways[w](&job);
            ended(&c, moves[i].len, 0);
            CHECK(!memcmp(p, want, LEN));
            free(want);
            free(p);
            end();
        }
    }
}

static void compare(void)
{
    EACH_WAY(w) {
        size_t half = LEN / 2, at = half - 777;
        struct secmmu_desc job = { 0 };
        struct secmmu_completion c;
        uint8_t *p = area();

        begin();
        memcpy(p + half, p, half);
        secmmu_prep_compare(&job, p, p + half, half);
        c = ways[w](&job);
        ended(&c, half, half);
        end();
        begin();
        p[at]++;
        c = ways[w](&job);
        ended(&c, at, at);
        free(p);
        end();
    }
}

static void sums(void)
{
    EACH_WAY(w) {
        uint64_t *p = area(), want = 0;
        struct secmmu_desc job = { 0 };
        struct secmmu_completion c;
        float *f = area();
        uint32_t crc = 0;
        double sum = 0;

        for (size_t i = 0; i < LEN / 8; i++) {
            want += p[i];
        }
        for (size_t i = 0; i < LEN / 4; i++) {
            f[i] = i % 100;     /* all sums are exact */
            sum += f[i];
        }
        begin();
        secmmu_prep_reduce(&job, p, LEN, SECMMU_REDUCE_U64);
        c = ways[w](&job);
        ended(&c, LEN, want);
        memset(&job, 0, sizeof(job));
        secmmu_prep_reduce(&job, f, LEN, SECMMU_REDUCE_F32);
        c = ways[w](&job);
        memcpy(&want, &sum, 8);
        ended(&c, LEN, want);
        end();
        begin();
        CHECK_EQ(secmmu_crc32c(&q, p, LEN, &crc), 0);
        end();
        begin();
        memset(&job, 0, sizeof(job));
        secmmu_prep_crc32c(&job, p, LEN, 0);
        c = ways[w](&job);
        ended(&c, LEN, crc);
        free(p);
        free(f);
        end();
    }
}

static void atomic(void)
{
    EACH_WAY(w) {
        struct secmmu_desc job = { 0 };
        struct secmmu_completion c;
        uint64_t *p = area();

        begin();
        p[0] = 40;
        secmmu_prep_atomic_add(&job, p, 8, 2);
        c = ways[w](&job);
        ended(&c, 8, 40);
        CHECK_EQ(p[0], 42);
        free(p);
        end();
    }
}

/* Nodes all over the area, some across the end of a page. */
static void list(void)
{
    EACH_WAY(w) {
        size_t nr = LEN / 1000, first = 0;
        uint8_t *p = area();
        uint64_t sum = 0;
        struct secmmu_desc job = { 0 };
        struct secmmu_completion c;

        for (size_t i = 0, at = 0; i < nr - 1; i++) {
            size_t to = (at + 5) % nr;
            uint64_t next = i < nr - 2 ? (uintptr_t)p + to * 1000 : 0;
            uint64_t payload = random_next(&rnd);

            memcpy(p + at * 1000 + 4, &next, 8);
            memcpy(p + at * 1000 + 500, &payload, 8);
            sum += payload;
            at = to;
        }
        begin();
        secmmu_prep_list_walk(&job, p + first, 4, 500, nr);
        c = ways[w](&job);
        ended(&c, nr - 1, sum);
        end();
        /* The bound is of the whole. */
        begin();
        job.len = 50;
        job.flags = SECMMU_DESC_NO_BLOCK;
        c = once(&job);
        CHECK_EQ(c.status, SECMMU_STATUS_PARTIAL);
        CHECK_EQ(secmmu_finish(&q, &job, &c), -E2BIG);
        CHECK_EQ(c.status, SECMMU_STATUS_TRUNCATED);
        CHECK_EQ(c.bytes, 50);
        CHECK_EQ(c.fault_addr, (uintptr_t)p + 50 * 5 % nr * 1000);
        free(p);
        end();
    }
}

static void indexed(void)
{
    enum { SIZE = 300, NR = 120 };

    EACH_WAY(w) {
        uint8_t *far = area(), *near = area();
        uint64_t *addrs = area();
        struct secmmu_desc job = { 0 };
        struct secmmu_completion c;

        for (unsigned i = 0; i < NR; i++) {
            addrs[i] = (uintptr_t)far + i * 37 % NR * 700;
        }
        begin();
        secmmu_prep_gather(&job, near, addrs, SIZE, SIZE * NR);
        c = ways[w](&job);
        ended(&c, SIZE * NR, 0);
        for (unsigned i = 0; i < NR; i++) {
            CHECK(!memcmp(near + i * SIZE, (void *)(uintptr_t)addrs[i], SIZE));
        }
        end();
        begin();
        for (size_t i = 0; i < LEN; i++) {
            near[i] = i * 11;
        }
        memset(&job, 0, sizeof(job));
        secmmu_prep_scatter(&job, addrs, near, SIZE, SIZE * NR);
        c = ways[w](&job);
        ended(&c, SIZE * NR, 0);
        for (unsigned i = 0; i < NR; i++) {
            CHECK(!memcmp(near + i * SIZE, (void *)(uintptr_t)addrs[i], SIZE));
        }
        free(far);
        free(near);
        free(addrs);
        end();
    }
}

static void floats(void)
{
    enum { M = 30, N = 200, K = 70 };

    EACH_WAY(w) {
        float *a = area(), *b = area(), *c = area();
        struct secmmu_desc job = { 0 };
        struct secmmu_completion done;

        for (size_t i = 0; i < LEN / 4; i++) {
            a[i] = i % 13;
            b[i] = i % 7;
            c[i] = 3;
        }
        begin();
        secmmu_prep_saxpy(&job, c + 1, 2, a + 2, LEN / 4 - 2);
        done = ways[w](&job);
        ended(&done, LEN - 8, 0);
        for (size_t i = 0; i < LEN / 4 - 2; i++) {
            CHECK(c[1 + i] == 3 + 2 * a[2 + i]);        /* once, not twice */
        }
        end();
        begin();
        memset(&job, 0, sizeof(job));
        secmmu_prep_gemm(&job, c, a, b, M, N, K);
        done = ways[w](&job);
        ended(&done, 4 * M * N, 0);
        for (size_t i = 0; i < M; i++) {
            for (size_t j = 0; j < N; j++) {
                float want = 0;

                for (size_t k = 0; k < K; k++) {
                    want += a[i * K + k] * b[k * N + j];
                }
                CHECK(c[i * N + j] == want);
            }
        }
        free(a);
        free(b);
        free(c);
        end();
    }
}

/* A result that is another job's, or a job that no device would have begun. */
static void not_its_result(void)
{
    struct secmmu_completion c = { .status = SECMMU_STATUS_PARTIAL };
    struct secmmu_desc job = { 0 }, d = { 0 };
    uint64_t addrs[2] = { 0 };
    float f[3] = { 0 };
    uint8_t *p = area();

    begin();
    c.fault_addr = (uintptr_t)p;
    c.bytes = PAGE + 1;
    secmmu_prep_fill(&job, p, 0, PAGE);
    CHECK_EQ(secmmu_continue(&d, &job, &c), -EINVAL);
    CHECK_EQ(secmmu_finish(&q, &job, &c), -EINVAL);
    c.bytes = 0;
    secmmu_prep_gather(&job, p, addrs, 0, 16);
    CHECK_EQ(secmmu_continue(&d, &job, &c), -EINVAL);
    CHECK_EQ(secmmu_finish(&q, &job, &c), -EINVAL);
    secmmu_prep_scatter(&job, addrs, p, 0, 16);
    CHECK_EQ(secmmu_continue(&d, &job, &c), -EINVAL);
    CHECK_EQ(secmmu_finish(&q, &job, &c), -EINVAL);
    secmmu_prep_gemm(&job, f, f + 1, f + 2, 1, 0, 1);
    CHECK_EQ(secmmu_continue(&d, &job, &c), -EINVAL);
    CHECK_EQ(secmmu_finish(&q, &job, &c), -EINVAL);
    CHECK_EQ(d.opcode, 0);
    end();
    free(p);
}

static void errors(void)
{
    struct secmmu_completion c = { .status = SECMMU_STATUS_OK };
    struct secmmu_desc job = { 0 }, d = { 0 };
    uint8_t *p = area();

    begin();
    secmmu_prep_fill(&job, p, 0, LEN);
    CHECK_EQ(secmmu_continue(&d, &job, &c), -EINVAL);
    CHECK_EQ(secmmu_finish(&q, &job, &c), 0);   /* has ended already */
    c.status = SECMMU_STATUS_FAULT;
    CHECK_EQ(secmmu_finish(&q, &job, &c), -EFAULT);
    /* What is missing cannot be had. */
    CHECK(!mprotect(p + 12 * PAGE, PAGE, PROT_NONE));
    job.flags = SECMMU_DESC_NO_BLOCK;
    c = once(&job);
    CHECK_EQ(c.status, SECMMU_STATUS_PARTIAL);
    CHECK_EQ(secmmu_finish(&q, &job, &c), -EFAULT);
    CHECK_EQ(c.bytes, 12 * PAGE);
    CHECK_EQ(c.fault_addr, (uintptr_t)p + 12 * PAGE);
    /* No opcode, no rest. */
    job.opcode = SECMMU_OP_NOP;
    CHECK_EQ(secmmu_finish(&q, &job, &c), -EFAULT);
    c.fault_addr = (uintptr_t)p;
    CHECK_EQ(secmmu_finish(&q, &job, &c), -EINVAL);
    secmmu_get_desc(&q);
    CHECK_EQ(secmmu_finish(&q, &job, &c), -EBUSY);
    end();
    CHECK(!mprotect(p + 12 * PAGE, PAGE, PROT_READ | PROT_WRITE));
    free(p);
}

static const Case cases[] = {
    CASE(fill), CASE(copy), CASE(compare), CASE(sums), CASE(atomic),
    CASE(list), CASE(indexed), CASE(floats), CASE(not_its_result), CASE(errors),
};

int main(int argc, char **argv)
{
    rnd.state = test_seed();
    return run_cases(cases, sizeof(cases) / sizeof(cases[0]), argc, argv);
}
