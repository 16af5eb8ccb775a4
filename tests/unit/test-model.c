/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - TLB, walk cache and walker against a flat model.
 *
 * Lives here: random programs of map, unmap, protect, split, join, shootdown and
 * access on one core, 10 million steps, and the model that says what
 * each access may find. The model is an array: one entry per page, and what
 * the page held before that no shootdown has covered yet.
 * Not here: threads (test-shootdown.c). The translation is called directly, in
 * a window of an engine that has no other work.
 */
#include "rig.h"

#define STEPS   10000000
#define ASIDS   3
#define REGIONS 5
#define PAGES   24              /* of each region that are used */
#define OLD     6               /* past entries kept per page */

/* Regions of 2 MiB: neighbours, and ones apart on each level. */
static const uint64_t region_va[REGIONS] = {
    0x7f0000000000ull, 0x7f0000200000ull, 0x7f0040000000ull,
    0x7f8000000000ull, 0x000000400000ull,
};

typedef struct Entry {
    uint64_t pa;                /* never used twice, zero: none */
    bool writable;
} Entry;

typedef struct Page {
    Entry now;
    Entry old[OLD];             /* may still be in the TLB */
    unsigned olds;
    bool read, written;         /* through now, by A and D */
} Page;

typedef struct Region {
    bool huge;
    Page whole;                 /* if huge */
    Page page[PAGES];
} Region;

static Region model[ASIDS][REGIONS];
static Rig *rig;
static SecmmuEngine *engine;
static Random rnd;
static uint64_t next_pa;
static uint64_t hits, faults, stale;

static uint64_t page_va(unsigned r, unsigned p)
{
    /* Spread over the region, the first and the last page among them. */
    return region_va[r] + (p < PAGES - 1 ? p * 21ull : 511) * PAGE;
}

static Page *page_at(unsigned a, unsigned r, unsigned p)
{
    Region *region = &model[a][r];

    return region->huge ? &region->whole : &region->page[p];
}

static _Atomic uint64_t *spte_of(unsigned a, unsigned r, unsigned p)
{
    return rig_spte(rig, a, page_va(r, p), model[a][r].huge ? 1 : 0);
}

static void forget_old(Page *page)
{
    page->olds = 0;
}

static void shootdown_pages(unsigned a, uint64_t first, uint64_t n)
{
    rig_write64(rig, AREG(a, SHOOTDOWN),
                SECMMU_SHOOTDOWN(first, MIN(n, SECMMU_SHOOTDOWN_ALL)));
    for (unsigned r = 0; r < REGIONS; r++) {
        for (unsigned p = 0; p < PAGES; p++) {
            uint64_t vpn = page_va(r, p) >> 12;

            if (vpn >= first && vpn - first < n) {
                forget_old(&model[a][r].page[p]);
                forget_old(&model[a][r].whole);
            }
        }
        /* Any part of a 2 MiB page, used or not, drops it. */
        if (region_va[r] >> 12 < first + n &&
            first < (region_va[r] >> 12) + 512) {
            forget_old(&model[a][r].whole);
        }
    }
}

/* The table no longer says what it said: the TLB may still. */
static void grows_old(unsigned a, unsigned r, unsigned p)
{
    Page *page = page_at(a, r, p);

    if (page->now.pa) {
        if (page->olds == OLD) {
            shootdown_pages(a, page_va(r, p) >> 12, 1);
        }
        page->old[page->olds++] = page->now;
    }
    page->now.pa = 0;
    page->read = page->written = false;
}

static void map(unsigned a, unsigned r, unsigned p)
{
    Page *page = page_at(a, r, p);
    uint64_t size = model[a][r].huge ? HUGE : PAGE;

    grows_old(a, r, p);
    next_pa = (next_pa + HUGE) & 0x000fffffffe00000ull;
    page->now.pa = next_pa + (size == PAGE ? random_below(&rnd, 512) * PAGE :
                                             0);
    page->now.writable = random_below(&rnd, 3) != 0;
    atomic_store(spte_of(a, r, p),
                 htole64(page->now.pa | SECMMU_SPTE_V | SECMMU_SPTE_LEAF |
                         (page->now.writable ? SECMMU_SPTE_W : 0)));
}

static void unmap(unsigned a, unsigned r, unsigned p)
{
    grows_old(a, r, p);
    atomic_store(spte_of(a, r, p), 0);
}

/* Adding W needs no shootdown. */
static void make_writable(unsigned a, unsigned r, unsigned p)
{
    Page *page = page_at(a, r, p);

    if (page->now.pa) {
        atomic_fetch_or(spte_of(a, r, p), SECMMU_SPTE_W);
        page->now.writable = true;
    }
}

/* Small entries to a large one or back, with the shootdown that it takes. */
static void change_size(unsigned a, unsigned r)
{
    Region *region = &model[a][r];
    _Atomic uint64_t *spte = rig_spte(rig, a, region_va[r], 1);
    uint64_t e = le64toh(atomic_exchange(spte, 0));

    shootdown_pages(a, region_va[r] >> 12, 512);
    if ((e & SECMMU_SPTE_V) && !(e & SECMMU_SPTE_LEAF)) {
        rig_table_free(rig, e & SECMMU_SPTE_ADDR);
    }
    memset(region->page, 0, sizeof(region->page));
    memset(&region->whole, 0, sizeof(region->whole));
    region->huge = !region->huge;
}

static void check_bits(unsigned a, unsigned r, unsigned p, const Page *page)
{
    uint64_t e = le64toh(atomic_load(spte_of(a, r, p)));

    CHECK_EQ(!!(e & SECMMU_SPTE_A), page->read);
    CHECK_EQ(!!(e & SECMMU_SPTE_D), page->written);
}

static void access_page(SecmmuQueue *q, unsigned a, unsigned r, unsigned p,
                        bool write)
{
    Page *page = page_at(a, r, p);
    uint64_t va = page_va(r, p) + random_below(&rnd, PAGE);
    uint64_t size = model[a][r].huge ? HUGE : PAGE;
    SecmmuXlate x;
    SecmmuAccess access;

    secmmu_window_enter(engine, a);
    access = secmmu_translate(engine, q, va, write, &x);
    secmmu_window_exit(engine);

    if (access == SECMMU_ACCESS_FAULT) {
        /* Only the table itself can say no. */
        CHECK(!page->now.pa || (write && !page->now.writable));
        CHECK_EQ(engine->fault.va, va);
        CHECK_EQ(!!(engine->fault.flags & SECMMU_FAULT_WRITE), write);
        CHECK_EQ(!!(engine->fault.flags & SECMMU_FAULT_PRESENT),
                 page->now.pa != 0);
        faults++;
        return;
    }
    CHECK_EQ(access, SECMMU_ACCESS_OK);
    CHECK_EQ(x.left, size - va % size);
    CHECK_EQ(x.addr % size, va % size);
    if (x.addr - va % size == page->now.pa) {
        CHECK(!write || page->now.writable);
        page->read = true;
        page->written |= write;
        check_bits(a, r, p, page);
        hits++;
        return;
    }
    for (unsigned i = 0; i < page->olds; i++) {
        if (x.addr - va % size == page->old[i].pa) {
            CHECK(!write || page->old[i].writable);
            stale++;
            return;
        }
    }
    printf("# asid %u va 0x%" PRIx64 ": device 0x%" PRIx64 ", model 0x%"
           PRIx64 "\n", a, va, x.addr, page->now.pa);
    CHECK(!"a translation that should be gone");
}

static void random_shootdown(void)
{
    unsigned a = random_below(&rnd, ASIDS), r = random_below(&rnd, REGIONS);
    uint64_t vpn = page_va(r, random_below(&rnd, PAGES)) >> 12;

    switch (random_below(&rnd, 16)) {
    case 0:
        shootdown_pages(a, 0, 1ull << 36);
        break;
    case 1:
        shootdown_pages(a, region_va[r] >> 12, 512);
        break;
    case 2:
        shootdown_pages(a, vpn - 50, 100);
        break;
    case 3:
        shootdown_pages(a, vpn, 1 << 20);
        break;
    default:
        shootdown_pages(a, vpn, 1 + random_below(&rnd, 3));
    }
}

static void step(SecmmuQueue *q)
{
    unsigned a = random_below(&rnd, ASIDS), r = random_below(&rnd, REGIONS);
    unsigned p = random_below(&rnd, PAGES), what = random_below(&rnd, 1000);

    if (what < 860) {
        q[a].asid = a;
        access_page(&q[a], a, r, p, what & 1);
    } else if (what < 920) {
        map(a, r, p);
    } else if (what < 945) {
        unmap(a, r, p);
    } else if (what < 955) {
        make_writable(a, r, p);
    } else if (what < 956) {
        change_size(a, r);
    } else {
        random_shootdown();
    }
}

static void run(unsigned sets, unsigned ways, unsigned steps)
{
    SecmmuConfig config = { .engines = 1, .queues = ASIDS, .asids = ASIDS,
                            .tlb_sets = sets, .tlb_ways = ways };

    rnd.state = test_seed() + sets;
    rig = rig_new(&config, 4);
    engine = &rig->core->engines[0];
    memset(model, 0, sizeof(model));
    next_pa = 0;
    hits = faults = stale = 0;
    for (unsigned a = 0; a < ASIDS; a++) {
        rig_space_on(rig, a, SECMMU_ASID_WALK);
    }
    for (unsigned i = 0; i < steps; i++) {
        step(rig->core->queues);
    }
    printf("# %ux%u: %" PRIu64 " accesses right, %" PRIu64 " by entries not yet "
           "shot down, %" PRIu64 " faults; %" PRIu64 " TLB hits, %" PRIu64
           " walk cache hits\n", sets, ways, hits, stale, faults,
           rig_counter(rig, SECMMU_CNT_TLB_HITS),
           rig_counter(rig, SECMMU_CNT_WALK_CACHE_HITS));
    CHECK(hits > steps / 4 && faults > steps / 20 && stale > 0);
    CHECK_EQ(rig_read32(rig, GREG(ERROR)), 0);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_TLB_HITS) +
             rig_counter(rig, SECMMU_CNT_TLB_MISSES), hits + stale + faults);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_WALKS),
             rig_counter(rig, SECMMU_CNT_TLB_MISSES));
    rig_free(rig);
}

static void large_tlb(void)
{
    run(256, 4, STEPS / 2);
}

static void small_tlb(void)
{
    run(8, 2, STEPS / 4);
}

static void one_entry(void)
{
    run(1, 1, STEPS / 8);
}

static void one_set(void)
{
    run(1, 64, STEPS / 8);
}

static const Case cases[] = {
    CASE(large_tlb), CASE(small_tlb), CASE(one_entry), CASE(one_set),
};

TEST_MAIN(cases)
