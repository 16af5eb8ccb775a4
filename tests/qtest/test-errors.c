/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Wrong programming by the driver: ERROR bits. After each, the device works as
 * before.
 *
 * Lives here: every bit of ERROR, memory that is no RAM.
 * Not here: accesses to registers that do not exist (test-regs.c), what
 * programs can do (test-hostile.c).
 */
#include <linux/pci_regs.h>
#include <string.h>

#include "cases.h"
#include "jobs.h"

#define SRC 0x7f0000000000ull
#define DST 0x7f0010000000ull
#define TOP (1ull << SECMMU_VA_BITS)

/* An error bit that came alone, with a line in QEMU's log. */
static void expect_error(struct dev *dev, uint32_t bit)
{
    static off_t logged;
    off_t size = vm_log_size(dev->vm);

    CHECK_EQ(dev_take_error(dev), bit);
    /* A new device begins with an empty log. */
    if (size < logged) {
        logged = 0;
    }
    CHECK(size > logged);
    logged = size;
}

static void check_works(struct queue *q)
{
    CHECK_EQ(queue_run(q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_NOP,
    }).status, SECMMU_STATUS_OK);
}

void test_error_event_ring(void)
{
    static const struct {
        uint64_t base, done;
        uint32_t order;
    } bad[] = {
        { 0, 0, 7 }, { 0x200800, 0, 7 }, { 0x200000, 0, 4 },
        { 0x200000, 0, 32 }, { 0x200000, 0, 0 },
        { 0x200000, 0, 0xffffffff }, { 0x200000, 0x300004, 7 },
        { 0xfff0000000200000ull, 0, 7 },
    };
    struct dev *dev = dev_bare(DEV_PROPERTIES);

    pci_command(&dev->pci, PCI_COMMAND_MASTER, 0);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        dev_write64(dev, SECMMU_REG_EVENT_BASE, bad[i].base);
        dev_write64(dev, SECMMU_REG_DONE_BASE, bad[i].done);
        dev_write32(dev, SECMMU_REG_EVENT_ORDER, bad[i].order);
        CHECK_EQ(dev_take_error(dev), 0);
        dev_write32(dev, SECMMU_REG_CTRL, SECMMU_CTRL_ENABLE);
        expect_error(dev, SECMMU_ERR_EVENT_RING);
        CHECK_EQ(dev_read32(dev, SECMMU_REG_CTRL), 0);
        CHECK_EQ(dev_read32(dev, SECMMU_REG_STATUS), 0);
    }
    dev_init(dev);
    dev_end_dirty(dev);
}

void test_error_fixed_while_enabled(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    uint64_t base = dev_read64(dev, SECMMU_REG_EVENT_BASE);
    uint64_t done = dev_read64(dev, SECMMU_REG_DONE_BASE);

    dev_write64(dev, SECMMU_REG_EVENT_BASE, 0x200000);
    expect_error(dev, SECMMU_ERR_ACCESS);
    dev_write32(dev, SECMMU_REG_EVENT_ORDER, 10);
    expect_error(dev, SECMMU_ERR_ACCESS);
    dev_write64(dev, SECMMU_REG_DONE_BASE, 0x200000);
    expect_error(dev, SECMMU_ERR_ACCESS);
    CHECK_EQ(dev_read64(dev, SECMMU_REG_EVENT_BASE), base);
    CHECK_EQ(dev_read32(dev, SECMMU_REG_EVENT_ORDER), dev->ring_order);
    CHECK_EQ(dev_read64(dev, SECMMU_REG_DONE_BASE), done);
    dev_end_dirty(dev);
}

void test_error_event_head(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 4);
    const struct secmmu_desc told = {
        .opcode = SECMMU_OP_NOP, .flags = SECMMU_DESC_INTERRUPT,
    };

    dev_write32(dev, SECMMU_REG_EVENT_HEAD, 1);
    expect_error(dev, SECMMU_ERR_EVENT_HEAD);
    dev_write32(dev, SECMMU_REG_EVENT_HEAD, 0xffffffff);
    expect_error(dev, SECMMU_ERR_EVENT_HEAD);
    CHECK_EQ(dev_read32(dev, SECMMU_REG_EVENT_HEAD), 0);
    queue_run(&q, told);
    dev_event(dev, SECMMU_EVENT_COMPLETION, 0);
    /* Backwards is past the tail, seen the other way round. */
    dev_write32(dev, SECMMU_REG_EVENT_HEAD, 0);
    expect_error(dev, SECMMU_ERR_EVENT_HEAD);
    CHECK_EQ(dev_read32(dev, SECMMU_REG_EVENT_HEAD), 1);
    queue_run(&q, told);
    dev_event(dev, SECMMU_EVENT_COMPLETION, 0);
    dev_end_dirty(dev);
}

/* A device's own registers, and nothing at all, where RAM should be. */
static void check_no_ram(bool done_array, uint64_t where)
{
    struct dev *dev = dev_bare(DEV_PROPERTIES);
    struct space s;
    struct queue q;
    uint64_t gpa;

    pci_command(&dev->pci, PCI_COMMAND_MASTER, 0);
    if (!where) {
        where = dev->pci.bar[SECMMU_BAR_DOORBELL];
    }
    dev->ring_order = 7;
    dev->ring = dev_alloc(dev, 1, PAGE, &gpa);
    dev_write64(dev, SECMMU_REG_EVENT_BASE, done_array ? gpa : where);
    dev_write32(dev, SECMMU_REG_EVENT_ORDER, 7);
    dev_write64(dev, SECMMU_REG_DONE_BASE, done_array ? where : 0);
    dev_write32(dev, SECMMU_REG_CTRL, SECMMU_CTRL_ENABLE);
    CHECK_EQ(dev_take_error(dev), 0);
    s = space_new(dev, 0);
    dev_take_error(dev);
    q = queue_new(&s, 0, 2);
    if (done_array) {
        dev_write64(dev, AREG(0, ASID_SHOOTDOWN), SECMMU_SHOOTDOWN(0, 1));
        WAIT_FOR(dev_read32(dev, AREG(0, ASID_DONE)) == 1);
    } else {
        queue_run(&q, (struct secmmu_desc) {
            .opcode = SECMMU_OP_NOP, .flags = SECMMU_DESC_INTERRUPT,
        });
    }
    WAIT_FOR(dev_read32(dev, SECMMU_REG_ERROR) & SECMMU_ERR_DMA);
    CHECK_EQ(dev_take_error(dev), SECMMU_ERR_DMA);
    check_works(&q);
    /* No doorbell was rung by that write. */
    CHECK_EQ(COUNTER(dev, DOORBELLS), q.tail);
    dev_end_dirty(dev);
}

void test_error_dma(void)
{
    check_no_ram(false, 0);
    check_no_ram(false, 0x800000000000ull);
    check_no_ram(true, 0);
    check_no_ram(true, VM_RAM_SIZE);
}

void test_error_queue(void)
{
    static const struct {
        uint64_t ring;
        uint32_t order, asid;
    } bad[] = {
        { SRC + 32, 2, 0 },             /* not aligned */
        { SRC, 13, 0 },                 /* too long */
        { SRC, 0xffffffff, 0 },
        { SRC, 2, 1 },                  /* this ASID is off */
        { SRC, 2, DEV_ASIDS },
        { SRC, 2, 0xffffffff },
        { TOP, 2, 0 },                  /* outside of the address space */
        { TOP - 64, 1, 0 },
        { 0xffffffffffffffc0ull, 1, 0 },
        { 0xffff888000000000ull, 1, 0 },
    };
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 1, 2);

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        dev_write64(dev, QREG(0, QUEUE_RING), bad[i].ring);
        dev_write32(dev, QREG(0, QUEUE_ORDER), bad[i].order);
        dev_write32(dev, QREG(0, QUEUE_ASID), bad[i].asid);
        dev_write32(dev, QREG(0, QUEUE_CTRL), SECMMU_QUEUE_CTRL_ENABLE);
        expect_error(dev, SECMMU_ERR_QUEUE);
        CHECK_EQ(dev_read32(dev, QREG(0, QUEUE_CTRL)), 0);
        CHECK_EQ(dev_read32(dev, QREG(0, QUEUE_STATUS)),
                 SECMMU_QUEUE_STATE_OFF);
    }
    /* The settings are fixed while it is on; it cannot be armed while off. */
    dev_write64(dev, QREG(1, QUEUE_RING), SRC);
    expect_error(dev, SECMMU_ERR_QUEUE);
    CHECK_EQ(dev_read64(dev, QREG(1, QUEUE_RING)), RING_VA(1));
    dev_write32(dev, QREG(0, QUEUE_ARM), 0);
    expect_error(dev, SECMMU_ERR_QUEUE);
    check_works(&q);
    dev_end_dirty(dev);
}

void test_error_asid(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    static const uint64_t bad_root[] = {
        0, 0x200008, 0xfff0000000200000ull, 0x8000000000200000ull,
    };
    struct space s = space_new(dev, 1);

    for (unsigned i = 0; i < 4; i++) {
        dev_write64(dev, AREG(0, ASID_TABLE), bad_root[i]);
        dev_write32(dev, AREG(0, ASID_MODE), SECMMU_ASID_WALK);
        expect_error(dev, SECMMU_ERR_ASID);
        CHECK_EQ(dev_read32(dev, AREG(0, ASID_MODE)), SECMMU_ASID_OFF);
    }
    dev_write32(dev, AREG(0, ASID_MODE), 3);
    expect_error(dev, SECMMU_ERR_ASID);
    dev_write32(dev, AREG(0, ASID_MODE), 0x80000001);
    expect_error(dev, SECMMU_ERR_ASID);
    CHECK_EQ(dev_read32(dev, AREG(0, ASID_MODE)), SECMMU_ASID_OFF);
    /* Commands to an ASID that is off. */
    dev_write64(dev, AREG(0, ASID_SHOOTDOWN), SECMMU_SHOOTDOWN(0, 1));
    expect_error(dev, SECMMU_ERR_ASID);
    CHECK_EQ(dev_read32(dev, AREG(0, ASID_DONE)), 0);
    /* From one mode to another only through OFF; the root is fixed. */
    dev_write32(dev, AREG(1, ASID_MODE), SECMMU_ASID_SOFT);
    expect_error(dev, SECMMU_ERR_ASID);
    dev_write64(dev, AREG(1, ASID_TABLE), 0x200000);
    expect_error(dev, SECMMU_ERR_ASID);
    CHECK_EQ(dev_read32(dev, AREG(1, ASID_MODE)), SECMMU_ASID_WALK);
    CHECK_EQ(dev_read64(dev, AREG(1, ASID_TABLE)), s.root);
    dev_end_dirty(dev);
}

void test_error_response(void)
{
    static const uint64_t bad[] = {
        SECMMU_RESPONSE(DEV_QUEUES, SECMMU_RESPONSE_RETRY, 0, 0),
        SECMMU_RESPONSE(0xffff, SECMMU_RESPONSE_RETRY, 0, 0),
        SECMMU_RESPONSE(0, 0, 0, 1),
        SECMMU_RESPONSE(0, 4, 0, 1),
        SECMMU_RESPONSE(0, 0xff, 0, 1),
        SECMMU_RESPONSE(0, SECMMU_RESPONSE_FAIL, SECMMU_STATUS_PENDING, 1),
        SECMMU_RESPONSE(0, SECMMU_RESPONSE_FAIL, SECMMU_STATUS_OK, 1),
        SECMMU_RESPONSE(0, SECMMU_RESPONSE_FAIL, SECMMU_STATUS_PARTIAL, 1),
        SECMMU_RESPONSE(0, SECMMU_RESPONSE_FAIL, SECMMU_STATUS_NR, 1),
        SECMMU_RESPONSE(0, SECMMU_RESPONSE_FAIL, 0xff, 1),
    };
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 2);
    uint32_t job = queue_submit(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_CRC32C, .src = SRC, .len = 8,
    });
    struct secmmu_event ev = dev_event(dev, SECMMU_EVENT_FAULT, 0);

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        dev_write64(dev, SECMMU_REG_RESPONSE,
                    (bad[i] & 0xffffffff) | (uint64_t)ev.seq << 32);
        expect_error(dev, SECMMU_ERR_RESPONSE);
    }
    CHECK_EQ(queue_state(&q), SECMMU_QUEUE_STATE_FAULTED);
    dev_respond(dev, &ev, SECMMU_RESPONSE_FAIL, SECMMU_STATUS_FAULT);
    CHECK_EQ(queue_wait(&q, job).status, SECMMU_STATUS_FAULT);
    dev_end_dirty(dev);
}

/* Ends with BUS_ERROR at SRC, which the entry at that level makes so. */
static void check_table(struct queue *q, unsigned level, uint64_t entry,
                        uint32_t error)
{
    struct dev *dev = q->dev;
    uint64_t *e = space_spte(q->space, SRC, level), was = *e;
    uint64_t before = COUNTER(dev, BUS_ERRORS);
    struct secmmu_completion c;

    *e = entry;
    dev_shootdown(dev, 0, 0, TOP);
    c = queue_run(q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_CRC32C, .src = SRC + 40, .len = 16,
    });
    if (c.status != SECMMU_STATUS_BUS_ERROR) {
        FAIL("level %u entry 0x%" PRIx64 ": status %u", level, entry,
             c.status);
    }
    CHECK_EQ(c.fault_addr, SRC + 40);
    CHECK_EQ(c.bytes, 0);
    CHECK_EQ(COUNTER(dev, BUS_ERRORS), before + 1);
    CHECK_EQ(dev_take_error(dev), error);
    /* The walker has not written to it. */
    CHECK_EQ(*e, entry);
    *e = was;
    dev_shootdown(dev, 0, 0, TOP);
    CHECK_EQ(queue_run(q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_CRC32C, .src = SRC + 40, .len = 16,
    }).status, SECMMU_STATUS_OK);
}

void test_error_table(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 2);
    const uint64_t v = SECMMU_SPTE_V, leaf = SECMMU_SPTE_LEAF;
    uint64_t gpa;

    dev_alloc(dev, 512, HUGE, &gpa);
    space_map(&s, SRC, gpa, PAGE, 0);
    /* Level 0 needs LEAF, 2 and 3 must not have it. */
    check_table(&q, 0, gpa | v, SECMMU_ERR_TABLE);
    check_table(&q, 2, gpa | v | leaf, SECMMU_ERR_TABLE);
    check_table(&q, 3, gpa | v | leaf, SECMMU_ERR_TABLE);
    /* A 2 MiB leaf that is not aligned. */
    check_table(&q, 1, (gpa + PAGE) | v | leaf, SECMMU_ERR_TABLE);
    /* Reserved bits, at each level. */
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t r = 1ull << bit;

        if (!(r & SECMMU_SPTE_RESERVED)) {
            continue;
        }
        check_table(&q, 0, gpa | v | leaf | r, SECMMU_ERR_TABLE);
        for (unsigned level = 1; level < SECMMU_LEVELS; level++) {
            check_table(&q, level, (*space_spte(&s, SRC, level) &
                                    SECMMU_SPTE_ADDR) | v | r,
                        SECMMU_ERR_TABLE);
        }
    }
    dev_end_dirty(dev);
}

/* Entries without fault that point where no RAM is. */
void test_error_not_ram(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 2);
    const uint64_t v = SECMMU_SPTE_V, leaf = SECMMU_SPTE_LEAF;
    const uint64_t nowhere[] = {
        dev->pci.bar[SECMMU_BAR_CONTROL], dev->pci.bar[SECMMU_BAR_DOORBELL],
        dev->pci.bar[SECMMU_BAR_MSIX], VM_RAM_SIZE, 0xfee00000,
        SECMMU_SPTE_ADDR & -HUGE,
    };
    uint64_t gpa, counters = COUNTER(dev, DOORBELLS);
    struct secmmu_completion c;

    dev_alloc(dev, 1, PAGE, &gpa);
    space_map(&s, SRC, gpa, PAGE, SECMMU_SPTE_W);
    for (unsigned i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
        uint64_t was = *space_spte(&s, SRC, 0);

        *space_spte(&s, SRC, 0) = nowhere[i] | v | leaf | SECMMU_SPTE_W;
        dev_shootdown(dev, 0, SRC, PAGE);
        c = queue_run(&q, (struct secmmu_desc) {
            .opcode = SECMMU_OP_FILL, .dst = SRC, .len = 64,
            .operand[0] = 0x0101010101010101ull,
        });
        CHECK_EQ(c.status, SECMMU_STATUS_BUS_ERROR);
        CHECK_EQ(c.fault_addr, SRC);
        *space_spte(&s, SRC, 0) = was;
        dev_shootdown(dev, 0, SRC, PAGE);
        /* A table there. */
        for (unsigned level = 1; level < SECMMU_LEVELS; level++) {
            uint64_t *e = space_spte(&s, SRC, level), old = *e;

            *e = nowhere[i] | v;
            dev_shootdown(dev, 0, 0, TOP);
            c = queue_run(&q, (struct secmmu_desc) {
                .opcode = SECMMU_OP_CRC32C, .src = SRC, .len = 64,
            });
            CHECK_EQ(c.status, SECMMU_STATUS_BUS_ERROR);
            *e = old;
            dev_shootdown(dev, 0, 0, TOP);
        }
    }
    /* The last pages of RAM, and one beyond: a 2 MiB entry across the end. */
    *space_spte(&s, DST, 1) = (VM_RAM_SIZE - HUGE) | v | leaf | SECMMU_SPTE_W;
    CHECK_EQ(queue_run(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_FILL, .dst = DST + HUGE - 64, .len = 64,
    }).status, SECMMU_STATUS_OK);
    CHECK_EQ(COUNTER(dev, DOORBELLS), counters + q.tail);
    dev_end_dirty(dev);
}

/* The root itself lies nowhere. */
void test_error_root_not_ram(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space good = space_new(dev, 0);
    struct queue q = queue_new(&good, 0, 2);

    dev_write64(dev, AREG(1, ASID_TABLE), VM_RAM_SIZE);
    dev_write32(dev, AREG(1, ASID_MODE), SECMMU_ASID_WALK);
    dev_write64(dev, QREG(1, QUEUE_RING), SRC);
    dev_write32(dev, QREG(1, QUEUE_ASID), 1);
    dev_write32(dev, QREG(1, QUEUE_CTRL), SECMMU_QUEUE_CTRL_ENABLE);
    dev_doorbell(dev, 1, 1);
    WAIT_FOR((dev_read32(dev, QREG(1, QUEUE_STATUS)) & 0xff) ==
             SECMMU_QUEUE_STATE_STOPPED);
    CHECK_EQ(dev_read32(dev, QREG(1, QUEUE_STATUS)) >> 8,
             SECMMU_QUEUE_RING_FAULT);
    CHECK_EQ(dev_event(dev, SECMMU_EVENT_ERROR, 1).code,
             SECMMU_QUEUE_RING_FAULT);
    check_works(&q);
    dev_end_dirty(dev);
}

void test_error_doorbell_tail(void)
{
    static const uint32_t tail[] = { 5, 6, 0x80000000, 0xffffffff };
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 2), other = queue_new(&s, 1, 2);

    for (unsigned i = 0; i < 4; i++) {
        struct secmmu_event ev;

        dev_doorbell(dev, 0, tail[i]);
        ev = dev_event(dev, SECMMU_EVENT_ERROR, 0);
        CHECK_EQ(ev.code, SECMMU_QUEUE_BAD_DOORBELL);
        CHECK_EQ(queue_state(&q), SECMMU_QUEUE_STATE_STOPPED);
        CHECK_EQ(queue_error(&q), SECMMU_QUEUE_BAD_DOORBELL);
        check_works(&other);
        dev_write32(dev, QREG(0, QUEUE_CTRL), 0);
        dev_write32(dev, QREG(0, QUEUE_CTRL), SECMMU_QUEUE_CTRL_ENABLE);
        q.tail = 0;
        check_works(&q);
        check_works(&q);
        /* The same tail twice, or an older one, means nothing. */
        dev_doorbell(dev, 0, 2);
        CHECK_EQ(queue_error(&q), SECMMU_QUEUE_OK);
        dev_write32(dev, QREG(0, QUEUE_CTRL), 0);
        dev_write32(dev, QREG(0, QUEUE_CTRL), SECMMU_QUEUE_CTRL_ENABLE);
        q.tail = 0;
    }
    dev_end(dev);
}

/* A bit that does not exist makes the whole write void. */
void test_error_unknown_bits(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 2);

    dev_write32(dev, SECMMU_REG_CTRL, 4);
    expect_error(dev, SECMMU_ERR_ACCESS);
    dev_write32(dev, SECMMU_REG_CTRL, 0x80000002);
    expect_error(dev, SECMMU_ERR_ACCESS);
    CHECK_EQ(dev_read32(dev, SECMMU_REG_CTRL), SECMMU_CTRL_ENABLE);
    dev_write32(dev, QREG(0, QUEUE_CTRL), 2);
    expect_error(dev, SECMMU_ERR_ACCESS);
    CHECK_EQ(dev_read32(dev, QREG(0, QUEUE_CTRL)), SECMMU_QUEUE_CTRL_ENABLE);
    check_works(&q);
    dev_end_dirty(dev);
}
