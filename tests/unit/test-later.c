/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - engines that cannot reach memory by themselves, as behind an IOMMU.
 *
 * Lives here: maps that are put off to another window, maps for which an engine
 * waits while somebody waits for the engine, events that others have to write.
 * Not here: an IOMMU (tests/qtest/test-iommu.c).
 */
#include <sched.h>

#include "rig.h"

#define RING    RIG_VA
#define RECORD  (RIG_VA + PAGE)
#define A       (RIG_VA + 16 * PAGE)
#define B       (RIG_VA + 64 * PAGE)
#define LEN     (20 * PAGE)

static Rig *rig;
static SecmmuBusOps real;
static pthread_t holder;        /* the thread that makes the control calls */

/* One question at a time; there is one engine. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool asked, answered;
static unsigned served, put_off;

static bool by_engine(void)
{
    return !pthread_equal(pthread_self(), holder);
}

static void start(bool audit)
{
    SecmmuConfig config = { .engines = 1, .queues = 2, .asids = 2,
                            .audit = audit };

    holder = pthread_self();
    served = put_off = 0;
    rig = rig_new_full(&config, 4);
    real = rig->ops;
    rig_space_on(rig, 1, SECMMU_ASID_WALK);
    rig_back(rig, 1, RIG_VA, 128, PAGE, true);
    rig_map(rig, 1, RIG_VA, 128);
    rig_queue_on(rig, 1, 1, RING, 3);
}

/* ------------------------------------------------- put off at random */

static void *map_perhaps(void *opaque, uint64_t addr, size_t len, bool write,
                         void **cookie)
{
    static uint32_t seed = 1;

    if (by_engine()) {
        seed = seed * 1664525 + 1013904223;
        if (seed >> 30 == 0) {
            put_off++;
            *cookie = SECMMU_MAP_LATER;
            return NULL;
        }
    }
    return real.map(opaque, addr, len, write, cookie);
}

static struct secmmu_completion run(struct secmmu_desc d)
{
    struct secmmu_completion c;

    d.completion = RECORD;
    c = rig_run(rig, 1, &d);
    CHECK_EQ(c.status, SECMMU_STATUS_OK);
    return c;
}

/* Whatever is put off is done in the end, once. */
static void every_access(void)
{
    static uint8_t was[LEN], is[LEN];
    uint64_t sum = 0, word;

    start(true);
    rig->ops.map = map_perhaps;
    for (size_t i = 0; i < LEN; i++) {
        was[i] = i * 7 + i / 251;
    }
    rig_put(rig, 1, A, was, LEN);
    for (size_t i = 0; i < LEN; i += 8) {
        memcpy(&word, was + i, 8);
        sum += word;
    }
    for (unsigned i = 1; i <= 50; i++) {
        rig_shootdown(rig, 1, RIG_VA, 128);
        run((struct secmmu_desc) { .opcode = SECMMU_OP_COPY, .src = A,
                                   .dst = B + 3, .len = LEN });
        rig_get(rig, 1, B + 3, is, LEN);
        CHECK(!memcmp(was, is, LEN));
        CHECK_EQ(run((struct secmmu_desc) {
            .opcode = SECMMU_OP_REDUCE, .src = A, .len = LEN,
        }).result, sum);
        CHECK_EQ(run((struct secmmu_desc) {
            .opcode = SECMMU_OP_COMPARE, .src = A, .dst = B + 3, .len = LEN,
        }).bytes, LEN);
        run((struct secmmu_desc) { .opcode = SECMMU_OP_FILL, .dst = B + 3,
                                   .len = LEN });
        run((struct secmmu_desc) {
            .opcode = SECMMU_OP_ATOMIC, .variant = SECMMU_ATOMIC_ADD,
            .len = 8, .dst = B + 30 * PAGE, .operand[0] = 1,
        });
        rig_get(rig, 1, B + 30 * PAGE, &word, 8);
        CHECK_EQ(word, i);
    }
    CHECK(put_off > 100);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_BUS_ERRORS), 0);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_AUDIT_VIOLATIONS), 0);
    CHECK_EQ(atomic_load(&rig->guest_errors), 0);
    rig_free(rig);
}

/* --------------------------------------------- an engine asks and waits */

static void serve(void)
{
    pthread_mutex_lock(&lock);
    if (asked && !answered) {
        answered = true;
        served++;
    }
    pthread_mutex_unlock(&lock);
}

static void *map_by_asking(void *opaque, uint64_t addr, size_t len, bool write,
                           void **cookie)
{
    bool done = !by_engine();

    if (!done) {
        pthread_mutex_lock(&lock);
        asked = true;
        pthread_mutex_unlock(&lock);
    }
    while (!done) {
        pthread_mutex_lock(&lock);
        done = answered;
        if (done) {
            asked = answered = false;
        }
        pthread_mutex_unlock(&lock);
        sched_yield();
    }
    return real.map(opaque, addr, len, write, cookie);
}

static void wait_op(void *opaque)
{
    CHECK(opaque == rig && !by_engine());
    serve();
}

static void until_asked(void)
{
    bool yes = false;

    while (!yes) {
        pthread_mutex_lock(&lock);
        yes = asked;
        pthread_mutex_unlock(&lock);
        sched_yield();
    }
}

/* Who waits for the engine is the one that the engine waits for. */
static void who_waits_serves(void)
{
    struct secmmu_desc d = { .opcode = SECMMU_OP_FILL, .dst = A, .len = LEN,
                             .completion = RECORD };
    unsigned before;

    start(false);
    rig->ops.wait = wait_op;
    rig->ops.map = map_by_asking;
    for (unsigned i = 0; i < 20; i++) {
        rig_submit(rig, 1, &d);
        until_asked();
        before = served;
        switch (i % 4) {
        case 0:
            rig_shootdown(rig, 1, RIG_VA, 128);
            break;
        case 1:
            secmmu_core_drain(rig->core);
            break;
        case 2:
            secmmu_core_set_bus_master(rig->core, false);
            secmmu_core_set_bus_master(rig->core, true);
            break;
        case 3:
            rig_write32(rig, QREG(1, CTRL), 0);
            rig_queue_on(rig, 1, 1, RING, 3);
            break;
        }
        CHECK(served > before);
        while (rig_read32(rig, QREG(1, HEAD)) !=
               rig_read32(rig, QREG(1, TAIL))) {
            serve();
        }
    }
    rig_free(rig);
}

/* ------------------------------------------------ events by somebody else */

static bool may_map(void *opaque)
{
    (void)opaque;
    return !by_engine();
}

static void kicked_events(void)
{
    struct secmmu_desc d = { .opcode = SECMMU_OP_NOP, .completion = RECORD,
                             .flags = SECMMU_DESC_INTERRUPT };

    start(false);
    rig->ops.may_map = may_map;
    rig_submit(rig, 1, &d);
    while (rig_read32(rig, QREG(1, HEAD)) != 1 ||
           !(rig_read32(rig, GREG(STATUS)) & SECMMU_STATUS_REG_STALLED)) {
        sched_yield();
    }
    CHECK_EQ(rig_read32(rig, GREG(EVENT_TAIL)), 0);
    CHECK_EQ(atomic_load(&rig->irqs), 0);
    secmmu_core_kick(rig->core);
    CHECK_EQ(rig_read32(rig, GREG(EVENT_TAIL)), 1);
    CHECK_EQ(atomic_load(&rig->irqs), 1);
    CHECK_EQ(rig_poll(rig), 1);
    CHECK_EQ(rig->completions, 1);
    secmmu_core_kick(rig->core);
    CHECK_EQ(rig_read32(rig, GREG(EVENT_TAIL)), 1);
    CHECK_EQ(atomic_load(&rig->irqs), 1);
    rig_free(rig);
}

static const Case cases[] = {
    CASE(every_access), CASE(who_waits_serves), CASE(kicked_events),
};

TEST_MAIN(cases)
