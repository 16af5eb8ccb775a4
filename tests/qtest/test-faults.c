/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Faults: what the event says, and what each answer does.
 *
 * Lives here: FAULT events, RETRY, BUSY and RESUME, FAIL, no-block jobs,
 * faults on the ring and on completion records.
 * Not here: jobs that work in spite of faults (test-jobs.c).
 */
#include <string.h>

#include "cases.h"
#include "dev.h"

#define SRC 0x7f0000000000ull
#define DST 0x7f0010000000ull

static uint64_t frame(struct dev *dev)
{
    uint64_t gpa;

    dev_alloc(dev, 1, PAGE, &gpa);
    return gpa;
}

static struct secmmu_desc copy_job(uint64_t src, uint64_t dst, uint64_t len)
{
    return (struct secmmu_desc) {
        .opcode = SECMMU_OP_COPY, .src = src, .dst = dst, .len = len,
    };
}

static void retry(struct dev *dev, const struct secmmu_event *ev)
{
    dev_respond(dev, ev, SECMMU_RESPONSE_RETRY, 0);
}

void test_fault_read(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 3);
    struct queue q = queue_new(&s, 6, 2);
    uint8_t *dst = space_alloc(&s, DST, 3 * PAGE, SECMMU_SPTE_W);
    uint64_t gpa[3];
    struct secmmu_event ev;
    uint32_t job;

    for (unsigned i = 0; i < 3; i++) {
        gpa[i] = frame(dev);
        memset(dev_ptr(dev, gpa[i]), 0x40 + i, PAGE);
    }
    job = queue_submit(&q, copy_job(SRC + 100, DST, 2 * PAGE + 200));
    for (unsigned i = 0; i < 3; i++) {
        uint64_t va = i ? SRC + i * PAGE : SRC + 100;

        ev = dev_event(dev, SECMMU_EVENT_FAULT, 6);
        CHECK_EQ(ev.asid, 3);
        CHECK_EQ(ev.flags, 0);
        CHECK_EQ(ev.code, SECMMU_OP_COPY);
        CHECK_EQ(ev.va, va);
        /* All that is left of the operand, not only this page. */
        CHECK_EQ(ev.extent, SRC + 100 + 2 * PAGE + 200 - va);
        CHECK_EQ(queue_state(&q), SECMMU_QUEUE_STATE_FAULTED);
        CHECK_EQ(q.record[0].status, SECMMU_STATUS_PENDING);
        WAIT_FOR(dev_take_msi(dev));
        space_map(&s, SRC + i * PAGE, gpa[i], PAGE, 0);
        retry(dev, &ev);
    }
    CHECK_EQ(queue_wait(&q, job).status, SECMMU_STATUS_OK);
    for (unsigned i = 0; i < 2 * PAGE + 200; i++) {
        CHECK_EQ(dst[i], 0x40 + (i + 100) / PAGE);
    }
    CHECK_EQ(COUNTER(dev, FAULTS_READ), 3);
    CHECK_EQ(COUNTER(dev, RETRIED), 3);
    CHECK_EQ(COUNTER(dev, EVENTS), 3);
    CHECK_EQ(COUNTER(dev, FAULTS_WRITE) + COUNTER(dev, FAULTS_PROTECT), 0);
    dev_end(dev);
}

void test_fault_write(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 2);
    uint64_t gpa = frame(dev);
    struct secmmu_event ev;
    uint32_t job = queue_submit(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_FILL, .dst = DST + 16, .len = 64,
        .operand[0] = 0x1122334455667788ull,
    });

    ev = dev_event(dev, SECMMU_EVENT_FAULT, 0);
    CHECK_EQ(ev.flags, SECMMU_FAULT_WRITE);
    CHECK_EQ(ev.code, SECMMU_OP_FILL);
    CHECK_EQ(ev.va, DST + 16);
    CHECK_EQ(ev.extent, 64);
    /* Mapped, but not for writing: another fault, which says so. */
    space_map(&s, DST, gpa, PAGE, 0);
    retry(dev, &ev);
    ev = dev_event(dev, SECMMU_EVENT_FAULT, 0);
    CHECK_EQ(ev.flags, SECMMU_FAULT_WRITE | SECMMU_FAULT_PRESENT);
    CHECK_EQ(ev.va, DST + 16);
    CHECK_EQ(*(uint64_t *)dev_ptr(dev, gpa + 16), 0);
    CHECK(!(*space_spte(&s, DST, 0) & SECMMU_SPTE_D));
    space_map(&s, DST, gpa, PAGE, SECMMU_SPTE_W);
    retry(dev, &ev);
    CHECK_EQ(queue_wait(&q, job).status, SECMMU_STATUS_OK);
    CHECK_EQ(*(uint64_t *)dev_ptr(dev, gpa + 72), 0x1122334455667788ull);
    CHECK_EQ(*space_spte(&s, DST, 0) & (SECMMU_SPTE_A | SECMMU_SPTE_D),
             SECMMU_SPTE_A | SECMMU_SPTE_D);
    CHECK_EQ(COUNTER(dev, FAULTS_WRITE), 1);
    CHECK_EQ(COUNTER(dev, FAULTS_PROTECT), 1);
    dev_end(dev);
}

/* A translation cached for reading does not serve a write. */
void test_fault_write_after_read(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 2);
    uint8_t *page = space_alloc(&s, SRC, PAGE, 0);
    struct secmmu_event ev;
    uint64_t walks;
    uint32_t job;

    CHECK_EQ(queue_run(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_CRC32C, .src = SRC, .len = PAGE,
    }).status, SECMMU_STATUS_OK);
    /* It is cached: this one is served without a walk. */
    walks = COUNTER(dev, WALKS);
    CHECK_EQ(queue_run(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_CRC32C, .src = SRC, .len = PAGE,
    }).status, SECMMU_STATUS_OK);
    CHECK_EQ(COUNTER(dev, WALKS), walks);
    job = queue_submit(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_FILL, .dst = SRC, .len = 8, .operand[0] = ~0ull,
    });
    ev = dev_event(dev, SECMMU_EVENT_FAULT, 0);
    CHECK_EQ(ev.flags, SECMMU_FAULT_WRITE | SECMMU_FAULT_PRESENT);
    CHECK_EQ(page[0], 0);
    dev_respond(dev, &ev, SECMMU_RESPONSE_FAIL, SECMMU_STATUS_FAULT);
    CHECK_EQ(queue_wait(&q, job).status, SECMMU_STATUS_FAULT);
    CHECK_EQ(page[0], 0);
    dev_end(dev);
}

/* A and D are set when they are due, and not before. */
void test_accessed_and_dirty(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 2);
    const uint64_t both = SECMMU_SPTE_A | SECMMU_SPTE_D;

    space_alloc(&s, SRC, 2 * PAGE, SECMMU_SPTE_W);
    CHECK_EQ(queue_run(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_CRC32C, .src = SRC, .len = 8,
    }).status, SECMMU_STATUS_OK);
    CHECK_EQ(*space_spte(&s, SRC, 0) & both, SECMMU_SPTE_A);
    CHECK_EQ(*space_spte(&s, SRC + PAGE, 0) & both, 0);
    /* The first write through a clean entry walks again. */
    CHECK_EQ(queue_run(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_FILL, .dst = SRC, .len = 8,
    }).status, SECMMU_STATUS_OK);
    CHECK_EQ(*space_spte(&s, SRC, 0) & both, both);
    /* Cleared without a shootdown it may stay so; with one it may not. */
    __atomic_fetch_and(space_spte(&s, SRC, 0), ~both, __ATOMIC_ACQ_REL);
    dev_shootdown(dev, 0, SRC, PAGE);
    CHECK_EQ(queue_run(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_FILL, .dst = SRC, .len = 8,
    }).status, SECMMU_STATUS_OK);
    CHECK_EQ(*space_spte(&s, SRC, 0) & both, both);
    /* The software bits are not the device's. */
    CHECK_EQ(*space_spte(&s, SRC, 0) & SECMMU_SPTE_SW, 0);
    __atomic_fetch_or(space_spte(&s, SRC + PAGE, 0), SECMMU_SPTE_SW,
                      __ATOMIC_ACQ_REL);
    CHECK_EQ(queue_run(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_FILL, .dst = SRC + PAGE, .len = 8,
    }).status, SECMMU_STATUS_OK);
    CHECK_EQ(*space_spte(&s, SRC + PAGE, 0) & SECMMU_SPTE_SW,
             SECMMU_SPTE_SW);
    dev_end(dev);
}

void test_fault_busy(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 1), other = space_new(dev, 2);
    struct queue q = queue_new(&s, 0, 2), q2 = queue_new(&other, 1, 2);
    struct secmmu_event ev, ev2, again;
    uint32_t job, job2;

    space_alloc(&s, DST, PAGE, SECMMU_SPTE_W);
    space_alloc(&other, DST, PAGE, SECMMU_SPTE_W);
    job = queue_submit(&q, copy_job(SRC, DST, 8));
    ev = dev_event(dev, SECMMU_EVENT_FAULT, 0);
    job2 = queue_submit(&q2, copy_job(SRC, DST, 8));
    ev2 = dev_event(dev, SECMMU_EVENT_FAULT, 1);
    dev_respond(dev, &ev, SECMMU_RESPONSE_BUSY, 0);
    dev_respond(dev, &ev2, SECMMU_RESPONSE_BUSY, 0);
    CHECK_EQ(queue_state(&q), SECMMU_QUEUE_STATE_REFUSED);
    space_alloc(&s, SRC, PAGE, 0);
    /* It does not look by itself. */
    dev_no_event(dev);
    CHECK_EQ(queue_state(&q), SECMMU_QUEUE_STATE_REFUSED);
    /* A late answer to a refused fault is no answer. */
    retry(dev, &ev);
    CHECK_EQ(queue_state(&q), SECMMU_QUEUE_STATE_REFUSED);
    CHECK_EQ(COUNTER(dev, STALE_RESPONSES), 1);
    /* Nor does another ASID's RESUME wake it. */
    dev_write32(dev, AREG(2, ASID_RESUME), 1);
    again = dev_event(dev, SECMMU_EVENT_FAULT, 1);
    CHECK(again.seq != ev2.seq);
    CHECK_EQ(again.va, SRC);
    CHECK_EQ(queue_state(&q), SECMMU_QUEUE_STATE_REFUSED);
    dev_write32(dev, AREG(1, ASID_RESUME), 0);
    CHECK_EQ(queue_wait(&q, job).status, SECMMU_STATUS_OK);
    dev_respond(dev, &again, SECMMU_RESPONSE_FAIL, SECMMU_STATUS_FAULT);
    CHECK_EQ(queue_wait(&q2, job2).status, SECMMU_STATUS_FAULT);
    CHECK_EQ(COUNTER(dev, REFUSED), 2);
    CHECK_EQ(COUNTER(dev, RESUMES), 2);
    CHECK_EQ(COUNTER(dev, FAILED), 1);
    dev_end(dev);
}

void test_fault_fail(void)
{
    static const uint8_t status[] = {
        SECMMU_STATUS_FAULT, SECMMU_STATUS_NO_MEMORY, SECMMU_STATUS_POISONED,
    };
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 2);
    uint8_t *dst = space_alloc(&s, DST, 2 * PAGE, SECMMU_SPTE_W);

    memset(space_alloc(&s, SRC, PAGE, 0), 0x77, PAGE);
    for (unsigned i = 0; i < 3; i++) {
        struct secmmu_completion c;
        struct secmmu_event ev;
        uint32_t job;

        memset(dst, 0, 2 * PAGE);
        job = queue_put(&q, copy_job(SRC + 96, DST, PAGE));
        queue_put(&q, (struct secmmu_desc) { .opcode = SECMMU_OP_NOP });
        queue_ring(&q);
        ev = dev_event(dev, SECMMU_EVENT_FAULT, 0);
        CHECK_EQ(ev.va, SRC + PAGE);
        CHECK_EQ(ev.extent, 96);
        dev_respond(dev, &ev, SECMMU_RESPONSE_FAIL, status[i]);
        c = queue_wait(&q, job);
        CHECK_EQ(c.status, status[i]);
        CHECK_EQ(c.fault_addr, SRC + PAGE);
        CHECK_EQ(c.bytes, PAGE - 96);
        /* What is said to be done is done, and nothing else. */
        CHECK_EQ(dst[PAGE - 97], 0x77);
        CHECK_EQ(dst[PAGE - 96], 0);
        /* The queue goes on. */
        CHECK_EQ(queue_wait(&q, job + 1).status, SECMMU_STATUS_OK);
    }
    CHECK_EQ(COUNTER(dev, FAILED), 3);
    dev_end(dev);
}

void test_fault_stale_response(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 2);
    struct secmmu_event ev, wrong, next;
    uint32_t job;

    space_alloc(&s, DST, PAGE, SECMMU_SPTE_W);
    job = queue_submit(&q, copy_job(SRC, DST, 8));
    ev = dev_event(dev, SECMMU_EVENT_FAULT, 0);
    wrong = ev;
    wrong.seq++;
    retry(dev, &wrong);
    wrong.seq -= 2;
    dev_respond(dev, &wrong, SECMMU_RESPONSE_FAIL, SECMMU_STATUS_FAULT);
    CHECK_EQ(COUNTER(dev, STALE_RESPONSES), 2);
    CHECK_EQ(queue_state(&q), SECMMU_QUEUE_STATE_FAULTED);
    /* A queue without a fault has nothing to be answered. */
    wrong.queue = 5;
    retry(dev, &wrong);
    CHECK_EQ(COUNTER(dev, STALE_RESPONSES), 3);
    /* RETRY in vain: a new fault, and the old number is of no use. */
    retry(dev, &ev);
    next = dev_event(dev, SECMMU_EVENT_FAULT, 0);
    CHECK(next.seq != ev.seq);
    dev_respond(dev, &ev, SECMMU_RESPONSE_FAIL, SECMMU_STATUS_FAULT);
    CHECK_EQ(COUNTER(dev, STALE_RESPONSES), 4);
    space_alloc(&s, SRC, PAGE, 0);
    retry(dev, &next);
    CHECK_EQ(queue_wait(&q, job).status, SECMMU_STATUS_OK);
    CHECK_EQ(COUNTER(dev, RETRIED), 2);
    CHECK_EQ(COUNTER(dev, FAILED), 0);
    dev_end(dev);
}

/* More faulting queues than engines: the last one runs all the same. */
void test_fault_frees_engine(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q[DEV_QUEUES];
    struct secmmu_event ev[DEV_QUEUES];

    space_alloc(&s, DST, PAGE, SECMMU_SPTE_W);
    for (unsigned i = 0; i < DEV_QUEUES; i++) {
        q[i] = queue_new(&s, i, 2);
    }
    for (unsigned i = 0; i + 1 < DEV_QUEUES; i++) {
        queue_submit(&q[i], copy_job(SRC + i * PAGE, DST + 8 * i, 8));
        ev[i] = dev_event(dev, SECMMU_EVENT_FAULT, i);
    }
    for (unsigned i = 0; i < 10; i++) {
        CHECK_EQ(queue_run(&q[DEV_QUEUES - 1], (struct secmmu_desc) {
            .opcode = SECMMU_OP_FILL, .dst = DST + 512, .len = 512,
        }).status, SECMMU_STATUS_OK);
    }
    space_alloc(&s, SRC, DEV_QUEUES * PAGE, 0);
    /* Answers need not come in order. */
    for (unsigned i = DEV_QUEUES - 1; i-- > 0; ) {
        retry(dev, &ev[i]);
        CHECK_EQ(queue_wait(&q[i], 0).status, SECMMU_STATUS_OK);
    }
    dev_end(dev);
}

void test_fault_ring(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 2, 7);   /* two pages of ring */
    uint64_t second = RING_VA(2) + PAGE;
    uint64_t spte = space_unmap(&s, second);
    struct secmmu_event ev;

    for (unsigned i = 0; i < 70; i++) {
        queue_put(&q, (struct secmmu_desc) { .opcode = SECMMU_OP_NOP });
    }
    queue_ring(&q);
    ev = dev_event(dev, SECMMU_EVENT_FAULT, 2);
    CHECK_EQ(ev.code, 0);
    CHECK_EQ(ev.flags, 0);
    CHECK_EQ(ev.va, second);
    CHECK_EQ(ev.extent, 6 * sizeof(struct secmmu_desc));
    CHECK_EQ(dev_read32(dev, QREG(2, QUEUE_HEAD)), 64);
    space_map(&s, second, spte & SECMMU_SPTE_ADDR, PAGE, 0);
    retry(dev, &ev);
    CHECK_EQ(queue_wait(&q, 69).status, SECMMU_STATUS_OK);

    /* Again, and this time there is no page to be had. */
    space_unmap(&s, second);
    dev_shootdown(dev, 0, second, PAGE);
    queue_submit(&q, (struct secmmu_desc) { .opcode = SECMMU_OP_NOP });
    ev = dev_event(dev, SECMMU_EVENT_FAULT, 2);
    dev_respond(dev, &ev, SECMMU_RESPONSE_FAIL, SECMMU_STATUS_FAULT);
    ev = dev_event(dev, SECMMU_EVENT_ERROR, 2);
    CHECK_EQ(ev.code, SECMMU_QUEUE_RING_FAULT);
    CHECK_EQ(ev.va, second + 6 * sizeof(struct secmmu_desc));
    CHECK_EQ(ev.seq, 70);
    CHECK_EQ(queue_state(&q), SECMMU_QUEUE_STATE_STOPPED);
    CHECK_EQ(queue_error(&q), SECMMU_QUEUE_RING_FAULT);
    CHECK_EQ(dev_read64(dev, QREG(2, QUEUE_ERRVA)), ev.va);
    /* Stopped is stopped, until it is made anew. */
    queue_ring(&q);
    dev_no_event(dev);
    dev_write32(dev, QREG(2, QUEUE_CTRL), 0);
    CHECK_EQ(queue_state(&q), SECMMU_QUEUE_STATE_OFF);
    dev_write32(dev, QREG(2, QUEUE_CTRL), SECMMU_QUEUE_CTRL_ENABLE);
    CHECK_EQ(queue_state(&q), SECMMU_QUEUE_STATE_IDLE);
    CHECK_EQ(dev_read32(dev, QREG(2, QUEUE_HEAD)), 0);
    q.tail = 0;
    CHECK_EQ(queue_run(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_NOP }).status, SECMMU_STATUS_OK);
    dev_end(dev);
}

void test_fault_record(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 4, 2);
    uint64_t *word = space_alloc(&s, DST, PAGE, SECMMU_SPTE_W);
    uint64_t gpa = space_unmap(&s, RECORD_VA(4)) & SECMMU_SPTE_ADDR;
    const struct secmmu_desc add = {
        .opcode = SECMMU_OP_ATOMIC, .variant = SECMMU_ATOMIC_ADD,
        .dst = DST, .len = 8, .operand[0] = 1,
    };
    struct secmmu_event ev;
    uint32_t job;

    job = queue_submit(&q, add);
    ev = dev_event(dev, SECMMU_EVENT_FAULT, 4);
    CHECK_EQ(ev.code, 0);
    CHECK_EQ(ev.flags, SECMMU_FAULT_WRITE);
    CHECK_EQ(ev.va, RECORD_VA(4));
    CHECK_EQ(ev.extent, sizeof(struct secmmu_completion));
    /* Done, but it has not ended before its record is written. */
    CHECK_EQ(*word, 1);
    CHECK_EQ(dev_read32(dev, QREG(4, QUEUE_HEAD)), 0);
    space_map(&s, RECORD_VA(4), gpa, PAGE, SECMMU_SPTE_W);
    retry(dev, &ev);
    CHECK_EQ(queue_wait(&q, job).result, 0);
    CHECK_EQ(*word, 1);

    space_map(&s, RECORD_VA(4), gpa, PAGE, 0);
    dev_shootdown(dev, 0, RECORD_VA(4), PAGE);
    queue_submit(&q, add);
    ev = dev_event(dev, SECMMU_EVENT_FAULT, 4);
    CHECK_EQ(ev.flags, SECMMU_FAULT_WRITE | SECMMU_FAULT_PRESENT);
    dev_respond(dev, &ev, SECMMU_RESPONSE_FAIL, SECMMU_STATUS_FAULT);
    ev = dev_event(dev, SECMMU_EVENT_ERROR, 4);
    CHECK_EQ(ev.code, SECMMU_QUEUE_COMPLETION_FAULT);
    CHECK_EQ(ev.va, RECORD_VA(4) + sizeof(struct secmmu_completion));
    CHECK_EQ(queue_error(&q), SECMMU_QUEUE_COMPLETION_FAULT);
    CHECK_EQ(q.record[1].status, SECMMU_STATUS_PENDING);
    dev_end(dev);
}

void test_fault_no_block(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 2);
    uint8_t *dst = space_alloc(&s, DST, 2 * PAGE, SECMMU_SPTE_W);
    struct secmmu_completion c;
    struct secmmu_desc desc = copy_job(SRC + 1000, DST, PAGE);

    memset(space_alloc(&s, SRC, PAGE, 0), 0x33, PAGE);
    desc.flags = SECMMU_DESC_NO_BLOCK;
    c = queue_run(&q, desc);
    CHECK_EQ(c.status, SECMMU_STATUS_PARTIAL);
    CHECK_EQ(c.bytes, PAGE - 1000);
    CHECK_EQ(c.fault_addr, SRC + PAGE);
    CHECK_EQ(dst[c.bytes - 1], 0x33);
    CHECK_EQ(dst[c.bytes], 0);
    /* Nobody was asked. */
    dev_no_event(dev);
    CHECK_EQ(COUNTER(dev, EVENTS), 0);
    /* The program touches the page and goes on. */
    memset(space_alloc(&s, SRC + PAGE, PAGE, 0), 0x44, PAGE);
    desc.src += c.bytes;
    desc.dst += c.bytes;
    desc.len -= c.bytes;
    c = queue_run(&q, desc);
    CHECK_EQ(c.status, SECMMU_STATUS_OK);
    CHECK_EQ(c.bytes, 1000);
    CHECK_EQ(dst[PAGE - 1], 0x44);
    dev_end(dev);
}

/* No faulted queue is forgotten, however slowly the driver reads events. */
void test_events_never_lost(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q[DEV_QUEUES];
    unsigned faults[DEV_QUEUES] = { 0 }, left = DEV_QUEUES * 20;
    struct secmmu_event ev;

    space_alloc(&s, SRC, PAGE, 0);
    space_alloc(&s, DST, PAGE, SECMMU_SPTE_W);
    for (unsigned i = 0; i < DEV_QUEUES; i++) {
        q[i] = queue_new(&s, i, 5);
        for (unsigned j = 0; j < 20; j++) {
            struct secmmu_desc desc = copy_job(SRC + PAGE, DST, 8);

            desc.flags = SECMMU_DESC_INTERRUPT;
            queue_put(&q[i], desc);
        }
        queue_ring(&q[i]);
    }
    while (left) {
        sleep_ms(1);
        WAIT_FOR(dev_event_peek(dev, &ev));
        if (ev.type == SECMMU_EVENT_FAULT) {
            dev_respond(dev, &ev, SECMMU_RESPONSE_FAIL, SECMMU_STATUS_FAULT);
            faults[ev.queue]++;
            left--;
        } else {
            CHECK_EQ(ev.type, SECMMU_EVENT_COMPLETION);
        }
    }
    for (unsigned i = 0; i < DEV_QUEUES; i++) {
        CHECK_EQ(faults[i], 20);
        CHECK_EQ(queue_wait(&q[i], 19).status, SECMMU_STATUS_FAULT);
    }
    CHECK_EQ(COUNTER(dev, STALE_RESPONSES), 0);
    dev_end(dev);
}

/*
 * A driver that answers but never moves its head: the queue's second fault has
 * no room, waits, and comes when there is.
 */
void test_event_stall(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 2), other = queue_new(&s, 1, 2);
    uint32_t job = queue_submit(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_CRC32C, .src = SRC, .len = 8,
    });
    struct secmmu_event ev;

    WAIT_FOR(__atomic_load_n(&dev->ring[0].stamp, __ATOMIC_ACQUIRE) == 1);
    ev = dev->ring[0];
    for (unsigned i = 0; i < 3; i++) {
        retry(dev, &ev);
        WAIT_FOR(queue_state(&q) == SECMMU_QUEUE_STATE_FAULTED);
        /* The answer can be given without the event: its number follows. */
        ev.seq++;
    }
    CHECK_EQ(dev_read32(dev, SECMMU_REG_EVENT_TAIL), 1);
    CHECK_EQ(dev_read32(dev, SECMMU_REG_STATUS),
             SECMMU_STATUS_REG_ENABLED | SECMMU_STATUS_REG_STALLED);
    /* Others do not wait for it. */
    queue_run(&other, (struct secmmu_desc) {
        .opcode = SECMMU_OP_NOP, .flags = SECMMU_DESC_INTERRUPT,
    });
    /* Its event comes after its record, and is to be before the next fault. */
    WAIT_FOR(dev_read32(dev, SECMMU_REG_EVENT_TAIL) == 2);
    dev_event(dev, SECMMU_EVENT_FAULT, 0);
    dev_event(dev, SECMMU_EVENT_COMPLETION, 1);
    ev = dev_event(dev, SECMMU_EVENT_FAULT, 0);
    CHECK_EQ(dev_read32(dev, SECMMU_REG_STATUS), SECMMU_STATUS_REG_ENABLED);
    dev_respond(dev, &ev, SECMMU_RESPONSE_FAIL, SECMMU_STATUS_FAULT);
    CHECK_EQ(queue_wait(&q, job).status, SECMMU_STATUS_FAULT);
    dev_end(dev);
}
