/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - a machine for one core. See rig.h.
 */
#include <sched.h>
#include <time.h>

#include "rig.h"

/* ------------------------------------------------------------------- bus */

static void *bus_map(void *opaque, uint64_t addr, size_t len, bool write,
                     void **cookie)
{
    Rig *rig = opaque;

    (void)write;
    CHECK(len > 0);
    CHECK_EQ(addr / HUGE, (addr + len - 1) / HUGE);
    *cookie = rig;
    if (atomic_load(&rig->no_ram) || addr < RIG_RAM_BASE ||
        addr - RIG_RAM_BASE >= rig->ram_size ||
        len > rig->ram_size - (addr - RIG_RAM_BASE)) {
        return NULL;
    }
    if (atomic_load(&rig->scattered) &&
        addr / PAGE != (addr + len - 1) / PAGE) {
        return NULL;
    }
    if (rig->on_map) {
        rig->on_map(rig, addr);
    }
    if (!rig->no_counts) {
        atomic_fetch_add_explicit(&rig->maps, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&rig->maps_live, 1, memory_order_relaxed);
    }
    return rig->ram + (addr - RIG_RAM_BASE);
}

static void bus_unmap(void *opaque, void *host, uint64_t addr, size_t len,
                      bool write, void *cookie)
{
    Rig *rig = opaque;

    (void)write;
    (void)len;
    CHECK(cookie == rig);
    if (rig->on_unmap) {
        rig->on_unmap(rig, addr);
    }
    CHECK(host == rig->ram + (addr - RIG_RAM_BASE));
    if (!rig->no_counts) {
        atomic_fetch_sub_explicit(&rig->maps_live, 1, memory_order_relaxed);
    }
}

static void raise_irq(void *opaque)
{
    Rig *rig = opaque;

    atomic_fetch_add(&rig->irqs, 1);
}

static void guest_error(void *opaque, const char *msg)
{
    Rig *rig = opaque;

    pthread_mutex_lock(&rig->error_lock);
    snprintf(rig->last_error, sizeof(rig->last_error), "%s", msg);
    pthread_mutex_unlock(&rig->error_lock);
    atomic_fetch_add(&rig->guest_errors, 1);
}

static const SecmmuBusOps rig_ops = {
    .map = bus_map,
    .unmap = bus_unmap,
    .raise_irq = raise_irq,
    .guest_error = guest_error,
};

static void *map_phys(void *opaque, uint64_t addr, size_t len, void **cookie)
{
    Rig *rig = opaque;

    return bus_map(rig, addr - rig->phys_offset, len, false, cookie);
}

static void unmap_phys(void *opaque, void *host, uint64_t addr, size_t len,
                       void *cookie)
{
    Rig *rig = opaque;

    bus_unmap(rig, host, addr - rig->phys_offset, len, false, cookie);
}

static void thread_begin(void *opaque)
{
    atomic_fetch_add(&((Rig *)opaque)->threads, 1);
}

static void thread_end(void *opaque)
{
    atomic_fetch_sub(&((Rig *)opaque)->threads, 1);
}

static void trace(void *opaque, const SecmmuTrace *ev)
{
    Rig *rig = opaque;

    if (rig->on_trace) {
        rig->on_trace(rig, ev);
    }
}

static const SecmmuBusOps rig_full_ops = {
    .map = bus_map,
    .unmap = bus_unmap,
    .raise_irq = raise_irq,
    .guest_error = guest_error,
    .thread_begin = thread_begin,
    .thread_end = thread_end,
    .trace = trace,
    .map_phys = map_phys,
    .unmap_phys = unmap_phys,
};

/* --------------------------------------------------------------- set-up */

static Rig *make_rig(const SecmmuConfig *config, const SecmmuBusOps *ops,
                     size_t ram_mib)
{
    Rig *rig = calloc(1, sizeof(*rig));
    char *err = NULL;

    CHECK(rig);
    rig->ram_size = ram_mib << 20;
    rig->ram = aligned_alloc(HUGE, rig->ram_size);
    CHECK(rig->ram);
    memset(rig->ram, 0, rig->ram_size);
    pthread_mutex_init(&rig->error_lock, NULL);
    rig->ops = *ops;
    rig->core = secmmu_core_new(config, &rig->ops, rig, &err);
    if (!rig->core) {
        printf("# %s\n", err);
    }
    CHECK(rig->core);
    rig->batch = 1;
    rig->spaces = rig_read32(rig, GREG(NR_ASIDS));
    rig->space = calloc(rig->spaces, sizeof(*rig->space));
    CHECK(rig->space);
    while ((1u << rig->order) < 3 * rig_read32(rig, GREG(NR_QUEUES))) {
        rig->order++;
    }
    rig->events = rig_alloc(rig, sizeof(struct secmmu_event) << rig->order,
                            PAGE);
    rig->done = rig_alloc(rig, 4 * rig->spaces, PAGE);
    rig_enable(rig);
    return rig;
}

Rig *rig_new(const SecmmuConfig *config, size_t ram_mib)
{
    return make_rig(config, &rig_ops, ram_mib);
}

Rig *rig_new_full(const SecmmuConfig *config, size_t ram_mib)
{
    return make_rig(config, &rig_full_ops, ram_mib);
}

void rig_enable(Rig *rig)
{
    secmmu_core_set_bus_master(rig->core, true);
    memset(rig_ram(rig, rig->events), 0,
           sizeof(struct secmmu_event) << rig->order);
    rig->head = 0;
    rig_write64(rig, GREG(EVENT_BASE), rig->events);
    rig_write32(rig, GREG(EVENT_ORDER), rig->order);
    rig_write64(rig, GREG(DONE_BASE), rig->done);
    rig_write32(rig, GREG(CTRL), SECMMU_CTRL_ENABLE);
    CHECK_EQ(rig_read32(rig, GREG(CTRL)), SECMMU_CTRL_ENABLE);
}

void rig_free(Rig *rig)
{
    secmmu_core_free(rig->core);
    CHECK_EQ(atomic_load(&rig->maps_live), 0);
    CHECK_EQ(atomic_load(&rig->threads), 0);
    pthread_mutex_destroy(&rig->error_lock);
    free(rig->space);
    free(rig->ram);
    free(rig);
}

uint64_t rig_alloc(Rig *rig, size_t size, size_t align)
{
    uint64_t at = (rig->ram_next + align - 1) & -(uint64_t)align;

    CHECK(at + size <= rig->ram_size);
    rig->ram_next = at + size;
    memset(rig->ram + at, 0, size);
    return RIG_RAM_BASE + at;
}

void *rig_ram(Rig *rig, uint64_t addr)
{
    CHECK(addr >= RIG_RAM_BASE && addr - RIG_RAM_BASE < rig->ram_size);
    return rig->ram + (addr - RIG_RAM_BASE);
}

/* ------------------------------------------------------------- registers */

uint64_t rig_read64(Rig *rig, uint64_t off)
{
    return secmmu_core_read(rig->core, off, 8);
}

uint32_t rig_read32(Rig *rig, uint64_t off)
{
    return secmmu_core_read(rig->core, off, 4);
}

void rig_write64(Rig *rig, uint64_t off, uint64_t val)
{
    secmmu_core_write(rig->core, off, val, 8);
}

void rig_write32(Rig *rig, uint64_t off, uint32_t val)
{
    secmmu_core_write(rig->core, off, val, 4);
}

uint64_t rig_counter(Rig *rig, unsigned which)
{
    return rig_read64(rig, SECMMU_COUNTER_BLOCK + 8 * which);
}

/* -------------------------------------------------------- address spaces */

void rig_space_on(Rig *rig, unsigned asid, unsigned mode)
{
    RigSpace *space = &rig->space[asid];

    if (!space->root) {
        space->root = rig_alloc(rig, PAGE, PAGE);
    }
    rig_write64(rig, AREG(asid, TABLE), space->root);
    rig_write32(rig, AREG(asid, MODE), mode);
    CHECK_EQ(rig_read32(rig, AREG(asid, MODE)), mode);
}

static RigPage *page_of(Rig *rig, unsigned asid, uint64_t va)
{
    uint64_t n = (va - RIG_VA) / PAGE;

    return va >= RIG_VA && n < RIG_PAGES ? &rig->space[asid].page[n] : NULL;
}

void rig_back(Rig *rig, unsigned asid, uint64_t va, size_t pages,
              size_t align, bool writable)
{
    uint64_t pa = rig_alloc(rig, pages * PAGE, align);

    for (size_t i = 0; i < pages; i++) {
        RigPage *page = page_of(rig, asid, va + i * PAGE);

        CHECK(page);
        page->pa = pa + i * PAGE;
        page->writable = writable;
    }
}

void *rig_va(Rig *rig, unsigned asid, uint64_t va)
{
    RigPage *page = page_of(rig, asid, va);

    CHECK(page && page->pa);
    return (uint8_t *)rig_ram(rig, page->pa) + va % PAGE;
}

void rig_put(Rig *rig, unsigned asid, uint64_t va, const void *buf, size_t len)
{
    const uint8_t *p = buf;

    while (len) {
        size_t n = MIN(len, PAGE - va % PAGE);

        memcpy(rig_va(rig, asid, va), p, n);
        p += n;
        va += n;
        len -= n;
    }
}

void rig_get(Rig *rig, unsigned asid, uint64_t va, void *buf, size_t len)
{
    uint8_t *p = buf;

    while (len) {
        size_t n = MIN(len, PAGE - va % PAGE);

        memcpy(p, rig_va(rig, asid, va), n);
        p += n;
        va += n;
        len -= n;
    }
}

static uint64_t table_alloc(Rig *rig)
{
    uint64_t addr = rig->free_tables;
    uint64_t *table;

    if (!addr) {
        return rig_alloc(rig, PAGE, PAGE);
    }
    table = rig_ram(rig, addr);
    rig->free_tables = table[511] & SECMMU_SPTE_ADDR;
    memset(table, 0, PAGE);
    return addr;
}

void rig_table_free(Rig *rig, uint64_t addr)
{
    uint64_t *table = rig_ram(rig, addr);

    memset(table, 0xff, PAGE);
    table[511] = rig->free_tables | SECMMU_SPTE_RESERVED | SECMMU_SPTE_V;
    rig->free_tables = addr;
}

_Atomic uint64_t *rig_spte(Rig *rig, unsigned asid, uint64_t va, int level)
{
    uint64_t table = rig->space[asid].root;

    for (int l = SECMMU_LEVELS - 1;; l--) {
        _Atomic uint64_t *spte = (_Atomic uint64_t *)rig_ram(rig, table) +
                                 ((va >> SECMMU_LEVEL_SHIFT(l)) & 511);
        uint64_t e = le64toh(atomic_load(spte));

        if (l == level) {
            return spte;
        }
        if (!(e & SECMMU_SPTE_V)) {
            e = table_alloc(rig) | SECMMU_SPTE_V;
            atomic_store(spte, htole64(e));
        }
        if (e & SECMMU_SPTE_LEAF) {
            return spte;
        }
        table = e & SECMMU_SPTE_ADDR;
    }
}

static bool huge_possible(Rig *rig, unsigned asid, uint64_t va)
{
    uint64_t base = va & -HUGE;
    RigPage *first = page_of(rig, asid, base);

    if (!rig->huge || !first || first->pa % HUGE) {
        return false;
    }
    for (unsigned i = 0; i < HUGE / PAGE; i++) {
        RigPage *page = page_of(rig, asid, base + i * PAGE);

        if (!page || page->pa != first->pa + i * PAGE ||
            page->writable != first->writable) {
            return false;
        }
    }
    return true;
}

/* The entry for @va, and its level; zero if the CPU maps nothing. */
static uint64_t make_entry(Rig *rig, unsigned asid, uint64_t va, int *level)
{
    RigPage *page = page_of(rig, asid, va);
    uint64_t e;

    if (!page || !page->pa) {
        return 0;
    }
    *level = huge_possible(rig, asid, va);
    e = *level ? page_of(rig, asid, va & -HUGE)->pa : page->pa;
    return e | SECMMU_SPTE_V | SECMMU_SPTE_LEAF | rig->preset |
           (page->writable ? SECMMU_SPTE_W : 0);
}

void rig_map(Rig *rig, unsigned asid, uint64_t va, size_t pages)
{
    for (size_t i = 0; i < pages; i++) {
        int level;
        uint64_t e = make_entry(rig, asid, va + i * PAGE, &level);
        _Atomic uint64_t *spte;

        CHECK(e);
        spte = rig_spte(rig, asid, va + i * PAGE, level);
        if (!(le64toh(atomic_load(spte)) & SECMMU_SPTE_V)) {
            atomic_store(spte, htole64(e));
        }
    }
}

bool rig_zap(Rig *rig, unsigned asid, uint64_t va)
{
    return le64toh(atomic_exchange(rig_spte(rig, asid, va, 0), 0)) &
           SECMMU_SPTE_V;
}

void rig_shootdown(Rig *rig, unsigned asid, uint64_t va, uint64_t pages)
{
    rig_write64(rig, AREG(asid, SHOOTDOWN),
                SECMMU_SHOOTDOWN(va / PAGE, pages));
}

/* ---------------------------------------------------------------- driver */

void rig_queue_on(Rig *rig, unsigned queue, unsigned asid, uint64_t ring,
                  unsigned order)
{
    rig_write64(rig, QREG(queue, RING), ring);
    rig_write32(rig, QREG(queue, ORDER), order);
    rig_write32(rig, QREG(queue, ASID), asid);
    rig_write32(rig, QREG(queue, CTRL), SECMMU_QUEUE_CTRL_ENABLE);
    CHECK_EQ(rig_read32(rig, QREG(queue, CTRL)), SECMMU_QUEUE_CTRL_ENABLE);
}

void rig_doorbell(Rig *rig, unsigned queue, uint32_t tail)
{
    secmmu_core_doorbell(rig->core, queue * SECMMU_DOORBELL_SIZE, tail, 4);
}

void rig_submit(Rig *rig, unsigned queue, const struct secmmu_desc *desc)
{
    uint32_t tail = rig_read32(rig, QREG(queue, TAIL));
    uint32_t mask = (1u << rig_read32(rig, QREG(queue, ORDER))) - 1;
    uint64_t ring = rig_read64(rig, QREG(queue, RING));
    unsigned asid = rig_read32(rig, QREG(queue, ASID));

    rig_put(rig, asid, ring + (tail & mask) * sizeof(*desc), desc,
            sizeof(*desc));
    rig_doorbell(rig, queue, tail + 1);
}

void rig_respond(Rig *rig, const RigFault *fault, unsigned code,
                 unsigned status)
{
    rig_write64(rig, GREG(RESPONSE), SECMMU_RESPONSE(fault->queue, code,
                                                     status, fault->seq));
}

static void drop_in(Rig *rig, unsigned asid, uint64_t va, bool write)
{
    int level;
    uint64_t e = make_entry(rig, asid, va, &level);

    e |= SECMMU_SPTE_A | (write ? SECMMU_SPTE_D : 0);
    rig_write64(rig, AREG(asid, DROPIN_VA),
                (va & -(level ? HUGE : PAGE)) | level);
    rig_write64(rig, AREG(asid, DROPIN), e);
}

static void serve(Rig *rig, const RigFault *fault)
{
    uint64_t va = fault->va & -PAGE;
    uint64_t end = fault->va + fault->extent;
    RigPage *page = page_of(rig, fault->asid, fault->va);
    bool write = fault->flags & SECMMU_FAULT_WRITE;

    CHECK(fault->extent > 0);
    if (!rig->batch) {
        return;
    }
    if (!page || !page->pa || (write && !page->writable)) {
        rig_respond(rig, fault, SECMMU_RESPONSE_FAIL, SECMMU_STATUS_FAULT);
        return;
    }
    for (unsigned i = 0; i < rig->batch && va < end; i++, va += PAGE) {
        page = page_of(rig, fault->asid, va);
        if (!page || !page->pa) {
            break;
        }
        if (rig->soft) {
            drop_in(rig, fault->asid, va, write);
        } else {
            rig_map(rig, fault->asid, va, 1);
        }
    }
    rig_respond(rig, fault, SECMMU_RESPONSE_RETRY, 0);
}

unsigned rig_poll(Rig *rig)
{
    struct secmmu_event *ring = rig_ram(rig, rig->events);
    unsigned n = 0;

    for (;;) {
        struct secmmu_event *slot = &ring[rig->head & ((1u << rig->order) - 1)];
        struct secmmu_event ev;
        RigFault fault;

        if (le32toh(__atomic_load_n(&slot->stamp, __ATOMIC_ACQUIRE)) !=
            rig->head + 1) {
            return n;
        }
        ev = *slot;
        rig->last_event = ev;
        rig->head++;
        n++;
        rig_write32(rig, GREG(EVENT_HEAD), rig->head);
        switch (ev.type) {
        case SECMMU_EVENT_FAULT:
            rig->faults++;
            fault = (RigFault) {
                .queue = le16toh(ev.queue), .asid = le16toh(ev.asid),
                .code = le16toh(ev.code), .flags = ev.flags,
                .va = le64toh(ev.va), .extent = le64toh(ev.extent),
                .seq = le32toh(ev.seq),
            };
            if (rig->on_fault) {
                rig->on_fault(rig, &fault);
            } else {
                serve(rig, &fault);
            }
            break;
        case SECMMU_EVENT_COMPLETION:
            rig->completions++;
            break;
        case SECMMU_EVENT_ERROR:
            rig->errors++;
            break;
        default:
            CHECK(!"unknown event");
        }
    }
}

static uint64_t seconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec;
}

/* True for 60 s: long enough for a loaded machine under a sanitizer. */
static bool patience(uint64_t *since)
{
    if (!*since) {
        *since = seconds();
    }
    sched_yield();
    return seconds() - *since < 60;
}

/* A negative @head or @state: any. */
static void await(Rig *rig, unsigned queue, int64_t head, int state, bool poll)
{
    uint64_t since = 0;

    for (;;) {
        uint32_t h = rig_read32(rig, QREG(queue, HEAD));
        uint32_t status = rig_read32(rig, QREG(queue, STATUS));

        if ((head < 0 || h == head) &&
            (state < 0 || (status & 0xff) == (unsigned)state)) {
            return;
        }
        if (poll) {
            rig_poll(rig);
        }
        if (!patience(&since)) {
            printf("# queue %u: head %u, status 0x%x, waiting for head %" PRId64
                   ", state %d, %s\n", queue, h, status, head, state,
                   rig->last_error);
            CHECK(!"the queue does not get on");
        }
    }
}

void rig_wait(Rig *rig, unsigned queue, uint32_t head)
{
    await(rig, queue, head, -1, true);
}

void rig_wait_state(Rig *rig, unsigned queue, unsigned state)
{
    await(rig, queue, -1, state, true);
}

void rig_wait_unread(Rig *rig, unsigned queue, uint32_t head, unsigned state)
{
    await(rig, queue, head, state, false);
}

struct secmmu_completion rig_run(Rig *rig, unsigned queue,
                                 const struct secmmu_desc *desc)
{
    unsigned asid = rig_read32(rig, QREG(queue, ASID));
    struct secmmu_completion record;

    memset(&record, 0, sizeof(record));
    rig_put(rig, asid, desc->completion, &record, sizeof(record));
    rig_submit(rig, queue, desc);
    rig_wait(rig, queue, rig_read32(rig, QREG(queue, TAIL)));
    rig_get(rig, asid, desc->completion, &record, sizeof(record));
    return record;
}
