/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device as a driver sees it, see dev.h. */
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "dev.h"
#include "iommu.h"

/* Guest pages are handed out from here on, beyond the PC's holes. */
#define FIRST_PAGE 0x100000ull

bool dev_iommu;

const char *const *dev_extra(const char *const *extra, const char **args)
{
    unsigned n = 0;

    if (!dev_iommu || extra == iommu_args) {
        return extra;
    }
    for (const char *const *p = iommu_args; *p; p++) {
        args[n++] = *p;
    }
    for (; extra && *extra; extra++) {
        CHECK(n < DEV_EXTRA - 1);
        args[n++] = *extra;
    }
    args[n] = NULL;
    return args;
}

struct dev *dev_bare_on(const char *machine, const char *properties,
                        const char *const *extra)
{
    struct dev *dev = calloc(1, sizeof(*dev));
    const char *args[DEV_EXTRA];

    CHECK(dev);
    extra = dev_extra(extra, args);
    dev->vm = vm_start(machine, properties, extra);
    dev->pci.vm = dev->vm;
    dev->pci.devfn = 4 << 3;
    dev->free = FIRST_PAGE;
    CHECK_EQ(pci_read32(&dev->pci, PCI_VENDOR_ID),
             (uint32_t)SECMMU_PCI_DEVICE << 16 | SECMMU_PCI_VENDOR);
    pci_assign(&dev->pci);
    pci_command(&dev->pci, PCI_COMMAND_MEMORY, 0);
    return dev;
}

struct dev *dev_bare(const char *properties)
{
    return dev_bare_on("q35", properties, NULL);
}

static void msix_init(struct dev *dev)
{
    unsigned cap = pci_find_cap(&dev->pci, PCI_CAP_ID_MSIX);
    uint32_t table;
    uint64_t entry, gpa;

    CHECK(cap);
    table = pci_read32(&dev->pci, cap + PCI_MSIX_TABLE);
    CHECK_EQ(table & PCI_MSIX_TABLE_BIR, SECMMU_BAR_MSIX);
    entry = dev->pci.bar[SECMMU_BAR_MSIX] + (table & PCI_MSIX_TABLE_OFFSET);
    if (!dev->msi) {
        dev->msi = dev_alloc(dev, 1, PAGE, &gpa);
    }
    gpa = dev_dma(dev, dev->msi);
    vm_writel(dev->vm, entry + PCI_MSIX_ENTRY_LOWER_ADDR, gpa);
    vm_writel(dev->vm, entry + PCI_MSIX_ENTRY_UPPER_ADDR, gpa >> 32);
    vm_writel(dev->vm, entry + PCI_MSIX_ENTRY_DATA, MSI_DATA);
    vm_writel(dev->vm, entry + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
    pci_write16(&dev->pci, cap + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE);
}

void dev_init(struct dev *dev)
{
    uint32_t queues = dev_read32(dev, SECMMU_REG_NR_QUEUES);
    uint32_t asids = dev_read32(dev, SECMMU_REG_NR_ASIDS);
    uint64_t gpa;

    if (dev_iommu) {
        iommu_start(dev);
    }
    pci_command(&dev->pci, PCI_COMMAND_MASTER, 0);
    msix_init(dev);
    for (dev->ring_order = 7; 1u << dev->ring_order < 3 * queues; ) {
        dev->ring_order++;
    }
    dev->ring = dev_alloc(dev, ((1ull << dev->ring_order) *
                                sizeof(*dev->ring) + PAGE - 1) / PAGE,
                          PAGE, &gpa);
    dev->head = 0;
    dev_write64(dev, SECMMU_REG_EVENT_BASE, gpa);
    dev_write32(dev, SECMMU_REG_EVENT_ORDER, dev->ring_order);
    dev->done = dev_alloc(dev, (asids * 4 + PAGE - 1) / PAGE, PAGE, &gpa);
    dev_write64(dev, SECMMU_REG_DONE_BASE, gpa);
    dev_write32(dev, SECMMU_REG_CTRL, SECMMU_CTRL_ENABLE);
    CHECK_EQ(dev_read32(dev, SECMMU_REG_STATUS), SECMMU_STATUS_REG_ENABLED);
}

struct dev *dev_start(const char *properties)
{
    struct dev *dev = dev_bare(properties);

    dev_init(dev);
    return dev;
}

void dev_end_dirty(struct dev *dev)
{
    vm_end(dev->vm);
    free(dev);
}

void dev_end(struct dev *dev)
{
    CHECK_EQ(dev_read32(dev, SECMMU_REG_ERROR), 0);
    CHECK_EQ(vm_log_size(dev->vm), 0);
    dev_end_dirty(dev);
}

/* ------------------------------------------------------------- registers */

uint32_t dev_read32(struct dev *dev, uint32_t off)
{
    return vm_readl(dev->vm, dev->pci.bar[SECMMU_BAR_CONTROL] + off);
}

uint64_t dev_read64(struct dev *dev, uint32_t off)
{
    return vm_readq(dev->vm, dev->pci.bar[SECMMU_BAR_CONTROL] + off);
}

void dev_write32(struct dev *dev, uint32_t off, uint32_t val)
{
    vm_writel(dev->vm, dev->pci.bar[SECMMU_BAR_CONTROL] + off, val);
}

void dev_write64(struct dev *dev, uint32_t off, uint64_t val)
{
    vm_writeq(dev->vm, dev->pci.bar[SECMMU_BAR_CONTROL] + off, val);
}

uint64_t dev_counter(struct dev *dev, unsigned which)
{
    return dev_read64(dev, SECMMU_COUNTER_BLOCK + 8 * which);
}

uint32_t dev_take_error(struct dev *dev)
{
    uint32_t error = dev_read32(dev, SECMMU_REG_ERROR);

    dev_write32(dev, SECMMU_REG_ERROR, error);
    CHECK_EQ(dev_read32(dev, SECMMU_REG_ERROR), 0);
    return error;
}

void dev_doorbell(struct dev *dev, unsigned queue, uint32_t tail)
{
    vm_writel(dev->vm, dev->pci.bar[SECMMU_BAR_DOORBELL] +
              (uint64_t)queue * SECMMU_DOORBELL_SIZE, tail);
}

void dev_shootdown(struct dev *dev, unsigned asid, uint64_t va, uint64_t len)
{
    uint32_t before = dev_read32(dev, AREG(asid, ASID_DONE));
    uint64_t first = va / PAGE, last = (va + len + PAGE - 1) / PAGE;
    uint64_t pages = last - first;

    if (pages > SECMMU_SHOOTDOWN_ALL) {
        pages = SECMMU_SHOOTDOWN_ALL;
    }
    dev_write64(dev, AREG(asid, ASID_SHOOTDOWN),
                SECMMU_SHOOTDOWN(first, pages));
    WAIT_FOR(dev_read32(dev, AREG(asid, ASID_DONE)) == before + 1);
    WAIT_FOR(__atomic_load_n(&dev->done[asid], __ATOMIC_ACQUIRE) ==
             before + 1);
}

void dev_respond(struct dev *dev, const struct secmmu_event *ev,
                 unsigned code, unsigned status)
{
    dev_write64(dev, SECMMU_REG_RESPONSE,
                SECMMU_RESPONSE(ev->queue, code, status, ev->seq));
}

/* ---------------------------------------------------------- guest memory */

void *dev_alloc(struct dev *dev, uint64_t n, uint64_t align, uint64_t *dma)
{
    uint64_t gpa = (dev->free + align - 1) & -align;

    dev->free = gpa + n * PAGE;
    CHECK(dev->free <= VM_RAM_SIZE);
    *dma = gpa + dev->dma_offset;
    return memset(dev->vm->ram + gpa, 0, n * PAGE);
}

/* ---------------------------------------------------------------- events */

bool dev_event_peek(struct dev *dev, struct secmmu_event *ev)
{
    struct secmmu_event *slot =
        &dev->ring[dev->head & ((1u << dev->ring_order) - 1)];

    if (__atomic_load_n(&slot->stamp, __ATOMIC_ACQUIRE) != dev->head + 1) {
        return false;
    }
    *ev = *slot;
    dev->head++;
    dev_write32(dev, SECMMU_REG_EVENT_HEAD, dev->head);
    return true;
}

struct secmmu_event dev_event(struct dev *dev, unsigned type, unsigned queue)
{
    struct secmmu_event ev;

    WAIT_FOR(dev_event_peek(dev, &ev));
    CHECK_EQ(ev.type, type);
    CHECK_EQ(ev.queue, queue);
    return ev;
}

void dev_no_event(struct dev *dev)
{
    struct secmmu_event ev;

    sleep_ms(20);
    if (dev_event_peek(dev, &ev)) {
        FAIL("unexpected event: type %u queue %u va 0x%llx", ev.type,
             ev.queue, (unsigned long long)ev.va);
    }
}

bool dev_take_msi(struct dev *dev)
{
    uint32_t data = __atomic_exchange_n(dev->msi, 0, __ATOMIC_ACQ_REL);

    if (data) {
        CHECK_EQ(data, MSI_DATA);
    }
    return data;
}

/* --------------------------------------------------------- address space */

struct space space_new(struct dev *dev, unsigned asid)
{
    struct space s = { .dev = dev, .asid = asid };

    dev_alloc(dev, 1, PAGE, &s.root);
    dev_write64(dev, AREG(asid, ASID_TABLE), s.root);
    dev_write32(dev, AREG(asid, ASID_MODE), SECMMU_ASID_WALK);
    CHECK_EQ(dev_read32(dev, AREG(asid, ASID_MODE)), SECMMU_ASID_WALK);
    return s;
}

uint64_t *space_spte(struct space *s, uint64_t va, unsigned level)
{
    uint64_t *table = dev_ptr(s->dev, s->root);

    for (unsigned l = SECMMU_LEVELS - 1; ; l--) {
        uint64_t *e = &table[va >> SECMMU_LEVEL_SHIFT(l) & 511], gpa;

        if (l == level) {
            return e;
        }
        if (!(*e & SECMMU_SPTE_V)) {
            dev_alloc(s->dev, 1, PAGE, &gpa);
            __atomic_store_n(e, gpa | SECMMU_SPTE_V, __ATOMIC_RELEASE);
        }
        CHECK(!(*e & SECMMU_SPTE_LEAF));
        table = dev_ptr(s->dev, *e & SECMMU_SPTE_ADDR);
    }
}

void space_map(struct space *s, uint64_t va, uint64_t gpa, uint64_t len,
               uint64_t flags)
{
    for (uint64_t off = 0; off < len; off += PAGE) {
        __atomic_store_n(space_spte(s, va + off, 0), (gpa + off) | flags |
                         SECMMU_SPTE_V | SECMMU_SPTE_LEAF, __ATOMIC_RELEASE);
    }
}

void space_map_huge(struct space *s, uint64_t va, uint64_t gpa,
                    uint64_t flags)
{
    __atomic_store_n(space_spte(s, va, 1), gpa | flags | SECMMU_SPTE_V |
                     SECMMU_SPTE_LEAF, __ATOMIC_RELEASE);
}

uint64_t space_unmap(struct space *s, uint64_t va)
{
    uint64_t *e = space_spte(s, va, 1);

    if (!(*e & SECMMU_SPTE_LEAF)) {
        e = space_spte(s, va, 0);
    }
    return __atomic_exchange_n(e, 0, __ATOMIC_ACQ_REL);
}

void *space_alloc(struct space *s, uint64_t va, uint64_t len, uint64_t flags)
{
    uint64_t gpa, pages = (len + PAGE - 1) / PAGE;
    void *p = dev_alloc(s->dev, pages, PAGE, &gpa);

    space_map(s, va, gpa, pages * PAGE, flags);
    return p;
}

/* ---------------------------------------------------------------- queues */

struct queue queue_new(struct space *s, unsigned index, unsigned order)
{
    struct dev *dev = s->dev;
    struct queue q = {
        .space = s, .dev = dev, .index = index, .order = order,
    };

    q.ring = space_alloc(s, RING_VA(index),
                         sizeof(struct secmmu_desc) << order, 0);
    q.record = space_alloc(s, RECORD_VA(index),
                           sizeof(struct secmmu_completion) << order,
                           SECMMU_SPTE_W);
    dev_write64(dev, QREG(index, QUEUE_RING), RING_VA(index));
    dev_write32(dev, QREG(index, QUEUE_ORDER), order);
    dev_write32(dev, QREG(index, QUEUE_ASID), s->asid);
    dev_write32(dev, QREG(index, QUEUE_CTRL), SECMMU_QUEUE_CTRL_ENABLE);
    CHECK_EQ(dev_read32(dev, QREG(index, QUEUE_STATUS)),
             SECMMU_QUEUE_STATE_IDLE);
    return q;
}

static uint32_t slot(struct queue *q, uint32_t job)
{
    return job & ((1u << q->order) - 1);
}

uint32_t queue_put(struct queue *q, struct secmmu_desc desc)
{
    uint32_t job = q->tail++;

    desc.user_data = USER_DATA(q, job);
    if (!desc.completion) {
        desc.completion = RECORD_VA(q->index) +
                          slot(q, job) * sizeof(struct secmmu_completion);
    } else if (desc.completion == 1) {
        desc.completion = 0;
    }
    memset(&q->record[slot(q, job)], 0, sizeof(*q->record));
    q->ring[slot(q, job)] = desc;
    return job;
}

void queue_ring(struct queue *q)
{
    dev_doorbell(q->dev, q->index, q->tail);
}

void queue_refill(struct queue *q)
{
    q->tail = dev_read32(q->dev, QREG(q->index, QUEUE_HEAD)) +
              (1u << q->order);
    queue_ring(q);
}

uint32_t queue_submit(struct queue *q, struct secmmu_desc desc)
{
    uint32_t job = queue_put(q, desc);

    queue_ring(q);
    return job;
}

static bool record_is_there(struct queue *q, struct secmmu_completion *record)
{
    if (__atomic_load_n(&record->status, __ATOMIC_ACQUIRE) !=
        SECMMU_STATUS_PENDING) {
        return true;
    }
    if (q->space->idle) {
        q->space->idle(q->space->idle_arg);
    }
    return false;
}

struct secmmu_completion queue_wait(struct queue *q, uint32_t job)
{
    struct secmmu_completion *record = &q->record[slot(q, job)];

    WAIT_FOR(record_is_there(q, record));
    CHECK_EQ(record->user_data, USER_DATA(q, job));
    return *record;
}

struct secmmu_completion queue_run(struct queue *q, struct secmmu_desc desc)
{
    return queue_wait(q, queue_submit(q, desc));
}

unsigned queue_state(struct queue *q)
{
    return dev_read32(q->dev, QREG(q->index, QUEUE_STATUS)) & 0xff;
}

unsigned queue_error(struct queue *q)
{
    return dev_read32(q->dev, QREG(q->index, QUEUE_STATUS)) >> 8 & 0xff;
}
