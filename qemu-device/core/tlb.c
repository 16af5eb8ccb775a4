/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - set-associative cache of translations, two page sizes.
 *
 * Lives here: lookup, fill and drop of tagged entries under per-set spinlocks.
 * Not here: what the entries mean, walks, draining.
 *
 * Why a lock and no lock-free lookup: an uncontended lock costs a few ns on a
 * line that the lookup needs anyway, and it carries the order that shootdowns
 * rely on. Either a lookup's critical section comes before the drop's, then
 * the window that it belongs to was published before and the drain
 * sees it; or it comes after, and the entry is gone.
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define TAG_VALID       1ull
#define TAG_SIZE        2ull
#define TAG_ASID_SHIFT  4
#define TAG_PAGE_SHIFT  20

static uint64_t make_tag(unsigned asid, uint64_t page, unsigned size)
{
    return page << TAG_PAGE_SHIFT | (uint64_t)asid << TAG_ASID_SHIFT |
           (size ? TAG_SIZE : 0) | TAG_VALID;
}

static SecmmuTlbSet *set_of(SecmmuTlb *tlb, unsigned index)
{
    return (SecmmuTlbSet *)(tlb->mem + index * tlb->stride);
}

/* Neighbouring pages fall in neighbouring sets; ASIDs and sizes are spread. */
static unsigned index_of(SecmmuTlb *tlb, unsigned asid, uint64_t page,
                         unsigned size)
{
    return (page + (page >> 12) + asid * 0x9e5u + size * 0x35u) &
           (tlb->sets - 1);
}

static void set_lock(SecmmuTlbSet *set)
{
    unsigned n = 0;

    while (atomic_exchange_explicit(&set->lock, 1, memory_order_acquire)) {
        while (atomic_load_explicit(&set->lock, memory_order_relaxed)) {
            secmmu_wait_relax(&n);
        }
    }
}

static void set_unlock(SecmmuTlbSet *set)
{
    atomic_store_explicit(&set->lock, 0, memory_order_release);
}

bool secmmu_tlb_init(SecmmuTlb *tlb, unsigned sets, unsigned ways,
                     unsigned shift_small, unsigned shift_large)
{
    size_t size = sizeof(SecmmuTlbSet) + ways * sizeof(SecmmuTlbEntry);

    tlb->sets = sets;
    tlb->ways = ways;
    tlb->shift[0] = shift_small;
    tlb->shift[1] = shift_large;
    tlb->stride = (size + SECMMU_CACHE_LINE - 1) & -(size_t)SECMMU_CACHE_LINE;
    tlb->mem = aligned_alloc(SECMMU_CACHE_LINE, tlb->stride * sets);
    if (!tlb->mem) {
        return false;
    }
    memset(tlb->mem, 0, tlb->stride * sets);
    return true;
}

void secmmu_tlb_destroy(SecmmuTlb *tlb)
{
    free(tlb->mem);
    tlb->mem = NULL;
}

static int find_way(SecmmuTlb *tlb, SecmmuTlbSet *set, uint64_t tag)
{
    for (unsigned w = 0; w < tlb->ways; w++) {
        if (set->way[w].tag == tag) {
            return w;
        }
    }
    return -1;
}

bool secmmu_tlb_lookup(SecmmuTlb *tlb, unsigned asid, uint64_t va,
                       uint64_t *data, unsigned *size)
{
    for (unsigned s = 0; s < 2; s++) {
        uint64_t page = va >> tlb->shift[s];
        SecmmuTlbSet *set = set_of(tlb, index_of(tlb, asid, page, s));
        int w;

        set_lock(set);
        w = find_way(tlb, set, make_tag(asid, page, s));
        if (w >= 0) {
            set->used |= 1ull << w;
            *data = set->way[w].data;
        }
        set_unlock(set);
        if (w >= 0) {
            *size = s;
            return true;
        }
    }
    return false;
}

/* A free way, else one not hit since the hand last came by. */
static unsigned pick_victim(SecmmuTlb *tlb, SecmmuTlbSet *set)
{
    int w = find_way(tlb, set, 0);

    if (w >= 0) {
        return w;
    }
    for (unsigned i = 0; i < tlb->ways; i++) {
        w = set->hand;
        set->hand = (set->hand + 1) % tlb->ways;
        if (!(set->used & (1ull << w))) {
            return w;
        }
        set->used &= ~(1ull << w);
    }
    w = set->hand;
    set->hand = (set->hand + 1) % tlb->ways;
    return w;
}

SecmmuFill secmmu_tlb_fill(SecmmuTlb *tlb, unsigned asid, uint64_t va,
                           unsigned size, uint64_t data,
                           SecmmuCounterCell *gen, uint64_t seen)
{
    uint64_t page = va >> tlb->shift[size];
    uint64_t tag = make_tag(asid, page, size);
    SecmmuTlbSet *set = set_of(tlb, index_of(tlb, asid, page, size));
    SecmmuFill ret = SECMMU_FILL_STALE;

    set_lock(set);
    /*
     * If a drop of this page has not yet had the set's lock, it will find what
     * is entered now; if it has, its bump is visible here.
     */
    if (atomic_load(gen) == seen) {
        int w = find_way(tlb, set, tag);

        ret = SECMMU_FILL_FREE;
        if (w < 0) {
            w = pick_victim(tlb, set);
            if (set->way[w].tag) {
                ret = SECMMU_FILL_EVICTED;
            }
        }
        set->way[w].tag = tag;
        set->way[w].data = data;
        set->used |= 1ull << w;
    }
    set_unlock(set);
    return ret;
}

typedef struct DropRange {
    unsigned asid;
    uint64_t first;             /* page numbers, inclusive, by size */
    uint64_t last;
    unsigned size;
    SecmmuTlbDropped *fn;
    void *arg;
} DropRange;

static unsigned drop_in_set(SecmmuTlb *tlb, unsigned index,
                            const DropRange *range)
{
    SecmmuTlbSet *set = set_of(tlb, index);
    uint64_t low = make_tag(range->asid, 0, range->size);
    uint64_t mask = (1ull << TAG_PAGE_SHIFT) - 1;
    unsigned dropped = 0;

    set_lock(set);
    for (unsigned w = 0; w < tlb->ways; w++) {
        uint64_t tag = set->way[w].tag;
        uint64_t page = tag >> TAG_PAGE_SHIFT;

        if ((tag & mask) != low || page < range->first || page > range->last) {
            continue;
        }
        if (range->fn) {
            unsigned shift = tlb->shift[range->size];

            range->fn(range->arg, page << shift, 1ull << shift,
                      set->way[w].data);
        }
        set->way[w].tag = 0;
        set->used &= ~(1ull << w);
        dropped++;
    }
    set_unlock(set);
    return dropped;
}

unsigned secmmu_tlb_drop(SecmmuTlb *tlb, unsigned asid, uint64_t vpn,
                         uint64_t pages, SecmmuTlbDropped *fn, void *arg)
{
    unsigned dropped = 0;

    if (!pages) {
        return 0;
    }
    for (unsigned s = 0; s < 2; s++) {
        unsigned shift = tlb->shift[s] - SECMMU_PAGE_SHIFT;
        DropRange range = {
            .asid = asid, .size = s, .fn = fn, .arg = arg,
            .first = vpn >> shift,
            .last = (vpn + pages - 1) >> shift,
        };
        uint64_t n = range.last - range.first + 1;

        if (n >= tlb->sets) {
            for (unsigned i = 0; i < tlb->sets; i++) {
                dropped += drop_in_set(tlb, i, &range);
            }
        } else {
            for (uint64_t page = range.first; page <= range.last; page++) {
                dropped += drop_in_set(tlb, index_of(tlb, asid, page, s),
                                       &range);
            }
        }
    }
    return dropped;
}

void secmmu_tlb_drop_all(SecmmuTlb *tlb)
{
    for (unsigned i = 0; i < tlb->sets; i++) {
        SecmmuTlbSet *set = set_of(tlb, i);

        set_lock(set);
        for (unsigned w = 0; w < tlb->ways; w++) {
            set->way[w].tag = 0;
        }
        set->used = 0;
        set_unlock(set);
    }
}
