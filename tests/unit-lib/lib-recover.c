/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libsecmmu: queues that have stopped and devices that were lost, and the way
 * back. Not here: whether the driver gives one (tests/guest/test-recover.c).
 */
#include <errno.h>
#include <string.h>

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

static struct secmmu_desc *nop(uint64_t data)
{
    struct secmmu_desc *d = secmmu_get_desc(&q);

    CHECK(d);
    secmmu_prep_nop(d);
    secmmu_desc_set_data(d, data);
    return d;
}

static void works(void)
{
    struct secmmu_completion c;

    for (unsigned i = 0; i < 20; i++) {
        nop(i);
        CHECK_EQ(secmmu_submit(&q), 1);
        CHECK_EQ(secmmu_wait(&q, &c), 0);
        CHECK_EQ(c.user_data, i);
    }
}

static void desc_is_copied(void)
{
    struct secmmu_desc a, b;

    memset(&a, 0x11, sizeof(a));
    memset(&b, 0x22, sizeof(b));
    secmmu_prep_desc(&b, &a);
    CHECK_EQ(b.completion, 0x2222222222222222);
    b.completion = a.completion;
    CHECK(!memcmp(&a, &b, sizeof(a)));
}

/* Stopped with jobs of every kind in the ring, and its end in the middle. */
static void lost_jobs_are_named(void)
{
    struct secmmu_desc lost[8];
    struct secmmu_completion c;

    begin(8);
    works();
    CHECK_EQ(secmmu_queue_reset(&q, lost, 8), -EBUSY);  /* it runs */
    for (unsigned i = 0; i < 5; i++) {
        nop(100 + i)->len = i;
    }
    CHECK_EQ(secmmu_submit(&q), 5);
    nop(105);
    nop(106);
    fake.budget = 2;
    fake_run(0);
    CHECK_EQ(secmmu_queue_reset(&q, lost, 8), -EBUSY);
    fake.queue[0].error = SECMMU_QUEUE_RING_FAULT;
    CHECK_EQ(secmmu_queue_reset(&q, lost, 8), -EBUSY);  /* two results */
    CHECK_EQ(secmmu_wait(&q, &c), 0);
    CHECK_EQ(secmmu_queue_reset(&q, lost, 8), -EBUSY);
    CHECK_EQ(secmmu_wait(&q, &c), 0);
    CHECK_EQ(secmmu_wait(&q, &c), -EFAULT);
    CHECK_EQ(secmmu_fill(&q, &c, 0, 1), -EFAULT);
    CHECK_EQ(secmmu_queue_reset(&q, lost, 4), -ENOSPC);
    CHECK_EQ(secmmu_queue_reset(&q, lost, 5), 5);
    for (unsigned i = 0; i < 5; i++) {
        CHECK_EQ(lost[i].user_data, 102 + i);
        CHECK_EQ(lost[i].len, i < 3 ? 2 + i : 0);
    }
    fake.budget = UINT32_MAX;
    CHECK_EQ(secmmu_wait(&q, &c), -ENOENT);
    for (unsigned i = 0; i < 5; i++) {
        secmmu_prep_desc(secmmu_get_desc(&q), &lost[i]);
    }
    CHECK_EQ(secmmu_submit_and_wait(&q, 5, -1), 5);
    for (unsigned i = 0; i < 5; i++) {
        CHECK_EQ(secmmu_peek(&q, &c), 0);
        CHECK_EQ(c.user_data, 102 + i);
    }
    works();
    /* Nobody wants to know. */
    nop(1);
    fake.queue[0].error = SECMMU_QUEUE_BAD_DOORBELL;
    CHECK_EQ(secmmu_queue_reset(&q, NULL, 0), 1);
    works();
    end();
}

/* A step fails: nothing is lost but time, and it can be tried again. */
static void reset_fails(void)
{
    static const FakeStep steps[] = { FAKE_CREATE, FAKE_DOORBELL };
    struct secmmu_desc lost[8];
    struct secmmu_completion c;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        begin(8);
        fake.budget = 0;
        nop(7);
        nop(8);
        CHECK_EQ(secmmu_submit(&q), 2);
        fake.queue[0].error = SECMMU_QUEUE_RING_FAULT;
        fake.fail[steps[i]] = ENOMEM;
        CHECK_EQ(secmmu_queue_reset(&q, lost, 8), -ENOMEM);
        /* In between it has no doorbell, and says so. */
        nop(9);
        CHECK_EQ(secmmu_submit(&q), -ENODEV);
        CHECK_EQ(secmmu_wait(&q, &c), -ENODEV);
        CHECK_EQ(secmmu_arm(&q, 1), -ENODEV);
        CHECK_EQ(secmmu_queue_reset(&q, lost, 8), 3);
        CHECK_EQ(lost[0].user_data, 7);
        CHECK_EQ(lost[2].user_data, 9);
        fake.budget = UINT32_MAX;
        works();
        end();

        /* Or ended after all. */
        begin(8);
        fake.queue[0].error = SECMMU_QUEUE_RING_FAULT;
        fake.fail[steps[i]] = ENOMEM;
        CHECK_EQ(secmmu_queue_reset(&q, lost, 8), -ENOMEM);
        end();
    }
}

static void device_comes_back(void)
{
    struct secmmu_queue other;
    struct secmmu_desc lost[8];
    struct secmmu_completion c;
    uint32_t error;
    int fd;

    begin(8);
    /* The other one has the number that ours will be given. */
    secmmu_queue_exit(&q);
    CHECK_EQ(secmmu_queue_init(&other, &s, 4, 0), 0);
    CHECK_EQ(secmmu_queue_init(&q, &s, 8, 0), 0);
    fd = s.fd;
    CHECK_EQ(secmmu_recover(&s, 0), 0);         /* not lost: the same file */
    CHECK_EQ(fake.opens, 1);
    fake.budget = 0;
    nop(1);
    nop(2);
    CHECK_EQ(secmmu_submit(&q), 2);
    fake_lose();
    CHECK_EQ(secmmu_wait(&q, &c), -ENODEV);
    CHECK_EQ(secmmu_queue_reset(&q, lost, 8), -ENODEV);
    CHECK_EQ(secmmu_recover(&s, 0), -ENODEV);   /* not back */
    CHECK_EQ(secmmu_recover(&s, 30000000), -ENODEV);
    fake.gone = false;
    CHECK_EQ(secmmu_recover(&s, 0), 0);
    CHECK_EQ(s.fd, fd);
    /* The queue of before is still that, even if its number is taken again. */
    CHECK_EQ(secmmu_queue_status(&other, &error, NULL), 0);
    CHECK_EQ(error, SECMMU_QUEUE_DEVICE_LOST);
    CHECK_EQ(secmmu_arm(&other, 1), -ENODEV);
    CHECK_EQ(secmmu_eventfd(&other, 1), -ENODEV);
    CHECK_EQ(secmmu_queue_reset(&q, lost, 8), 2);
    CHECK_EQ(lost[1].user_data, 2);
    fake.budget = UINT32_MAX;
    works();
    secmmu_queue_exit(&other);
    works();                    /* it has not taken ours away */
    end();
}

static void recover_errors(void)
{
    begin(8);
    fake_lose();
    /* What another opening may say that no waiting helps. */
    fake.fail[FAKE_OPEN] = EACCES;
    CHECK_EQ(secmmu_recover(&s, -1), -EACCES);
    fake.gone = false;
    fake.uapi_version = 0x00020000;
    CHECK_EQ(secmmu_recover(&s, -1), -EPROTO);
    fake.uapi_version = SECMMU_UAPI_VERSION;
    /* A signal is not the end of it. */
    fake.fail[FAKE_OPEN] = EINTR;
    CHECK_EQ(secmmu_recover(&s, -1), 0);
    CHECK_EQ(secmmu_queue_reset(&q, NULL, 0), 0);
    works();
    end();
}

/* Not there yet, in whatever words: it is waited for. */
static void recover_waits(void)
{
    static const int errors[] = { ENODEV, ENXIO, ENOENT, EINTR };

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        begin(8);
        fake_lose();
        fake.gone = false;
        fake.fail[FAKE_OPEN] = errors[i];
        CHECK_EQ(secmmu_recover(&s, 0), -errors[i]);
        fake.fail[FAKE_OPEN] = errors[i];
        CHECK_EQ(secmmu_recover(&s, -1), 0);
        CHECK_EQ(fake.opens, 4);
        CHECK_EQ(secmmu_queue_reset(&q, NULL, 0), 0);
        works();
        end();
    }
}

/* A context has room for so much of a path; a longer one is not kept. */
static void recover_needs_a_path(void)
{
    char path[80];

    for (int len = 63; len <= 64; len++) {
        CHECK_EQ(snprintf(path, sizeof(path), "/dev/secmmu%0*d/secmmu0",
                          len - 19, 0), len);
        fake_reset();
        CHECK_EQ(secmmu_open(&s, path), 0);
        CHECK_EQ(secmmu_queue_init(&q, &s, 8, 0), 0);
        CHECK_EQ(secmmu_recover(&s, -1), 0);    /* not lost */
        fake_lose();
        fake.gone = false;
        CHECK_EQ(secmmu_recover(&s, 0), len == 63 ? 0 : -ENAMETOOLONG);
        CHECK_EQ(fake.opens, len == 63 ? 2 : 1);
        end();
    }
}

static const Case cases[] = {
    CASE(desc_is_copied), CASE(lost_jobs_are_named), CASE(reset_fails),
    CASE(device_comes_back), CASE(recover_errors), CASE(recover_waits),
    CASE(recover_needs_a_path),
};
TEST_MAIN(cases)
