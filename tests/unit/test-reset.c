/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - stop, reset and bus mastering under load.
 *
 * Lives here: the stress of stress.h, in the middle of which queues are
 * stopped, ASIDs turned off, bus mastering turned off and the device reset.
 * After each nothing may be written any more, which a poison over all frames
 * shows.
 * Not here: shootdowns (test-shootdown.c).
 */
#include <sched.h>

#include "stress.h"

#define QUEUES 6

static Stress *start(bool slow)
{
    StressConfig config = { .engines = 3, .queues = QUEUES,
                            .slow_data = slow };

    return stress_start(&config);
}

static void stop(Stress *s)
{
    CHECK_EQ(stress_stop(s).violations, 0);
}

static void watch(Stress *s)
{
    stress_poison_all(s);
    for (unsigned i = 0; i < 50; i++) {
        sched_yield();
    }
    CHECK(stress_poison_intact(s));
}

static void run_for(Stress *s, unsigned pages)
{
    for (unsigned i = 0; i < pages; i++) {
        stress_take_page(s);
    }
}

static void reset_by(void (*reset)(Rig *rig))
{
    Stress *s = start(true);
    Rig *rig = stress_rig(s);

    for (unsigned i = 0; i < 150; i++) {
        run_for(s, 20);
        stress_hold(s);
        reset(rig);
        watch(s);
        CHECK_EQ(rig_read32(rig, GREG(CTRL)), 0);
        CHECK_EQ(rig_read32(rig, GREG(EVENT_TAIL)), 0);
        CHECK_EQ(rig_counter(rig, SECMMU_CNT_JOBS), 0);
        for (unsigned q = 0; q < QUEUES; q++) {
            CHECK_EQ(rig_read32(rig, QREG(q, STATUS)), 0);
            CHECK_EQ(rig_read64(rig, QREG(q, RING)), 0);
        }
        rig_enable(rig);
        stress_set_up(s);
        stress_release(s);
    }
    stop(s);
}

static void by_register(Rig *rig)
{
    rig_write32(rig, GREG(CTRL), SECMMU_CTRL_RESET);
}

static void by_call(Rig *rig)
{
    secmmu_core_reset(rig->core);
}

static void reset_register(void)
{
    reset_by(by_register);
}

static void reset_call(void)
{
    reset_by(by_call);
}

static void bus_master(void)
{
    Stress *s = start(true);
    Rig *rig = stress_rig(s);
    uint64_t before = 0;

    for (unsigned i = 0; i < 150; i++) {
        run_for(s, 20);
        stress_hold(s);
        secmmu_core_set_bus_master(rig->core, false);
        watch(s);
        /* Nothing is lost: it goes on. */
        secmmu_core_set_bus_master(rig->core, true);
        stress_release(s);
    }
    before = rig_counter(rig, SECMMU_CNT_JOBS);
    while (rig_counter(rig, SECMMU_CNT_JOBS) < before + 10) {
        sched_yield();
    }
    CHECK_EQ(rig_read32(rig, GREG(ERROR)), 0);
    stop(s);
}

static void disable(void)
{
    Stress *s = start(false);
    Rig *rig = stress_rig(s);
    uint64_t before;

    for (unsigned i = 0; i < 150; i++) {
        run_for(s, 20);
        stress_hold(s);
        rig_write32(rig, GREG(CTRL), 0);
        watch(s);
        rig_write32(rig, GREG(CTRL), SECMMU_CTRL_ENABLE);
        stress_release(s);
    }
    before = rig_counter(rig, SECMMU_CNT_JOBS);
    while (rig_counter(rig, SECMMU_CNT_JOBS) < before + 10) {
        sched_yield();
    }
    stop(s);
}

/* All queues stop, one by one; then none writes. */
static void queues_off(void)
{
    Stress *s = start(true);
    Rig *rig = stress_rig(s);

    for (unsigned i = 0; i < 150; i++) {
        run_for(s, 20);
        stress_hold(s);
        for (unsigned q = 0; q < QUEUES; q++) {
            rig_write32(rig, QREG(q, CTRL), 0);
            CHECK_EQ(rig_read32(rig, QREG(q, STATUS)),
                     SECMMU_QUEUE_STATE_OFF);
        }
        watch(s);
        for (unsigned q = 0; q < QUEUES; q++) {
            stress_queue_on(s, q);
        }
        stress_release(s);
    }
    stop(s);
}

static void asids_off(void)
{
    Stress *s = start(true);
    Rig *rig = stress_rig(s);

    for (unsigned i = 0; i < 150; i++) {
        run_for(s, 20);
        stress_hold(s);
        for (unsigned a = 1; a <= 2; a++) {
            rig_write32(rig, AREG(a, MODE), SECMMU_ASID_OFF);
        }
        for (unsigned q = 0; q < QUEUES; q++) {
            CHECK_EQ(rig_read32(rig, QREG(q, STATUS)),
                     SECMMU_QUEUE_STATE_STOPPED | SECMMU_QUEUE_MM_GONE << 8);
            rig_write32(rig, QREG(q, CTRL), 0);
        }
        watch(s);
        stress_set_up(s);
        stress_release(s);
    }
    stop(s);
}

static const Case cases[] = {
    CASE(reset_register), CASE(reset_call), CASE(bus_master), CASE(disable),
    CASE(queues_off), CASE(asids_off),
};

TEST_MAIN(cases)
