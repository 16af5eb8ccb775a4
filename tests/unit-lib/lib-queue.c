/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libsecmmu: get, submit, peek, wait, against a driver that does just what the
 * case wants. Not here: what jobs do (lib-jobs.c), the synchronous helpers
 * (lib-sync.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

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

static void nop(uint64_t data)
{
    struct secmmu_desc *d = secmmu_get_desc(&q);

    CHECK(d);
    secmmu_prep_nop(d);
    secmmu_desc_set_data(d, data);
}

static void empty(void)
{
    struct secmmu_completion c;

    begin(8);
    CHECK_EQ(secmmu_submit(&q), 0);
    CHECK_EQ(fake_doorbell(0), 0);
    CHECK_EQ(secmmu_peek(&q, &c), -ENOENT);
    CHECK_EQ(secmmu_wait(&q, &c), -ENOENT);
    CHECK_EQ(secmmu_wait_timeout(&q, &c, 1000), -ENOENT);
    /* A descriptor that was not submitted is no job under way. */
    nop(1);
    CHECK_EQ(secmmu_peek(&q, &c), -ENOENT);
    CHECK_EQ(secmmu_wait(&q, &c), -ENOENT);
    CHECK_EQ(fake.waits, 0);
    end();
}

/* A slot comes zeroed, whatever the job before left in it. */
static void descriptors_are_clean(void)
{
    struct secmmu_completion c;

    begin(2);
    for (unsigned i = 0; i < 5; i++) {
        struct secmmu_desc *d = secmmu_get_desc(&q);

        CHECK_EQ(d->opcode, 0);
        CHECK_EQ(d->flags, 0);
        CHECK_EQ(d->variant, 0);
        CHECK_EQ(d->reserved, 0);
        CHECK_EQ(d->user_data, 0);
        CHECK_EQ(d->src | d->dst | d->len | d->operand[0] | d->operand[1], 0);
        CHECK(d->completion && d->completion % 32 == 0);
        memset(d, 0xff, offsetof(struct secmmu_desc, completion));
        CHECK_EQ(secmmu_submit(&q), 1);
        CHECK_EQ(secmmu_wait(&q, &c), 0);
        CHECK_EQ(c.user_data, UINT64_MAX);
    }
    end();
}

static void full_ring(void)
{
    struct secmmu_completion c;

    for (unsigned entries = 1; entries <= 4096; entries *= 8) {
        begin(entries);
        for (unsigned i = 0; i < entries; i++) {
            nop(i);
        }
        CHECK(!secmmu_get_desc(&q));
        CHECK_EQ(secmmu_submit(&q), entries);
        CHECK_EQ(fake_doorbell(0), entries);
        CHECK_EQ(secmmu_submit(&q), 0);
        CHECK(!secmmu_get_desc(&q));
        fake_run(0);
        CHECK_EQ(fake.jobs, entries);
        /* Ended, but the records are to be read before they are used again. */
        CHECK(!secmmu_get_desc(&q));
        CHECK_EQ(secmmu_peek(&q, &c), 0);
        CHECK_EQ(c.user_data, 0);
        nop(entries);
        CHECK(!secmmu_get_desc(&q));
        CHECK_EQ(secmmu_submit(&q), 1);
        for (unsigned i = 1; i <= entries; i++) {
            CHECK_EQ(secmmu_wait(&q, &c), 0);
            CHECK_EQ(c.user_data, i);
        }
        CHECK_EQ(secmmu_peek(&q, &c), -ENOENT);
        end();
    }
}

/* No doorbell before submit; one value for a batch. */
static void doorbell(void)
{
    begin(16);
    for (unsigned i = 0; i < 5; i++) {
        nop(i);
        CHECK_EQ(fake_doorbell(0), 0);
    }
    CHECK_EQ(secmmu_submit(&q), 5);
    CHECK_EQ(fake_doorbell(0), 5);
    nop(5);
    CHECK_EQ(fake_doorbell(0), 5);
    CHECK_EQ(secmmu_submit(&q), 1);
    CHECK_EQ(fake_doorbell(0), 6);
    CHECK_EQ(fake.ioctls, 2);           /* those of open and init */
    end();
}

static volatile sig_atomic_t stores;
static uint64_t seen_data[4];

/* At the moment of the store, all that it announces is in memory. */
static void on_store(int sig, siginfo_t *info, void *context)
{
    uintptr_t page = (uintptr_t)info->si_addr & -4096;

    if (page != ((uintptr_t)q.doorbell & -4096)) {
        abort();
    }
    for (unsigned i = 0; i < 4; i++) {
        seen_data[i] = fake_desc(0, i).user_data;
    }
    stores++;
    mprotect((void *)page, SECMMU_DOORBELL_SIZE, PROT_READ | PROT_WRITE);
}

static void doorbell_comes_last(void)
{
    struct sigaction action = { .sa_sigaction = on_store,
                                .sa_flags = SA_SIGINFO };
    struct sigaction before;
    struct secmmu_completion c;

    begin(4);
    CHECK(!sigaction(SIGSEGV, &action, &before));
    CHECK(!mprotect((void *)q.doorbell, SECMMU_DOORBELL_SIZE, PROT_NONE));
    for (unsigned i = 0; i < 4; i++) {
        nop(100 + i);
    }
    CHECK_EQ(stores, 0);
    CHECK_EQ(secmmu_submit(&q), 4);
    CHECK_EQ(stores, 1);
    CHECK(!sigaction(SIGSEGV, &before, NULL));
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(seen_data[i], 100 + i);
        CHECK_EQ(secmmu_wait(&q, &c), 0);
    }
    end();
}

/* Results in order over many turns of the ring, in batches of every size. */
static void order(void)
{
    struct secmmu_completion c;
    Random rnd = { test_seed() };
    uint64_t in = 0, out = 0;

    begin(16);
    while (out < 20000) {
        unsigned n = random_below(&rnd, 17);

        while (n-- && in - out < 16) {
            nop(in++ * 3);
        }
        CHECK(secmmu_submit(&q) >= 0);
        for (n = random_below(&rnd, 17); n && out < in; n--) {
            if (random_below(&rnd, 2)) {
                CHECK_EQ(secmmu_wait(&q, &c), 0);
            } else {
                int ret = secmmu_peek(&q, &c);

                if (ret) {
                    CHECK_EQ(ret, -EAGAIN);
                    fake_run(0);
                    CHECK_EQ(secmmu_peek(&q, &c), 0);
                }
            }
            CHECK_EQ(c.user_data, out++ * 3);
            CHECK_EQ(c.status, SECMMU_STATUS_OK);
        }
    }
    end();
}

/* The 32-bit counts wrap; as if 2^32 - 3 jobs had been there before. */
static void counts_wrap(void)
{
    const uint32_t start = UINT32_MAX - 2;
    struct secmmu_completion c;

    begin(4);
    q.head = q.tail = q.rung = start;
    fake.queue[0].head = fake.queue[0].tail = start;
    *q.doorbell = start;
    for (unsigned i = 0; i < 20; i++) {
        nop(2 * i);
        nop(2 * i + 1);
        CHECK_EQ(secmmu_submit(&q), 2);
        CHECK_EQ(fake_doorbell(0), start + 2 * i + 2);
        for (unsigned k = 0; k < 2; k++) {
            CHECK_EQ(secmmu_wait(&q, &c), 0);
            CHECK_EQ(c.user_data, 2 * i + k);
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        nop(i);
    }
    CHECK(!secmmu_get_desc(&q));
    CHECK_EQ(fake.queue[0].error, SECMMU_QUEUE_OK);
    end();
}

static void exec_fields(const struct secmmu_desc *d,
                        struct secmmu_completion *c)
{
    c->status = SECMMU_STATUS_PARTIAL;
    c->bytes = 0x11223344;
    c->fault_addr = 0x7fff12345678;
    c->result = 0x1122334455667788;
}

static void record_is_copied(void)
{
    struct secmmu_completion c;

    begin(1);
    fake.exec = exec_fields;
    nop(0xfeedfacecafebeef);
    CHECK_EQ(secmmu_submit(&q), 1);
    memset(&c, 0xee, sizeof(c));
    CHECK_EQ(secmmu_peek(&q, &c), -EAGAIN);
    CHECK_EQ(c.status, 0xeeeeeeee);             /* not touched */
    fake_run(0);
    CHECK_EQ(secmmu_peek(&q, &c), 0);
    CHECK_EQ(c.status, SECMMU_STATUS_PARTIAL);
    CHECK_EQ(c.bytes, 0x11223344);
    CHECK_EQ(c.fault_addr, 0x7fff12345678);
    CHECK_EQ(c.result, 0x1122334455667788);
    CHECK_EQ(c.user_data, 0xfeedfacecafebeef);
    end();
}

/* What is there needs no system call, and nothing is allocated on the way. */
static void no_call_when_done(void)
{
    struct secmmu_completion c;
    unsigned ioctls, mmaps;

    begin(8);
    ioctls = fake.ioctls;
    mmaps = fake.mmaps;
    for (unsigned i = 0; i < 100; i++) {
        nop(i);
        CHECK_EQ(secmmu_submit(&q), 1);
        fake_run(0);
        CHECK_EQ(secmmu_wait(&q, &c), 0);
    }
    CHECK_EQ(fake.ioctls, ioctls);
    CHECK_EQ(fake.mmaps, mmaps);
    end();
}

static uint32_t target_seen[8];
static unsigned targets;

static int note_target(FakeQueue *fq, struct secmmu_queue_wait *arg)
{
    CHECK(targets < 8);
    CHECK_EQ(arg->queue, 0);
    target_seen[targets++] = arg->target;
    /* One job at a time, so that each wait has to ask. */
    fake.budget = 1;
    return 0;
}

static void waits_for_one(void)
{
    struct secmmu_completion c;

    begin(8);
    fake.on_wait = note_target;
    targets = 0;
    for (unsigned i = 0; i < 5; i++) {
        nop(i);
    }
    CHECK_EQ(secmmu_submit(&q), 5);
    for (unsigned i = 0; i < 5; i++) {
        CHECK_EQ(secmmu_wait(&q, &c), 0);
        CHECK_EQ(c.user_data, i);
        CHECK_EQ(targets, i + 1);
        CHECK_EQ(target_seen[i], i + 1);
    }
    end();
}

static unsigned signals;

static int interrupted(FakeQueue *fq, struct secmmu_queue_wait *arg)
{
    if (signals) {
        signals--;
        /* A driver that is interrupted writes nothing; nor may anybody ask. */
        return EINTR;
    }
    return 0;
}

static void signals_do_not_end_a_wait(void)
{
    struct secmmu_completion c;

    begin(8);
    fake.on_wait = interrupted;
    signals = 5;
    nop(7);
    CHECK_EQ(secmmu_submit(&q), 1);
    CHECK_EQ(secmmu_wait(&q, &c), 0);
    CHECK_EQ(c.user_data, 7);
    CHECK_EQ(fake.waits, 6);
    CHECK_EQ(signals, 0);
    end();
}

static int64_t asked[8];
static unsigned asks;

/* 300 ns pass, then a signal. */
static int interrupted_later(FakeQueue *fq, struct secmmu_queue_wait *arg)
{
    CHECK(asks < 8);
    asked[asks++] = arg->timeout_ns;
    if (arg->timeout_ns == 0) {
        return 0;
    }
    fake.clock += 300;
    return EINTR;
}

/* Signals do not stretch a timeout. */
static void timeout_is_what_is_left(void)
{
    struct secmmu_completion c;

    begin(8);
    fake.on_wait = interrupted_later;
    fake.budget = 0;
    fake.clock = 999999900;
    asks = 0;
    nop(1);
    CHECK_EQ(secmmu_submit(&q), 1);
    CHECK_EQ(secmmu_wait_timeout(&q, &c, 1000), -ETIME);
    CHECK_EQ(asks, 5);
    CHECK_EQ(asked[0], 1000);
    CHECK_EQ(asked[1], 700);
    CHECK_EQ(asked[2], 400);
    CHECK_EQ(asked[3], 100);
    CHECK_EQ(asked[4], 0);
    /* The job is still under way, and its result can still be had. */
    fake.on_wait = NULL;
    fake.budget = UINT32_MAX;
    CHECK_EQ(secmmu_wait_timeout(&q, &c, 1), 0);
    CHECK_EQ(c.user_data, 1);
    end();
}

static void timeout_zero(void)
{
    struct secmmu_completion c;

    begin(8);
    fake.budget = 0;
    nop(1);
    CHECK_EQ(secmmu_submit(&q), 1);
    CHECK_EQ(secmmu_wait_timeout(&q, &c, 0), -ETIME);
    CHECK_EQ(secmmu_peek(&q, &c), -EAGAIN);
    fake.budget = UINT32_MAX;
    CHECK_EQ(secmmu_wait_timeout(&q, &c, 0), 0);
    end();
}

static int interrupted_twice(FakeQueue *fq, struct secmmu_queue_wait *arg)
{
    CHECK(asks < 8);
    asked[asks++] = arg->timeout_ns;
    return asks < 3 ? EINTR : 0;
}

/* The longest timeout there is stays long when signals come. */
static void timeout_longest(void)
{
    struct secmmu_completion c;

    begin(8);
    fake.on_wait = interrupted_twice;
    asks = 0;
    nop(1);
    CHECK_EQ(secmmu_submit(&q), 1);
    CHECK_EQ(secmmu_wait_timeout(&q, &c, INT64_MAX), 0);
    CHECK_EQ(asks, 3);
    for (unsigned i = 0; i < asks; i++) {
        CHECK(asked[i] > INT64_MAX / 2);
    }
    end();
}

static void queue_stops(void)
{
    static const struct {
        uint32_t error;
        int ret;
    } errors[] = {
        { SECMMU_QUEUE_BAD_DOORBELL, -EPROTO },
        { SECMMU_QUEUE_RING_FAULT, -EFAULT },
        { SECMMU_QUEUE_COMPLETION_FAULT, -EFAULT },
        { SECMMU_QUEUE_MM_GONE, -ESRCH },
        { SECMMU_QUEUE_DEVICE_LOST, -ENODEV },
        { SECMMU_QUEUE_DESTROYED, -ECANCELED },
    };
    struct secmmu_completion c;
    uint32_t error;
    uint64_t addr;

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        begin(8);
        CHECK_EQ(secmmu_queue_status(&q, &error, &addr), 0);
        CHECK_EQ(error, SECMMU_QUEUE_OK);
        nop(1);
        nop(2);
        nop(3);
        CHECK_EQ(secmmu_submit(&q), 3);
        fake.budget = 2;
        fake_run(0);
        fake.queue[0].error = errors[i].error;
        fake.queue[0].error_addr = 0x123456789abc + i;
        /* Those that ended before are to be had; the third is not. */
        CHECK_EQ(secmmu_wait(&q, &c), 0);
        CHECK_EQ(c.user_data, 1);
        CHECK_EQ(secmmu_wait_timeout(&q, &c, 1000), 0);
        CHECK_EQ(c.user_data, 2);
        CHECK_EQ(secmmu_wait(&q, &c), errors[i].ret);
        CHECK_EQ(secmmu_wait_timeout(&q, &c, 1000), errors[i].ret);
        CHECK_EQ(secmmu_peek(&q, &c), -EAGAIN);
        CHECK_EQ(secmmu_queue_status(&q, &error, &addr), 0);
        CHECK_EQ(error, errors[i].error);
        CHECK_EQ(addr, 0x123456789abc + i);
        CHECK_EQ(secmmu_queue_status(&q, NULL, NULL), 0);
        end();
    }
}

/* The device ends the job and stops between our look and the wait. */
static int ends_and_stops(FakeQueue *fq, struct secmmu_queue_wait *arg)
{
    struct secmmu_desc d = fake_desc(0, fq->head);
    struct secmmu_completion *c = (void *)(uintptr_t)d.completion;

    c->user_data = d.user_data;
    __atomic_store_n(&c->status, SECMMU_STATUS_OK, __ATOMIC_RELEASE);
    fq->error = SECMMU_QUEUE_DEVICE_LOST;
    arg->error = fq->error;
    return EPIPE;
}

static void last_result_of_a_stopped_queue(void)
{
    struct secmmu_completion c;

    begin(8);
    nop(11);
    nop(12);
    CHECK_EQ(secmmu_submit(&q), 2);
    fake.on_wait = ends_and_stops;
    CHECK_EQ(secmmu_wait(&q, &c), 0);
    CHECK_EQ(c.user_data, 11);
    fake.on_wait = NULL;
    CHECK_EQ(secmmu_wait(&q, &c), -ENODEV);
    end();
}

static void bad_doorbell(void)
{
    struct secmmu_completion c;
    uint32_t error;

    begin(8);
    nop(1);
    CHECK_EQ(secmmu_submit(&q), 1);
    *q.doorbell = 100;
    CHECK_EQ(secmmu_wait(&q, &c), -EPROTO);
    CHECK_EQ(secmmu_queue_status(&q, &error, NULL), 0);
    CHECK_EQ(error, SECMMU_QUEUE_BAD_DOORBELL);
    end();
}

static void wait_errors(void)
{
    static const int errors[] = { EPERM, ENODEV, ENOENT, EFAULT };
    struct secmmu_completion c;

    begin(8);
    nop(1);
    CHECK_EQ(secmmu_submit(&q), 1);
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        fake.fail[FAKE_WAIT] = errors[i];
        CHECK_EQ(secmmu_wait(&q, &c), -errors[i]);
        fake.fail[FAKE_WAIT] = errors[i];
        CHECK_EQ(secmmu_queue_status(&q, NULL, NULL), -errors[i]);
    }
    CHECK_EQ(secmmu_wait(&q, &c), 0);
    end();
}

/* queue_status() does not sleep, whatever is under way. */
static void status_does_not_wait(void)
{
    struct secmmu_completion c;
    uint32_t error;

    begin(8);
    fake.budget = 0;
    nop(1);
    nop(2);
    CHECK_EQ(secmmu_submit(&q), 2);
    CHECK_EQ(secmmu_queue_status(&q, &error, NULL), 0);
    CHECK_EQ(error, SECMMU_QUEUE_OK);
    fake.budget = UINT32_MAX;
    CHECK_EQ(secmmu_wait(&q, &c), 0);
    CHECK_EQ(secmmu_wait(&q, &c), 0);
    end();
}

static void exit_under_way(void)
{
    begin(8);
    fake.budget = 0;
    nop(1);
    nop(2);
    CHECK_EQ(secmmu_submit(&q), 2);
    nop(3);
    end();
    CHECK_EQ(fake.jobs, 0);
}

static const Case cases[] = {
    CASE(empty), CASE(descriptors_are_clean), CASE(full_ring), CASE(doorbell),
    CASE(doorbell_comes_last), CASE(order), CASE(counts_wrap),
    CASE(record_is_copied), CASE(no_call_when_done), CASE(waits_for_one),
    CASE(signals_do_not_end_a_wait), CASE(timeout_is_what_is_left),
    CASE(timeout_zero), CASE(timeout_longest), CASE(queue_stops),
    CASE(last_result_of_a_stopped_queue), CASE(bad_doorbell),
    CASE(wait_errors), CASE(status_does_not_wait), CASE(exit_under_way),
};
TEST_MAIN(cases)
