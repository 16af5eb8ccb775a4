/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - taking translations away.
 *
 * Lives here: the shootdown, from the doorbell to the done sequence.
 * Not here: the TLB (tlb.c), what draining is (window.c).
 */
#include "internal.h"

typedef struct DropTrace {
    SecmmuCore *core;
    unsigned asid;
} DropTrace;

static void trace_drop(void *arg, uint64_t va, uint64_t len, uint64_t data)
{
    DropTrace *t = arg;

    secmmu_trace(t->core, SECMMU_TRACE_DROP, 0, t->asid, va, len, data, 0);
}

/* Returns the number of TLB entries dropped. */
static unsigned drop_range(SecmmuCore *core, unsigned asid, uint64_t vpn,
                           uint64_t pages)
{
    DropTrace t = { core, asid };
    unsigned dropped;

    /*
     * First of all: a walk that has read the old table must not fill. Then the
     * same for one that begins now and still finds an old table through the
     * walk cache; its entries may be as they were, if it was taken out whole.
     */
    atomic_fetch_add(&core->asids[asid].gen, 1);
    secmmu_tlb_drop(&core->walk_cache, asid, vpn, pages, NULL, NULL);
    atomic_fetch_add(&core->asids[asid].gen, 1);
    dropped = secmmu_tlb_drop(&core->tlb, asid, vpn, pages,
                              secmmu_tracing(core) ? trace_drop : NULL, &t);
    if (atomic_load(&core->asids[asid].mode) == SECMMU_ASID_SOFT) {
        for (unsigned i = 0; i < core->config.queues; i++) {
            if (core->queues[i].asid == asid) {
                secmmu_slot_drop(&core->queues[i], vpn, pages);
            }
        }
    }
    return dropped;
}

static void drain(SecmmuCore *core, unsigned asid)
{
    const SecmmuInject *inject = secmmu_injected(core);
    unsigned waited;

    if (inject && inject->no_drain) {
        return;
    }
    waited = secmmu_window_drain(core, asid);
    secmmu_count(core->count, SECMMU_CNT_DRAIN_WAITS, waited);
    secmmu_trace(core, SECMMU_TRACE_DRAIN, 0, asid, 0, waited, 0, 0);
}

void secmmu_drop_asid(SecmmuCore *core, unsigned asid)
{
    drop_range(core, asid, 0, SECMMU_VA_END >> SECMMU_PAGE_SHIFT);
    drain(core, asid);
}

void secmmu_write_done(SecmmuCore *core, unsigned asid)
{
    uint64_t addr = core->done_base + 4ull * asid;
    uint32_t *done;
    void *cookie;

    if (!core->done_base || !atomic_load(&core->dma)) {
        return;
    }
    done = core->ops->map(core->opaque, addr, 4, true, &cookie);
    if (!done) {
        secmmu_error(core, SECMMU_ERR_DMA, "done sequence at 0x%llx: no RAM",
                     (unsigned long long)addr);
        return;
    }
    /* Release: who reads the number sees all that was drained. */
    __atomic_store_n(done, htole32(core->asids[asid].done), __ATOMIC_RELEASE);
    core->ops->unmap(core->opaque, done, addr, 4, true, cookie);
}

void secmmu_shootdown(SecmmuCore *core, unsigned asid, uint64_t val)
{
    SecmmuAsid *as = &core->asids[asid];
    uint64_t end = SECMMU_VA_END >> SECMMU_PAGE_SHIFT;
    uint64_t vpn = SECMMU_SHOOTDOWN_VPN(val);
    uint64_t pages = SECMMU_SHOOTDOWN_PAGES(val);
    const SecmmuInject *inject = secmmu_injected(core);
    unsigned dropped = 0;

    if (atomic_load(&as->mode) == SECMMU_ASID_OFF) {
        secmmu_error(core, SECMMU_ERR_ASID, "shootdown: ASID %u is off", asid);
        return;
    }
    if (pages == SECMMU_SHOOTDOWN_ALL || pages > end - vpn) {
        pages = end - vpn;
    }
    if (inject && inject->lose_shootdown &&
        inject->lose_shootdown(core->opaque, asid)) {
        return;
    }
    secmmu_trace(core, SECMMU_TRACE_SHOOTDOWN_BEGIN, 0, asid, vpn << 12,
                 pages << 12, as->done + 1, 0);
    if (inject && inject->shootdown) {
        inject->shootdown(core->opaque, asid);
    }
    if (!inject || !inject->ignore_shootdown) {
        dropped = drop_range(core, asid, vpn, pages);
        drain(core, asid);
    }
    as->done++;
    secmmu_count(core->count, SECMMU_CNT_SHOOTDOWNS, 1);
    secmmu_count(core->count, SECMMU_CNT_ENTRIES_DROPPED, dropped);
    secmmu_trace(core, SECMMU_TRACE_SHOOTDOWN_END, 0, asid, vpn << 12,
                 pages << 12, (uint64_t)as->done << 32 | dropped, 0);
    secmmu_write_done(core, asid);
}
