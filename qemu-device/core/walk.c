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

SecmmuAccess secmmu_load64(SecmmuCore *core, uint64_t addr, uint64_t *val)
{
    const SecmmuInject *inject = secmmu_injected(core);
    void *cookie = NULL;
    uint64_t *p;

    if (inject && inject->table && inject->table(core->opaque, addr)) {
        return SECMMU_ACCESS_BUS;
    }
    p = core->ops->map(core->opaque, addr, 8, false, &cookie);
    if (!p) {
        return secmmu_map_failed(cookie);
    }
    *val = le64toh(__atomic_load_n(p, __ATOMIC_ACQUIRE));
    core->ops->unmap(core->opaque, p, addr, 8, false, cookie);
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

static void fill(SecmmuEngine *engine, SecmmuQueue *q, uint64_t va,
                 unsigned size, uint64_t entry, uint64_t seen)
{
    SecmmuCore *core = engine->core;
    const SecmmuInject *inject = secmmu_injected(core);
    unsigned shift = core->tlb.shift[size];

    if (inject && inject->late_fill) {
        seen = atomic_load(&core->asids[q->asid].gen);
    }
    switch (secmmu_tlb_fill(&core->tlb, q->asid, va, size, entry,
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
                 va >> shift << shift, 1ull << shift, entry,
                 secmmu_traced_job(q));
}

/* On success *entry is the leaf with what the access needs. */
static SecmmuAccess walk_table(SecmmuEngine *engine, SecmmuQueue *q,
                               uint64_t va, bool write, uint64_t *entry,
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

    if (secmmu_tlb_lookup(&core->walk_cache, q->asid, va, &table, &span)) {
        secmmu_count(engine->count, SECMMU_CNT_WALK_CACHE_HITS, 1);
        level = span;
    } else {
        table = atomic_load_explicit(&as->table, memory_order_relaxed);
        level = SECMMU_LEVELS - 1;
    }

    for (;;) {
        const char *what;
        SecmmuAccess r;

        at = table + 8 * ((va >> SECMMU_LEVEL_SHIFT(level)) & 511);
        r = secmmu_load64(core, at, &e);
        if (r == SECMMU_ACCESS_BUS) {
            return bad_table(engine, q, va, level, at, "is not in RAM", 0);
        }
        if (r != SECMMU_ACCESS_OK) {
            return r;
        }
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
                secmmu_tlb_fill(&core->walk_cache, q->asid, va, level, table,
                                &as->gen, seen);
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

    *entry = e;
    *size = level;
    fill(engine, q, va, level, e, seen);
    return SECMMU_ACCESS_OK;
}

/* One walk. */
static SecmmuAccess walk(SecmmuEngine *engine, SecmmuQueue *q, uint64_t va,
                         bool write, uint64_t *entry, unsigned *size)
{
    SecmmuCore *core = engine->core;
    SecmmuAccess r = walk_table(engine, q, va, write, entry, size);
    bool ok = r == SECMMU_ACCESS_OK;

    secmmu_trace(core, SECMMU_TRACE_WALK, q->index, q->asid, va,
                 ok ? 1ull << core->tlb.shift[*size] : 0, ok ? *entry : 0,
                 secmmu_traced_job(q));
    return r;
}

static bool allows(uint64_t entry, bool write)
{
    uint64_t need = SECMMU_SPTE_W | SECMMU_SPTE_D;

    return !write || (entry & need) == need;
}

SecmmuAccess secmmu_translate(SecmmuEngine *engine, SecmmuQueue *q,
                              uint64_t va, bool write, SecmmuXlate *x)
{
    SecmmuCore *core = engine->core;
    SecmmuAsid *as = &core->asids[q->asid];
    const SecmmuInject *inject = secmmu_injected(core);
    uint64_t entry, mask;
    unsigned size;
    bool hit;

    if (inject && inject->access &&
        inject->access(core->opaque, q->index, va, write)) {
        return fail(engine, va, write ? SECMMU_FAULT_WRITE : 0);
    }
    hit = secmmu_tlb_lookup(&core->tlb, q->asid, va, &entry, &size);
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
        } else {
            /*
             * An entry without W walks too: the table may allow more by now,
             * which takes no shootdown. One without D walks to set it.
             */
            SecmmuAccess r = walk(engine, q, va, write, &entry, &size);

            if (r != SECMMU_ACCESS_OK) {
                return r;
            }
        }
    }
    mask = (1ull << core->tlb.shift[size]) - 1;
    x->addr = (entry & SECMMU_SPTE_ADDR & ~mask) | (va & mask);
    x->left = mask + 1 - (va & mask);
    x->entry = entry;
    return SECMMU_ACCESS_OK;
}
