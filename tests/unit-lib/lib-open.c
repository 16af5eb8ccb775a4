/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libsecmmu: contexts and the making of queues, and what is left behind when
 * a step fails. Not here: jobs.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fake.h"

static void opens_and_closes(void)
{
    struct secmmu s;

    fake_reset();
    CHECK_EQ(secmmu_open(&s, NULL), 0);
    CHECK(s.fd > 0);
    CHECK(fake.open_flags & O_CLOEXEC);
    CHECK_EQ(fake.open_flags & O_ACCMODE, O_RDWR);
    CHECK_EQ(s.info.uapi_version, SECMMU_UAPI_VERSION);
    CHECK_EQ(s.info.va_bits, 48);
    CHECK_EQ(s.info.asid, 1);
    secmmu_close(&s);
    CHECK(s.fd < 0);
    CHECK(fake_is_clean());
    /* Twice is no harm. */
    secmmu_close(&s);

    CHECK_EQ(secmmu_open(&s, "/dev/secmmu0"), 0);
    secmmu_close(&s);
    CHECK(fake_is_clean());
}

static void open_errors(void)
{
    static const struct {
        FakeStep step;
        int err;
    } steps[] = {
        { FAKE_OPEN, EACCES }, { FAKE_OPEN, EINTR }, { FAKE_OPEN, ENOMEM },
        { FAKE_OPEN, ENODEV }, { FAKE_MMAP, ENOMEM }, { FAKE_MADVISE, EINVAL },
        { FAKE_INFO, ENODEV }, { FAKE_INFO, ENOTTY },
    };
    struct secmmu s;

    fake_reset();
    CHECK_EQ(secmmu_open(&s, "/dev/secmmu7"), -ENOENT);
    secmmu_close(&s);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        fake.fail[steps[i].step] = steps[i].err;
        errno = 0;
        CHECK_EQ(secmmu_open(&s, NULL), -steps[i].err);
        CHECK_EQ(fake.fail[steps[i].step], 0);  /* it came by */
        CHECK(fake_is_clean());
        secmmu_close(&s);               /* no harm after a failure */
        CHECK(fake_is_clean());
    }
    CHECK_EQ(secmmu_open(&s, NULL), 0);
    secmmu_close(&s);
}

/* What is not open is nobody's, whatever is tried with it. */
static void not_open(struct secmmu *s)
{
    struct secmmu_completion c;
    struct secmmu_stats stats;
    struct secmmu_queue q;
    uint64_t word = 5;

    CHECK_EQ(secmmu_queue_init(&q, s, 8, 0), -EPERM);
    CHECK(!secmmu_get_desc(&q));
    CHECK_EQ(secmmu_submit(&q), -EPERM);
    CHECK_EQ(secmmu_wait(&q, &c), -EPERM);
    CHECK_EQ(secmmu_peek(&q, &c), -EPERM);
    CHECK(!secmmu_done_at(&q, 0));
    CHECK_EQ(secmmu_queue_reset(&q, NULL, 0), -EPERM);
    CHECK_EQ(secmmu_queue_status(&q, NULL, NULL), -EPERM);
    CHECK_EQ(secmmu_fill(&q, &word, 1, 8), -EPERM);
    secmmu_queue_exit(&q);
    CHECK_EQ(secmmu_stats(s, &stats), -EPERM);
    CHECK_EQ(secmmu_prefetch(s, &word, 8, 1), -EPERM);
    CHECK_EQ(secmmu_set_mode(s, SECMMU_MODE_SOFT), -EPERM);
    CHECK_EQ(secmmu_recover(s, 0), -EPERM);
    CHECK_EQ(word, 5);
}

static void what_is_not_open(void)
{
    struct secmmu_queue q;
    struct secmmu s;

    fake_reset();
    CHECK_EQ(secmmu_open(&s, "/dev/secmmu7"), -ENOENT);
    not_open(&s);
    CHECK_EQ(secmmu_open(&s, NULL), 0);
    CHECK_EQ(secmmu_queue_init(&q, &s, 8, 0), 0);
    secmmu_queue_exit(&q);
    CHECK(!secmmu_get_desc(&q));
    CHECK_EQ(secmmu_submit(&q), -EPERM);
    secmmu_close(&s);
    not_open(&s);
    CHECK(fake_is_clean());
}

static void versions(void)
{
    struct secmmu s;

    fake_reset();
    fake.uapi_version = SECMMU_UAPI_VERSION + 0x10000;
    CHECK_EQ(secmmu_open(&s, NULL), -EPROTO);
    CHECK(fake_is_clean());
    fake.uapi_version = SECMMU_UAPI_VERSION - 0x10000;
    CHECK_EQ(secmmu_open(&s, NULL), -EPROTO);
    CHECK(fake_is_clean());
    /* A newer minor is a driver that can do more. */
    fake.uapi_version = SECMMU_UAPI_VERSION + 1;
    CHECK_EQ(secmmu_open(&s, NULL), 0);
    CHECK_EQ(s.info.uapi_version, SECMMU_UAPI_VERSION + 1);
    secmmu_close(&s);
    CHECK(fake_is_clean());
}

static void queue_arguments(void)
{
    static const unsigned bad[] = {
        0, 3, 5, 6, 7, 4095, 4097, 8192, 0x80000000, 0xffffffff,
    };
    struct secmmu_queue q;
    struct secmmu s;
    unsigned ioctls;

    fake_reset();
    CHECK_EQ(secmmu_open(&s, NULL), 0);
    ioctls = fake.ioctls;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_EQ(secmmu_queue_init(&q, &s, bad[i], 0), -EINVAL);
    }
    CHECK_EQ(secmmu_queue_init(&q, &s, 64, 1), -EINVAL);
    CHECK_EQ(secmmu_queue_init(&q, &s, 64, 0x80000000), -EINVAL);
    CHECK_EQ(fake.ioctls, ioctls);
    secmmu_queue_exit(&q);

    for (unsigned entries = 1; entries <= 4096; entries *= 2) {
        CHECK_EQ(secmmu_queue_init(&q, &s, entries, 0), 0);
        CHECK(fake.queue[0].live);
        CHECK_EQ(1u << fake.queue[0].order, entries);
        CHECK_EQ(fake.queue[0].ring % 64, 0);
        secmmu_queue_exit(&q);
        CHECK(!fake.queue[0].live);
        secmmu_queue_exit(&q);          /* twice is no harm */
    }
    secmmu_close(&s);
    CHECK(fake_is_clean());
}

/* A failed init leaves nothing, and an exit after it takes nothing away. */
static void queue_errors(void)
{
    static const struct {
        FakeStep step;
        int err;
    } steps[] = {
        { FAKE_MMAP, ENOMEM }, { FAKE_CREATE, ENOSPC }, { FAKE_CREATE, ENODEV },
        { FAKE_DOORBELL, ENOMEM }, { FAKE_DOORBELL, EAGAIN },
    };
    struct secmmu_queue first, q;
    struct secmmu_completion c;
    struct secmmu s;

    fake_reset();
    CHECK_EQ(secmmu_open(&s, NULL), 0);
    CHECK_EQ(secmmu_queue_init(&first, &s, 4, 0), 0);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        fake.fail[steps[i].step] = steps[i].err;
        CHECK_EQ(secmmu_queue_init(&q, &s, 4, 0), -steps[i].err);
        CHECK_EQ(fake.fail[steps[i].step], 0);
        CHECK(!fake.queue[1].live);
        secmmu_queue_exit(&q);
        CHECK(fake.queue[0].live);
    }
    /* The first one is as it was. */
    secmmu_prep_nop(secmmu_get_desc(&first));
    CHECK_EQ(secmmu_submit(&first), 1);
    CHECK_EQ(secmmu_wait(&first, &c), 0);
    secmmu_queue_exit(&first);
    secmmu_close(&s);
    CHECK(fake_is_clean());
}

static void many_queues(void)
{
    struct secmmu_queue q[FAKE_QUEUES + 1];
    struct secmmu a, b;

    fake_reset();
    fake.max_queues = 3;
    CHECK_EQ(secmmu_open(&a, NULL), 0);
    CHECK_EQ(secmmu_open(&b, NULL), 0);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(secmmu_queue_init(&q[i], &a, 8, 0), 0);
    }
    CHECK_EQ(secmmu_queue_init(&q[3], &a, 8, 0), -ENOSPC);
    CHECK_EQ(secmmu_queue_init(&q[3], &b, 8, 0), 0);
    CHECK_EQ(fake.queue[3].ctx, 1);
    /* The number of one that ended goes to the next. */
    secmmu_queue_exit(&q[1]);
    CHECK_EQ(secmmu_queue_init(&q[1], &a, 8, 0), 0);
    CHECK_EQ(fake.queue[1].ctx, 0);
    for (unsigned i = 0; i < 4; i++) {
        secmmu_queue_exit(&q[i]);
    }
    secmmu_close(&a);
    secmmu_close(&b);
    CHECK(fake_is_clean());
}

static void statistics(void)
{
    struct secmmu_completion c;
    struct secmmu_stats stats;
    struct secmmu_queue q;
    struct secmmu s;

    fake_reset();
    CHECK_EQ(secmmu_open(&s, NULL), 0);
    CHECK_EQ(secmmu_queue_init(&q, &s, 4, 0), 0);
    for (unsigned i = 0; i < 3; i++) {
        secmmu_prep_nop(secmmu_get_desc(&q));
        CHECK_EQ(secmmu_submit(&q), 1);
        CHECK_EQ(secmmu_wait(&q, &c), 0);
    }
    memset(&stats, 0xff, sizeof(stats));
    CHECK_EQ(secmmu_stats(&s, &stats), 0);
    CHECK_EQ(stats.jobs, 3);
    CHECK_EQ(stats.faults, 0);
    fake.fail[FAKE_STATS] = ENODEV;
    CHECK_EQ(secmmu_stats(&s, &stats), -ENODEV);
    secmmu_queue_exit(&q);
    secmmu_close(&s);
    CHECK(fake_is_clean());
}

static void texts(void)
{
    for (unsigned i = 0; i <= SECMMU_STATUS_NR; i++) {
        for (unsigned k = 0; k < i; k++) {
            CHECK(strcmp(secmmu_strstatus(i), secmmu_strstatus(k)));
        }
    }
    CHECK(!strcmp(secmmu_strstatus(SECMMU_STATUS_NR),
                  secmmu_strstatus(0xffffffff)));
    for (unsigned i = 0; i <= SECMMU_QUEUE_DESTROYED + 1; i++) {
        for (unsigned k = 0; k < i; k++) {
            CHECK(strcmp(secmmu_strqueue_error(i), secmmu_strqueue_error(k)));
        }
    }
    CHECK(!strcmp(secmmu_strqueue_error(SECMMU_QUEUE_DESTROYED + 1),
                  secmmu_strqueue_error(0xffffffff)));
}

/*
 * The sizes that a program was compiled with, and what the device reads: a
 * change here is a new soname, or a new major version of the interface.
 */
static void layout(void)
{
    CHECK_EQ(sizeof(struct secmmu), 120);
    CHECK_EQ(sizeof(struct secmmu_queue), 88);

    CHECK_EQ(sizeof(struct secmmu_desc), 64);
    CHECK_EQ(offsetof(struct secmmu_desc, flags), 1);
    CHECK_EQ(offsetof(struct secmmu_desc, variant), 2);
    CHECK_EQ(offsetof(struct secmmu_desc, reserved), 4);
    CHECK_EQ(offsetof(struct secmmu_desc, user_data), 8);
    CHECK_EQ(offsetof(struct secmmu_desc, src), 16);
    CHECK_EQ(offsetof(struct secmmu_desc, dst), 24);
    CHECK_EQ(offsetof(struct secmmu_desc, len), 32);
    CHECK_EQ(offsetof(struct secmmu_desc, operand), 40);
    CHECK_EQ(offsetof(struct secmmu_desc, completion), 56);
    CHECK_EQ(offsetof(struct secmmu, fd), 0);
    CHECK_EQ(offsetof(struct secmmu, info), 4);
    CHECK_EQ(sizeof(struct secmmu_set_mode), 8);
    CHECK_EQ(offsetof(struct secmmu_set_mode, reserved), 4);
    CHECK_EQ(sizeof(struct secmmu_queue_eventfd), 8);
    CHECK_EQ(offsetof(struct secmmu_queue_eventfd, fd), 4);
    CHECK_EQ(sizeof(struct secmmu_queue_arm), 16);
    CHECK_EQ(offsetof(struct secmmu_queue_arm, flags), 8);
    CHECK_EQ(offsetof(struct secmmu_queue_arm, completed), 12);
    CHECK_EQ(sizeof(struct secmmu_advise), 40);
    CHECK_EQ(offsetof(struct secmmu_advise, advice), 16);
    CHECK_EQ(offsetof(struct secmmu_advise, pages), 24);
    CHECK_EQ(offsetof(struct secmmu_stats, prefetched), 216);
    CHECK_EQ(SECMMU_IOC_QUEUE_EVENTFD, 0x4008b606);
    CHECK_EQ(SECMMU_IOC_QUEUE_ARM, 0xc010b607);
    CHECK_EQ(SECMMU_IOC_ADVISE, 0xc028b608);
    CHECK_EQ(sizeof(struct secmmu_completion), 32);
    CHECK_EQ(offsetof(struct secmmu_completion, status), 0);
    CHECK_EQ(offsetof(struct secmmu_completion, bytes), 4);
    CHECK_EQ(offsetof(struct secmmu_completion, fault_addr), 8);
    CHECK_EQ(offsetof(struct secmmu_completion, result), 16);
    CHECK_EQ(offsetof(struct secmmu_completion, user_data), 24);

    /* Each number holds the size of its argument. */
    CHECK_EQ(SECMMU_IOC_INFO, 0x8020b600);
    CHECK_EQ(SECMMU_IOC_QUEUE_CREATE, 0xc020b601);
    CHECK_EQ(SECMMU_IOC_QUEUE_DESTROY, 0x4008b602);
    CHECK_EQ(SECMMU_IOC_QUEUE_WAIT, 0xc020b603);
    CHECK_EQ(SECMMU_IOC_STATS, 0x8100b604);
    CHECK_EQ(SECMMU_IOC_MODE, 0x4008b605);
}

static const Case cases[] = {
    CASE(opens_and_closes), CASE(open_errors), CASE(what_is_not_open),
    CASE(versions), CASE(queue_arguments), CASE(queue_errors),
    CASE(many_queues), CASE(statistics), CASE(texts), CASE(layout),
};
TEST_MAIN(cases)
