/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Faults injected by properties: the device does wrong what it was told to do
 * wrong, when it was told to, and the rest right.
 *
 * Lives here: one case a property. Not here: what a driver makes of it
 * (tests/guest).
 */
#include <linux/pci_regs.h>
#include <time.h>
#include <unistd.h>

#include "cases.h"
#include "jobs.h"

#define VA 0x7f0000000000ull

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec * 1e-9;
}

static uint32_t post(struct dev *dev)
{
    dev_write64(dev, AREG(1, ASID_SHOOTDOWN),
                SECMMU_SHOOTDOWN(VA >> 12, 1));
    return dev_read32(dev, AREG(1, ASID_DONE));
}

void test_lose_shootdown(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES ",x-lose-shootdown=2");
    struct space s = space_new(dev, 1);
    struct queue q = queue_new(&s, 0, 2);
    uint64_t *first = space_alloc(&s, VA, PAGE, 0), gpa, *second;

    *first = 1;
    second = dev_alloc(dev, 1, PAGE, &gpa);
    *second = 2;
    CHECK_EQ(post(dev), 1);
    CHECK_EQ(jobs_ok(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_REDUCE, .src = VA, .len = 8 }).result, 1);
    space_map(&s, VA, gpa, PAGE, 0);
    /* Not done, not counted, nothing dropped. */
    CHECK_EQ(post(dev), 1);
    CHECK_EQ(dev->done[1], 1);
    CHECK_EQ(jobs_ok(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_REDUCE, .src = VA, .len = 8 }).result, 1);
    CHECK_EQ(post(dev), 2);
    CHECK_EQ(jobs_ok(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_REDUCE, .src = VA, .len = 8 }).result, 2);
    dev_end(dev);
}

void test_dead_shootdown(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES ",x-dead-shootdown=2");

    space_new(dev, 1);
    CHECK_EQ(post(dev), 1);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(post(dev), 1);
        CHECK_EQ(dev->done[1], 1);
    }
    dev_end(dev);
}

/* Off it is when the write has come back; and only that takes so long. */
void test_slow_stop(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES ",x-slow-stop=200");
    struct space s = space_new(dev, 1);
    struct queue q = queue_new(&s, 0, 2);
    uint64_t *data = space_alloc(&s, VA, PAGE, SECMMU_SPTE_W);
    struct secmmu_desc fill = {
        .opcode = SECMMU_OP_FILL, .dst = VA, .len = PAGE, .operand = { 7 },
    };
    double start;

    jobs_ok(&q, fill);
    CHECK_EQ(*data, 7);
    start = now();
    pci_command(&dev->pci, 0, PCI_COMMAND_MASTER);
    CHECK(now() - start >= 0.2);
    *data = 0;
    queue_submit(&q, fill);
    usleep(50000);
    CHECK_EQ(*data, 0);
    pci_command(&dev->pci, PCI_COMMAND_MASTER, 0);
    dev_end_dirty(dev);
}

void test_delay_shootdown(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES ",x-delay-shootdown=200");
    double start;

    space_new(dev, 1);
    start = now();
    CHECK_EQ(post(dev), 1);
    CHECK(now() - start >= 0.2);
    dev_end(dev);
}

void test_lose_interrupt(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES ",x-lose-interrupt=2");
    struct space s = space_new(dev, 1);
    struct queue q = queue_new(&s, 0, 2);
    unsigned seen = 0;

    for (unsigned i = 0; i < 6; i++) {
        struct secmmu_event ev;

        jobs_ok(&q, (struct secmmu_desc) {
            .opcode = SECMMU_OP_NOP, .flags = SECMMU_DESC_INTERRUPT });
        ev = dev_event(dev, SECMMU_EVENT_COMPLETION, 0);
        CHECK_EQ(ev.seq, i + 1);
        usleep(20000);
        seen += dev_take_msi(dev);
    }
    CHECK_EQ(seen, 3);
    dev_end(dev);
}

void test_repeat_interrupt(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES ",engines=1,x-hang-engine=50"
                                ",x-repeat-interrupt=on");
    struct space s = space_new(dev, 1);
    struct queue q = queue_new(&s, 0, 2);
    uint64_t patience = now_ms() + PATIENCE_MS;
    unsigned rounds = 0, seen = 0;

    /*
     * The engine takes its time, so that we look when the messages come. Two
     * between which we did not are seen as one: then there is another round.
     */
    while (rounds < 10 || seen <= rounds) {
        uint32_t job = queue_submit(&q, (struct secmmu_desc) {
            .opcode = SECMMU_OP_NOP, .flags = SECMMU_DESC_INTERRUPT });

        while (!dev_take_msi(dev)) {
            CHECK(now_ms() < patience);
        }
        rounds++;
        seen++;
        for (double end = now() + 0.03; now() < end; ) {
            seen += dev_take_msi(dev);
        }
        CHECK_EQ(queue_wait(&q, job).status, SECMMU_STATUS_OK);
        dev_event(dev, SECMMU_EVENT_COMPLETION, 0);
    }
    /* One event, one interrupt counted, more messages than that. */
    CHECK_EQ(COUNTER(dev, INTERRUPTS), rounds);
    dev_no_event(dev);
    dev_end(dev);
}

void test_repeat_event(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES ",x-repeat-event=on");
    struct space s = space_new(dev, 1);
    struct queue q = queue_new(&s, 0, 2);

    for (unsigned i = 1; i <= 10; i++) {
        jobs_ok(&q, (struct secmmu_desc) {
            .opcode = SECMMU_OP_NOP, .flags = SECMMU_DESC_INTERRUPT });
        for (unsigned copy = 0; copy < 2; copy++) {
            CHECK_EQ(dev_event(dev, SECMMU_EVENT_COMPLETION, 0).seq, i);
        }
    }
    dev_no_event(dev);
    CHECK_EQ(COUNTER(dev, EVENTS), 20);
    dev_end(dev);
}

/*
 * Whoever drains waits for the window, and no longer. False if no drain met it:
 * when we looked, it was not open yet, and then it was over.
 */
static bool drain_waits(struct queue *q)
{
    struct dev *dev = q->dev;
    double start = now();
    uint32_t job = queue_submit(q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_NOP });
    uint32_t done = dev_read32(dev, AREG(1, ASID_DONE));

    do {
        CHECK_EQ(post(dev), ++done);
        if (COUNTER(dev, DRAIN_WAITS)) {
            CHECK(now() - start >= 0.25);
            CHECK_EQ(queue_wait(q, job).status, SECMMU_STATUS_OK);
            return true;
        }
    } while (q->record[job % 4].status == SECMMU_STATUS_PENDING);
    return false;
}

void test_hang_engine(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES
                                ",engines=1,x-hang-engine=300");
    struct space s = space_new(dev, 1);
    struct queue q = queue_new(&s, 0, 2);

    WAIT_FOR(drain_waits(&q));
    dev_end(dev);
}

void test_fail_table(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES ",x-fail-table=1");
    struct space s = space_new(dev, 1);
    struct queue q = queue_new(&s, 0, 2);
    struct secmmu_event ev;

    /* The very first walk, for the descriptor, fails. */
    queue_submit(&q, (struct secmmu_desc) { .opcode = SECMMU_OP_NOP });
    ev = dev_event(dev, SECMMU_EVENT_ERROR, 0);
    CHECK_EQ(ev.code, SECMMU_QUEUE_RING_FAULT);
    CHECK_EQ(ev.va, RING_VA(0));
    CHECK(dev_take_error(dev) & SECMMU_ERR_TABLE);
    dev_end_dirty(dev);
}

void test_vanish(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES ",x-vanish=2");
    struct space s = space_new(dev, 1);
    struct queue q = queue_new(&s, 0, 2);
    uint64_t *data = space_alloc(&s, VA, PAGE, SECMMU_SPTE_W);
    struct secmmu_desc fill = {
        .opcode = SECMMU_OP_FILL, .dst = VA, .len = PAGE, .operand = { 7 },
    };

    jobs_ok(&q, fill);
    CHECK_EQ(*data, 7);
    *data = 0;
    queue_submit(&q, fill);
    usleep(50000);
    CHECK_EQ(*data, 0);
    CHECK_EQ(dev_read32(dev, SECMMU_REG_ID), 0xffffffffu);
    dev_write32(dev, SECMMU_REG_CTRL, SECMMU_CTRL_RESET);
    CHECK_EQ(dev_read32(dev, SECMMU_REG_ID), 0xffffffffu);
    CHECK_EQ(dev_read32(dev, QREG(0, QUEUE_STATUS)), 0xffffffffu);
    dev_end_dirty(dev);
}

void test_fail_start(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES ",x-fail-start=2");

    for (unsigned i = 0; i < 2; i++) {
        dev_write32(dev, SECMMU_REG_CTRL, SECMMU_CTRL_RESET);
        dev_write32(dev, SECMMU_REG_CTRL, SECMMU_CTRL_ENABLE);
        CHECK_EQ(dev_read32(dev, SECMMU_REG_STATUS), 0);
    }
    dev_write32(dev, SECMMU_REG_CTRL, SECMMU_CTRL_RESET);
    dev_init(dev);
    dev_end(dev);
}
