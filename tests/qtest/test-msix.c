/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MSI-X: delivery, masks, pending bit.
 *
 * Lives here: the one vector.
 * Not here: which events there are (test-jobs.c, test-faults.c).
 */
#include <linux/pci_regs.h>

#include "cases.h"
#include "dev.h"

static struct dev *dev;
static struct space s;
static struct queue q;
static uint64_t entry, pending;
static unsigned cap;

static void setup(void)
{
    uint32_t reg;

    dev = dev_start(DEV_PROPERTIES);
    s = space_new(dev, 0);
    q = queue_new(&s, 0, 4);
    cap = pci_find_cap(&dev->pci, PCI_CAP_ID_MSIX);
    reg = pci_read32(&dev->pci, cap + PCI_MSIX_TABLE);
    entry = dev->pci.bar[reg & 7] + (reg & ~7u);
    reg = pci_read32(&dev->pci, cap + PCI_MSIX_PBA);
    pending = dev->pci.bar[reg & 7] + (reg & ~7u);
}

/* A completion that is told, and read. */
static void tell(void)
{
    CHECK_EQ(queue_run(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_NOP, .flags = SECMMU_DESC_INTERRUPT,
    }).status, SECMMU_STATUS_OK);
    dev_event(dev, SECMMU_EVENT_COMPLETION, 0);
}

static void check_silent(void)
{
    sleep_ms(20);
    CHECK(!dev_take_msi(dev));
}

void test_msix_each_event(void)
{
    setup();
    for (unsigned i = 0; i < 50; i++) {
        tell();
        WAIT_FOR(dev_take_msi(dev));
    }
    CHECK_EQ(COUNTER(dev, INTERRUPTS), 50);
    CHECK_EQ(COUNTER(dev, EVENTS), 50);
    check_silent();
    dev_end(dev);
}

void test_msix_vector_mask(void)
{
    setup();
    vm_writel(dev->vm, entry + PCI_MSIX_ENTRY_VECTOR_CTRL,
              PCI_MSIX_ENTRY_CTRL_MASKBIT);
    tell();
    WAIT_FOR(vm_readl(dev->vm, pending) & 1);
    check_silent();
    /* What came while it was masked comes once, at once. */
    tell();
    /* By the answer to this read the bottom half has run: it is pending. */
    CHECK_EQ(COUNTER(dev, INTERRUPTS), 2);
    vm_writel(dev->vm, entry + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
    WAIT_FOR(dev_take_msi(dev));
    CHECK_EQ(vm_readl(dev->vm, pending) & 1, 0);
    check_silent();
    dev_end(dev);
}

void test_msix_function_mask(void)
{
    setup();
    pci_write16(&dev->pci, cap + PCI_MSIX_FLAGS,
                PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
    tell();
    WAIT_FOR(vm_readl(dev->vm, pending) & 1);
    check_silent();
    pci_write16(&dev->pci, cap + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE);
    WAIT_FOR(dev_take_msi(dev));
    dev_end(dev);
}

void test_msix_disabled(void)
{
    setup();
    pci_write16(&dev->pci, cap + PCI_MSIX_FLAGS, 0);
    tell();
    check_silent();
    pci_write16(&dev->pci, cap + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE);
    tell();
    WAIT_FOR(dev_take_msi(dev));
    dev_end(dev);
}

/* A slot that the driver is looking at: its event is written, and not told. */
void test_msix_polled(void)
{
    uint32_t *stamp;

    setup();
    for (unsigned i = 0; i < 3; i++) {
        stamp = &dev->ring[dev->head].stamp;
        __atomic_store_n(stamp, SECMMU_STAMP_POLLED(dev->head),
                         __ATOMIC_RELEASE);
        tell();
    }
    check_silent();
    CHECK_EQ(COUNTER(dev, EVENTS), 3);
    CHECK_EQ(COUNTER(dev, INTERRUPTS), 0);
    /* The mark of another position means nothing. */
    dev->ring[dev->head].stamp = SECMMU_STAMP_POLLED(dev->head + 1);
    tell();
    WAIT_FOR(dev_take_msi(dev));
    tell();
    WAIT_FOR(dev_take_msi(dev));
    dev_end(dev);
}
