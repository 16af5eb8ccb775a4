/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - audit: secondary is a subset of primary, checked on each access.
 *
 * Lives here: a walk of the CPU's own page table, and the comparison.
 * Not here: what the table's entries mean (cpu-entry.c), when audit is on
 * (regs.c), who is told (the front, by trace and log).
 *
 * Why there is no false alarm: the check runs inside the in-flight window. The
 * kernel changes an entry, or frees a table, only after the driver's shootdown
 * of that range has returned, and this returns only when all windows that
 * might use the translation have closed. So while we look, what the
 * translation was made from still stands.
 *
 * There is one exception: to change a bit, as MADV_COLD does with A, the kernel
 * takes an entry out and puts it in again, and tells nobody, since nothing is
 * taken away. An entry that is not there is therefore looked at again, for long
 * enough that a CPU of the guest that was put to sleep in between has come back.
 */
#include <stdio.h>
#include <time.h>

#include "internal.h"

#define LOOKS                   200
#define LOOK_NS                 100000

static void *map_phys(SecmmuCore *core, uint64_t addr, size_t len,
                      void **cookie)
{
    if (core->ops->map_phys) {
        return core->ops->map_phys(core->opaque, addr, len, cookie);
    }
    return core->ops->map(core->opaque, addr, len, false, cookie);
}

static void unmap_phys(SecmmuCore *core, void *host, uint64_t addr,
                       size_t len, void *cookie)
{
    if (core->ops->map_phys) {
        core->ops->unmap_phys(core->opaque, host, addr, len, cookie);
    } else {
        core->ops->unmap(core->opaque, host, addr, len, false, cookie);
    }
}

/* Returns the leaf (zero: none) and the physical address of @va. */
static uint64_t cpu_walk(SecmmuCore *core, uint64_t root, uint64_t va,
                         uint64_t *phys, bool *writable)
{
    uint64_t table = root & SECMMU_SPTE_ADDR;
    int level = root & SECMMU_AUDIT_LA57 ? 4 : 3;

    *writable = true;
    for (;; level--) {
        unsigned shift = SECMMU_LEVEL_SHIFT(level);
        uint64_t at = table + 8 * ((va >> shift) & 511);
        uint64_t mask = (1ull << shift) - 1;
        void *cookie;
        uint64_t *p = map_phys(core, at, 8, &cookie);
        SecmmuCpuEntry entry;
        uint64_t e;

        if (!p) {
            return 0;
        }
        e = le64toh(__atomic_load_n(p, __ATOMIC_ACQUIRE));
        unmap_phys(core, p, at, 8, cookie);
        entry = root & SECMMU_AUDIT_ARM64 ? secmmu_arm64_entry(e, level) :
                                            secmmu_x86_entry(e, level);
        *writable &= entry.writable;
        switch (entry.kind) {
        case SECMMU_CPU_NONE:
            return 0;
        case SECMMU_CPU_LEAF:
            /* Low bits of a large page's address may be attributes. */
            *phys = (entry.addr & ~mask) | (va & mask);
            return e;
        case SECMMU_CPU_TABLE:
            table = entry.addr;
        }
    }
}

/*
 * The same byte of RAM? Addresses are compared by what they reach, since
 * an IOMMU may stand between the device and physical memory.
 */
static bool same_frame(SecmmuCore *core, uint64_t dma, const void *host,
                       uint64_t phys)
{
    void *cookie, *p;

    if (!core->ops->map_phys) {
        return dma == phys;
    }
    p = core->ops->map_phys(core->opaque, phys, 1, &cookie);
    if (p) {
        core->ops->unmap_phys(core->opaque, p, phys, 1, cookie);
    }
    return p && p == host;
}

static uint64_t cpu_look(SecmmuCore *core, uint64_t root, uint64_t va,
                         uint64_t *phys, bool *writable)
{
    const struct timespec wait = { .tv_nsec = LOOK_NS };
    uint64_t leaf = 0;

    for (unsigned i = 0; i < LOOKS; i++) {
        leaf = cpu_walk(core, root, va, phys, writable);
        if (leaf) {
            break;
        }
        nanosleep(&wait, NULL);
    }
    return leaf;
}

bool secmmu_audit_root_ok(uint64_t root)
{
    const uint64_t both = SECMMU_AUDIT_LA57 | SECMMU_AUDIT_ARM64;

    return !(root & ~(SECMMU_SPTE_ADDR | SECMMU_AUDIT_FLAGS)) &&
           (root & both) != both;
}

void secmmu_audit(SecmmuEngine *engine, SecmmuQueue *q, uint64_t va,
                  bool write, const SecmmuXlate *x, const void *host)
{
    SecmmuCore *core = engine->core;
    uint64_t root = atomic_load_explicit(&core->asids[q->asid].audit,
                                         memory_order_acquire);
    uint64_t leaf, phys = 0;
    const char *rule = NULL;
    bool writable;
    char msg[256];

    if (!(root & SECMMU_AUDIT_ON)) {
        return;
    }
    secmmu_count(engine->count, SECMMU_CNT_AUDIT_CHECKS, 1);
    leaf = cpu_look(core, root, va, &phys, &writable);
    if (!leaf) {
        rule = "the CPU maps nothing there";
    } else if (!same_frame(core, x->addr, host, phys)) {
        rule = "the CPU maps another frame there";
    } else if (write && !writable) {
        rule = "the CPU may not write there";
    }
    if (!rule) {
        return;
    }
    secmmu_count(engine->count, SECMMU_CNT_AUDIT_VIOLATIONS, 1);
    secmmu_trace(core, SECMMU_TRACE_AUDIT, q->index, q->asid, va, write,
                 x->entry, leaf);
    snprintf(msg, sizeof(msg), "audit: %s: queue %u asid %u opcode %u user "
             "data 0x%llx %s va 0x%llx: device 0x%llx (entry 0x%llx), CPU "
             "0x%llx (entry 0x%llx)", rule, q->index, q->asid,
             q->job.d.opcode, (unsigned long long)q->job.d.user_data,
             write ? "writes" : "reads", (unsigned long long)va,
             (unsigned long long)x->addr, (unsigned long long)x->entry,
             (unsigned long long)phys, (unsigned long long)leaf);
    core->ops->guest_error(core->opaque, msg);
}
