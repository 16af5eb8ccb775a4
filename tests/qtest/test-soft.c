/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Soft-TLB mode: no table; every miss is a fault, which a drop-in answers.
 *
 * Lives here: drop-ins, their errors, what a shootdown does to them.
 * Not here: walk mode.
 */
#include <string.h>

#include "cases.h"
#include "dev.h"

#define VA 0x7f0000000000ull

#define LEAF (SECMMU_SPTE_V | SECMMU_SPTE_LEAF | SECMMU_SPTE_A)
#define DIRTY (SECMMU_SPTE_W | SECMMU_SPTE_D)

/* An address space without a table: frames by page number. */
struct soft {
    struct dev *dev;
    uint64_t ring, record, page[64];
    struct secmmu_desc *desc;
    struct secmmu_completion *done;
    unsigned faults;
};

static void dropin(struct soft *s, uint64_t va, uint64_t entry)
{
    dev_write64(s->dev, AREG(0, ASID_DROPIN_VA), va);
    dev_write64(s->dev, AREG(0, ASID_DROPIN), entry);
}

static struct soft setup(const char *properties)
{
    struct soft s = { .dev = dev_start(properties) };

    s.desc = dev_alloc(s.dev, 1, PAGE, &s.ring);
    s.done = dev_alloc(s.dev, 1, PAGE, &s.record);
    for (unsigned i = 0; i < 64; i++) {
        dev_alloc(s.dev, 1, PAGE, &s.page[i]);
    }
    dev_write32(s.dev, AREG(0, ASID_MODE), SECMMU_ASID_SOFT);
    CHECK_EQ(dev_read32(s.dev, AREG(0, ASID_MODE)), SECMMU_ASID_SOFT);
    dev_write64(s.dev, QREG(0, QUEUE_RING), RING_VA(0));
    dev_write32(s.dev, QREG(0, QUEUE_ORDER), 6);
    dev_write32(s.dev, QREG(0, QUEUE_CTRL), SECMMU_QUEUE_CTRL_ENABLE);
    return s;
}

/* Serves one fault from the frames; @write tells whether to allow it. */
static void serve(struct soft *s, const struct secmmu_event *ev)
{
    uint64_t va = ev->va & -PAGE;
    uint64_t rights = ev->flags & SECMMU_FAULT_WRITE ? DIRTY : 0;

    s->faults++;
    if (va == RING_VA(0)) {
        dropin(s, va, s->ring | LEAF | rights);
    } else if (va == RECORD_VA(0)) {
        dropin(s, va, s->record | LEAF | rights);
    } else {
        CHECK(va >= VA && va < VA + 64 * PAGE);
        dropin(s, va, s->page[(va - VA) / PAGE] | LEAF | rights);
    }
    dev_respond(s->dev, ev, SECMMU_RESPONSE_RETRY, 0);
}

static bool ended(struct soft *s, unsigned slot)
{
    struct secmmu_event ev;

    while (dev_event_peek(s->dev, &ev)) {
        CHECK_EQ(ev.type, SECMMU_EVENT_FAULT);
        serve(s, &ev);
    }
    return __atomic_load_n(&s->done[slot].status, __ATOMIC_ACQUIRE);
}

/* Runs job number @job of the queue. */
static struct secmmu_completion run(struct soft *s, unsigned job,
                                    struct secmmu_desc desc)
{
    unsigned slot = job % 64;

    memset(&s->done[slot], 0, sizeof(s->done[slot]));
    desc.completion = RECORD_VA(0) + slot * sizeof(s->done[0]);
    s->desc[slot] = desc;
    dev_doorbell(s->dev, 0, job + 1);
    WAIT_FOR(ended(s, slot));
    return s->done[slot];
}

void test_soft_jobs(void)
{
    /* Roomy: only a shootdown takes an entry away. */
    struct soft s = setup(DEV_PROPERTIES ",tlb-ways=16");
    struct dev *dev = s.dev;
    unsigned faults;

    for (unsigned i = 0; i < 16; i++) {
        *(uint64_t *)dev_ptr(dev, s.page[i]) = i;
        CHECK_EQ(run(&s, i, (struct secmmu_desc) {
            .opcode = SECMMU_OP_REDUCE, .src = VA + i * PAGE, .len = 8,
        }).result, i);
    }
    /* One for each page, and those of ring and record. */
    CHECK_EQ(s.faults, 18);
    CHECK_EQ(COUNTER(dev, DROPINS), 18);
    CHECK_EQ(COUNTER(dev, WALKS), 0);
    /* What is there stays, until it is taken away. */
    faults = s.faults;
    CHECK_EQ(run(&s, 16, (struct secmmu_desc) {
        .opcode = SECMMU_OP_REDUCE, .src = VA + 15 * PAGE, .len = 8,
    }).result, 15);
    CHECK_EQ(s.faults, faults);
    s.page[15] = s.page[20];
    *(uint64_t *)dev_ptr(dev, s.page[15]) = 1015;
    dev_shootdown(dev, 0, VA + 15 * PAGE, PAGE);
    CHECK_EQ(run(&s, 17, (struct secmmu_desc) {
        .opcode = SECMMU_OP_REDUCE, .src = VA + 15 * PAGE, .len = 8,
    }).result, 1015);
    CHECK_EQ(s.faults, faults + 1);
    /* Dropped in for reading: a write asks again. */
    CHECK_EQ(run(&s, 18, (struct secmmu_desc) {
        .opcode = SECMMU_OP_FILL, .dst = VA, .len = 8, .operand[0] = 77,
    }).status, SECMMU_STATUS_OK);
    CHECK_EQ(*(uint64_t *)dev_ptr(dev, s.page[0]), 77);
    CHECK_EQ(s.faults, faults + 2);
    dev_end(dev);
}

/* Two pages at a time through a TLB of one entry: it gets on. */
void test_soft_tiny_tlb(void)
{
    struct soft s = setup("secmmu,addr=4,queues=8,asids=4,engines=2,"
                          "tlb-sets=1,tlb-ways=1");
    uint8_t *first = dev_ptr(s.dev, s.page[0]);
    uint8_t want[3 * PAGE];
    uint64_t seed = 8;

    for (unsigned i = 0; i < 4; i++) {
        uint64_t *p = dev_ptr(s.dev, s.page[i]);

        for (unsigned j = 0; j < PAGE / 8; j++) {
            p[j] = random_u64(&seed);
        }
    }
    first[0] = 1;
    for (uint64_t i = 0; i < sizeof(want); i++) {
        uint64_t at = i + 100;

        want[i] = *((uint8_t *)dev_ptr(s.dev, s.page[at / PAGE]) + at % PAGE);
    }
    CHECK_EQ(run(&s, 0, (struct secmmu_desc) {
        .opcode = SECMMU_OP_COPY, .src = VA + 100, .dst = VA + 10 * PAGE + 5,
        .len = sizeof(want),
    }).status, SECMMU_STATUS_OK);
    for (uint64_t i = 0; i < sizeof(want); i++) {
        uint64_t at = i + 5;

        CHECK_EQ(*((uint8_t *)dev_ptr(s.dev, s.page[10 + at / PAGE]) +
                   at % PAGE), want[i]);
    }
    dev_end(s.dev);
}

void test_soft_errors(void)
{
    struct soft s = setup(DEV_PROPERTIES);
    struct dev *dev = s.dev;
    const struct {
        uint64_t va, entry;
    } bad[] = {
        { VA, s.page[0] },                                  /* nothing */
        { VA, s.page[0] | SECMMU_SPTE_V },                  /* no leaf */
        { VA, s.page[0] | SECMMU_SPTE_LEAF },
        { VA, s.page[0] | LEAF | 1ull << 63 },              /* reserved */
        { VA, s.page[0] | LEAF | 1ull << 3 },
        { 1ull << SECMMU_VA_BITS, s.page[0] | LEAF },       /* too high */
        { 0xffff888000000000ull, s.page[0] | LEAF },
    };

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        dropin(&s, bad[i].va, bad[i].entry);
        CHECK_EQ(dev_take_error(dev), SECMMU_ERR_DROPIN);
    }
    /* An ASID that is off, and one that walks. */
    dev_write64(dev, AREG(1, ASID_DROPIN_VA), VA);
    dev_write64(dev, AREG(1, ASID_DROPIN), s.page[0] | LEAF);
    CHECK_EQ(dev_take_error(dev), SECMMU_ERR_DROPIN);
    space_new(dev, 1);
    dev_write64(dev, AREG(1, ASID_DROPIN_VA), VA);
    dev_write64(dev, AREG(1, ASID_DROPIN), s.page[0] | LEAF);
    CHECK_EQ(dev_take_error(dev), SECMMU_ERR_DROPIN);
    CHECK_EQ(COUNTER(dev, DROPINS), 0);
    /* To no RAM: the job ends, nothing else does. */
    *(uint64_t *)dev_ptr(dev, s.page[1]) = 5;
    dropin(&s, VA, dev->pci.bar[SECMMU_BAR_DOORBELL] | LEAF | DIRTY);
    CHECK_EQ(dev_take_error(dev), 0);
    CHECK_EQ(run(&s, 0, (struct secmmu_desc) {
        .opcode = SECMMU_OP_FILL, .dst = VA, .len = 8, .operand[0] = 1,
    }).status, SECMMU_STATUS_BUS_ERROR);
    CHECK_EQ(run(&s, 1, (struct secmmu_desc) {
        .opcode = SECMMU_OP_REDUCE, .src = VA + PAGE, .len = 8,
    }).result, 5);
    dev_end_dirty(dev);
}
