/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libsecmmu: results by the dozen, the count that a sleep waits for, spinning,
 * poll() and eventfd as far as the library goes, hints, counters. Not here: one
 * result at a time (lib-queue.c); whether the driver keeps its word (tests/guest).
 */
#include <errno.h>

#include "fake.h"

static struct secmmu s;
static struct secmmu_queue q;

static void begin(unsigned entries)
{
    fake_reset();
    fake_open(&s, &q, entries);
}

static void end(void)
{
    fake_close(&s, &q);
}

static void nops(unsigned nr, uint64_t data)
{
    for (unsigned i = 0; i < nr; i++) {
        struct secmmu_desc *d = secmmu_get_desc(&q);

        CHECK(d);
        secmmu_prep_nop(d);
        secmmu_desc_set_data(d, data + i);
    }
}

static void peeks(void)
{
    struct secmmu_completion out[8];

    begin(8);
    CHECK_EQ(secmmu_peek_nr(&q, out, 8), 0);
    nops(6, 100);
    CHECK_EQ(secmmu_submit(&q), 6);
    CHECK_EQ(secmmu_peek_nr(&q, out, 8), 0);
    fake.budget = 4;
    fake_run(0);
    CHECK_EQ(secmmu_peek_nr(&q, out, 0), 0);
    CHECK_EQ(secmmu_peek_nr(&q, out, 3), 3);
    CHECK_EQ(out[2].user_data, 102);
    CHECK_EQ(secmmu_peek_nr(&q, out, 8), 1);
    CHECK_EQ(out[0].user_data, 103);
    fake.budget = UINT32_MAX;
    fake_run(0);
    /* More than there can be is no more than there is. */
    CHECK_EQ(secmmu_peek_nr(&q, out, 1000), 2);
    CHECK_EQ(out[1].user_data, 105);
    end();
}

static void iterates(void)
{
    const struct secmmu_completion *done;
    unsigned i, ioctls, seen = 0;

    begin(8);
    ioctls = fake.ioctls;
    secmmu_for_each_done(&q, i, done) {
        seen++;
    }
    CHECK_EQ(i + seen, 0);
    /* Round the end of the ring, again and again. */
    for (unsigned round = 0; round < 20; round++) {
        nops(5, round * 5);
        CHECK_EQ(secmmu_submit(&q), 5);
        nops(1, 0);                     /* not submitted: has no result */
        fake_run(0);
        secmmu_for_each_done(&q, i, done) {
            CHECK_EQ(done->user_data, round * 5 + i);
        }
        CHECK_EQ(i, 5);
        /* Looking has taken none of them. */
        CHECK_EQ(secmmu_done_at(&q, 0)->user_data, round * 5);
        CHECK(!secmmu_done_at(&q, 5));
        secmmu_advance(&q, 2);
        CHECK_EQ(secmmu_done_at(&q, 0)->user_data, round * 5 + 2);
        secmmu_advance(&q, 3);
        CHECK(!secmmu_done_at(&q, 0));
        CHECK_EQ(secmmu_submit(&q), 1);
        fake_run(0);
        secmmu_advance(&q, 1);
    }
    CHECK_EQ(fake.ioctls, ioctls);
    end();
}

static uint32_t target;
static int64_t timeout;

static int note_wait(FakeQueue *fq, struct secmmu_queue_wait *arg)
{
    target = arg->target;
    timeout = arg->timeout_ns;
    return 0;
}

static void waits_for_many(void)
{
    struct secmmu_completion out[8];

    begin(8);
    fake.on_wait = note_wait;
    CHECK_EQ(secmmu_wait_ready(&q, 0, -1), 0);
    CHECK_EQ(secmmu_wait_ready(&q, 1, -1), -ENOENT);
    nops(6, 0);
    CHECK_EQ(secmmu_wait_ready(&q, 1, -1), -ENOENT);    /* not submitted */
    CHECK_EQ(secmmu_submit_and_wait(&q, 7, -1), -ENOENT);
    CHECK_EQ(secmmu_wait_ready(&q, 7, -1), -ENOENT);
    CHECK_EQ(fake.waits, 0);
    fake.budget = 3;
    CHECK_EQ(secmmu_wait_ready(&q, 4, 1000), -ETIME);
    CHECK_EQ(target, 4);
    CHECK_EQ(timeout, 1000);
    /* Those that are there stay. */
    CHECK_EQ(secmmu_wait_nr(&q, out, 4, 0), -ETIME);
    CHECK_EQ(secmmu_wait_nr(&q, out, 3, 0), 3);
    CHECK_EQ(out[2].user_data, 2);
    fake.budget = UINT32_MAX;
    CHECK_EQ(secmmu_wait_nr(&q, out, 2, -1), 2);
    CHECK_EQ(target, 5);
    CHECK_EQ(out[1].user_data, 4);
    nops(2, 6);
    CHECK_EQ(secmmu_submit_and_wait(&q, 3, -1), 2);
    CHECK_EQ(secmmu_peek_nr(&q, out, 8), 3);
    CHECK_EQ(out[2].user_data, 7);
    /* Nothing to submit: only a wait. */
    CHECK_EQ(secmmu_submit_and_wait(&q, 0, -1), 0);
    end();
}

/* A count that wraps is a count all the same. */
static void target_wraps(void)
{
    begin(8);
    q.head = q.tail = q.rung = fake.queue[0].head = UINT32_MAX - 1;
    fake.on_wait = note_wait;
    nops(4, 0);
    CHECK_EQ(secmmu_submit(&q), 4);
    CHECK_EQ(secmmu_wait_ready(&q, 4, -1), 0);
    CHECK_EQ(target, 2);
    secmmu_advance(&q, 4);
    nops(1, 0);
    CHECK_EQ(secmmu_submit(&q), 1);
    CHECK_EQ(secmmu_arm(&q, 1), 0);
    CHECK_EQ(fake.queue[0].target, 3);
    fake_run(0);
    secmmu_advance(&q, 1);
    end();
}

/*
 * Spinning that leads to nothing becomes short, but for a long look now and then;
 * results that are there at once change nothing.
 */
static void spins_adapt(void)
{
    struct secmmu_completion c;
    unsigned shortest = 1000, probes = 0;

    begin(8);
    for (unsigned i = 0; i < 128; i++) {
        nops(1, i);
        CHECK_EQ(secmmu_submit(&q), 1);
        CHECK_EQ(secmmu_wait(&q, &c), 0);       /* ends in the ioctl only */
        CHECK_EQ(fake.waits, i + 1);
        if (q.spin < shortest) {
            shortest = q.spin;
        }
    }
    CHECK_EQ(q.waits, 128);
    CHECK(shortest && shortest <= 64);
    CHECK_EQ(q.spin, shortest);
    q.spin = 77;
    for (unsigned i = 0; i < 64; i++) {
        nops(1, i);
        CHECK_EQ(secmmu_submit(&q), 1);
        fake_run(0);
        CHECK_EQ(secmmu_wait(&q, &c), 0);
        probes += q.spin != 77;
    }
    CHECK_EQ(fake.waits, 128);
    CHECK_EQ(probes, 0);
    end();
}

static void tells(void)
{
    begin(8);
    CHECK(!fake.queue[0].armed);
    nops(3, 0);
    CHECK_EQ(secmmu_submit(&q), 3);
    fake.budget = 1;
    fake_run(0);
    secmmu_advance(&q, 1);
    /* Counted from what has been taken. */
    CHECK_EQ(secmmu_arm(&q, 2), 0);
    CHECK(fake.queue[0].armed);
    CHECK_EQ(fake.queue[0].target, 3);
    CHECK_EQ(secmmu_arm(&q, 0), 0);
    CHECK(!fake.queue[0].armed);
    CHECK_EQ(secmmu_eventfd(&q, 42), 0);
    CHECK_EQ(fake.queue[0].eventfd, 42);
    CHECK_EQ(secmmu_eventfd(&q, -1), 0);
    CHECK_EQ(fake.queue[0].eventfd, -1);
    end();
}

static void hints(void)
{
    uint64_t writable = 99;

    begin(8);
    fake.advice.pages = 7;
    fake.advice.writable = 3;
    CHECK_EQ(secmmu_prefetch(&s, (void *)0x12345, 678, 0), 7);
    CHECK_EQ(fake.advised.addr, 0x12345);
    CHECK_EQ(fake.advised.len, 678);
    CHECK_EQ(fake.advised.advice, SECMMU_ADVISE_READ);
    CHECK_EQ(secmmu_prefetch(&s, &s, sizeof(s), 1), 7);
    CHECK_EQ(fake.advised.advice, SECMMU_ADVISE_WRITE);
    CHECK_EQ(secmmu_resident(&s, &s, sizeof(s), &writable), 7);
    CHECK_EQ(fake.advised.advice, SECMMU_ADVISE_RESIDENT);
    CHECK_EQ(writable, 3);
    CHECK_EQ(secmmu_resident(&s, &s, sizeof(s), NULL), 7);
    fake.advice.pages = 0;
    CHECK_EQ(secmmu_drop(&s, &s, sizeof(s)), 0);
    CHECK_EQ(fake.advised.advice, SECMMU_ADVISE_DROP);
    /* More pages than an int holds. */
    fake.advice.pages = 1ull << 35;
    CHECK_EQ(secmmu_resident(&s, NULL, 1ul << 47, NULL), 1ll << 35);
    /* A driver that is older. */
    fake.fail[FAKE_ADVISE] = ENOTTY;
    CHECK_EQ(secmmu_prefetch(&s, &s, 1, 0), -ENOTTY);
    fake.fail[FAKE_ADVISE] = EFAULT;
    CHECK_EQ(secmmu_prefetch(&s, NULL, 1, 0), -EFAULT);
    writable = 99;
    fake.fail[FAKE_ADVISE] = EINVAL;
    CHECK_EQ(secmmu_resident(&s, NULL, 1, &writable), -EINVAL);
    CHECK_EQ(writable, 99);
    end();
}

static void differences(void)
{
    struct secmmu_stats a, b, d;

    memset(&a, 1, sizeof(a));
    memset(&b, 3, sizeof(b));
    b.pages_resident = 5;
    b.table_bytes = 6;
    secmmu_stats_since(&a, &b, &d);
    CHECK_EQ(d.faults, 0x0202020202020202);
    CHECK_EQ(d.prefetched, 0x0202020202020202);
    CHECK_EQ(d.pages_resident, 5);
    CHECK_EQ(d.table_bytes, 6);
    /* In place. */
    secmmu_stats_since(&a, &b, &b);
    CHECK(!memcmp(&b, &d, sizeof(b)));
}

static const Case cases[] = {
    CASE(peeks), CASE(iterates), CASE(waits_for_many), CASE(target_wraps),
    CASE(spins_adapt), CASE(tells), CASE(hints), CASE(differences),
};
TEST_MAIN(cases)
