/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - the event ring.
 *
 * Lives here: when events are written, merged, kept waiting, forgotten; that
 * none is lost.
 * Not here: what makes them (test-queue.c).
 */
#include <sched.h>

#include "rig.h"

#define RING    RIG_VA
#define RECORD  (RIG_VA + 64 * PAGE)
#define A       (RIG_VA + 80 * PAGE)

static Rig *rig;

static void start(unsigned engines, unsigned queues)
{
    SecmmuConfig config = { .engines = engines, .queues = queues,
                            .asids = 4 };

    rig = rig_new(&config, 16);
    for (unsigned a = 1; a < 3; a++) {
        rig_space_on(rig, a, SECMMU_ASID_WALK);
        rig_back(rig, a, RIG_VA, 512, PAGE, true);
    }
}

static void stop(void)
{
    rig_free(rig);
}

static unsigned state(unsigned q)
{
    return rig_read32(rig, QREG(q, STATUS)) & 0xff;
}

static struct secmmu_desc nop(unsigned flags)
{
    return (struct secmmu_desc) { .opcode = SECMMU_OP_NOP, .flags = flags,
                                  .completion = RECORD };
}

/* Rings and records present, so that only data faults. */
static void warm(unsigned asid)
{
    rig_map(rig, asid, RIG_VA, 80);
}

static void completion_events(void)
{
    struct secmmu_desc d = nop(SECMMU_DESC_INTERRUPT);

    start(1, 4);
    warm(1);
    rig_queue_on(rig, 0, 1, RING, 4);
    d.user_data = 7;
    rig_submit(rig, 0, &d);
    while (!rig_poll(rig)) {
        sched_yield();
    }
    CHECK_EQ(rig->last_event.type, SECMMU_EVENT_COMPLETION);
    CHECK_EQ(rig->last_event.queue, 0);
    CHECK_EQ(rig->last_event.asid, 1);
    CHECK_EQ(rig->last_event.va, 7);
    CHECK_EQ(rig->last_event.seq, 1);
    CHECK_EQ(atomic_load(&rig->irqs), 1);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_INTERRUPTS), 1);
    /* Without the flag: none. */
    d = nop(0);
    rig_run(rig, 0, &d);
    CHECK_EQ(rig_poll(rig), 0);
    /* Nobody consumes: the second and third are merged with the first. */
    d = nop(SECMMU_DESC_INTERRUPT);
    for (unsigned i = 0; i < 3; i++) {
        rig_submit(rig, 0, &d);
    }
    rig_wait_unread(rig, 0, 5, SECMMU_QUEUE_STATE_IDLE);
    rig_poll(rig);
    CHECK_EQ(rig->completions, 2);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_EVENTS_MERGED), 2);
    CHECK_EQ(rig_read32(rig, GREG(EVENT_TAIL)), 2);
    CHECK_EQ(rig_read32(rig, GREG(EVENT_HEAD)), 2);
    stop();
}

static void arm(void)
{
    struct secmmu_desc d = nop(0);

    start(1, 4);
    warm(1);
    rig_queue_on(rig, 0, 1, RING, 4);
    rig_write32(rig, QREG(0, ARM), 2);
    rig_run(rig, 0, &d);
    CHECK_EQ(rig_poll(rig), 0);         /* one of two */
    rig_run(rig, 0, &d);
    rig_wait_state(rig, 0, SECMMU_QUEUE_STATE_IDLE);
    rig_poll(rig);
    CHECK_EQ(rig->completions, 1);
    CHECK_EQ(rig->last_event.seq, 2);
    rig_run(rig, 0, &d);                /* it was for once */
    rig_wait_state(rig, 0, SECMMU_QUEUE_STATE_IDLE);
    CHECK_EQ(rig_poll(rig), 0);
    rig_write32(rig, QREG(0, ARM), 3);  /* reached already */
    CHECK_EQ(rig_poll(rig), 1);
    rig_write32(rig, QREG(0, ARM), 1);
    CHECK_EQ(rig_poll(rig), 1);
    rig_write32(rig, QREG(0, ARM), 4);
    rig_run(rig, 0, &d);
    rig_wait_state(rig, 0, SECMMU_QUEUE_STATE_IDLE);
    rig_poll(rig);
    CHECK_EQ(rig->completions, 4);
    stop();
}

/* Arming races with the end of the job: the event must come either way. */
static void arm_races(void)
{
    struct secmmu_desc d = nop(0);

    start(1, 2);
    warm(1);
    rig_queue_on(rig, 0, 1, RING, 4);
    for (unsigned i = 1; i <= 20000; i++) {
        rig_submit(rig, 0, &d);
        for (unsigned k = 0; k < i % 64; k++) {
            secmmu_cpu_relax();
        }
        rig_write32(rig, QREG(0, ARM), i);
        rig_wait(rig, 0, i);
        while (rig->completions < i) {
            rig_poll(rig);
        }
    }
    stop();
}

/*
 * A driver that never moves the head: at most one event of each type per
 * queue is in the ring, the others wait, and come when it moves.
 */
static void nothing_lost(void)
{
    enum { N = 8 };
    struct secmmu_desc d = { .opcode = SECMMU_OP_FILL, .dst = A, .len = 8,
                             .flags = SECMMU_DESC_INTERRUPT };

    start(2, N);
    warm(1);
    /* Queues fault, are stopped and made anew: only the first event fits. */
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned q = 0; q < N; q++) {
            d.dst = A + 8 * q;
            rig_queue_on(rig, q, 1, RING + q * PAGE, 2);
            rig_submit(rig, q, &d);
        }
        for (unsigned q = 0; q < N; q++) {
            while (state(q) != SECMMU_QUEUE_STATE_FAULTED) {
                sched_yield();
            }
        }
        CHECK_EQ(rig_read32(rig, GREG(EVENT_TAIL)), N);
        CHECK_EQ(!!(rig_read32(rig, GREG(STATUS)) & SECMMU_STATUS_REG_STALLED),
                 round > 0);
        if (round < 4) {
            for (unsigned q = 0; q < N; q++) {
                rig_write32(rig, QREG(q, CTRL), 0);
            }
            /* What waited is not written after that. */
            CHECK_EQ(rig_read32(rig, GREG(STATUS)) &
                     SECMMU_STATUS_REG_STALLED, 0);
        }
    }
    /* The old events, then the ones that waited: all queues get on. */
    for (unsigned q = 0; q < N; q++) {
        rig_wait(rig, q, 1);
    }
    for (unsigned q = 0; q < N; q++) {
        rig_wait_state(rig, q, SECMMU_QUEUE_STATE_IDLE);
    }
    rig_poll(rig);
    CHECK_EQ(rig->faults, 2 * N);
    CHECK_EQ(rig->completions, N);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_STALE_RESPONSES), N);
    CHECK_EQ(rig_read32(rig, GREG(STATUS)), SECMMU_STATUS_REG_ENABLED);
    stop();
}

/* Disabled, or no bus master: events wait for that too. */
static void events_wait_for_dma(void)
{
    start(1, 2);
    rig_queue_on(rig, 0, 1, RING, 2);
    secmmu_core_set_bus_master(rig->core, false);
    rig_doorbell(rig, 0, 77);
    CHECK_EQ(state(0), SECMMU_QUEUE_STATE_STOPPED);
    CHECK_EQ(rig_poll(rig), 0);
    CHECK(rig_read32(rig, GREG(STATUS)) & SECMMU_STATUS_REG_STALLED);
    CHECK_EQ(atomic_load(&rig->irqs), 0);
    secmmu_core_set_bus_master(rig->core, true);
    CHECK_EQ(atomic_load(&rig->irqs), 1);
    CHECK_EQ(rig_poll(rig), 1);
    stop();
}

/* A stopped queue's event that waits is forgotten, its neighbour's is not. */
static void forget_in_the_middle(void)
{
    start(1, 4);
    secmmu_core_set_bus_master(rig->core, false);
    for (unsigned q = 0; q < 4; q++) {
        rig_queue_on(rig, q, 1, RING + q * PAGE, 2);
        rig_doorbell(rig, q, 77);
    }
    rig_write32(rig, QREG(1, CTRL), 0);
    rig_write32(rig, QREG(3, CTRL), 0);
    secmmu_core_set_bus_master(rig->core, true);
    CHECK_EQ(rig_poll(rig), 2);
    CHECK_EQ(rig->last_event.queue, 2);
    stop();
}

/* The stream of events and its stamps go on past 2^32. */
static void positions_wrap(void)
{
    struct secmmu_desc d = nop(SECMMU_DESC_INTERRUPT);

    start(1, 4);
    warm(1);
    pthread_mutex_lock(&rig->core->lock);
    rig->core->event_head = rig->core->event_tail = 0xfffffffdull;
    pthread_mutex_unlock(&rig->core->lock);
    rig->head = 0xfffffffd;
    /* By then each slot would hold the stamp of the round before. */
    memset(rig_ram(rig, rig->events), 0x55,
           sizeof(struct secmmu_event) << rig->order);
    rig_queue_on(rig, 0, 1, RING, 2);
    for (unsigned i = 1; i <= 20; i++) {
        rig_run(rig, 0, &d);
        while (rig->completions < i) {
            rig_poll(rig);
        }
    }
    /* No mark of a driver that looks is among them. */
    CHECK_EQ(atomic_load(&rig->irqs), 20);
    CHECK_EQ(rig_read32(rig, GREG(EVENT_TAIL)), 17);
    CHECK_EQ(rig_read32(rig, GREG(EVENT_HEAD)), 17);
    CHECK_EQ(rig_read32(rig, GREG(ERROR)), 0);
    stop();
}

/* ------------------------------------------- the driver looks by itself */

static _Atomic uint32_t *stamp_at(uint32_t pos)
{
    struct secmmu_event *ring = rig_ram(rig, rig->events);

    return (_Atomic uint32_t *)&ring[pos & ((1u << rig->order) - 1)].stamp;
}

/* Says that we look at the next slot; false: there is an event. */
static bool look_begin(uint32_t *old)
{
    *old = atomic_load(stamp_at(rig->head));
    return *old != SECMMU_STAMP(rig->head) &&
           atomic_compare_exchange_strong(stamp_at(rig->head), old,
                                          SECMMU_STAMP_POLLED(rig->head));
}

/* False: an event has come, of which nobody else has told us. */
static bool look_end(uint32_t old)
{
    uint32_t mark = SECMMU_STAMP_POLLED(rig->head);

    return atomic_compare_exchange_strong(stamp_at(rig->head), &mark, old);
}

static void polled_slot_is_silent(void)
{
    struct secmmu_desc d = nop(SECMMU_DESC_INTERRUPT);
    uint32_t old;

    start(1, 4);
    warm(1);
    rig_queue_on(rig, 0, 1, RING, 4);
    CHECK(look_begin(&old));
    rig_submit(rig, 0, &d);
    rig_wait_unread(rig, 0, 1, SECMMU_QUEUE_STATE_IDLE);
    CHECK(!look_end(old));
    CHECK_EQ(rig_poll(rig), 1);
    CHECK_EQ(rig->completions, 1);
    CHECK_EQ(atomic_load(&rig->irqs), 0);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_INTERRUPTS), 0);
    /* Looked in vain, and given up: told again. */
    CHECK(look_begin(&old));
    CHECK(look_end(old));
    rig_submit(rig, 0, &d);
    rig_wait_unread(rig, 0, 2, SECMMU_QUEUE_STATE_IDLE);
    CHECK_EQ(atomic_load(&rig->irqs), 1);
    CHECK_EQ(rig_poll(rig), 1);
    stop();
}

/* The mark is one slot's: the event behind it is told. */
static void only_the_polled_slot(void)
{
    uint32_t old;

    start(1, 4);
    CHECK(look_begin(&old));
    rig_queue_on(rig, 0, 1, RING, 4);
    rig_queue_on(rig, 1, 1, RING + PAGE, 4);
    rig_doorbell(rig, 0, 77);
    CHECK_EQ(atomic_load(&rig->irqs), 0);
    rig_doorbell(rig, 1, 77);
    CHECK_EQ(atomic_load(&rig->irqs), 1);
    CHECK_EQ(rig_poll(rig), 2);
    /* Two that waited, written at one time: one of them silently. */
    secmmu_core_set_bus_master(rig->core, false);
    for (unsigned q = 0; q < 2; q++) {
        rig_write32(rig, QREG(q, CTRL), 0);
        rig_queue_on(rig, q, 1, RING + q * PAGE, 4);
        rig_doorbell(rig, q, 77);
    }
    CHECK(look_begin(&old));
    secmmu_core_set_bus_master(rig->core, true);
    CHECK_EQ(atomic_load(&rig->irqs), 2);
    CHECK_EQ(rig_poll(rig), 2);
    stop();
}

static _Atomic bool writing;

/* The engine, on its way to write one: gives the driver time to give up. */
static void event_is_near(Rig *r, uint64_t addr)
{
    if (addr - r->events < sizeof(struct secmmu_event) << r->order) {
        atomic_store(&writing, true);
        for (unsigned k = 0; k < 6; k++) {
            secmmu_cpu_relax();
        }
    }
}

/*
 * A driver that looks, gives up just when an event is written and sleeps until it
 * is interrupted: each event is seen, or told.
 */
static void polling_loses_nothing(void)
{
    struct secmmu_desc d = nop(SECMMU_DESC_INTERRUPT);
    unsigned told = 0, looked = 0;

    start(1, 2);
    warm(1);
    rig->on_map = event_is_near;
    rig_queue_on(rig, 0, 1, RING, 4);
    for (unsigned i = 1; i <= 20000; i++) {
        uint32_t old;

        atomic_store(&writing, false);
        rig_submit(rig, 0, &d);
        if (look_begin(&old)) {
            while (!atomic_load(&writing)) {
                secmmu_cpu_relax();
            }
            for (unsigned k = 0; k < i % 16; k++) {
                secmmu_cpu_relax();
            }
            if (look_end(old)) {
                /* For ever, were this one lost; the runner has a limit. */
                while (atomic_load(&rig->irqs) == told) {
                    sched_yield();
                }
            } else {
                looked++;
            }
        }
        rig_wait(rig, 0, i);
        rig_wait_state(rig, 0, SECMMU_QUEUE_STATE_IDLE);
        rig_poll(rig);
        CHECK_EQ(rig->completions, i);
        told = atomic_load(&rig->irqs);
    }
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_EVENTS), 20000);
    CHECK(told <= 20000 - looked);
    stop();
}

static const Case cases[] = {
    CASE(completion_events), CASE(arm), CASE(arm_races), CASE(nothing_lost),
    CASE(events_wait_for_dma), CASE(forget_in_the_middle),
    CASE(positions_wrap), CASE(polled_slot_is_silent),
    CASE(only_the_polled_slot), CASE(polling_loses_nothing),
};

TEST_MAIN(cases)
