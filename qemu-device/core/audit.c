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
 * taken away. An entry that is not there is therefore looked at again:
 *
 * - For long enough that a CPU of the guest that was put to sleep in between
 *   comes back: some 20 ms, and where these were not enough up to half a second.
 *   What an engine waits past the 20 ms is half a second in ten all together,
 *   since a page that was freed may come back as well, to where it was, and a
 *   driver that forgets a shootdown must not get away by this. It is counted by
 *   time and not by looks: on a busy host many of them need some ms more.
 * - Until somebody waits for our window to close. That may be a CPU with QEMU's
 *   big lock, and the one that is to put the entry back may need the lock first,
 *   for an interrupt: to look on would be to wait for ourselves. Such a look ends
 *   without a verdict. A CPU whose write may wait for windows first waits for the
 *   look, without the lock, see secmmu_core_looking(), so a shootdown that comes
 *   too late ends no look. No other write waits: the CPU that is to put the entry
 *   back may be spinning, in an interrupt, for a lock of whoever writes.
 */
#include <stdio.h>
#include <time.h>

#include "internal.h"

#define LOOKS                   200
#define LOOK_NS                 100000ull
#define PATIENCE_NS             500000000ull
#define PATIENCE_AGAIN          20      /* a ns more after so many */

/* What the CPU's table has for an address, as it was looked at last. */
typedef struct CpuView {
    bool mapped;                /* by a leaf; if not, only entry has a meaning */
    bool writable;
    uint64_t entry;             /* the last that was read */
    uint64_t phys;
    uint64_t looked;            /* again, and for how long, ns */
} CpuView;

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

static CpuView cpu_walk(SecmmuCore *core, uint64_t root, uint64_t va)
{
    CpuView view = { .writable = true };
    uint64_t table = root & SECMMU_SPTE_ADDR;
    int level = root & SECMMU_AUDIT_LA57 ? 4 : 3;

    for (;; level--) {
        unsigned shift = SECMMU_LEVEL_SHIFT(level);
        uint64_t at = table + 8 * ((va >> shift) & 511);
        uint64_t mask = (1ull << shift) - 1;
        void *cookie;
        uint64_t *p = map_phys(core, at, 8, &cookie);
        SecmmuCpuEntry entry;

        if (!p) {
            return view;
        }
        view.entry = le64toh(__atomic_load_n(p, __ATOMIC_ACQUIRE));
        unmap_phys(core, p, at, 8, cookie);
        entry = root & SECMMU_AUDIT_ARM64 ?
                secmmu_arm64_entry(view.entry, level) :
                secmmu_x86_entry(view.entry, level);
        view.writable &= entry.writable;
        switch (entry.kind) {
        case SECMMU_CPU_NONE:
            return view;
        case SECMMU_CPU_LEAF:
            /* Low bits of a large page's address may be attributes. */
            view.phys = (entry.addr & ~mask) | (va & mask);
            view.mapped = true;
            return view;
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

/* How long may a look go on from @now? */
static uint64_t patience(SecmmuEngine *engine, uint64_t now)
{
    uint64_t more = PATIENCE_NS;

    if (engine->patience_at) {
        more = engine->patience + (now - engine->patience_at) / PATIENCE_AGAIN;
    }
    return MIN(more, PATIENCE_NS);
}

/* Looks again at what is missing. False: no verdict, see above. */
static bool cpu_look_again(SecmmuEngine *engine, uint64_t root, uint64_t va,
                           CpuView *view)
{
    const struct timespec wait = { .tv_nsec = LOOK_NS };
    uint64_t began = secmmu_core_clock(), since = 0, most = 0, now;
    SecmmuCore *core = engine->core;
    bool verdict = true;

    atomic_store(&engine->look, atomic_fetch_add(&core->looks, 1) + 1);
    for (unsigned looks = 1; !view->mapped; looks++) {
        if (secmmu_window_awaited(engine)) {
            verdict = false;
            break;
        }
        now = secmmu_core_clock();
        if (looks == LOOKS) {
            since = now;
            most = patience(engine, now);
        }
        if (looks >= LOOKS && now - since >= most) {
            break;
        }
        nanosleep(&wait, NULL);
        *view = cpu_walk(core, root, va);
    }
    now = secmmu_core_clock();
    if (since) {
        engine->patience = most - MIN(most, now - since);
        engine->patience_at = now;
    }
    view->looked = now - began;
    atomic_store(&engine->look, 0);
    return verdict;
}

uint64_t secmmu_core_looks(SecmmuCore *core)
{
    return atomic_load(&core->looks);
}

bool secmmu_core_looking(SecmmuCore *core, uint64_t newest)
{
    for (unsigned i = 0; newest && i < core->config.engines; i++) {
        uint64_t look = atomic_load(&core->engines[i].look);

        if (look && look <= newest) {
            return true;
        }
    }
    return false;
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
    const char *rule = NULL;
    CpuView cpu;
    char msg[256];

    if (!(root & SECMMU_AUDIT_ON)) {
        return;
    }
    cpu = cpu_walk(core, root, va);
    if (!cpu.mapped && !cpu_look_again(engine, root, va, &cpu)) {
        return;
    }
    secmmu_count(engine->count, SECMMU_CNT_AUDIT_CHECKS, 1);
    if (!cpu.mapped) {
        rule = "the CPU maps nothing there";
    } else if (!same_frame(core, x->addr, host, cpu.phys)) {
        rule = "the CPU maps another frame there";
    } else if (write && !cpu.writable) {
        rule = "the CPU may not write there";
    }
    if (!rule) {
        return;
    }
    secmmu_count(engine->count, SECMMU_CNT_AUDIT_VIOLATIONS, 1);
    secmmu_trace(core, SECMMU_TRACE_AUDIT, q->index, q->asid, va, write,
                 x->entry, cpu.mapped ? cpu.entry : 0);
    snprintf(msg, sizeof(msg), "audit: %s: queue %u asid %u opcode %u user "
             "data 0x%llx %s va 0x%llx: device 0x%llx (entry 0x%llx), CPU "
             "0x%llx (entry 0x%llx), after %llu ms", rule, q->index, q->asid,
             q->job.d.opcode, (unsigned long long)q->job.d.user_data,
             write ? "writes" : "reads", (unsigned long long)va,
             (unsigned long long)x->addr, (unsigned long long)x->entry,
             (unsigned long long)cpu.phys, (unsigned long long)cpu.entry,
             (unsigned long long)cpu.looked / 1000000);
    core->ops->guest_error(core->opaque, msg);
}
