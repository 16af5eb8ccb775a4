/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Queues: order of jobs, completion records, completion events.
 *
 * Lives here: what holds for every job, whatever its opcode.
 * Not here: results (test-jobs.c), stopping queues (test-reset.c).
 */
#include "cases.h"
#include "jobs.h"

#define A 0x7f0000000000ull     /* operands */
#define B 0x7f0010000000ull

void test_job_nop(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 0);

    for (unsigned i = 1; i <= 3; i++) {
        struct secmmu_completion c = jobs_ok(&q, (struct secmmu_desc) {
            .opcode = SECMMU_OP_NOP,
        });

        CHECK_EQ(c.bytes, 0);
        CHECK_EQ(c.result, 0);
        WAIT_FOR(dev_read32(dev, QREG(0, QUEUE_HEAD)) == i);
        CHECK_EQ(dev_read32(dev, QREG(0, QUEUE_TAIL)), i);
    }
    WAIT_FOR(queue_state(&q) == SECMMU_QUEUE_STATE_IDLE);
    CHECK_EQ(COUNTER(dev, JOBS), 3);
    CHECK_EQ(COUNTER(dev, DOORBELLS), 3);
    CHECK_EQ(dev_counter(dev, SECMMU_CNT_JOBS_BY_OPCODE + SECMMU_OP_NOP), 3);
    CHECK_EQ(dev_counter(dev, SECMMU_CNT_JOBS_BY_STATUS + SECMMU_STATUS_OK),
             3);
    /* Nobody asked to be told. */
    dev_no_event(dev);
    CHECK(!dev_take_msi(dev));
    CHECK_EQ(COUNTER(dev, INTERRUPTS), 0);
    dev_end(dev);
}

/* Each job depends on the one before: a chain of additions to one word. */
void test_jobs_in_order(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 1, 6);
    uint64_t *word = space_alloc(&s, A, PAGE, SECMMU_SPTE_W);
    uint32_t job = 0;

    for (unsigned round = 0; round < 50; round++) {
        uint32_t first = q.tail;

        for (unsigned i = 0; i < 64; i++) {
            queue_put(&q, (struct secmmu_desc) {
                .opcode = SECMMU_OP_ATOMIC, .variant = SECMMU_ATOMIC_CAS,
                .dst = A, .len = 8, .operand = { q.tail, q.tail + 1 },
            });
            /* The doorbell covers one job or many. */
            if (i % 7 == 0) {
                queue_ring(&q);
            }
        }
        queue_ring(&q);
        for (job = first; job != q.tail; job++) {
            struct secmmu_completion c = queue_wait(&q, job);

            CHECK_EQ(c.status, SECMMU_STATUS_OK);
            CHECK_EQ(c.result, job);
        }
    }
    CHECK_EQ(*word, job);
    /* A job is counted after its record. */
    WAIT_FOR(COUNTER(dev, JOBS) >= job);
    CHECK_EQ(COUNTER(dev, JOBS), job);
    dev_end(dev);
}

void test_jobs_on_all_queues(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s[DEV_ASIDS];
    struct queue q[DEV_QUEUES];
    uint64_t *shared[DEV_ASIDS];
    const unsigned jobs = 256;
    uint8_t *data[DEV_QUEUES];

    for (unsigned a = 0; a < DEV_ASIDS; a++) {
        s[a] = space_new(dev, a);
        shared[a] = space_alloc(&s[a], A, PAGE, SECMMU_SPTE_W);
    }
    for (unsigned i = 0; i < DEV_QUEUES; i++) {
        struct space *mine = &s[i % DEV_ASIDS];

        q[i] = queue_new(mine, i, 8);
        data[i] = space_alloc(mine, B + i * HUGE, 4 * PAGE, SECMMU_SPTE_W);
    }
    for (unsigned i = 0; i < DEV_QUEUES; i++) {
        for (unsigned j = 0; j < jobs / 2; j++) {
            queue_put(&q[i], (struct secmmu_desc) {
                .opcode = SECMMU_OP_ATOMIC, .variant = SECMMU_ATOMIC_ADD,
                .dst = A, .len = 8, .operand[0] = 1 + i,
            });
            queue_put(&q[i], (struct secmmu_desc) {
                .opcode = SECMMU_OP_FILL, .dst = B + i * HUGE,
                .len = 4 * PAGE, .operand[0] = (i + 1) * 0x0101010101010101ull,
            });
        }
        queue_ring(&q[i]);
    }
    for (unsigned i = 0; i < DEV_QUEUES; i++) {
        for (unsigned j = 0; j < jobs; j++) {
            CHECK_EQ(queue_wait(&q[i], j).status, SECMMU_STATUS_OK);
        }
        for (unsigned b = 0; b < 4 * PAGE; b++) {
            CHECK_EQ(data[i][b], i + 1);
        }
    }
    for (unsigned a = 0; a < DEV_ASIDS; a++) {
        CHECK_EQ(*shared[a], jobs / 2 * ((1 + a) + (1 + a + DEV_ASIDS)));
    }
    dev_end(dev);
}

void test_job_without_record(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 2);
    uint64_t *word = space_alloc(&s, A, PAGE, SECMMU_SPTE_W);

    queue_submit(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_FILL, .dst = A, .len = 8, .operand[0] = 99,
        .completion = 1,
    });
    WAIT_FOR(dev_read32(dev, QREG(0, QUEUE_HEAD)) == 1);
    CHECK_EQ(*word, 99);
    CHECK_EQ(q.record[0].status, SECMMU_STATUS_PENDING);
    dev_end(dev);
}

void test_job_interrupt_flag(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 2);
    struct queue q = queue_new(&s, 5, 2);
    struct secmmu_event ev;
    uint32_t job = queue_submit(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_NOP, .flags = SECMMU_DESC_INTERRUPT,
    });

    ev = dev_event(dev, SECMMU_EVENT_COMPLETION, 5);
    CHECK_EQ(ev.flags, 0);
    CHECK_EQ(ev.asid, 2);
    CHECK_EQ(ev.code, 0);
    CHECK_EQ(ev.va, USER_DATA(&q, job));
    CHECK_EQ(ev.seq, 1);
    /* The event comes after what it tells of. */
    CHECK_EQ(q.record[0].status, SECMMU_STATUS_OK);
    CHECK_EQ(dev_read32(dev, QREG(5, QUEUE_HEAD)), 1);
    WAIT_FOR(dev_take_msi(dev));
    CHECK_EQ(COUNTER(dev, EVENTS), 1);
    CHECK_EQ(COUNTER(dev, INTERRUPTS), 1);
    dev_no_event(dev);
    dev_end(dev);
}

void test_queue_arm(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 4);
    const struct secmmu_desc nop = { .opcode = SECMMU_OP_NOP };

    dev_write32(dev, QREG(0, QUEUE_ARM), 3);
    queue_run(&q, nop);
    queue_run(&q, nop);
    dev_no_event(dev);
    queue_run(&q, nop);
    CHECK(dev_event(dev, SECMMU_EVENT_COMPLETION, 0).seq >= 3);
    WAIT_FOR(dev_take_msi(dev));
    /* Armed once, told once. */
    queue_run(&q, nop);
    dev_no_event(dev);
    CHECK(!dev_take_msi(dev));
    /* Already there: at once. The head follows the record. */
    WAIT_FOR(dev_read32(dev, QREG(0, QUEUE_HEAD)) == 4);
    dev_write32(dev, QREG(0, QUEUE_ARM), 2);
    CHECK_EQ(dev_event(dev, SECMMU_EVENT_COMPLETION, 0).seq, 4);
    dev_end(dev);
}

/* A completion that the driver has not consumed takes later ones in. */
void test_completions_merge(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 6);
    struct secmmu_event ev;

    for (unsigned i = 0; i < 60; i++) {
        queue_put(&q, (struct secmmu_desc) {
            .opcode = SECMMU_OP_NOP, .flags = SECMMU_DESC_INTERRUPT,
        });
    }
    queue_ring(&q);
    WAIT_FOR(dev_read32(dev, QREG(0, QUEUE_HEAD)) == 60);
    /* The last one is merged after the head has moved. */
    WAIT_FOR(COUNTER(dev, EVENTS_MERGED) >= 59);
    CHECK_EQ(COUNTER(dev, EVENTS_MERGED), 59);
    CHECK_EQ(dev_read32(dev, SECMMU_REG_EVENT_TAIL), 1);
    dev_event(dev, SECMMU_EVENT_COMPLETION, 0);
    /* Consuming it is enough; whoever reads the head now sees 60. Whether
     * the merged ones are told again is the device's choice, but once.
     */
    sleep_ms(20);
    if (dev_event_peek(dev, &ev)) {
        CHECK_EQ(ev.type, SECMMU_EVENT_COMPLETION);
        CHECK_EQ(ev.seq, 60);
    }
    dev_no_event(dev);
    dev_end(dev);
}
