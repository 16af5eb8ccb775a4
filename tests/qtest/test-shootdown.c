/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shootdowns: what is dropped, when they are done, and that nothing writes
 * through a translation afterwards.
 *
 * Lives here: ASID_SHOOTDOWN, ASID_DONE and the done array, TLB and walk cache.
 * Not here: reset and bus mastering, which end all DMA (test-reset.c).
 */
#include <string.h>

#include "cases.h"
#include "jobs.h"

/* Roomy, so that nothing but a shootdown takes an entry away. */
#define ROOMY DEV_PROPERTIES ",tlb-sets=256,tlb-ways=8"

#define SRC 0x7f0000000000ull
#define DST 0x7f0040000000ull

static uint64_t read_word(struct queue *q, uint64_t va)
{
    /* An addition of nothing returns what the device sees. */
    return jobs_ok(q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_REDUCE, .src = va, .len = 8,
    }).result;
}

/* A frame with this number in its first word. */
static uint64_t frame(struct dev *dev, uint64_t val)
{
    uint64_t gpa, *p = dev_alloc(dev, 1, PAGE, &gpa);

    *p = val;
    return gpa;
}

void test_shootdown_drops(void)
{
    struct dev *dev = dev_start(ROOMY);
    struct space s = space_new(dev, 1);
    struct queue q = queue_new(&s, 0, 4);
    uint64_t misses, dropped;

    for (unsigned i = 0; i < 4; i++) {
        space_map(&s, SRC + i * PAGE, frame(dev, 100 + i), PAGE, 0);
        CHECK_EQ(read_word(&q, SRC + i * PAGE), 100 + i);
    }
    misses = COUNTER(dev, TLB_MISSES);
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(read_word(&q, SRC + i * PAGE), 100 + i);
    }
    /* They are cached, or the rest would prove nothing. */
    CHECK_EQ(COUNTER(dev, TLB_MISSES), misses);
    dropped = COUNTER(dev, ENTRIES_DROPPED);
    for (unsigned i = 0; i < 4; i++) {
        space_map(&s, SRC + i * PAGE, frame(dev, 200 + i), PAGE, 0);
    }
    dev_shootdown(dev, 1, SRC + PAGE, 2 * PAGE);
    CHECK_EQ(COUNTER(dev, ENTRIES_DROPPED), dropped + 2);
    CHECK_EQ(read_word(&q, SRC + PAGE), 201);
    CHECK_EQ(read_word(&q, SRC + 2 * PAGE), 202);
    /* The neighbours are left alone: their old entries still serve. */
    CHECK_EQ(read_word(&q, SRC), 100);
    CHECK_EQ(read_word(&q, SRC + 3 * PAGE), 103);
    dev_shootdown(dev, 1, SRC, 4 * PAGE);
    CHECK_EQ(read_word(&q, SRC), 200);
    CHECK_EQ(read_word(&q, SRC + 3 * PAGE), 203);
    CHECK_EQ(COUNTER(dev, SHOOTDOWNS), 2);
    dev_end(dev);
}

void test_shootdown_other_asid(void)
{
    struct dev *dev = dev_start(ROOMY);
    struct space s1 = space_new(dev, 1), s2 = space_new(dev, 2);
    struct queue q1 = queue_new(&s1, 0, 4), q2 = queue_new(&s2, 1, 4);

    space_map(&s1, SRC, frame(dev, 1), PAGE, 0);
    space_map(&s2, SRC, frame(dev, 2), PAGE, 0);
    CHECK_EQ(read_word(&q1, SRC), 1);
    CHECK_EQ(read_word(&q2, SRC), 2);
    space_map(&s1, SRC, frame(dev, 11), PAGE, 0);
    space_map(&s2, SRC, frame(dev, 12), PAGE, 0);
    dev_shootdown(dev, 1, SRC, PAGE);
    CHECK_EQ(read_word(&q1, SRC), 11);
    CHECK_EQ(read_word(&q2, SRC), 2);
    CHECK_EQ(dev_read32(dev, AREG(2, ASID_DONE)), 0);
    CHECK_EQ(dev->done[2], 0);
    dev_end(dev);
}

void test_shootdown_huge(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 4);
    uint64_t gpa, *spte, table;
    uint8_t *mem = dev_alloc(dev, 512, HUGE, &gpa);
    uint64_t *entry;

    for (unsigned i = 0; i < 512; i++) {
        *(uint64_t *)(mem + i * PAGE) = i;
    }
    space_map_huge(&s, SRC, gpa, 0);
    CHECK_EQ(read_word(&q, SRC + 300 * PAGE), 300);
    /* Split: the same memory but for one page. */
    entry = dev_alloc(dev, 1, PAGE, &table);
    for (unsigned i = 0; i < 512; i++) {
        entry[i] = (gpa + i * PAGE) | SECMMU_SPTE_V | SECMMU_SPTE_LEAF;
    }
    entry[7] = frame(dev, 7777) | SECMMU_SPTE_V | SECMMU_SPTE_LEAF;
    spte = space_spte(&s, SRC, 1);
    __atomic_store_n(spte, table | SECMMU_SPTE_V, __ATOMIC_RELEASE);
    /* One page of it is enough to take the whole entry away. */
    dev_shootdown(dev, 0, SRC + 7 * PAGE, PAGE);
    CHECK_EQ(read_word(&q, SRC + 300 * PAGE), 300);
    CHECK_EQ(read_word(&q, SRC + 7 * PAGE), 7777);
    CHECK(entry[300] & SECMMU_SPTE_A);
    dev_end(dev);
}

/* An upper level changes: what the walk cache knew of it must go. */
void test_shootdown_walk_cache(void)
{
    for (unsigned level = 1; level < SECMMU_LEVELS; level++) {
        struct dev *dev = dev_start(DEV_PROPERTIES);
        struct space s = space_new(dev, 0);
        struct queue q = queue_new(&s, 0, 4);
        uint64_t *upper, old;

        space_map(&s, SRC, frame(dev, 1), PAGE, 0);
        space_map(&s, SRC + PAGE, frame(dev, 2), PAGE, 0);
        CHECK_EQ(read_word(&q, SRC), 1);
        upper = space_spte(&s, SRC, level);
        old = __atomic_exchange_n(upper, 0, __ATOMIC_ACQ_REL);
        dev_shootdown(dev, 0, SRC & -(1ull << SECMMU_LEVEL_SHIFT(level)),
                      1ull << SECMMU_LEVEL_SHIFT(level));
        /* The table may be used for something else now. */
        memset(dev_ptr(dev, old & SECMMU_SPTE_ADDR), 0xff, PAGE);
        space_map(&s, SRC, frame(dev, 11), PAGE, 0);
        space_map(&s, SRC + PAGE, frame(dev, 12), PAGE, 0);
        CHECK_EQ(read_word(&q, SRC), 11);
        CHECK_EQ(read_word(&q, SRC + PAGE), 12);
        dev_end(dev);
    }
}

void test_shootdown_all(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 4);
    static const uint64_t va[] = {
        0, 0x1000, SRC, 0x7ffffffff000ull, 0xfffffffff000ull,
    };

    for (unsigned i = 0; i < 5; i++) {
        space_map(&s, va[i], frame(dev, i), PAGE, 0);
        CHECK_EQ(read_word(&q, va[i]), i);
        space_map(&s, va[i], frame(dev, i + 10), PAGE, 0);
    }
    dev_write64(dev, AREG(0, ASID_SHOOTDOWN),
                SECMMU_SHOOTDOWN(0, SECMMU_SHOOTDOWN_ALL));
    WAIT_FOR(dev_read32(dev, AREG(0, ASID_DONE)) == 1);
    for (unsigned i = 0; i < 5; i++) {
        CHECK_EQ(read_word(&q, va[i]), i + 10);
    }
    dev_end(dev);
}

/* Odd ranges: none, beyond the end, most of it. */
void test_shootdown_ranges(void)
{
    static const struct {
        uint64_t vpn, pages;
    } range[] = {
        { 0, 0 }, { SRC / PAGE, 0 }, { 0xfffffffffull, 1 },
        { 0xfffffffffull, 2 }, { 0xfffffffffull, SECMMU_SHOOTDOWN_ALL },
        { 0, SECMMU_SHOOTDOWN_ALL - 1 }, { 1, SECMMU_SHOOTDOWN_ALL },
    };
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 4);
    const uint64_t last = 0xfffffffff000ull;

    for (unsigned i = 0; i < sizeof(range) / sizeof(range[0]); i++) {
        space_map(&s, last, frame(dev, i), PAGE, 0);
        dev_shootdown(dev, 0, last, PAGE);
        CHECK_EQ(read_word(&q, last), i);
        space_map(&s, last, frame(dev, 100 + i), PAGE, 0);
        dev_write64(dev, AREG(0, ASID_SHOOTDOWN),
                    SECMMU_SHOOTDOWN(range[i].vpn, range[i].pages));
        WAIT_FOR(dev_read32(dev, AREG(0, ASID_DONE)) == 2 * i + 2);
        if (range[i].pages && range[i].vpn + range[i].pages > last / PAGE) {
            CHECK_EQ(read_word(&q, last), 100 + i);
        }
    }
    dev_end(dev);
}

void test_shootdown_sequence(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);

    space_new(dev, 3);
    CHECK_EQ(dev_read32(dev, AREG(3, ASID_DONE)), 0);
    for (unsigned i = 0; i < 100; i++) {
        dev_write64(dev, AREG(3, ASID_SHOOTDOWN), SECMMU_SHOOTDOWN(i, 1));
    }
    WAIT_FOR(dev_read32(dev, AREG(3, ASID_DONE)) == 100);
    WAIT_FOR(__atomic_load_n(&dev->done[3], __ATOMIC_ACQUIRE) == 100);
    CHECK_EQ(COUNTER(dev, SHOOTDOWNS), 100);
    /* A new life of the ASID counts from zero again, in memory too. */
    dev_write32(dev, AREG(3, ASID_MODE), SECMMU_ASID_OFF);
    dev_write32(dev, AREG(3, ASID_MODE), SECMMU_ASID_WALK);
    CHECK_EQ(dev_read32(dev, AREG(3, ASID_DONE)), 0);
    WAIT_FOR(__atomic_load_n(&dev->done[3], __ATOMIC_ACQUIRE) == 0);
    dev_end(dev);
}

/* Fails what faults; whether all jobs have ended. */
static bool all_ended(struct dev *dev, struct queue *q, unsigned n)
{
    struct secmmu_event ev;

    while (dev_event_peek(dev, &ev)) {
        dev_respond(dev, &ev, SECMMU_RESPONSE_FAIL, SECMMU_STATUS_FAULT);
    }
    for (unsigned i = 0; i < n; i++) {
        if (dev_read32(dev, QREG(i, QUEUE_HEAD)) != q[i].tail) {
            return false;
        }
    }
    return true;
}

/*
 * All queues write to one page without a pause; the page is taken away, and
 * from the moment the shootdown is done its frame must not change.
 */
void test_shootdown_under_fire(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q[4];
    uint64_t gpa, *page = dev_alloc(dev, 1, PAGE, &gpa);
    uint64_t seed = 4;
    unsigned written = 0;

    for (unsigned i = 0; i < 4; i++) {
        q[i] = queue_new(&s, i, 6);
    }
    for (unsigned round = 0; round < 150; round++) {
        space_map(&s, DST, gpa, PAGE, SECMMU_SPTE_W);
        for (unsigned i = 0; i < 4; i++) {
            for (unsigned j = 0; j < 64; j++) {
                queue_put(&q[i], (struct secmmu_desc) {
                    .opcode = SECMMU_OP_FILL, .dst = DST, .len = PAGE,
                    .operand[0] = random_u64(&seed) | 1,
                });
            }
        }
        for (unsigned i = 0; i < 4; i++) {
            queue_ring(&q[i]);
        }
        /* Else on a busy machine they might begin too late, each time. */
        if (round % 2) {
            WAIT_FOR(__atomic_load_n(&page[0], __ATOMIC_RELAXED));
        }
        space_unmap(&s, DST);
        dev_shootdown(dev, 0, DST, PAGE);
        written += page[0] != 0;
        memset(page, 0, PAGE);
        for (unsigned i = 0; i < 200; i++) {
            for (unsigned j = 0; j < PAGE / 8; j += 16) {
                if (__atomic_load_n(&page[j], __ATOMIC_RELAXED)) {
                    FAIL("written after the shootdown, in round %u", round);
                }
            }
        }
        /* Let the rest run into nothing. */
        WAIT_FOR(all_ended(dev, q, 4));
        CHECK(memcmp(page, page + 1, PAGE - 8) == 0 && page[0] == 0);
    }
    CHECK(written >= 75);
    dev_end(dev);
}
