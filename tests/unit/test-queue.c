/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - queues and faults.
 *
 * Lives here: the states of a queue, doorbells, what is in a FAULT event and the
 * answers to it, scheduling.
 * Not here: results of jobs (test-jobs.c), the event ring (test-events.c),
 * hostile values (test-hostile.c).
 */
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "rig.h"

#define RING    RIG_VA
#define RECORD  (RIG_VA + 64 * PAGE)
#define A       (RIG_VA + 80 * PAGE)
#define B       (RIG_VA + 200 * PAGE)

static Rig *rig;
static RigFault last;           /* the fault on_fault was told of */
static unsigned seen;

static void keep_fault(Rig *r, const RigFault *fault)
{
    (void)r;
    last = *fault;
    seen++;
}

static void start(unsigned engines, unsigned queues)
{
    SecmmuConfig config = { .engines = engines, .queues = queues,
                            .asids = 4 };

    rig = rig_new(&config, 16);
    for (unsigned a = 1; a < 3; a++) {
        rig_space_on(rig, a, SECMMU_ASID_WALK);
        rig_back(rig, a, RIG_VA, 512, PAGE, true);
    }
    seen = 0;
    memset(&last, 0, sizeof(last));
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

static void wait_fault(unsigned n)
{
    while (seen < n) {
        rig_poll(rig);
        sched_yield();
    }
}

static void life(void)
{
    struct secmmu_desc d = nop(0);

    start(1, 4);
    CHECK_EQ(state(0), SECMMU_QUEUE_STATE_OFF);
    rig_queue_on(rig, 0, 1, RING, 2);
    CHECK_EQ(state(0), SECMMU_QUEUE_STATE_IDLE);
    rig_doorbell(rig, 0, 0);            /* nothing new */
    CHECK_EQ(state(0), SECMMU_QUEUE_STATE_IDLE);
    CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_OK);
    rig_wait_state(rig, 0, SECMMU_QUEUE_STATE_IDLE);
    CHECK_EQ(rig_read32(rig, QREG(0, HEAD)), 1);
    CHECK_EQ(rig_read32(rig, QREG(0, TAIL)), 1);
    CHECK_EQ(rig_read32(rig, QREG(0, CTRL)), 1);
    rig_write32(rig, QREG(0, CTRL), 1); /* no second enable */
    CHECK_EQ(rig_read32(rig, QREG(0, HEAD)), 1);
    rig_write32(rig, QREG(0, CTRL), 0);
    CHECK_EQ(state(0), SECMMU_QUEUE_STATE_OFF);
    rig_queue_on(rig, 0, 1, RING, 2);
    CHECK_EQ(rig_read32(rig, QREG(0, HEAD)), 0);
    CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_OK);
    CHECK_EQ(rig_read32(rig, GREG(ERROR)), 0);
    stop();
}

/* Rings of all small sizes, filled to the brim, several times round. */
static void ring_wraps(void)
{
    start(2, 4);
    for (unsigned order = 0; order <= 4; order++) {
        uint32_t size = 1u << order, tail = 0;

        rig_queue_on(rig, 0, 1, RING + 64, order);
        for (unsigned round = 0; round < 20; round++) {
            for (uint32_t i = 0; i < size; i++, tail++) {
                struct secmmu_desc d = {
                    .opcode = SECMMU_OP_ATOMIC, .dst = A, .len = 8,
                    .operand[0] = 1, .user_data = tail,
                    .completion = RECORD + 32 * (tail & (size - 1)),
                };

                rig_put(rig, 1, RING + 64 + 64 * (tail & (size - 1)), &d, 64);
            }
            rig_doorbell(rig, 0, tail);
            rig_wait(rig, 0, tail);
            for (uint32_t i = 0; i < size; i++) {
                struct secmmu_completion c;

                rig_get(rig, 1, RECORD + 32 * i, &c, sizeof(c));
                CHECK_EQ(c.status, SECMMU_STATUS_OK);
                CHECK_EQ(c.user_data & (size - 1), i);
                CHECK_EQ(c.result, c.user_data);        /* each once */
            }
        }
        rig_write32(rig, QREG(0, CTRL), 0);
        memset(rig_va(rig, 1, A), 0, 8);
    }
    stop();
}

static void bad_doorbell(void)
{
    start(1, 4);
    for (unsigned i = 0; i < 2; i++) {
        uint32_t tail = i ? 5 : (uint32_t)-1;

        rig_queue_on(rig, 0, 1, RING, 2);
        rig_doorbell(rig, 0, tail);
        CHECK_EQ(rig_read32(rig, QREG(0, STATUS)), SECMMU_QUEUE_STATE_STOPPED |
                 SECMMU_QUEUE_BAD_DOORBELL << 8);
        CHECK_EQ(rig_read64(rig, QREG(0, ERRVA)), tail);
        CHECK_EQ(rig_poll(rig), 1);
        CHECK_EQ(rig->last_event.type, SECMMU_EVENT_ERROR);
        CHECK_EQ(rig->last_event.code, SECMMU_QUEUE_BAD_DOORBELL);
        CHECK_EQ(rig->last_event.va, tail);
        rig_doorbell(rig, 0, 1);        /* it stays stopped */
        rig_doorbell(rig, 0, 100);
        CHECK_EQ(state(0), SECMMU_QUEUE_STATE_STOPPED);
        CHECK_EQ(rig_poll(rig), 0);
        rig_write32(rig, QREG(0, CTRL), 0);
        CHECK_EQ(rig_read32(rig, QREG(0, STATUS)), 0);
    }
    CHECK_EQ(rig_read32(rig, GREG(ERROR)), 0);
    stop();
}

/* Threads ring in the wrong order: the older tail changes nothing. */
static void late_doorbell(void)
{
    struct secmmu_desc d = { .opcode = SECMMU_OP_FILL, .dst = A, .len = 8 };

    start(1, 4);
    warm(1);
    rig->on_fault = keep_fault;
    rig_queue_on(rig, 0, 1, RING, 3);
    for (unsigned i = 0; i < 6; i++) {
        rig_put(rig, 1, RING + 64 * i, &d, 64);
    }
    rig_doorbell(rig, 0, 6);
    wait_fault(1);
    rig_doorbell(rig, 0, 3);
    CHECK_EQ(rig_read32(rig, QREG(0, TAIL)), 6);
    CHECK_EQ(state(0), SECMMU_QUEUE_STATE_FAULTED);
    rig_map(rig, 1, A, 1);
    rig_respond(rig, &last, SECMMU_RESPONSE_RETRY, 0);
    rig_wait(rig, 0, 6);
    stop();
}

static void fault_event(void)
{
    struct secmmu_desc d = {
        .opcode = SECMMU_OP_COPY, .src = A + 100, .dst = B + 7,
        .len = 3 * PAGE, .completion = RECORD, .user_data = 42,
    };

    start(1, 4);
    rig->on_fault = keep_fault;
    rig_queue_on(rig, 2, 1, RING + 64, 4);
    rig_submit(rig, 2, &d);
    wait_fault(1);                      /* the ring */
    CHECK_EQ(last.queue, 2);
    CHECK_EQ(last.asid, 1);
    CHECK_EQ(last.code, 0);
    CHECK_EQ(last.flags, 0);
    CHECK_EQ(last.va, RING + 64);
    CHECK_EQ(last.extent, 64);
    rig_doorbell(rig, 2, 1);
    rig_map(rig, 1, RING, 1);
    rig_respond(rig, &last, SECMMU_RESPONSE_RETRY, 0);
    wait_fault(2);                      /* the source */
    CHECK_EQ(last.code, SECMMU_OP_COPY);
    CHECK_EQ(last.flags, 0);
    CHECK_EQ(last.va, A + 100);
    CHECK_EQ(last.extent, 3 * PAGE);
    rig_map(rig, 1, A, 4);
    rig_respond(rig, &last, SECMMU_RESPONSE_RETRY, 0);
    wait_fault(3);                      /* the destination */
    CHECK_EQ(last.flags, SECMMU_FAULT_WRITE);
    CHECK_EQ(last.va, B + 7);
    CHECK_EQ(last.extent, 3 * PAGE);
    rig_map(rig, 1, B, 1);
    rig_respond(rig, &last, SECMMU_RESPONSE_RETRY, 0);
    wait_fault(4);
    CHECK_EQ(last.va, B + PAGE);
    CHECK_EQ(last.extent, 2 * PAGE + 7);
    /* An entry without W. */
    rig->space[1].page[(B - RIG_VA) / PAGE + 1].writable = false;
    rig_map(rig, 1, B + PAGE, 1);
    rig_respond(rig, &last, SECMMU_RESPONSE_RETRY, 0);
    wait_fault(5);
    CHECK_EQ(last.va, B + PAGE);
    CHECK_EQ(last.flags, SECMMU_FAULT_WRITE | SECMMU_FAULT_PRESENT);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_FAULTS_PROTECT), 1);
    rig->space[1].page[(B - RIG_VA) / PAGE + 1].writable = true;
    atomic_fetch_or(rig_spte(rig, 1, B + PAGE, 0), SECMMU_SPTE_W);
    rig_map(rig, 1, B, 4);
    rig_respond(rig, &last, SECMMU_RESPONSE_RETRY, 0);
    wait_fault(6);                      /* the record */
    CHECK_EQ(last.code, 0);
    CHECK_EQ(last.flags, SECMMU_FAULT_WRITE);
    CHECK_EQ(last.va, RECORD);
    CHECK_EQ(last.extent, 32);
    CHECK_EQ(rig_read32(rig, QREG(2, HEAD)), 0);
    rig_map(rig, 1, RECORD, 1);
    rig_respond(rig, &last, SECMMU_RESPONSE_RETRY, 0);
    rig_wait(rig, 2, 1);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_FAULTS_READ), 2);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_FAULTS_WRITE), 3);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_RETRIED), 6);
    stop();
}

/* The extent of a ring fault reaches to the tail, or to the ring's end. */
static void ring_extent(void)
{
    start(1, 4);
    rig->on_fault = keep_fault;
    rig_queue_on(rig, 0, 1, RING, 6);
    rig_doorbell(rig, 0, 10);
    wait_fault(1);
    CHECK_EQ(last.va, RING);
    CHECK_EQ(last.extent, 640);
    rig_write32(rig, QREG(0, CTRL), 0);
    rig_queue_on(rig, 0, 1, RING + PAGE - 128, 6);
    rig_doorbell(rig, 0, 64);
    wait_fault(2);
    CHECK_EQ(last.extent, 64 * 64);
    stop();
}

/* A fault while copying backwards names what is touched in that page. */
static void backward_fault(void)
{
    struct secmmu_desc d = {
        .opcode = SECMMU_OP_COPY, .src = A + 100, .dst = A + 300,
        .len = 2 * PAGE, .completion = RECORD,
    };

    start(1, 4);
    warm(1);
    rig->on_fault = keep_fault;
    rig_queue_on(rig, 0, 1, RING, 2);
    rig_submit(rig, 0, &d);
    wait_fault(1);
    CHECK_EQ(last.va, A + 2 * PAGE);
    CHECK_EQ(last.extent, 100);
    rig_map(rig, 1, A + 2 * PAGE, 1);
    rig_respond(rig, &last, SECMMU_RESPONSE_RETRY, 0);
    wait_fault(2);
    CHECK_EQ(last.va, A + PAGE);
    rig_map(rig, 1, A + PAGE, 1);
    rig_respond(rig, &last, SECMMU_RESPONSE_RETRY, 0);
    wait_fault(3);
    CHECK_EQ(last.va, A + 100);
    CHECK_EQ(last.extent, PAGE - 100);
    rig_map(rig, 1, A, 1);
    rig_respond(rig, &last, SECMMU_RESPONSE_RETRY, 0);
    rig_wait(rig, 0, 1);
    stop();
}

static void refused(void)
{
    struct secmmu_desc d = { .opcode = SECMMU_OP_FILL, .dst = A, .len = 8 };

    start(1, 4);
    warm(1);
    warm(2);
    rig->on_fault = keep_fault;
    rig_queue_on(rig, 0, 1, RING, 2);
    rig_submit(rig, 0, &d);
    wait_fault(1);
    rig_respond(rig, &last, SECMMU_RESPONSE_BUSY, 0);
    CHECK_EQ(state(0), SECMMU_QUEUE_STATE_REFUSED);
    rig_map(rig, 1, A, 1);
    rig_write32(rig, AREG(2, RESUME), 0);       /* another ASID's */
    usleep(2000);
    CHECK_EQ(state(0), SECMMU_QUEUE_STATE_REFUSED);
    rig_respond(rig, &last, SECMMU_RESPONSE_RETRY, 0);  /* already answered */
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_STALE_RESPONSES), 1);
    CHECK_EQ(state(0), SECMMU_QUEUE_STATE_REFUSED);
    rig_write32(rig, AREG(1, RESUME), 0);
    rig_wait(rig, 0, 1);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_REFUSED), 1);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_RESUMES), 2);
    stop();
}

static void stale_responses(void)
{
    struct secmmu_desc d = { .opcode = SECMMU_OP_FILL, .dst = A, .len = 8,
                             .completion = RECORD };
    RigFault wrong;

    start(1, 4);
    warm(1);
    rig->on_fault = keep_fault;
    rig_queue_on(rig, 0, 1, RING, 2);
    rig_submit(rig, 0, &d);
    wait_fault(1);
    wrong = last;
    wrong.seq--;
    rig_respond(rig, &wrong, SECMMU_RESPONSE_FAIL, SECMMU_STATUS_FAULT);
    wrong.seq += 2;
    rig_respond(rig, &wrong, SECMMU_RESPONSE_RETRY, 0);
    wrong = last;
    wrong.queue = 1;
    rig_respond(rig, &wrong, SECMMU_RESPONSE_RETRY, 0);
    CHECK_EQ(state(0), SECMMU_QUEUE_STATE_FAULTED);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_STALE_RESPONSES), 3);
    CHECK_EQ(rig_read32(rig, GREG(ERROR)), 0);
    /* An answer that comes after the queue was made anew is stale as well. */
    wrong = last;
    rig_write32(rig, QREG(0, CTRL), 0);
    rig_queue_on(rig, 0, 1, RING, 2);
    rig_submit(rig, 0, &d);
    wait_fault(2);
    CHECK(last.seq != wrong.seq);
    rig_respond(rig, &wrong, SECMMU_RESPONSE_FAIL, SECMMU_STATUS_FAULT);
    CHECK_EQ(state(0), SECMMU_QUEUE_STATE_FAULTED);
    rig_map(rig, 1, A, 1);
    rig_respond(rig, &last, SECMMU_RESPONSE_RETRY, 0);
    rig_wait(rig, 0, 1);
    stop();
}

static void failed(void)
{
    static const unsigned statuses[] = {
        SECMMU_STATUS_FAULT, SECMMU_STATUS_NO_MEMORY, SECMMU_STATUS_POISONED,
        SECMMU_STATUS_BUS_ERROR };
    struct secmmu_desc d = { .opcode = SECMMU_OP_FILL, .dst = A + 5,
                             .len = 3 * PAGE, .completion = RECORD };

    start(1, 4);
    warm(1);
    rig_map(rig, 1, A, 2);
    rig->on_fault = keep_fault;
    rig_queue_on(rig, 0, 1, RING, 4);
    for (unsigned i = 0; i < 4; i++) {
        struct secmmu_completion c;

        rig_submit(rig, 0, &d);
        wait_fault(i + 1);
        rig_respond(rig, &last, SECMMU_RESPONSE_FAIL, statuses[i]);
        rig_wait(rig, 0, i + 1);
        rig_get(rig, 1, RECORD, &c, sizeof(c));
        CHECK_EQ(c.status, statuses[i]);
        CHECK_EQ(c.fault_addr, A + 2 * PAGE);
        CHECK_EQ(c.bytes, 2 * PAGE - 5);
    }
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_FAILED), 4);
    stop();
}

static void no_block(void)
{
    struct secmmu_desc d = {
        .opcode = SECMMU_OP_COPY, .flags = SECMMU_DESC_NO_BLOCK,
        .src = A, .dst = B, .len = 20 * PAGE,
    };
    uint64_t done = 0;
    unsigned parts = 0;

    start(1, 4);
    warm(1);
    rig->on_fault = keep_fault;
    rig_queue_on(rig, 0, 1, RING, 2);
    for (size_t i = 0; i < 20 * PAGE; i += 8) {
        rig_put(rig, 1, A + i, &i, 8);
    }
    /* The program touches what is missing and goes on. */
    while (done < 20 * PAGE) {
        struct secmmu_completion c;

        d.src = A + done;
        d.dst = B + done;
        d.len = 20 * PAGE - done;
        d.completion = RECORD;
        c = rig_run(rig, 0, &d);
        done += c.bytes;
        if (c.status == SECMMU_STATUS_PARTIAL) {
            CHECK(c.fault_addr == A + done || c.fault_addr == B + done);
            rig_map(rig, 1, c.fault_addr, 1);
            parts++;
        } else {
            CHECK_EQ(c.status, SECMMU_STATUS_OK);
        }
    }
    CHECK_EQ(parts, 40);
    CHECK_EQ(seen, 0);
    for (size_t i = 0; i < 20 * PAGE; i += 8) {
        uint64_t v;

        rig_get(rig, 1, B + i, &v, 8);
        CHECK_EQ(v, i);
    }
    stop();
}

/* Work rung while the device may not do DMA is done when it may. */
static void work_waits_for_dma(void)
{
    struct secmmu_desc d = nop(0);

    start(2, 2);
    warm(1);
    rig_queue_on(rig, 0, 1, RING, 2);
    secmmu_core_set_bus_master(rig->core, false);
    rig_submit(rig, 0, &d);
    usleep(5000);
    CHECK_EQ(rig_read32(rig, QREG(0, HEAD)), 0);
    CHECK_EQ(state(0), SECMMU_QUEUE_STATE_READY);
    secmmu_core_set_bus_master(rig->core, true);
    rig_wait(rig, 0, 1);
    stop();
}

/*
 * One engine, a queue with 50 MiB of work, and after it in the ready list one
 * with a small job: that copies the records of the first, which tells how
 * much was done before its turn came.
 */
static void fair(void)
{
    struct secmmu_desc big = { .opcode = SECMMU_OP_FILL, .dst = B,
                               .len = 200 * PAGE };
    struct secmmu_desc look = { .opcode = SECMMU_OP_COPY, .src = RECORD,
                                .dst = A, .len = 64 * 32 };
    unsigned done = 0;

    start(1, 4);
    rig_map(rig, 1, RIG_VA, 512);
    rig_queue_on(rig, 0, 1, RING, 6);
    rig_queue_on(rig, 1, 1, RING + 4 * PAGE, 2);
    secmmu_core_set_bus_master(rig->core, false);
    for (unsigned i = 0; i < 64; i++) {
        big.completion = RECORD + 32 * i;
        rig_put(rig, 1, RING + 64 * i, &big, 64);
    }
    rig_doorbell(rig, 0, 64);
    rig_submit(rig, 1, &look);
    secmmu_core_set_bus_master(rig->core, true);
    rig_wait(rig, 0, 64);
    rig_wait(rig, 1, 1);
    for (unsigned i = 0; i < 64; i++) {
        struct secmmu_completion c;

        rig_get(rig, 1, A + 32 * i, &c, sizeof(c));
        done += c.status == SECMMU_STATUS_OK;
    }
    CHECK(done <= SECMMU_SLICE / (200 * PAGE) + 1);
    stop();
}

/* A queue that waits for the driver holds no engine. */
static void faulted_holds_no_engine(void)
{
    struct secmmu_desc stuck = { .opcode = SECMMU_OP_FILL, .dst = A,
                                 .len = 8 };
    struct secmmu_desc d = nop(0);

    start(1, 16);
    warm(1);
    rig->on_fault = keep_fault;
    for (unsigned q = 0; q < 15; q++) {
        rig_queue_on(rig, q, 1, RING + q * PAGE, 2);
        rig_submit(rig, q, &stuck);
    }
    wait_fault(15);
    rig_queue_on(rig, 15, 1, RING + 15 * PAGE, 2);
    CHECK_EQ(rig_run(rig, 15, &d).status, SECMMU_STATUS_OK);
    stop();
}

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec * 1e-9;
}

/*
 * A job that takes minutes (a list that is a circle, with the largest bound)
 * holds nobody up: not a shootdown, a stop, bus mastering, nor a reset.
 */
static void endless_job(void)
{
    struct secmmu_desc d = { .opcode = SECMMU_OP_LIST_WALK, .src = A,
                             .len = SECMMU_MAX_LEN, .operand = { 0, 8 } };
    uint64_t node[2] = { A, 1 };

    start(1, 4);
    warm(1);
    rig_map(rig, 1, A, 1);
    rig_put(rig, 1, A, node, sizeof(node));
    for (unsigned what = 0; what < 5; what++) {
        double t0;

        rig_queue_on(rig, 0, 1, RING, 2);
        rig_submit(rig, 0, &d);
        while (rig_counter(rig, SECMMU_CNT_BYTES_READ) < 100000) {
            sched_yield();
        }
        t0 = now();
        switch (what) {
        case 0:
            rig_shootdown(rig, 1, 0, SECMMU_SHOOTDOWN_ALL);
            break;
        case 1:
            secmmu_core_set_bus_master(rig->core, false);
            secmmu_core_set_bus_master(rig->core, true);
            break;
        case 2:
            secmmu_core_drain(rig->core);
            break;
        case 3:
            rig_doorbell(rig, 0, 1000);
            CHECK_EQ(state(0), SECMMU_QUEUE_STATE_STOPPED);
            break;
        case 4:
            secmmu_core_reset(rig->core);
            break;
        }
        rig_write32(rig, QREG(0, CTRL), 0);
        /* Microseconds, in truth; the machine may be busy. */
        CHECK(now() - t0 < 5);
    }
    stop();
}

static void asid_off_stops(void)
{
    struct secmmu_desc stuck = { .opcode = SECMMU_OP_FILL, .dst = A,
                                 .len = 8 };
    struct secmmu_desc d = nop(0);
    uint32_t *done;

    start(2, 4);
    warm(1);
    warm(2);
    rig->on_fault = keep_fault;
    rig_queue_on(rig, 0, 1, RING, 2);
    rig_queue_on(rig, 1, 2, RING, 2);
    rig_queue_on(rig, 2, 1, RING + PAGE, 2);
    rig_submit(rig, 0, &stuck);
    wait_fault(1);
    rig_shootdown(rig, 1, A, 1);
    done = rig_ram(rig, rig->done);
    CHECK_EQ(done[1], 1);
    rig_write32(rig, AREG(1, MODE), SECMMU_ASID_OFF);
    CHECK_EQ(rig_read32(rig, QREG(0, STATUS)),
             SECMMU_QUEUE_STATE_STOPPED | SECMMU_QUEUE_MM_GONE << 8);
    CHECK_EQ(rig_read32(rig, QREG(2, STATUS)),
             SECMMU_QUEUE_STATE_STOPPED | SECMMU_QUEUE_MM_GONE << 8);
    rig_poll(rig);
    CHECK_EQ(rig->errors, 2);
    rig_respond(rig, &last, SECMMU_RESPONSE_RETRY, 0);
    CHECK_EQ(state(0), SECMMU_QUEUE_STATE_STOPPED);
    CHECK_EQ(rig_run(rig, 1, &d).status, SECMMU_STATUS_OK);
    /* The number counts from zero in the next life. */
    rig_space_on(rig, 1, SECMMU_ASID_WALK);
    CHECK_EQ(rig_read32(rig, AREG(1, DONE)), 0);
    CHECK_EQ(done[1], 0);
    stop();
}

static const Case cases[] = {
    CASE(life), CASE(ring_wraps), CASE(bad_doorbell), CASE(late_doorbell),
    CASE(fault_event), CASE(ring_extent), CASE(backward_fault), CASE(refused),
    CASE(stale_responses), CASE(failed), CASE(no_block),
    CASE(work_waits_for_dma), CASE(fair), CASE(faulted_holds_no_engine),
    CASE(endless_job), CASE(asid_off_stops),
};

TEST_MAIN(cases)
