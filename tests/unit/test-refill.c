/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - a full ring that is refilled at the earliest moment.
 *
 * Lives here: the driver sees the record of the oldest job and rings for a job
 * in its slot, before the device has moved its head.
 * Not here: other doorbells (test-queue.c).
 */
#include <sched.h>

#include "rig.h"

#define RING    RIG_VA
#define RECORD  (RIG_VA + PAGE)
#define ORDER   2
#define SLOTS   (1u << ORDER)

static pthread_t driver;
static bool refilled;

static void *ring(void *rig)
{
    rig_doorbell(rig, 0, SLOTS + 1);
    return NULL;
}

/*
 * The access to the first record ends: it can be seen from here on. The engine
 * stays where it is until the doorbell is judged. A thread of its own rings:
 * who stops a queue waits for the engine.
 */
static void refill(Rig *rig, uint64_t addr)
{
    SecmmuQueue *q = &rig->core->queues[0];

    if (refilled || rig_ram(rig, addr) != rig_va(rig, 1, RECORD)) {
        return;
    }
    refilled = true;
    CHECK(!pthread_create(&driver, NULL, ring, rig));
    while (atomic_load(&q->tail) != SLOTS + 1 && !atomic_load(&q->stop)) {
        sched_yield();
    }
}

static void before_head_moves(void)
{
    SecmmuConfig config = { .engines = 1, .queues = 2, .asids = 2 };
    Rig *rig = rig_new(&config, 8);

    rig_space_on(rig, 1, SECMMU_ASID_WALK);
    rig_back(rig, 1, RIG_VA, 4, PAGE, true);
    rig_map(rig, 1, RIG_VA, 4);
    rig_queue_on(rig, 0, 1, RING, ORDER);
    for (unsigned i = 0; i < SLOTS; i++) {
        struct secmmu_desc d = {
            .opcode = SECMMU_OP_NOP, .completion = RECORD + 32 * i,
        };

        rig_put(rig, 1, RING + 64 * i, &d, sizeof(d));
    }
    rig->on_unmap = refill;
    rig_doorbell(rig, 0, SLOTS);
    rig_wait(rig, 0, SLOTS + 1);
    CHECK(refilled);
    CHECK(!pthread_join(driver, NULL));
    rig_wait_state(rig, 0, SECMMU_QUEUE_STATE_IDLE);
    CHECK_EQ(rig_read32(rig, QREG(0, HEAD)), SLOTS + 1);
    CHECK_EQ(rig_read32(rig, QREG(0, STATUS)), SECMMU_QUEUE_STATE_IDLE);
    CHECK_EQ(atomic_load(&rig->guest_errors), 0);
    rig_free(rig);
}

static const Case cases[] = { CASE(before_head_moves) };
TEST_MAIN(cases)
