/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libsecmmu allocates nothing between open and close: this program's malloc()
 * counts. Not here: what the functions do.
 */
#include <errno.h>
#include <stddef.h>

#include "fake.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);

static unsigned long allocated;

void *malloc(size_t size)
{
    allocated++;
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    allocated++;
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    allocated++;
    return __libc_realloc(p, size);
}

void *aligned_alloc(size_t align, size_t size)
{
    allocated++;
    return __libc_memalign(align, size);
}

static struct secmmu s;
static struct secmmu_queue q;

/* Allocations and mappings so far. */
static unsigned long taken(void)
{
    return allocated + fake.mmaps;
}

static void begin(void)
{
    fake_reset();
    fake_open(&s, &q, 16);
}

static void end(void)
{
    fake_close(&s, &q);
}

static void the_count_counts(void)
{
    unsigned long before = allocated;
    void *volatile p = malloc(1);

    free(p);
    CHECK_EQ(allocated, before + 1);
    p = calloc(1, 1);
    p = realloc(p, 100);
    CHECK_EQ(allocated, before + 3);
    free(p);
}

static void jobs(void)
{
    const struct secmmu_completion *done;
    struct secmmu_completion out[16];
    unsigned long before;
    unsigned i;

    begin();
    before = taken();
    for (unsigned round = 0; round < 50; round++) {
        for (unsigned k = 0; k < 16; k++) {
            secmmu_prep_copy(secmmu_get_desc(&q), &i, &round, sizeof(i));
        }
        if (round % 2) {
            CHECK_EQ(secmmu_submit(&q), 16);
            fake_run(0);
        } else {
            CHECK_EQ(secmmu_submit_and_wait(&q, 16, -1), 16);
        }
        CHECK_EQ(secmmu_arm(&q, 1), 0);
        secmmu_for_each_done(&q, i, done) {
            CHECK_EQ(done->status, SECMMU_STATUS_OK);
        }
        CHECK_EQ(i, 16);
        secmmu_advance(&q, 2);
        CHECK_EQ(secmmu_peek(&q, out), 0);
        CHECK_EQ(secmmu_wait(&q, out), 0);
        CHECK_EQ(secmmu_wait_nr(&q, out, 8, 1000), 8);
        CHECK_EQ(secmmu_peek_nr(&q, out, 16), 4);
        CHECK_EQ(secmmu_fill(&q, out, 0, sizeof(out)), 0);
        CHECK_EQ(secmmu_prefetch(&s, out, sizeof(out), 1), 0);
    }
    CHECK_EQ(taken(), before);
    end();
}

/* A queue that comes back has its memory already; a doorbell is mapped. */
static void reset(void)
{
    struct secmmu_desc lost[16];
    unsigned long before;

    begin();
    secmmu_prep_nop(secmmu_get_desc(&q));
    fake.queue[0].error = SECMMU_QUEUE_RING_FAULT;
    before = taken();
    CHECK_EQ(secmmu_queue_reset(&q, lost, 16), 1);
    CHECK_EQ(taken(), before + 1);
    end();
}

static const Case cases[] = {
    CASE(the_count_counts), CASE(jobs), CASE(reset),
};
TEST_MAIN(cases)
