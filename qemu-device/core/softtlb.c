/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - soft-TLB mode: no table, the driver drops translations in.
 *
 * Lives here: the drop-in, and the slots that make it progress.
 * Not here: the miss, which is a fault like any other (walk.c, queue.c).
 *
 * A drop-in goes to the TLB, where others may evict it before the job that
 * asked for it runs again; a job that needs two pages at a time (COPY) could
 * starve with a small TLB. So each queue also keeps the last few drop-ins that
 * answered a fault of its own. Shootdowns drop these as well.
 */
#include "internal.h"

static void slots_lock(SecmmuQueue *q)
{
    unsigned n = 0;

    while (atomic_exchange_explicit(&q->slot_lock, 1, memory_order_acquire)) {
        secmmu_wait_relax(&n);
    }
}

static void slots_unlock(SecmmuQueue *q)
{
    atomic_store_explicit(&q->slot_lock, 0, memory_order_release);
}

static unsigned shift_of(unsigned size)
{
    return size ? SECMMU_HUGE_SHIFT : SECMMU_PAGE_SHIFT;
}

static bool same_page(const SecmmuSlot *slot, uint64_t va)
{
    return slot->data && slot->va >> shift_of(slot->size) ==
                         va >> shift_of(slot->size);
}

bool secmmu_slot_lookup(SecmmuQueue *q, uint64_t va, uint64_t *data,
                        unsigned *size)
{
    bool found = false;

    slots_lock(q);
    for (unsigned i = 0; i < SECMMU_SLOTS && !found; i++) {
        if (same_page(&q->slot[i], va)) {
            *data = q->slot[i].data;
            *size = q->slot[i].size;
            found = true;
        }
    }
    slots_unlock(q);
    return found;
}

void secmmu_slot_drop(SecmmuQueue *q, uint64_t vpn, uint64_t pages)
{
    slots_lock(q);
    for (unsigned i = 0; i < SECMMU_SLOTS; i++) {
        SecmmuSlot *slot = &q->slot[i];
        uint64_t first = slot->va >> SECMMU_PAGE_SHIFT;
        uint64_t n = 1ull << (shift_of(slot->size) - SECMMU_PAGE_SHIFT);

        if (slot->data && first < vpn + pages && vpn < first + n) {
            slot->data = 0;
        }
    }
    slots_unlock(q);
}

static void slot_add(SecmmuQueue *q, uint64_t va, unsigned size,
                     uint64_t data)
{
    SecmmuSlot *slot = NULL;

    slots_lock(q);
    for (unsigned i = 0; i < SECMMU_SLOTS; i++) {
        if (same_page(&q->slot[i], va)) {
            slot = &q->slot[i];
            break;
        }
    }
    if (!slot) {
        slot = &q->slot[q->slot_next];
        q->slot_next = (q->slot_next + 1) % SECMMU_SLOTS;
    }
    slot->va = va;
    slot->size = size;
    slot->data = data;
    slots_unlock(q);
}

/*
 * The latched address is that of the page, and bits 11:0 its level: 0 for
 * 4 KiB, 1 for 2 MiB (an entry says its own size only by its place in a
 * table, and there is no table).
 */
void secmmu_dropin(SecmmuCore *core, unsigned asid, uint64_t entry)
{
    SecmmuAsid *as = &core->asids[asid];
    uint64_t level = as->dropin_va & (SECMMU_PAGE_SIZE - 1);
    uint64_t va = as->dropin_va - level;
    uint64_t must = SECMMU_SPTE_V | SECMMU_SPTE_LEAF;
    uint64_t mask;

    if (atomic_load(&as->mode) != SECMMU_ASID_SOFT) {
        secmmu_error(core, SECMMU_ERR_DROPIN, "drop-in: ASID %u is not soft",
                     asid);
        return;
    }
    mask = (1ull << shift_of(level)) - 1;
    if (level > 1 || (va & mask) || va >= SECMMU_VA_END ||
        (entry & must) != must || (entry & SECMMU_SPTE_RESERVED) ||
        (entry & SECMMU_SPTE_ADDR & mask)) {
        secmmu_error(core, SECMMU_ERR_DROPIN, "drop-in: ASID %u va 0x%llx "
                     "entry 0x%llx is malformed", asid,
                     (unsigned long long)as->dropin_va,
                     (unsigned long long)entry);
        return;
    }
    pthread_mutex_lock(&core->lock);
    for (unsigned i = 0; i < core->config.queues; i++) {
        SecmmuQueue *q = &core->queues[i];

        if (q->state == SECMMU_QUEUE_STATE_FAULTED && q->asid == asid &&
            (q->fault.va & ~mask) == va) {
            slot_add(q, va, level, entry);
        }
    }
    pthread_mutex_unlock(&core->lock);
    /* Control calls come one at a time: no shootdown is between. */
    if (secmmu_tlb_fill_one(&core->tlb, asid, va, level, entry, &as->gen,
                            atomic_load(&as->gen)) == SECMMU_FILL_EVICTED) {
        secmmu_count(core->count, SECMMU_CNT_TLB_EVICTIONS, 1);
    }
    secmmu_count(core->count, SECMMU_CNT_TLB_FILLS, 1);
    secmmu_count(core->count, SECMMU_CNT_DROPINS, 1);
    secmmu_trace(core, SECMMU_TRACE_FILL, 0, asid, va, mask + 1, entry, 0);
}
