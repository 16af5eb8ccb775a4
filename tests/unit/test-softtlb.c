/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - soft-TLB mode: each miss is a fault, the driver drops entries in.
 *
 * Lives here: jobs, shootdowns and malformed drop-ins in that mode.
 * Not here: walk mode (all the others).
 */
#include <sched.h>

#include "rig.h"

#define RING    RIG_VA
#define RECORD  (RIG_VA + PAGE)
#define A       (RIG_VA + 16 * PAGE)
#define B       (RIG_VA + 1024 * PAGE)

static Rig *rig;
static RigFault last;
static unsigned seen;

static void start(unsigned sets, unsigned ways, unsigned engines)
{
    SecmmuConfig config = { .engines = engines, .queues = 4, .asids = 4,
                            .tlb_sets = sets, .tlb_ways = ways };

    rig = rig_new(&config, 24);
    rig->soft = true;
    rig_space_on(rig, 1, SECMMU_ASID_SOFT);
    rig_back(rig, 1, RIG_VA, 1024, PAGE, true);
    rig_back(rig, 1, B, 512, HUGE, true);
    for (unsigned q = 0; q < 4; q++) {
        rig_queue_on(rig, q, 1, RING + q * 8 * 64, 3);
    }
    seen = 0;
}

static void stop(void)
{
    CHECK_EQ(rig_read32(rig, GREG(ERROR)), 0);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_WALKS), 0);
    rig_free(rig);
}

static void copy(void)
{
    struct secmmu_desc d = { .opcode = SECMMU_OP_COPY, .src = A + 10,
                             .dst = A + 100 * PAGE + 3, .len = 20 * PAGE,
                             .completion = RECORD };

    start(64, 4, 1);
    for (size_t i = 0; i < 20 * PAGE; i += 4) {
        rig_put(rig, 1, A + 10 + i, &i, 4);
    }
    CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_OK);
    for (size_t i = 0; i < 20 * PAGE; i += 4) {
        uint32_t v;

        rig_get(rig, 1, A + 100 * PAGE + 3 + i, &v, 4);
        CHECK_EQ(v, i);
    }
    CHECK_EQ(rig->faults, 44);          /* one per page, ring, record */
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_DROPINS), 44);
    /* What is in the TLB needs no second one. */
    CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_OK);
    CHECK_EQ(rig->faults, 44);
    stop();
}

/* With one entry the jobs that need two pages at a time still get on. */
static void one_entry(void)
{
    struct secmmu_desc d = { .completion = RECORD, .src = A + 3,
                             .dst = A + 100 * PAGE + 200, .len = 9000 };
    uint64_t at[4];

    start(1, 1, 1);
    for (unsigned i = 0; i < 4; i++) {
        at[i] = A + i * 2 * PAGE + PAGE - 10;
    }
    rig_put(rig, 1, A + 300 * PAGE - 12, at, sizeof(at));
    d.opcode = SECMMU_OP_COPY;
    CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_OK);
    d.dst = d.src + 100;
    CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_OK);
    d.dst = d.src;
    d.opcode = SECMMU_OP_COMPARE;
    CHECK_EQ(rig_run(rig, 0, &d).result, 9000);
    d = (struct secmmu_desc) { .opcode = SECMMU_OP_GATHER,
                               .src = A + 300 * PAGE - 12,
                               .dst = A + 51 * PAGE - 10, .len = 80,
                               .operand[0] = 20, .completion = RECORD };
    CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_OK);
    d = (struct secmmu_desc) { .opcode = SECMMU_OP_SCATTER,
                               .dst = A + 300 * PAGE - 12,
                               .src = A + 51 * PAGE - 10, .len = 80,
                               .operand[0] = 20, .completion = RECORD };
    CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_OK);
    d = (struct secmmu_desc) { .opcode = SECMMU_OP_SAXPY, .src = A,
                               .dst = A + 50 * PAGE + 8, .len = 5 * PAGE,
                               .completion = RECORD };
    CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_OK);
    d = (struct secmmu_desc) { .opcode = SECMMU_OP_GEMM, .src = A,
                               .dst = A + 50 * PAGE, .len = 4 * 20 * 30,
                               .operand = { A + 9 * PAGE + 40,
                                            20 | 30 << 16 | 40ull << 32 },
                               .completion = RECORD };
    CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_OK);
    stop();
}

/* All queues fight for one entry. */
static void one_entry_many_queues(void)
{
    start(1, 1, 3);
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned q = 0; q < 4; q++) {
            struct secmmu_desc d = {
                .opcode = SECMMU_OP_COPY, .src = A + q * 50 * PAGE,
                .dst = A + (q * 50 + 25) * PAGE, .len = 10 * PAGE,
                .completion = RECORD + 32 * q,
            };

            rig_submit(rig, q, &d);
        }
        for (unsigned q = 0; q < 4; q++) {
            rig_wait(rig, q, round + 1);
        }
    }
    stop();
}

static void huge(void)
{
    struct secmmu_desc d = { .opcode = SECMMU_OP_FILL, .dst = B + 100,
                             .len = 400 * PAGE, .operand[0] = 0x77,
                             .completion = RECORD };
    unsigned faults;

    start(64, 4, 1);
    rig->huge = true;
    CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_OK);
    CHECK_EQ(rig->faults, 3);
    faults = rig->faults;
    /* Any 4 KiB in it drops the whole. */
    rig_shootdown(rig, 1, B + 511 * PAGE, 1);
    CHECK(rig_counter(rig, SECMMU_CNT_ENTRIES_DROPPED) >= 1);
    CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_OK);
    CHECK_EQ(rig->faults, faults + 1);
    stop();
}

static void keep_fault(Rig *r, const RigFault *fault)
{
    (void)r;
    last = *fault;
    seen++;
}

static void wait_fault(unsigned n)
{
    while (seen < n) {
        rig_poll(rig);
        sched_yield();
    }
}

static void drop(uint64_t va, uint64_t bits)
{
    uint64_t pa = rig->space[1].page[(va - RIG_VA) / PAGE].pa;

    rig_write64(rig, AREG(1, DROPIN_VA), va & -PAGE);
    rig_write64(rig, AREG(1, DROPIN), pa | SECMMU_SPTE_V | SECMMU_SPTE_LEAF |
                bits);
}

/* Rights: no entry, an entry without W, one without D. */
static void rights(void)
{
    struct secmmu_desc d = { .opcode = SECMMU_OP_FILL, .dst = A, .len = 8,
                             .completion = RECORD };

    start(64, 4, 1);
    drop(RING, 0);
    drop(RECORD, SECMMU_SPTE_W | SECMMU_SPTE_D);
    rig->on_fault = keep_fault;
    rig_submit(rig, 0, &d);
    wait_fault(1);
    CHECK_EQ(last.va, A);
    CHECK_EQ(last.flags, SECMMU_FAULT_WRITE);
    drop(A, SECMMU_SPTE_A);
    rig_respond(rig, &last, SECMMU_RESPONSE_RETRY, 0);
    wait_fault(2);
    CHECK_EQ(last.flags, SECMMU_FAULT_WRITE | SECMMU_FAULT_PRESENT);
    drop(A, SECMMU_SPTE_A | SECMMU_SPTE_W);
    rig_respond(rig, &last, SECMMU_RESPONSE_RETRY, 0);
    wait_fault(3);
    CHECK_EQ(last.flags, SECMMU_FAULT_WRITE | SECMMU_FAULT_PRESENT);
    drop(A, SECMMU_SPTE_A | SECMMU_SPTE_W | SECMMU_SPTE_D);
    rig_respond(rig, &last, SECMMU_RESPONSE_RETRY, 0);
    rig_wait(rig, 0, 1);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_FAULTS_PROTECT), 2);
    stop();
}

/* A shootdown drops what the queue kept for itself as well. */
static void shootdown(void)
{
    struct secmmu_desc d = { .opcode = SECMMU_OP_FILL, .dst = A, .len = 8,
                             .completion = RECORD };
    unsigned faults;

    start(1, 1, 1);
    CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_OK);
    CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_OK);
    faults = rig->faults;
    CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_OK);
    CHECK_EQ(rig->faults, faults);      /* all in slots */
    rig_shootdown(rig, 1, A, 1);
    CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_OK);
    CHECK_EQ(rig->faults, faults + 1);
    rig_shootdown(rig, 1, A + PAGE, 100);       /* not this one */
    CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_OK);
    CHECK_EQ(rig->faults, faults + 1);
    rig_shootdown(rig, 1, 0, SECMMU_SHOOTDOWN_ALL);
    CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_OK);
    CHECK_EQ(rig->faults, faults + 4);
    stop();
}

static void malformed(void)
{
    uint64_t good = RIG_RAM_BASE | SECMMU_SPTE_V | SECMMU_SPTE_LEAF;
    const struct { uint64_t va, entry; } bad[] = {
        { A, good & ~SECMMU_SPTE_V }, { A, good & ~SECMMU_SPTE_LEAF },
        { A, good | 1ull << 63 }, { A, good | 1 << 3 }, { A | 2, good },
        { A | 0x800, good }, { B | 1, good | 0x1000 },
        { (B + PAGE) | 1, good }, { SECMMU_VA_END, good }, { -PAGE, good },
    };

    start(64, 4, 1);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        rig_write64(rig, AREG(1, DROPIN_VA), bad[i].va);
        rig_write64(rig, AREG(1, DROPIN), bad[i].entry);
        CHECK_EQ(rig_read32(rig, GREG(ERROR)), SECMMU_ERR_DROPIN);
        rig_write32(rig, GREG(ERROR), SECMMU_ERR_DROPIN);
    }
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_DROPINS), 0);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_TLB_FILLS), 0);
    stop();
}

static const Case cases[] = {
    CASE(copy), CASE(one_entry), CASE(one_entry_many_queues), CASE(huge),
    CASE(rights), CASE(shootdown), CASE(malformed),
};

TEST_MAIN(cases)
