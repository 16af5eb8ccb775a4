/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - trace events: every state change, once, with its ids.
 *
 * Lives here: the events of a job that faults, is refused, resumed and ends, of
 * misses and walks, of a shootdown, of an audit violation, of a queue that
 * stops, of the device as a whole; that there are none when they are off.
 * Not here: how a front prints them.
 */
#include <unistd.h>

#include "rig.h"

#define RING    RIG_VA
#define RECORD  (RIG_VA + PAGE)
#define A       (RIG_VA + 16 * PAGE)
#define ID      0xfeedull

static Rig *rig;
static SecmmuTrace got[256];
static unsigned count, at;
static uint64_t hidden;         /* bit n: type n is not recorded */
static int switched_on;
static pthread_mutex_t got_lock = PTHREAD_MUTEX_INITIALIZER;

static void on_trace(Rig *r, const SecmmuTrace *ev)
{
    (void)r;
    CHECK(switched_on);
    if (hidden >> ev->type & 1) {
        return;
    }
    if (ev->type == SECMMU_TRACE_RESUME) {
        /* Time for the engine to go on, if it may already. */
        usleep(20000);
    }
    pthread_mutex_lock(&got_lock);
    CHECK(count < 256);
    got[count++] = *ev;
    pthread_mutex_unlock(&got_lock);
}

/* The next event but for the interludes that are checked on their own. */
static SecmmuTrace next(SecmmuTraceType type)
{
    SecmmuTrace ev;

    pthread_mutex_lock(&got_lock);
    CHECK(at < count);
    ev = got[at++];
    pthread_mutex_unlock(&got_lock);
    if (ev.type != type) {
        printf("# event %u: type %d arg 0x%" PRIx64 "\n", at - 1, ev.type,
               ev.arg);
    }
    CHECK_EQ(ev.type, type);
    return ev;
}

static void start(bool audit)
{
    SecmmuConfig config = { .engines = 1, .queues = 2, .asids = 3,
                            .audit = audit };

    rig = rig_new_full(&config, 4);
    rig_space_on(rig, 2, SECMMU_ASID_WALK);
    rig_back(rig, 2, RIG_VA, 32, PAGE, true);
    rig_map(rig, 2, RING, 2);
    rig_queue_on(rig, 1, 2, RING, 3);
    count = at = 0;
    hidden = 1u << SECMMU_TRACE_MISS | 1u << SECMMU_TRACE_WALK |
             1u << SECMMU_TRACE_DOORBELL | 1u << SECMMU_TRACE_ASID;
    switched_on = 1;
    rig->ops.trace_on = &switched_on;
    rig->on_trace = on_trace;
}

static void refuse(Rig *r, const RigFault *fault)
{
    rig_map(r, 2, A, 1);
    rig_respond(r, fault, SECMMU_RESPONSE_BUSY, 0);
    rig_write32(r, AREG(2, RESUME), 0);
}

static void job(void)
{
    struct secmmu_desc d = { .opcode = SECMMU_OP_FILL, .dst = A + 8,
                             .len = 16, .completion = RECORD,
                             .user_data = ID, .flags = SECMMU_DESC_INTERRUPT };
    SecmmuTrace ev;
    uint64_t seq;

    start(false);
    rig->on_fault = refuse;
    rig_run(rig, 1, &d);
    rig_wait_state(rig, 1, SECMMU_QUEUE_STATE_IDLE);
    rig_poll(rig);

    ev = next(SECMMU_TRACE_FILL);
    CHECK_EQ(ev.asid, 2);
    CHECK_EQ(ev.va, RING);
    CHECK_EQ(ev.len, PAGE);
    ev = next(SECMMU_TRACE_JOB_START);
    CHECK_EQ(ev.queue, 1);
    CHECK_EQ(ev.asid, 2);
    CHECK_EQ(ev.va, RING);
    CHECK_EQ(ev.len, 16);
    CHECK_EQ(ev.arg, SECMMU_OP_FILL);
    CHECK_EQ(ev.user_data, ID);
    ev = next(SECMMU_TRACE_FAULT);
    CHECK_EQ(ev.va, A + 8);
    CHECK_EQ(ev.len, 16);
    CHECK_EQ(ev.arg & 0xffffffff, SECMMU_FAULT_WRITE);
    CHECK_EQ(ev.user_data, ID);
    seq = ev.arg >> 32;
    ev = next(SECMMU_TRACE_QUEUE);
    CHECK_EQ(ev.arg, SECMMU_QUEUE_STATE_FAULTED);
    ev = next(SECMMU_TRACE_EVENT);
    CHECK_EQ(ev.arg, SECMMU_EVENT_FAULT);
    CHECK_EQ(ev.va, A + 8);
    CHECK_EQ(ev.len, 0);
    ev = next(SECMMU_TRACE_RESPONSE);
    CHECK_EQ(ev.va, A + 8);
    CHECK_EQ(ev.arg, seq << 32 | SECMMU_RESPONSE_BUSY);
    CHECK_EQ(ev.user_data, ID);
    ev = next(SECMMU_TRACE_QUEUE);
    CHECK_EQ(ev.arg, SECMMU_QUEUE_STATE_REFUSED);
    ev = next(SECMMU_TRACE_RESUME);
    CHECK_EQ(ev.len, 1);
    ev = next(SECMMU_TRACE_FILL);
    CHECK_EQ(ev.va, A);
    CHECK_EQ(ev.user_data, ID);
    CHECK(ev.arg & SECMMU_SPTE_D);
    ev = next(SECMMU_TRACE_FILL);
    CHECK_EQ(ev.va, RECORD);
    ev = next(SECMMU_TRACE_JOB_END);
    CHECK_EQ(ev.arg, SECMMU_STATUS_OK);
    CHECK_EQ(ev.len, 16);
    CHECK_EQ(ev.user_data, ID);
    ev = next(SECMMU_TRACE_EVENT);
    CHECK_EQ(ev.arg, SECMMU_EVENT_COMPLETION);
    CHECK_EQ(ev.va, ID);
    CHECK_EQ(ev.len, 1);
    CHECK_EQ(at, count);
    rig_free(rig);
}

static void shootdown(void)
{
    struct secmmu_desc d = { .opcode = SECMMU_OP_NOP, .completion = RECORD };
    SecmmuTrace ev;

    start(false);
    rig_run(rig, 1, &d);
    rig_wait_state(rig, 1, SECMMU_QUEUE_STATE_IDLE);
    at = count;
    rig_shootdown(rig, 2, RING, 2);
    ev = next(SECMMU_TRACE_SHOOTDOWN_BEGIN);
    CHECK_EQ(ev.asid, 2);
    CHECK_EQ(ev.va, RING);
    CHECK_EQ(ev.len, 2 * PAGE);
    CHECK_EQ(ev.arg, 1);
    ev = next(SECMMU_TRACE_DROP);
    CHECK_EQ(ev.va, RING);
    CHECK_EQ(ev.len, PAGE);
    ev = next(SECMMU_TRACE_DROP);
    CHECK_EQ(ev.va, RECORD);
    ev = next(SECMMU_TRACE_DRAIN);
    CHECK_EQ(ev.asid, 2);
    CHECK_EQ(ev.len, 0);
    ev = next(SECMMU_TRACE_SHOOTDOWN_END);
    CHECK_EQ(ev.len, 2 * PAGE);
    CHECK_EQ(ev.arg, 1ull << 32 | 2);
    CHECK_EQ(at, count);
    rig_free(rig);
}

static void stops(void)
{
    SecmmuTrace ev;

    start(false);
    rig_doorbell(rig, 1, 1000);
    ev = next(SECMMU_TRACE_QUEUE);
    CHECK_EQ(ev.queue, 1);
    CHECK_EQ(ev.arg, SECMMU_QUEUE_STATE_STOPPED |
             SECMMU_QUEUE_BAD_DOORBELL << 8);
    ev = next(SECMMU_TRACE_EVENT);
    CHECK_EQ(ev.arg, SECMMU_EVENT_ERROR);
    rig_write32(rig, QREG(1, CTRL), 0);
    ev = next(SECMMU_TRACE_QUEUE);
    CHECK_EQ(ev.arg, SECMMU_QUEUE_STATE_OFF);
    rig_free(rig);
}

static void audit(void)
{
    struct secmmu_desc d = { .opcode = SECMMU_OP_NOP, .completion = RECORD,
                             .user_data = ID };
    unsigned violations = 0;

    start(true);
    rig_write64(rig, AREG(2, AUDIT), rig_alloc(rig, PAGE, PAGE) |
                SECMMU_AUDIT_ON);
    rig_run(rig, 1, &d);
    rig_wait_state(rig, 1, SECMMU_QUEUE_STATE_IDLE);
    for (unsigned i = 0; i < count; i++) {
        if (got[i].type == SECMMU_TRACE_AUDIT) {
            CHECK_EQ(got[i].va, violations++ ? RECORD : RING);
            CHECK(got[i].arg & SECMMU_SPTE_V);
            CHECK_EQ(got[i].user_data, 0);
        }
    }
    CHECK_EQ(violations, 2);
    rig_free(rig);
}

static void drop_in(void)
{
    SecmmuTrace ev;

    start(false);
    rig_write32(rig, AREG(1, MODE), SECMMU_ASID_SOFT);
    rig_write64(rig, AREG(1, DROPIN_VA), A);
    rig_write64(rig, AREG(1, DROPIN), RIG_RAM_BASE | SECMMU_SPTE_V |
                SECMMU_SPTE_LEAF);
    ev = next(SECMMU_TRACE_FILL);
    CHECK_EQ(ev.asid, 1);
    CHECK_EQ(ev.va, A);
    CHECK_EQ(ev.len, PAGE);
    rig_free(rig);
}

/* What test job() leaves out: where each translation comes from. */
static void misses(void)
{
    struct secmmu_desc d = { .opcode = SECMMU_OP_NOP, .completion = RECORD,
                             .user_data = ID };
    SecmmuTrace ev;

    start(false);
    hidden = 0;
    rig_run(rig, 1, &d);
    rig_wait_state(rig, 1, SECMMU_QUEUE_STATE_IDLE);
    ev = next(SECMMU_TRACE_DOORBELL);
    CHECK_EQ(ev.queue, 1);
    CHECK_EQ(ev.asid, 2);
    CHECK_EQ(ev.len, 1);
    CHECK_EQ(ev.arg, 0);
    ev = next(SECMMU_TRACE_MISS);
    CHECK_EQ(ev.queue, 1);
    CHECK_EQ(ev.asid, 2);
    CHECK_EQ(ev.va, RING);
    CHECK_EQ(ev.arg, 0);
    CHECK_EQ(ev.user_data, 0);
    ev = next(SECMMU_TRACE_FILL);
    CHECK_EQ(ev.va, RING);
    CHECK_EQ(ev.user_data, 0);
    ev = next(SECMMU_TRACE_WALK);
    CHECK_EQ(ev.va, RING);
    CHECK_EQ(ev.len, PAGE);
    CHECK(ev.arg & SECMMU_SPTE_A);
    next(SECMMU_TRACE_JOB_START);
    ev = next(SECMMU_TRACE_MISS);
    CHECK_EQ(ev.va, RECORD);
    CHECK_EQ(ev.arg, 1);
    CHECK_EQ(ev.user_data, ID);
    next(SECMMU_TRACE_FILL);
    ev = next(SECMMU_TRACE_WALK);
    CHECK(ev.arg & SECMMU_SPTE_D);
    CHECK_EQ(ev.user_data, ID);
    next(SECMMU_TRACE_JOB_END);
    at = count;
    d.dst = A;
    d.len = 8;
    d.opcode = SECMMU_OP_FILL;
    d.flags = SECMMU_DESC_NO_BLOCK;
    rig_run(rig, 1, &d);
    rig_wait_state(rig, 1, SECMMU_QUEUE_STATE_IDLE);
    next(SECMMU_TRACE_DOORBELL);
    next(SECMMU_TRACE_JOB_START);
    ev = next(SECMMU_TRACE_MISS);
    CHECK_EQ(ev.va, A);
    ev = next(SECMMU_TRACE_WALK);
    CHECK_EQ(ev.va, A);
    CHECK_EQ(ev.len, 0);
    CHECK_EQ(ev.arg, 0);
    ev = next(SECMMU_TRACE_JOB_END);
    CHECK_EQ(ev.arg, SECMMU_STATUS_PARTIAL);
    CHECK_EQ(at, count);
    rig_free(rig);
}

static void whole_device(void)
{
    SecmmuTrace ev;

    start(false);
    hidden = 0;
    rig_write32(rig, AREG(2, MODE), SECMMU_ASID_OFF);
    ev = next(SECMMU_TRACE_QUEUE);
    CHECK_EQ(ev.arg, SECMMU_QUEUE_STATE_STOPPED | SECMMU_QUEUE_MM_GONE << 8);
    next(SECMMU_TRACE_EVENT);
    next(SECMMU_TRACE_DRAIN);
    ev = next(SECMMU_TRACE_ASID);
    CHECK_EQ(ev.asid, 2);
    CHECK_EQ(ev.arg, SECMMU_ASID_OFF);
    rig_write32(rig, AREG(2, MODE), SECMMU_ASID_SOFT);
    ev = next(SECMMU_TRACE_ASID);
    CHECK_EQ(ev.arg, SECMMU_ASID_SOFT);
    secmmu_core_set_bus_master(rig->core, false);
    CHECK_EQ(next(SECMMU_TRACE_DMA).arg, 0);
    secmmu_core_set_bus_master(rig->core, true);
    CHECK_EQ(next(SECMMU_TRACE_DMA).arg, 1);
    at = count;
    secmmu_core_reset(rig->core);
    CHECK_EQ(next(SECMMU_TRACE_DMA).arg, 0);
    while (got[at].type == SECMMU_TRACE_QUEUE) {
        at++;
    }
    next(SECMMU_TRACE_RESET);
    CHECK_EQ(at, count);
    rig_free(rig);
}

/* on_trace() fails if it is called. */
static void off(void)
{
    struct secmmu_desc d = { .opcode = SECMMU_OP_NOP, .completion = RECORD };

    start(false);
    switched_on = 0;
    rig_run(rig, 1, &d);
    rig_wait_state(rig, 1, SECMMU_QUEUE_STATE_IDLE);
    rig_shootdown(rig, 2, RING, 2);
    secmmu_core_reset(rig->core);
    CHECK_EQ(count, 0);
    rig_free(rig);
}

static const Case cases[] = {
    CASE(job), CASE(misses), CASE(shootdown), CASE(stops), CASE(audit),
    CASE(drop_in), CASE(whole_device), CASE(off),
};

TEST_MAIN(cases)
