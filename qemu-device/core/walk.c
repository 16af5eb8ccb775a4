/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - the page-walk engine.
 *
 * Lives here: translation of one address: TLB, walk cache, table, A and D.
 * Not here: mapping what the address names (access.c), dropping (shootdown.c).
 *
 * A translation is good for the window in which it was made, even if it was
 * refused by the TLB because a shootdown came by: that shootdown waits for the
 * window.
 */
#include "internal.h"

/* Lost races for A and D before the engine leaves its window. */
#define AD_TRIES 16

#define LINE_BYTES (8 * SECMMU_TLB_LINE)

static SecmmuAccess fail(SecmmuEngine *engine, uint64_t va, uint8_t flags)
{
    engine->fault.va = va;
    engine->fault.flags = flags;
    return SECMMU_ACCESS_FAULT;
}

static SecmmuAccess bad_table(SecmmuEngine *engine, SecmmuQueue *q,
                              uint64_t va, int level, uint64_t at,
                              const char *what, uint64_t entry)
{
    secmmu_error(engine->core, SECMMU_ERR_TABLE,
                 "queue %u asid %u va 0x%llx level %d: entry at 0x%llx %s "
                 "(0x%llx)", q->index, q->asid, (unsigned long long)va, level,
                 (unsigned long long)at, what, (unsigned long long)entry);
    engine->fault.va = va;
    return SECMMU_ACCESS_BUS;
}

/*
 * Loads the entry at @addr and its neighbours in the line: to memory that is
 * one access. Each is one aligned load of its own.
 */
static SecmmuAccess load_line(SecmmuCore *core, uint64_t addr, uint64_t *line)
{
    const SecmmuInject *inject = secmmu_injected(core);
    uint64_t start = addr & -(uint64_t)LINE_BYTES;
    void *cookie = NULL;
    uint64_t *p;

    if (inject && inject->table && inject->table(core->opaque, addr)) {
        return SECMMU_ACCESS_BUS;
    }
    p = core->ops->map(core->opaque, start, LINE_BYTES, false, &cookie);
    if (!p) {
        return secmmu_map_failed(cookie);
    }
    /* Whoever reads on through memory will want the next one. */
    __builtin_prefetch(p + SECMMU_TLB_LINE);
    for (unsigned i = 0; i < SECMMU_TLB_LINE; i++) {
        line[i] = le64toh(__atomic_load_n(&p[i], __ATOMIC_ACQUIRE));
    }
    core->ops->unmap(core->opaque, p, start, LINE_BYTES, false, cookie);
    return SECMMU_ACCESS_OK;
}

/* Sets @bits in the entry at @addr if it still is @old; *@r tells of the way. */
static bool set_bits(SecmmuCore *core, uint64_t addr, uint64_t old,
                     uint64_t bits, SecmmuAccess *r)
{
    uint64_t expect = htole64(old);
    void *cookie = NULL;
    uint64_t *p = core->ops->map(core->opaque, addr, 8, true, &cookie);
    bool done;

    *r = p ? SECMMU_ACCESS_OK : secmmu_map_failed(cookie);
    if (!p) {
        return false;
    }
    done = __atomic_compare_exchange_n(p, &expect, htole64(old | bits), false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    core->ops->unmap(core->opaque, p, addr, 8, true, cookie);
    return done;
}

/* What is wrong with a valid entry, or NULL. */
static const char *malformed(uint64_t entry, int level)
{
    if (entry & SECMMU_SPTE_RESERVED) {
        return "has reserved bits";
    }
    if (entry & SECMMU_SPTE_LEAF) {
        if (level > 1) {
            return "is a leaf";
        }
        if (level == 1 && (entry & 0x1ff000)) {
            return "is a misaligned 2 MiB page";
        }
    } else if (level == 0) {
        return "is no leaf";
    }
    return NULL;
}

/*
 * Leaves in @line what a walk for it alone would put in the TLB: valid leaves
 * that have been accessed before. A neighbour without A is left out, since it
 * is its first access that has to set A.
 */
static void fit_to_fill(uint64_t *line, int level)
{
    const uint64_t must = SECMMU_SPTE_V | SECMMU_SPTE_LEAF | SECMMU_SPTE_A;

    for (unsigned i = 0; i < SECMMU_TLB_LINE; i++) {
        if ((line[i] & must) != must || malformed(line[i], level)) {
            line[i] = 0;
        }
    }
}

static void fill(SecmmuEngine *engine, SecmmuQueue *q, uint64_t va,
                 unsigned size, uint64_t *line, uint64_t seen)
{
    SecmmuCore *core = engine->core;
    const SecmmuInject *inject = secmmu_injected(core);
    unsigned shift = core->tlb.shift[size];

    fit_to_fill(line, size);
    if (inject && inject->late_fill) {
        seen = atomic_load(&core->asids[q->asid].gen);
    }
    switch (secmmu_tlb_fill(&core->tlb, q->asid, va, size, line,
                            &core->asids[q->asid].gen, seen)) {
    case SECMMU_FILL_STALE:
        return;
    case SECMMU_FILL_EVICTED:
        secmmu_count(engine->count, SECMMU_CNT_TLB_EVICTIONS, 1);
        break;
    case SECMMU_FILL_FREE:
        break;
    }
    secmmu_count(engine->count, SECMMU_CNT_TLB_FILLS, 1);
    secmmu_trace(core, SECMMU_TRACE_FILL, q->index, q->asid,
                 va >> shift << shift, 1ull << shift,
                 line[secmmu_tlb_word(&core->tlb, va, size)],
                 secmmu_traced_job(q));
}

/*
 * On success @line is what the TLB has been filled with: the leaf, with what the
 * access needs, and its neighbours.
 */
static SecmmuAccess walk_table(SecmmuEngine *engine, SecmmuQueue *q,
                               uint64_t va, bool write, uint64_t *line,
                               unsigned *size)
{
    SecmmuCore *core = engine->core;
    SecmmuAsid *as = &core->asids[q->asid];
    uint64_t seen = atomic_load(&as->gen);
    uint64_t need = SECMMU_SPTE_A | (write ? SECMMU_SPTE_D : 0);
    uint64_t table, at, e;
    unsigned tries = 0, span;
    int level;

    secmmu_count(engine->count, SECMMU_CNT_WALKS, 1);
    engine->budget -= SECMMU_COST_WALK;

    if (secmmu_tlb_lookup(&core->walk_cache, q->asid, va, line, &span)) {
        secmmu_count(engine->count, SECMMU_CNT_WALK_CACHE_HITS, 1);
        table = line[secmmu_tlb_word(&core->walk_cache, va, span)];
        level = span;
    } else {
        table = atomic_load_explicit(&as->table, memory_order_relaxed);
        level = SECMMU_LEVELS - 1;
    }

    for (;;) {
        const char *what;
        SecmmuAccess r;

        at = table + 8 * ((va >> SECMMU_LEVEL_SHIFT(level)) & 511);
        r = load_line(core, at, line);
        if (r == SECMMU_ACCESS_BUS) {
            return bad_table(engine, q, va, level, at, "is not in RAM", 0);
        }
        if (r != SECMMU_ACCESS_OK) {
            return r;
        }
        e = line[at / 8 % SECMMU_TLB_LINE];
        if (!(e & SECMMU_SPTE_V)) {
            return fail(engine, va, write ? SECMMU_FAULT_WRITE : 0);
        }
        what = malformed(e, level);
        if (what) {
            return bad_table(engine, q, va, level, at, what, e);
        }
        if (!(e & SECMMU_SPTE_LEAF)) {
            table = e & SECMMU_SPTE_ADDR;
            level--;
            if (level < 2) {
                secmmu_tlb_fill_one(&core->walk_cache, q->asid, va, level,
                                    table, &as->gen, seen);
            }
            continue;
        }
        if (write && !(e & SECMMU_SPTE_W)) {
            return fail(engine, va,
                        SECMMU_FAULT_WRITE | SECMMU_FAULT_PRESENT);
        }
        if ((e & need) == need) {
            break;
        }
        if (set_bits(core, at, e, need, &r)) {
            secmmu_count(engine->count, SECMMU_CNT_AD_UPDATES, 1);
            e |= need;
            break;
        }
        if (r == SECMMU_ACCESS_BUS) {
            return bad_table(engine, q, va, level, at, "is not in RAM", e);
        }
        if (r != SECMMU_ACCESS_OK) {
            return r;
        }
        /* It changed since it was read: look at this table again. */
        if (++tries == AD_TRIES) {
            return SECMMU_ACCESS_AGAIN;
        }
    }

    *size = level;
    line[at / 8 % SECMMU_TLB_LINE] = e;
    fill(engine, q, va, level, line, seen);
    return SECMMU_ACCESS_OK;
}

/* One walk. */
static SecmmuAccess walk(SecmmuEngine *engine, SecmmuQueue *q, uint64_t va,
                         bool write, uint64_t *line, unsigned *size)
{
    SecmmuCore *core = engine->core;
    SecmmuAccess r = walk_table(engine, q, va, write, line, size);
    bool ok = r == SECMMU_ACCESS_OK;

    secmmu_trace(core, SECMMU_TRACE_WALK, q->index, q->asid, va,
                 ok ? 1ull << core->tlb.shift[*size] : 0,
                 ok ? line[secmmu_tlb_word(&core->tlb, va, *size)] : 0,
                 secmmu_traced_job(q));
    return r;
}

static bool allows(uint64_t entry, bool write)
{
    uint64_t need = SECMMU_SPTE_W | SECMMU_SPTE_D;

    return !write || (entry & need) == need;
}

/*
 * Pages from @word's on that lie side by side in memory too, up to the next 2 MiB
 * there. They have been accessed, and written if that is what is asked for: A
 * and D are set.
 */
static unsigned in_a_row(const uint64_t *line, unsigned word, bool write)
{
    uint64_t addr = line[word] & SECMMU_SPTE_ADDR;
    unsigned n = 1;

    while (word + n < SECMMU_TLB_LINE && line[word + n] &&
           (line[word + n] & SECMMU_SPTE_ADDR) ==
           addr + n * SECMMU_PAGE_SIZE &&
           (addr + n * SECMMU_PAGE_SIZE) % SECMMU_HUGE_SIZE &&
           allows(line[word + n], write)) {
        n++;
    }
    return n;
}

SecmmuAccess secmmu_translate(SecmmuEngine *engine, SecmmuQueue *q,
                              uint64_t va, bool write, SecmmuXlate *x)
{
    SecmmuCore *core = engine->core;
    SecmmuAsid *as = &core->asids[q->asid];
    const SecmmuInject *inject = secmmu_injected(core);
    uint64_t line[SECMMU_TLB_LINE], entry = 0, mask;
    unsigned size, pages = 1;
    bool hit;

    if (inject && inject->access &&
        inject->access(core->opaque, q->index, va, write)) {
        return fail(engine, va, write ? SECMMU_FAULT_WRITE : 0);
    }
    hit = secmmu_tlb_lookup(&core->tlb, q->asid, va, line, &size);
    if (hit) {
        entry = line[secmmu_tlb_word(&core->tlb, va, size)];
    }
    if (hit && allows(entry, write)) {
        secmmu_count(engine->count, SECMMU_CNT_TLB_HITS, 1);
    } else {
        secmmu_count(engine->count, SECMMU_CNT_TLB_MISSES, 1);
        secmmu_trace(core, SECMMU_TRACE_MISS, q->index, q->asid, va, 0, write,
                     secmmu_traced_job(q));
        if (atomic_load_explicit(&as->mode, memory_order_relaxed) ==
            SECMMU_ASID_SOFT) {
            bool slot = secmmu_slot_lookup(q, va, &entry, &size);

            if (!slot || !allows(entry, write)) {
                return fail(engine, va, (write ? SECMMU_FAULT_WRITE : 0) |
                            (hit || slot ? SECMMU_FAULT_PRESENT : 0));
            }
            hit = false;
        } else {
            /*
             * An entry without W walks too: the table may allow more by now,
             * which takes no shootdown. One without D walks to set it.
             */
            SecmmuAccess r = walk(engine, q, va, write, line, &size);

            if (r != SECMMU_ACCESS_OK) {
                return r;
            }
            entry = line[secmmu_tlb_word(&core->tlb, va, size)];
            hit = true;
        }
    }
    mask = (1ull << core->tlb.shift[size]) - 1;
    if (hit && size == 0) {
        pages = in_a_row(line, secmmu_tlb_word(&core->tlb, va, 0), write);
    }
    x->addr = (entry & SECMMU_SPTE_ADDR & ~mask) | (va & mask);
    x->left = pages * (mask + 1) - (va & mask);
    x->entry = entry;
    return SECMMU_ACCESS_OK;
}
