/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Behind an emulated IOMMU (VT-d), off and on.
 *
 * Lives here: just as much of VT-d as it takes to map all RAM elsewhere.
 * Not here: the device's own translation.
 */
#include <linux/pci_regs.h>
#include <string.h>

#include "cases.h"
#include "iommu.h"
#include "jobs.h"

#define VTD          0xfed90000ull
#define VTD_ECAP     0x10
#define VTD_GCMD     0x18
#define VTD_GSTS     0x1c
#define VTD_RTADDR   0x20
#define VTD_CCMD     0x28
#define VTD_FSTS     0x34
#define VTD_FECTL    0x38
#define VTD_FEDATA   0x3c
#define VTD_FEADDR   0x40
#define GCMD_TE      (1u << 31)
#define GCMD_SRTP    (1u << 30)

#define SL_RW        3ull
#define SL_LARGE     0x80ull

#define FSTS_PPF     2u
#define CONTEXT_PASS_THROUGH 8ull
/* Where iommu_tables() has nothing. */
#define UNMAPPED     (1ull << 40)

#define OFFSET       IOMMU_OFFSET

#define VA 0x7f0000000000ull

const char *const iommu_args[] = {
    "-device", "intel-iommu,intremap=off,aw-bits=48", NULL,
};

/* A page of guest RAM that only the IOMMU sees. */
static uint64_t *table(struct dev *dev, uint64_t *gpa)
{
    uint64_t *p = dev_alloc(dev, 1, PAGE, gpa);

    *gpa -= dev->dma_offset;
    return p;
}

/*
 * Returns the table of 2 MiB entries that maps RAM from OFFSET on. The rest of
 * the first 4 GiB is mapped to itself: some tests go to fixed addresses.
 */
static uint64_t *iommu_tables(struct dev *dev, uint64_t *root_gpa)
{
    uint64_t context_gpa, level4, level3, level2;
    uint64_t *root = table(dev, root_gpa), *context = table(dev, &context_gpa);
    uint64_t *l4 = table(dev, &level4), *l3 = table(dev, &level3);
    uint64_t *l2 = table(dev, &level2);

    root[0] = context_gpa | 1;
    /* Second-level tables, 48 bits (AW 2), domain 1. */
    for (unsigned devfn = 0; devfn < 256; devfn++) {
        context[2 * devfn] = level4 | 1;
        context[2 * devfn + 1] = 2 | 1 << 8;
    }
    l4[0] = level3 | SL_RW;
    for (uint64_t i = 0; i < 4; i++) {
        l3[i] = i << 30 | SL_RW | SL_LARGE;
    }
    l3[OFFSET >> 30] = level2 | SL_RW;
    for (uint64_t i = 0; i < VM_RAM_SIZE / HUGE; i++) {
        l2[i] = i * HUGE | SL_RW | SL_LARGE;
    }
    return l2;
}

static void iommu_flush(struct dev *dev)
{
    uint64_t iotlb = VTD + (vm_readq(dev->vm, VTD + VTD_ECAP) >> 8 & 0x3ff) *
                     16 + 8;

    vm_writeq(dev->vm, VTD + VTD_CCMD, 1ull << 63 | 1ull << 61);
    vm_writeq(dev->vm, iotlb, 1ull << 63 | 1ull << 60);
}

static void iommu_on(struct dev *dev, uint64_t root)
{
    vm_writeq(dev->vm, VTD + VTD_RTADDR, root);
    vm_writel(dev->vm, VTD + VTD_GCMD, GCMD_SRTP);
    CHECK(vm_readl(dev->vm, VTD + VTD_GSTS) & GCMD_SRTP);
    iommu_flush(dev);
    vm_writel(dev->vm, VTD + VTD_GCMD, GCMD_TE);
    CHECK(vm_readl(dev->vm, VTD + VTD_GSTS) & GCMD_TE);
}

static void iommu_off(struct dev *dev)
{
    vm_writel(dev->vm, VTD + VTD_GCMD, 0);
    CHECK(!(vm_readl(dev->vm, VTD + VTD_GSTS) & GCMD_TE));
}

void iommu_start(struct dev *dev)
{
    if (!dev->iommu_root) {
        dev->dma_offset = OFFSET;
        iommu_tables(dev, &dev->iommu_root);
    }
    if (!(vm_readl(dev->vm, VTD + VTD_GSTS) & GCMD_TE)) {
        iommu_on(dev, dev->iommu_root);
    }
}

void test_iommu_off(void)
{
    struct dev *dev = dev_bare_on("q35", DEV_PROPERTIES, iommu_args);
    struct space s;
    struct queue q;

    dev_init(dev);
    s = space_new(dev, 0);
    q = queue_new(&s, 0, 4);
    *(uint64_t *)space_alloc(&s, VA, PAGE, 0) = 12345;
    CHECK_EQ(jobs_ok(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_REDUCE, .src = VA, .len = 8,
    }).result, 12345);
    dev_end(dev);
}

/* Everything that the device reaches, it reaches through the IOMMU. */
void test_iommu_jobs(void)
{
    static uint8_t want[5 * PAGE];
    struct dev *dev = dev_bare_on("q35", DEV_PROPERTIES, iommu_args);
    struct secmmu_event ev;
    struct space s;
    struct queue q;
    struct mem m;

    iommu_start(dev);
    dev_init(dev);
    s = space_new(dev, 1);
    q = queue_new(&s, 2, 4);
    mem_init(&m, &s, MEM_MOVING);
    mem_alloc(&m, VA, sizeof(want), 0);
    mem_alloc(&m, VA + HUGE, sizeof(want), SECMMU_SPTE_W);
    mem_random(&m, VA, want, sizeof(want));
    for (unsigned i = 0; i < 20; i++) {
        struct secmmu_desc desc = {
            .opcode = SECMMU_OP_COPY, .flags = SECMMU_DESC_INTERRUPT,
            .src = VA, .dst = VA + HUGE, .len = sizeof(want),
        };

        jobs_ok(&q, desc);
        mem_check(&m, VA + HUGE, want, sizeof(want));
    }
    CHECK(m.faults > 0 && m.moves > 0);
    WAIT_FOR(dev_take_msi(dev));
    while (dev_event_peek(dev, &ev)) {
    }
    CHECK_EQ(COUNTER(dev, BUS_ERRORS), 0);
    mem_free(&m);
    dev_end(dev);
}

void test_iommu_unmapped(void)
{
    struct dev *dev = dev_bare_on("q35", DEV_PROPERTIES, iommu_args);
    struct secmmu_completion c;
    struct space s;
    struct queue q;
    uint64_t root, dma, *l2, was, *page;

    dev->dma_offset = OFFSET;
    l2 = iommu_tables(dev, &root);
    iommu_on(dev, root);
    dev_init(dev);
    s = space_new(dev, 0);
    q = queue_new(&s, 0, 4);
    /* The page lies in 2 MiB of its own, which the IOMMU forgets. */
    page = dev_alloc(dev, 512, HUGE, &dma);
    space_map(&s, VA, dma, PAGE, SECMMU_SPTE_W);
    *page = 99;
    CHECK_EQ(jobs_ok(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_REDUCE, .src = VA, .len = 8,
    }).result, 99);
    was = l2[(dma - OFFSET) / HUGE];
    /* Read-only, then nothing. */
    l2[(dma - OFFSET) / HUGE] = was & ~2ull;
    iommu_flush(dev);
    CHECK_EQ(jobs_ok(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_REDUCE, .src = VA, .len = 8,
    }).result, 99);
    c = queue_run(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_FILL, .dst = VA, .len = 8, .operand[0] = 1,
    });
    CHECK_EQ(c.status, SECMMU_STATUS_BUS_ERROR);
    CHECK_EQ(c.fault_addr, VA);
    CHECK_EQ(*page, 99);
    l2[(dma - OFFSET) / HUGE] = 0;
    iommu_flush(dev);
    c = queue_run(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_REDUCE, .src = VA, .len = 8,
    });
    CHECK_EQ(c.status, SECMMU_STATUS_BUS_ERROR);
    CHECK_EQ(c.fault_addr, VA);
    l2[(dma - OFFSET) / HUGE] = was;
    iommu_flush(dev);
    CHECK_EQ(jobs_ok(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_REDUCE, .src = VA, .len = 8,
    }).result, 99);
    dev_end(dev);
}

/*
 * Translation is switched in the middle of jobs. RAM is mapped at both
 * addresses, so that they go on whichever way. Bus mastering is off meanwhile:
 * QEMU takes one way to memory out before it puts the other in.
 */
void test_iommu_switched(void)
{
    struct dev *dev = dev_bare_on("q35", DEV_PROPERTIES, iommu_args);
    const uint64_t len = 4 * HUGE;
    uint64_t root, gpa, bytes, *l2;
    struct space s;
    struct queue q;

    l2 = iommu_tables(dev, &root);
    /* The same 2 MiB entries from address 0 on. */
    ((uint64_t *)(dev->vm->ram + (root + 3 * PAGE)))[0] =
        (uint64_t)((uint8_t *)l2 - dev->vm->ram) | SL_RW;
    dev_init(dev);
    s = space_new(dev, 0);
    q = queue_new(&s, 0, 10);
    dev_alloc(dev, len / PAGE, HUGE, &gpa);
    space_map(&s, VA, gpa, len, SECMMU_SPTE_W);
    for (unsigned i = 0; i < 1u << q.order; i++) {
        queue_put(&q, (struct secmmu_desc) {
            .opcode = SECMMU_OP_FILL, .dst = VA, .len = len,
            .operand[0] = i,
        });
    }
    queue_ring(&q);
    for (unsigned i = 0; i < 10; i++) {
        pci_command(&dev->pci, 0, PCI_COMMAND_MASTER);
        if (i % 2) {
            iommu_off(dev);
        } else {
            iommu_on(dev, root);
        }
        /* There is work left, however long the last round took. */
        queue_refill(&q);
        bytes = COUNTER(dev, BYTES_WRITTEN);
        pci_command(&dev->pci, PCI_COMMAND_MASTER, 0);
        WAIT_FOR(COUNTER(dev, BYTES_WRITTEN) > bytes);
    }
    CHECK_EQ(COUNTER(dev, BUS_ERRORS), 0);
    dev_end(dev);
}

/* What VT-d has to say about a bad address is an interrupt. */
void test_iommu_fault_interrupt(void)
{
    struct dev *dev = dev_bare_on("q35", DEV_PROPERTIES, iommu_args);
    struct secmmu_completion c;
    struct space s;
    struct queue q;

    iommu_start(dev);
    dev_init(dev);
    /* Not masked, and an NMI, so that it needs no interrupt controller. */
    vm_writel(dev->vm, VTD + VTD_FEDATA, 4 << 8);
    vm_writel(dev->vm, VTD + VTD_FEADDR, 0xfee00000);
    vm_writel(dev->vm, VTD + VTD_FECTL, 0);
    s = space_new(dev, 0);
    q = queue_new(&s, 0, 4);
    space_map(&s, VA, UNMAPPED, PAGE, SECMMU_SPTE_W);
    CHECK_EQ(vm_readl(dev->vm, VTD + VTD_FSTS) & FSTS_PPF, 0);
    c = queue_run(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_REDUCE, .src = VA, .len = 8,
    });
    CHECK_EQ(c.status, SECMMU_STATUS_BUS_ERROR);
    CHECK_EQ(c.fault_addr, VA);
    CHECK(vm_readl(dev->vm, VTD + VTD_FSTS) & FSTS_PPF);
    /* The interrupt is no longer pending: it was sent. */
    CHECK_EQ(vm_readl(dev->vm, VTD + VTD_FECTL), 0);
    jobs_ok(&q, (struct secmmu_desc) { .opcode = SECMMU_OP_NOP });
    dev_end(dev);
}

/*
 * The IOMMU finds, while it translates for an engine, that this device needs no
 * translation, and changes the memory map there and then.
 */
void test_iommu_pass_through(void)
{
    struct dev *dev = dev_bare_on("q35", DEV_PROPERTIES, iommu_args);
    uint64_t root, context_gpa, *context;
    struct space s;
    struct queue q;

    context = table(dev, &context_gpa);
    *(table(dev, &root)) = context_gpa | 1;
    iommu_on(dev, root);
    dev_init(dev);
    /* No done array: the engine's access shall be the first one. */
    dev_write32(dev, SECMMU_REG_CTRL, 0);
    dev_write64(dev, SECMMU_REG_DONE_BASE, 0);
    dev_write32(dev, SECMMU_REG_CTRL, SECMMU_CTRL_ENABLE);
    s = space_new(dev, 0);
    q = queue_new(&s, 0, 4);
    /* From absent to present needs no flush. */
    context[2 * dev->pci.devfn + 1] = 2 | 1 << 8;
    context[2 * dev->pci.devfn] = CONTEXT_PASS_THROUGH | 1;
    for (unsigned i = 0; i < 5; i++) {
        jobs_ok(&q, (struct secmmu_desc) { .opcode = SECMMU_OP_NOP });
    }
    dev_end(dev);
}
