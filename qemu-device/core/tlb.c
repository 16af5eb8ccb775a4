/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - set-associative cache of translations, two page sizes.
 *
 * Lives here: lookup, fill and drop of tagged entries.
 * Not here: what the entries mean, walks, draining.
 *
 * An entry holds a line of the table: the eight translations that one read of
 * memory brings. So a run through neighbouring pages walks once for eight.
 *
 * Each set has a sequence, odd while somebody changes the set. Who changes takes
 * it from even to odd by compare-and-swap, so it is the lock too. Who looks up
 * only reads, and looks again if the sequence has moved: an atomic operation
 * there would wait for all the bytes that a copy has just stored.
 *
 * The order that shootdowns rely on is that of the sequentially consistent
 * operations: an engine opens its window, then reads the sequence; a drop
 * makes the sequence odd, then the drain reads the windows. Either the drain
 * sees the window and waits for it, or the lookup sees the drop.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define TAG_VALID       1ull
#define TAG_SIZE        2ull
#define TAG_ASID_SHIFT  4
#define TAG_LINE_SHIFT  20

static uint64_t make_tag(unsigned asid, uint64_t line, unsigned size)
{
    return line << TAG_LINE_SHIFT | (uint64_t)asid << TAG_ASID_SHIFT |
           (size ? TAG_SIZE : 0) | TAG_VALID;
}

/* Where a page of @size lies: the entry's tag, its set, its place in the line. */
typedef struct Place {
    uint64_t tag;
    SecmmuTlbSet *set;
    unsigned word;
} Place;

static SecmmuTlbSet *set_of(SecmmuTlb *tlb, unsigned index)
{
    return (SecmmuTlbSet *)(tlb->mem + index * tlb->stride);
}

static _Atomic uint64_t *line_of(SecmmuTlb *tlb, SecmmuTlbSet *set, unsigned w)
{
    return (_Atomic uint64_t *)((uint8_t *)set + tlb->lines) +
           w * SECMMU_TLB_LINE;
}

/* Neighbouring lines fall in neighbouring sets; ASIDs and sizes are spread. */
static unsigned index_of(SecmmuTlb *tlb, unsigned asid, uint64_t line,
                         unsigned size)
{
    return (line + (line >> 12) + asid * 0x9e5u + size * 0x35u) &
           (tlb->sets - 1);
}

static Place place_of(SecmmuTlb *tlb, unsigned asid, uint64_t va,
                      unsigned size)
{
    uint64_t page = va >> tlb->shift[size], line = page / SECMMU_TLB_LINE;

    return (Place) {
        .tag = make_tag(asid, line, size),
        .set = set_of(tlb, index_of(tlb, asid, line, size)),
        .word = page % SECMMU_TLB_LINE,
    };
}

static void set_lock(SecmmuTlbSet *set)
{
    unsigned n = 0;

    for (;;) {
        uint32_t seq = atomic_load_explicit(&set->seq, memory_order_relaxed);

        if (!(seq & 1) && atomic_compare_exchange_weak(&set->seq, &seq,
                                                       seq + 1)) {
            return;
        }
        secmmu_wait_relax(&n);
    }
}

static void set_unlock(SecmmuTlbSet *set)
{
    uint32_t seq = atomic_load_explicit(&set->seq, memory_order_relaxed);

    atomic_store_explicit(&set->seq, seq + 1, memory_order_release);
}

/*
 * With the lock held. Release: who reads what is put here sees that the
 * sequence has moved.
 */
static void put(_Atomic uint64_t *cell, uint64_t val)
{
    atomic_store_explicit(cell, val, memory_order_release);
}

static uint64_t get(_Atomic uint64_t *cell)
{
    return atomic_load_explicit(cell, memory_order_acquire);
}

/* A hint, and lost now and then: two may change it at a time. */
static uint64_t used(SecmmuTlbSet *set)
{
    return atomic_load_explicit(&set->used, memory_order_relaxed);
}

static void set_used(SecmmuTlbSet *set, uint64_t ways)
{
    if (used(set) != ways) {
        atomic_store_explicit(&set->used, ways, memory_order_relaxed);
    }
}

bool secmmu_tlb_init(SecmmuTlb *tlb, unsigned sets, unsigned ways,
                     unsigned shift_small, unsigned shift_large)
{
    size_t line = SECMMU_TLB_LINE * sizeof(uint64_t);
    size_t tags = sizeof(SecmmuTlbSet) + ways * sizeof(uint64_t);

    tlb->sets = sets;
    tlb->ways = ways;
    tlb->shift[0] = shift_small;
    tlb->shift[1] = shift_large;
    tlb->lines = (tags + line - 1) & -line;
    tlb->stride = tlb->lines + ways * line;
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
        if (get(&set->tag[w]) == tag) {
            return w;
        }
    }
    return -1;
}

/* A copy of the line with @tag, all of one moment; the way, or -1. */
static int read_line(SecmmuTlb *tlb, const Place *at, uint64_t *line)
{
    unsigned n = 0;

    for (;;) {
        uint32_t seq = atomic_load(&at->set->seq);

        if (!(seq & 1)) {
            int w = find_way(tlb, at->set, at->tag);

            for (unsigned i = 0; w >= 0 && i < SECMMU_TLB_LINE; i++) {
                line[i] = get(line_of(tlb, at->set, w) + i);
            }
            if (atomic_load_explicit(&at->set->seq,
                                     memory_order_relaxed) == seq) {
                return w;
            }
        }
        secmmu_wait_relax(&n);
    }
}

bool secmmu_tlb_lookup(SecmmuTlb *tlb, unsigned asid, uint64_t va,
                       uint64_t *line, unsigned *size)
{
    for (unsigned s = 0; s < 2; s++) {
        Place at = place_of(tlb, asid, va, s);
        int w = read_line(tlb, &at, line);

        if (w >= 0 && line[at.word]) {
            set_used(at.set, used(at.set) | 1ull << w);
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
        if (!(used(set) & (1ull << w))) {
            return w;
        }
        set_used(set, used(set) & ~(1ull << w));
    }
    w = set->hand;
    set->hand = (set->hand + 1) % tlb->ways;
    return w;
}

SecmmuFill secmmu_tlb_fill(SecmmuTlb *tlb, unsigned asid, uint64_t va,
                           unsigned size, const uint64_t *line,
                           SecmmuCounterCell *gen, uint64_t seen)
{
    Place at = place_of(tlb, asid, va, size);
    SecmmuFill ret = SECMMU_FILL_STALE;

    set_lock(at.set);
    /*
     * If a drop of this page has not yet looked at the set, it will find what
     * is entered now; if it has, its bump is visible here.
     */
    if (atomic_load(gen) == seen) {
        int w = find_way(tlb, at.set, at.tag);
        bool fresh = w < 0;

        ret = SECMMU_FILL_FREE;
        if (fresh) {
            w = pick_victim(tlb, at.set);
            if (get(&at.set->tag[w])) {
                ret = SECMMU_FILL_EVICTED;
            }
            put(&at.set->tag[w], at.tag);
        }
        for (unsigned i = 0; i < SECMMU_TLB_LINE; i++) {
            if (fresh || line[i]) {
                put(line_of(tlb, at.set, w) + i, line[i]);
            }
        }
        set_used(at.set, used(at.set) | 1ull << w);
    }
    set_unlock(at.set);
    return ret;
}

SecmmuFill secmmu_tlb_fill_one(SecmmuTlb *tlb, unsigned asid, uint64_t va,
                               unsigned size, uint64_t data,
                               SecmmuCounterCell *gen, uint64_t seen)
{
    uint64_t line[SECMMU_TLB_LINE] = { 0 };

    line[secmmu_tlb_word(tlb, va, size)] = data;
    return secmmu_tlb_fill(tlb, asid, va, size, line, gen, seen);
}

typedef struct DropRange {
    unsigned asid;
    uint64_t first;             /* page numbers, inclusive, by size */
    uint64_t last;
    unsigned size;
    SecmmuTlbDropped *fn;
    void *arg;
} DropRange;

/* Is the entry with @tag for a line that the range touches? */
static bool touches(const DropRange *range, uint64_t tag)
{
    uint64_t low = make_tag(range->asid, 0, range->size);
    uint64_t line = tag >> TAG_LINE_SHIFT;

    return (tag & ((1ull << TAG_LINE_SHIFT) - 1)) == low &&
           line >= range->first / SECMMU_TLB_LINE &&
           line <= range->last / SECMMU_TLB_LINE;
}

/*
 * Is there nothing to be dropped? Whoever is about to fill has made the sequence
 * odd, or will see that the generation has moved.
 */
static bool nothing_there(SecmmuTlb *tlb, SecmmuTlbSet *set,
                          const DropRange *range)
{
    if (atomic_load(&set->seq) & 1) {
        return false;
    }
    for (unsigned w = 0; w < tlb->ways; w++) {
        if (touches(range, get(&set->tag[w]))) {
            return false;
        }
    }
    return true;
}

static unsigned drop_in_line(SecmmuTlb *tlb, SecmmuTlbSet *set, unsigned w,
                             const DropRange *range)
{
    uint64_t first = (get(&set->tag[w]) >> TAG_LINE_SHIFT) * SECMMU_TLB_LINE;
    unsigned shift = tlb->shift[range->size];
    unsigned dropped = 0;
    bool left = false;

    for (unsigned i = 0; i < SECMMU_TLB_LINE; i++) {
        _Atomic uint64_t *cell = line_of(tlb, set, w) + i;
        uint64_t data = get(cell), page = first + i;

        if (!data) {
            continue;
        }
        if (page < range->first || page > range->last) {
            left = true;
            continue;
        }
        if (range->fn) {
            range->fn(range->arg, page << shift, 1ull << shift, data);
        }
        put(cell, 0);
        dropped++;
    }
    if (!left) {
        put(&set->tag[w], 0);
        set_used(set, used(set) & ~(1ull << w));
    }
    return dropped;
}

static unsigned drop_in_set(SecmmuTlb *tlb, unsigned index,
                            const DropRange *range)
{
    SecmmuTlbSet *set = set_of(tlb, index);
    unsigned dropped = 0;

    if (nothing_there(tlb, set, range)) {
        return 0;
    }
    set_lock(set);
    for (unsigned w = 0; w < tlb->ways; w++) {
        if (touches(range, get(&set->tag[w]))) {
            dropped += drop_in_line(tlb, set, w, range);
        }
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
        uint64_t line = range.first / SECMMU_TLB_LINE;
        uint64_t last = range.last / SECMMU_TLB_LINE;

        if (last - line >= tlb->sets - 1) {
            for (unsigned i = 0; i < tlb->sets; i++) {
                dropped += drop_in_set(tlb, i, &range);
            }
        } else {
            for (; line <= last; line++) {
                dropped += drop_in_set(tlb, index_of(tlb, asid, line, s),
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
            put(&set->tag[w], 0);
        }
        set_used(set, 0);
        set_unlock(set);
    }
}
