/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers: reset values, access rules, holes, from <linux/secmmu_hw.h>.
 *
 * Lives here: what holds for every register alike, and PCI configuration.
 * Not here: what registers do (test-errors.c and others).
 */
#include <linux/pci_regs.h>

#include "cases.h"
#include "dev.h"

enum access { RO, RW, W1C, WO };

/* Reset value that the properties decide; told apart by dev_cap(). */
#define CAP 0xc0ffee00c0ffee00ull
#define LIVE 0xc0ffee00c0ffee01ull

struct reg {
    const char *name;
    uint32_t off;
    unsigned width;
    uint64_t reset;
    enum access access;
};

#define REG(name, offset, width, reset, access) \
    { #name, offset, width, reset, access },
static const struct reg global_regs[] = { SECMMU_GLOBAL_REGS(REG) };
static const struct reg queue_regs[] = { SECMMU_QUEUE_REGS(REG) };
static const struct reg asid_regs[] = { SECMMU_ASID_REGS(REG) };

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t bar0(struct dev *dev)
{
    return dev->pci.bar[SECMMU_BAR_CONTROL];
}

static uint64_t read_width(struct dev *dev, uint64_t off, unsigned width)
{
    switch (width) {
    case 1:
        return vm_readb(dev->vm, bar0(dev) + off);
    case 2:
        return vm_readw(dev->vm, bar0(dev) + off);
    case 4:
        return vm_readl(dev->vm, bar0(dev) + off);
    default:
        return vm_readq(dev->vm, bar0(dev) + off);
    }
}

static void write_width(struct dev *dev, uint64_t off, unsigned width,
                        uint64_t val)
{
    switch (width) {
    case 1:
        vm_writeb(dev->vm, bar0(dev) + off, val);
        break;
    case 2:
        vm_writew(dev->vm, bar0(dev) + off, val);
        break;
    case 4:
        vm_writel(dev->vm, bar0(dev) + off, val);
        break;
    default:
        vm_writeq(dev->vm, bar0(dev) + off, val);
        break;
    }
}

/* Calls fn for each register, of queues and ASIDs the first and the last. */
static void each_reg(struct dev *dev,
                     void (*fn)(struct dev *dev, const struct reg *reg))
{
    for (unsigned i = 0; i < LEN(global_regs); i++) {
        fn(dev, &global_regs[i]);
    }
    for (unsigned q = 0; q < DEV_QUEUES; q += DEV_QUEUES - 1) {
        for (unsigned i = 0; i < LEN(queue_regs); i++) {
            struct reg reg = queue_regs[i];

            reg.off += SECMMU_QUEUE_BLOCK + q * SECMMU_QUEUE_STRIDE;
            fn(dev, &reg);
        }
    }
    for (unsigned a = 0; a < DEV_ASIDS; a += DEV_ASIDS - 1) {
        for (unsigned i = 0; i < LEN(asid_regs); i++) {
            struct reg reg = asid_regs[i];

            reg.off += SECMMU_ASID_BLOCK + a * SECMMU_ASID_STRIDE;
            fn(dev, &reg);
        }
    }
}

static bool is_audit(const struct reg *reg)
{
    return reg->off >= SECMMU_ASID_BLOCK &&
           reg->off % SECMMU_ASID_STRIDE == SECMMU_REG_ASID_AUDIT;
}

static uint64_t expected_reset(struct dev *dev, const struct reg *reg)
{
    if (reg->reset != CAP) {
        return reg->reset;
    }
    switch (reg->off) {
    case SECMMU_REG_NR_ASIDS:
        return DEV_ASIDS;
    case SECMMU_REG_NR_QUEUES:
        return DEV_QUEUES;
    case SECMMU_REG_NR_ENGINES:
        return DEV_ENGINES;
    case SECMMU_REG_TLB_SETS:
        return DEV_SETS;
    case SECMMU_REG_TLB_WAYS:
        return DEV_WAYS;
    case SECMMU_REG_FEATURES:
        return SECMMU_FEATURE_SOFT;
    case SECMMU_REG_CHUNK: {
        uint32_t chunk = dev_read32(dev, SECMMU_REG_CHUNK);

        /* Its size is the model's choice, within reason. */
        CHECK(chunk >= PAGE && chunk <= HUGE);
        return chunk;
    }
    default:
        FAIL("a register %s of which the test knows nothing", reg->name);
    }
}

static void check_reset(struct dev *dev, const struct reg *reg)
{
    uint64_t val, want;

    /* For commands see test_regs_write_only, for audit test-audit.c. */
    if (reg->access == WO || is_audit(reg)) {
        return;
    }
    if (reg->reset == LIVE) {
        uint64_t a = read_width(dev, reg->off, reg->width);

        /* Nanoseconds: they go on, and neither stand still nor run away. */
        sleep_ms(20);
        val = read_width(dev, reg->off, reg->width);
        CHECK(a && val - a >= 20 * 1000000ull);
        CHECK(val - a < PATIENCE_MS * 1000000ull);
        return;
    }
    want = expected_reset(dev, reg);
    val = read_width(dev, reg->off, reg->width);
    if (val != want) {
        FAIL("%s at 0x%x resets to 0x%" PRIx64 ", expected 0x%" PRIx64,
             reg->name, reg->off, val, want);
    }
}

static void check_counters_zero(struct dev *dev)
{
    for (unsigned i = 0; i < SECMMU_CNT_NR; i++) {
        if (dev_counter(dev, i)) {
            FAIL("counter %u does not reset to 0", i);
        }
    }
}

void test_regs_reset_values(void)
{
    struct dev *dev = dev_bare(DEV_PROPERTIES);

    each_reg(dev, check_reset);
    check_counters_zero(dev);
    CHECK_EQ(dev_take_error(dev), 0);
    dev_end(dev);
}

static void check_read_only(struct dev *dev, const struct reg *reg)
{
    uint64_t val;

    if (reg->access != RO) {
        return;
    }
    val = read_width(dev, reg->off, reg->width);
    write_width(dev, reg->off, reg->width, ~val);
    if (dev_take_error(dev) != SECMMU_ERR_ACCESS) {
        FAIL("%s at 0x%x: a write does not set ERROR.ACCESS alone",
             reg->name, reg->off);
    }
    if (reg->reset == LIVE) {
        CHECK(read_width(dev, reg->off, reg->width) - val <
              PATIENCE_MS * 1000000ull);
    } else if (read_width(dev, reg->off, reg->width) != val) {
        FAIL("%s at 0x%x: changed by a write", reg->name, reg->off);
    }
}

void test_regs_read_only(void)
{
    struct dev *dev = dev_bare(DEV_PROPERTIES);

    each_reg(dev, check_read_only);
    for (unsigned i = 0; i < SECMMU_CNT_NR; i++) {
        dev_write64(dev, SECMMU_COUNTER_BLOCK + 8 * i, 1);
        CHECK_EQ(dev_take_error(dev), SECMMU_ERR_ACCESS);
    }
    check_counters_zero(dev);
    CHECK(vm_log_has(dev->vm, "secmmu"));
    dev_end_dirty(dev);
}

/* A legal value for registers that only keep what is written. */
static uint64_t plain_value(const struct reg *reg)
{
    if (reg->off < SECMMU_COUNTER_BLOCK) {
        switch (reg->off) {
        case SECMMU_REG_EVENT_BASE:
        case SECMMU_REG_DONE_BASE:
            return 0x0000abcdef123000ull;
        case SECMMU_REG_EVENT_ORDER:
            return 9;
        default:
            return 0;
        }
    }
    if (reg->off < SECMMU_ASID_BLOCK) {
        switch (reg->off % SECMMU_QUEUE_STRIDE) {
        case SECMMU_REG_QUEUE_RING:
            return 0x0000123456789ac0ull;
        case SECMMU_REG_QUEUE_ORDER:
            return 12;
        case SECMMU_REG_QUEUE_ASID:
            return DEV_ASIDS - 1;
        default:
            return 0;
        }
    }
    return reg->off % SECMMU_ASID_STRIDE == SECMMU_REG_ASID_TABLE ?
           0x0000fedcba987000ull : 0;
}

static void check_read_write(struct dev *dev, const struct reg *reg)
{
    uint64_t val = plain_value(reg);

    if (reg->access != RW || is_audit(reg)) {
        return;
    }
    write_width(dev, reg->off, reg->width, val);
    if (read_width(dev, reg->off, reg->width) != val) {
        FAIL("%s at 0x%x does not read as written", reg->name, reg->off);
    }
}

void test_regs_read_write(void)
{
    struct dev *dev = dev_bare(DEV_PROPERTIES);

    each_reg(dev, check_read_write);
    /* Back to what they were, all at once. */
    dev_write32(dev, SECMMU_REG_CTRL, SECMMU_CTRL_RESET);
    each_reg(dev, check_reset);
    dev_end(dev);
}

static void check_write_only(struct dev *dev, const struct reg *reg)
{
    if (reg->access == WO) {
        CHECK_EQ(read_width(dev, reg->off, reg->width), 0);
    }
}

void test_regs_write_only(void)
{
    struct dev *dev = dev_bare(DEV_PROPERTIES);

    each_reg(dev, check_write_only);
    /* Whether such a read is an error is the device's choice; clear it. */
    dev_take_error(dev);
    each_reg(dev, check_reset);
    dev_end_dirty(dev);
}

static void check_widths(struct dev *dev, const struct reg *reg)
{
    if (is_audit(reg)) {
        return;
    }
    for (unsigned width = 1; width <= 8; width *= 2) {
        if (width == reg->width) {
            continue;
        }
        CHECK_EQ(read_width(dev, reg->off, width), 0);
        if (dev_take_error(dev) != SECMMU_ERR_ACCESS) {
            FAIL("%s at 0x%x: a read of %u bytes passes", reg->name, reg->off,
                 width);
        }
        write_width(dev, reg->off, width, 1);
        if (dev_take_error(dev) != SECMMU_ERR_ACCESS) {
            FAIL("%s at 0x%x: a write of %u bytes passes", reg->name,
                 reg->off, width);
        }
    }
    /* Inside the register, where none begins. */
    CHECK_EQ(read_width(dev, reg->off + 1, reg->width), 0);
    CHECK_EQ(dev_take_error(dev), SECMMU_ERR_ACCESS);
    write_width(dev, reg->off + 2, 2, 0xffff);
    CHECK_EQ(dev_take_error(dev), SECMMU_ERR_ACCESS);
}

void test_regs_widths(void)
{
    struct dev *dev = dev_bare(DEV_PROPERTIES);

    each_reg(dev, check_widths);
    each_reg(dev, check_reset);
    dev_end_dirty(dev);
}

static bool known(const struct reg *regs, unsigned n, uint32_t off)
{
    for (unsigned i = 0; i < n; i++) {
        if (off >= regs[i].off && off < regs[i].off + regs[i].width) {
            return true;
        }
    }
    return false;
}

static void check_hole(struct dev *dev, uint64_t off)
{
    CHECK_EQ(read_width(dev, off, 4), 0);
    if (dev_take_error(dev) != SECMMU_ERR_ACCESS) {
        FAIL("a read at 0x%" PRIx64 " passes", off);
    }
    write_width(dev, off, 8 - off % 8, 1);
    if (dev_take_error(dev) != SECMMU_ERR_ACCESS) {
        FAIL("a write at 0x%" PRIx64 " passes", off);
    }
}

void test_regs_holes(void)
{
    struct dev *dev = dev_bare(DEV_PROPERTIES);
    uint32_t off;

    for (off = 0; off < 0x100; off += 4) {
        if (!known(global_regs, LEN(global_regs), off)) {
            check_hole(dev, off);
        }
    }
    for (off = 0; off < SECMMU_QUEUE_STRIDE; off += 4) {
        if (!known(queue_regs, LEN(queue_regs), off)) {
            check_hole(dev, SECMMU_QUEUE_BLOCK + off);
        }
        /* The queue after the last. */
        check_hole(dev, QREG(DEV_QUEUES, QUEUE_RING) + off);
    }
    for (off = 0; off < SECMMU_ASID_STRIDE; off += 4) {
        if (!known(asid_regs, LEN(asid_regs), off)) {
            check_hole(dev, SECMMU_ASID_BLOCK + off);
        }
        check_hole(dev, AREG(DEV_ASIDS, ASID_TABLE) + off);
    }
    /* Audit's register exists only with audit. */
    dev_write64(dev, AREG(0, ASID_AUDIT), 1);
    CHECK_EQ(dev_take_error(dev), SECMMU_ERR_ACCESS);
    CHECK_EQ(dev_read64(dev, AREG(0, ASID_AUDIT)), 0);
    CHECK_EQ(dev_take_error(dev), SECMMU_ERR_ACCESS);
    check_hole(dev, SECMMU_COUNTER_BLOCK - 4);
    check_hole(dev, SECMMU_COUNTER_BLOCK + 8 * SECMMU_CNT_NR);
    check_hole(dev, SECMMU_COUNTER_BLOCK + 4);
    check_hole(dev, SECMMU_QUEUE_BLOCK - 4);
    check_hole(dev, SECMMU_ASID_BLOCK - 4);
    check_hole(dev, SECMMU_CONTROL_SIZE - 4);
    each_reg(dev, check_reset);
    dev_end_dirty(dev);
}

void test_regs_status(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);

    CHECK_EQ(dev_read32(dev, SECMMU_REG_STATUS), SECMMU_STATUS_REG_ENABLED);
    dev_write32(dev, SECMMU_REG_ID, 0);
    CHECK_EQ(dev_read32(dev, SECMMU_REG_STATUS),
             SECMMU_STATUS_REG_ENABLED | SECMMU_STATUS_REG_ERROR);
    /* W1C: other bits do nothing. */
    dev_write32(dev, SECMMU_REG_ERROR, ~SECMMU_ERR_ACCESS);
    CHECK_EQ(dev_read32(dev, SECMMU_REG_ERROR), SECMMU_ERR_ACCESS);
    dev_write32(dev, SECMMU_REG_ERROR, SECMMU_ERR_ACCESS);
    CHECK_EQ(dev_read32(dev, SECMMU_REG_ERROR), 0);
    dev_write32(dev, SECMMU_REG_CTRL, 0);
    CHECK_EQ(dev_read32(dev, SECMMU_REG_STATUS), 0);
    dev_end_dirty(dev);
}

void test_regs_doorbell_page(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    uint64_t bar2 = dev->pci.bar[SECMMU_BAR_DOORBELL];

    CHECK_EQ(vm_readl(dev->vm, bar2), 0);
    CHECK_EQ(dev_take_error(dev), SECMMU_ERR_ACCESS);
    vm_writel(dev->vm, bar2 + 4, 1);
    CHECK_EQ(dev_take_error(dev), SECMMU_ERR_ACCESS);
    vm_writel(dev->vm, bar2 + SECMMU_DOORBELL_SIZE - 4, 1);
    CHECK_EQ(dev_take_error(dev), SECMMU_ERR_ACCESS);
    vm_writeq(dev->vm, bar2, 1);
    CHECK_EQ(dev_take_error(dev), SECMMU_ERR_ACCESS);
    vm_writew(dev->vm, bar2, 1);
    CHECK_EQ(dev_take_error(dev), SECMMU_ERR_ACCESS);
    vm_writeb(dev->vm, bar2, 1);
    CHECK_EQ(dev_take_error(dev), SECMMU_ERR_ACCESS);
    /* Right access, but the queue is off. */
    dev_doorbell(dev, 0, 1);
    CHECK_EQ(dev_take_error(dev), SECMMU_ERR_DOORBELL);
    dev_doorbell(dev, DEV_QUEUES - 1, 1);
    CHECK_EQ(dev_take_error(dev), SECMMU_ERR_DOORBELL);
    CHECK_EQ(COUNTER(dev, DOORBELLS), 0);
    dev_end_dirty(dev);
}

static void check_pci(struct dev *dev, bool express)
{
    struct pci *pci = &dev->pci;
    unsigned cap;

    CHECK_EQ(pci_read32(pci, PCI_VENDOR_ID),
             (uint32_t)SECMMU_PCI_DEVICE << 16 | SECMMU_PCI_VENDOR);
    CHECK_EQ(pci_read16(pci, PCI_CLASS_DEVICE), SECMMU_PCI_CLASS);
    CHECK_EQ(pci_read8(pci, PCI_HEADER_TYPE), 0);
    CHECK_EQ(pci->bar_size[SECMMU_BAR_CONTROL], SECMMU_CONTROL_SIZE);
    CHECK_EQ(pci->bar_size[SECMMU_BAR_DOORBELL],
             DEV_QUEUES * SECMMU_DOORBELL_SIZE);
    CHECK_EQ(pci->bar_size[SECMMU_BAR_MSIX], 4096);
    cap = pci_find_cap(pci, PCI_CAP_ID_MSIX);
    CHECK(cap);
    CHECK_EQ(pci_read16(pci, cap + PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_QSIZE, 0);
    cap = pci_find_cap(pci, PCI_CAP_ID_EXP);
    CHECK(cap || !express);
    if (cap) {
        CHECK(pci_read32(pci, cap + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR);
    }
    CHECK_EQ(dev_read32(dev, SECMMU_REG_ID), SECMMU_ID_VALUE);
    dev_end(dev);
}

void test_pci_identity(void)
{
    check_pci(dev_bare(DEV_PROPERTIES), true);
}

/* An endpoint on a conventional bus. */
void test_pci_identity_pc(void)
{
    check_pci(dev_bare_on("pc", DEV_PROPERTIES, NULL), false);
}
