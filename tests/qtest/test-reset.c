/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ends: reset by register, by FLR, of the machine; bus mastering; queues and
 * ASIDs turned off; unplug. Each in the middle of jobs, and with the same
 * rule: when the write returns, no memory changes any more.
 *
 * Lives here: what must be over when something ends, and what works after.
 * Not here: shootdowns (test-shootdown.c).
 */
#include <linux/pci_regs.h>
#include <string.h>

#include "cases.h"
#include "dev.h"

#define DST 0x7f0000000000ull
#define SIZE (8 * HUGE)

/* A device whose queues all write to one large buffer, for seconds. */
struct busy {
    struct dev *dev;
    struct space s;
    struct queue q[DEV_QUEUES];
    uint8_t *buf;
    uint64_t gpa;
};

static void set_to_work(struct busy *b)
{
    struct dev *dev = b->dev;

    b->s = space_new(dev, 1);
    b->buf = dev_alloc(dev, SIZE / PAGE, HUGE, &b->gpa);
    for (uint64_t off = 0; off < SIZE; off += HUGE) {
        space_map_huge(&b->s, DST + off, b->gpa + off, SECMMU_SPTE_W);
    }
    for (unsigned i = 0; i < DEV_QUEUES; i++) {
        b->q[i] = queue_new(&b->s, i, 10);
        for (unsigned j = 0; j < 1024; j++) {
            queue_put(&b->q[i], (struct secmmu_desc) {
                .opcode = SECMMU_OP_FILL, .dst = DST, .len = SIZE,
                .operand[0] = 0x0101010101010101ull * (1 + (i + j) % 255),
            });
        }
        queue_ring(&b->q[i]);
    }
    WAIT_FOR(COUNTER(dev, BYTES_WRITTEN) > SIZE);
}

/* There is work left again, from queue @first on, however long it took. */
static void refill(struct busy *b, unsigned first)
{
    for (unsigned i = first; i < DEV_QUEUES; i++) {
        queue_refill(&b->q[i]);
    }
}

/* Nothing in the buffer changes any more. */
static void check_quiet(struct busy *b)
{
    uint64_t pattern = 0x5eed;

    for (unsigned round = 0; round < 3; round++) {
        for (uint64_t off = 0; off < SIZE; off += 512) {
            memcpy(b->buf + off, &pattern, 8);
        }
        sleep_ms(10);
        for (uint64_t off = 0; off < SIZE; off += 512) {
            if (memcmp(b->buf + off, &pattern, 8)) {
                FAIL("still written, at byte 0x%" PRIx64, off);
            }
        }
    }
}

/* From reset values to a job that works. */
static void check_works_again(struct dev *dev)
{
    struct space s;
    struct queue q;

    CHECK_EQ(dev_read32(dev, SECMMU_REG_CTRL), 0);
    CHECK_EQ(dev_read64(dev, SECMMU_REG_EVENT_BASE), 0);
    CHECK_EQ(dev_read32(dev, SECMMU_REG_EVENT_TAIL), 0);
    CHECK_EQ(dev_read32(dev, SECMMU_REG_ERROR), 0);
    CHECK_EQ(dev_read32(dev, SECMMU_REG_STATUS), 0);
    for (unsigned i = 0; i < DEV_QUEUES; i++) {
        CHECK_EQ(dev_read32(dev, QREG(i, QUEUE_STATUS)), 0);
        CHECK_EQ(dev_read32(dev, QREG(i, QUEUE_HEAD)), 0);
        CHECK_EQ(dev_read64(dev, QREG(i, QUEUE_RING)), 0);
    }
    for (unsigned i = 0; i < DEV_ASIDS; i++) {
        CHECK_EQ(dev_read32(dev, AREG(i, ASID_MODE)), SECMMU_ASID_OFF);
        CHECK_EQ(dev_read64(dev, AREG(i, ASID_TABLE)), 0);
        CHECK_EQ(dev_read32(dev, AREG(i, ASID_DONE)), 0);
    }
    for (unsigned i = 0; i < SECMMU_CNT_NR; i++) {
        CHECK_EQ(dev_counter(dev, i), 0);
    }
    dev_init(dev);
    /* The same ASID and address as before: nothing of it is remembered. */
    s = space_new(dev, 1);
    q = queue_new(&s, 0, 2);
    *(uint64_t *)space_alloc(&s, DST, PAGE, SECMMU_SPTE_W) = 4711;
    CHECK_EQ(queue_run(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_REDUCE, .src = DST, .len = 8,
    }).result, 4711);
    dev_end(dev);
}

void test_reset_by_register(void)
{
    struct busy b = { .dev = dev_start(DEV_PROPERTIES) };

    set_to_work(&b);
    dev_write32(b.dev, SECMMU_REG_CTRL, SECMMU_CTRL_RESET);
    CHECK_EQ(dev_read32(b.dev, SECMMU_REG_CTRL), 0);
    check_quiet(&b);
    check_works_again(b.dev);
}

static void flr(struct dev *dev)
{
    unsigned cap = pci_find_cap(&dev->pci, PCI_CAP_ID_EXP);
    uint16_t control = pci_read16(&dev->pci, cap + PCI_EXP_DEVCTL);

    pci_write16(&dev->pci, cap + PCI_EXP_DEVCTL,
                control | PCI_EXP_DEVCTL_BCR_FLR);
}

void test_reset_by_flr(void)
{
    struct busy b = { .dev = dev_start(DEV_PROPERTIES) };

    set_to_work(&b);
    flr(b.dev);
    check_quiet(&b);
    /* Command register, BARs and MSI-X are reset too. */
    CHECK_EQ(pci_read16(&b.dev->pci, PCI_COMMAND) &
             (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER), 0);
    pci_restore(&b.dev->pci);
    pci_command(&b.dev->pci, PCI_COMMAND_MEMORY, 0);
    check_works_again(b.dev);
}

void test_reset_of_machine(void)
{
    struct busy b = { .dev = dev_start(DEV_PROPERTIES) };

    set_to_work(&b);
    vm_qmp_ok(b.dev->vm, "{\"execute\":\"system_reset\"}");
    vm_qmp_event(b.dev->vm, "RESET");
    check_quiet(&b);
    if (dev_iommu) {
        /* It is reset before the device, which may find its table gone. */
        vm_log_forget(b.dev->vm);
    }
    pci_restore(&b.dev->pci);
    pci_command(&b.dev->pci, PCI_COMMAND_MEMORY, 0);
    check_works_again(b.dev);
}

/* A fault is outstanding, a queue refused, a shootdown just posted. */
void test_reset_while_faulted(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 1);
    struct queue q0 = queue_new(&s, 0, 2), q1 = queue_new(&s, 1, 2);
    const struct secmmu_desc job = {
        .opcode = SECMMU_OP_CRC32C, .src = DST, .len = 8,
    };
    struct secmmu_event ev, ev1;

    queue_submit(&q0, job);
    ev = dev_event(dev, SECMMU_EVENT_FAULT, 0);
    queue_submit(&q1, job);
    ev1 = dev_event(dev, SECMMU_EVENT_FAULT, 1);
    dev_respond(dev, &ev1, SECMMU_RESPONSE_BUSY, 0);
    dev_write64(dev, AREG(1, ASID_SHOOTDOWN), SECMMU_SHOOTDOWN(0, 1));
    dev_write32(dev, SECMMU_REG_CTRL, SECMMU_CTRL_RESET);
    /* An answer from before the reset. */
    dev_respond(dev, &ev, SECMMU_RESPONSE_RETRY, 0);
    CHECK_EQ(COUNTER(dev, STALE_RESPONSES), 1);
    CHECK_EQ(q0.record[0].status, SECMMU_STATUS_PENDING);
    dev_write32(dev, SECMMU_REG_CTRL, SECMMU_CTRL_RESET);
    check_works_again(dev);
}

void test_bus_master_off(void)
{
    struct busy b = { .dev = dev_start(DEV_PROPERTIES) };
    uint64_t seed = 6, jobs;

    set_to_work(&b);
    for (unsigned round = 0; round < 5; round++) {
        pci_command(&b.dev->pci, 0, PCI_COMMAND_MASTER);
        check_quiet(&b);
        refill(&b, 0);
        jobs = COUNTER(b.dev, BYTES_WRITTEN);
        /* Registers work on, and nothing is lost: it goes on from there. */
        CHECK_EQ(dev_read32(b.dev, SECMMU_REG_STATUS),
                 SECMMU_STATUS_REG_ENABLED);
        pci_command(&b.dev->pci, PCI_COMMAND_MASTER, 0);
        WAIT_FOR(COUNTER(b.dev, BYTES_WRITTEN) > jobs);
        sleep_ms(random_u64(&seed) % 10);
    }
    CHECK_EQ(COUNTER(b.dev, BUS_ERRORS), 0);
    dev_end(b.dev);
}

/* A job that spans several pauses is done right in the end. */
void test_bus_master_data(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 6);
    const uint64_t len = 8 * HUGE;
    uint64_t src_gpa, dst_gpa, seed = 7;
    uint64_t *src = dev_alloc(dev, len / PAGE, HUGE, &src_gpa);
    uint64_t *dst = dev_alloc(dev, len / PAGE, HUGE, &dst_gpa);

    space_map(&s, DST, src_gpa, len, 0);
    space_map(&s, DST + len, dst_gpa, len, SECMMU_SPTE_W);
    for (unsigned round = 0; round < 10; round++) {
        uint32_t job;

        for (uint64_t i = 0; i < len / 8; i += 8) {
            src[i] = random_u64(&seed);
        }
        job = queue_submit(&q, (struct secmmu_desc) {
            .opcode = SECMMU_OP_COPY, .src = DST, .dst = DST + len,
            .len = len,
        });
        for (unsigned i = 0; i < 3; i++) {
            pci_command(&dev->pci, 0, PCI_COMMAND_MASTER);
            pci_command(&dev->pci, PCI_COMMAND_MASTER, 0);
        }
        CHECK_EQ(queue_wait(&q, job).status, SECMMU_STATUS_OK);
        CHECK(memcmp(src, dst, len) == 0);
    }
    CHECK_EQ(COUNTER(dev, BUS_ERRORS), 0);
    dev_end(dev);
}

/* Rung while it may not: it waits, and so do events. */
void test_bus_master_pending(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 2), bad = queue_new(&s, 1, 2);
    uint64_t *word = space_alloc(&s, DST, PAGE, SECMMU_SPTE_W);
    unsigned seen = 0;
    uint32_t job;

    pci_command(&dev->pci, 0, PCI_COMMAND_MASTER);
    job = queue_submit(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_FILL, .flags = SECMMU_DESC_INTERRUPT,
        .dst = DST, .len = 8, .operand[0] = 1,
    });
    /* This makes an event without any job. */
    dev_doorbell(dev, 1, 1000);
    CHECK_EQ(queue_state(&bad), SECMMU_QUEUE_STATE_STOPPED);
    dev_no_event(dev);
    CHECK_EQ(*word, 0);
    CHECK_EQ(q.record[0].status, SECMMU_STATUS_PENDING);
    CHECK_EQ(queue_state(&q), SECMMU_QUEUE_STATE_READY);
    pci_command(&dev->pci, PCI_COMMAND_MASTER, 0);
    CHECK_EQ(queue_wait(&q, job).status, SECMMU_STATUS_OK);
    CHECK_EQ(*word, 1);
    /* In any order: an engine may be quicker than what waited. */
    for (unsigned i = 0; i < 2; i++) {
        struct secmmu_event ev;

        WAIT_FOR(dev_event_peek(dev, &ev));
        CHECK_EQ(ev.queue, ev.type == SECMMU_EVENT_ERROR ? 1 : 0);
        seen |= 1u << ev.type;
    }
    CHECK_EQ(seen, 1u << SECMMU_EVENT_ERROR | 1u << SECMMU_EVENT_COMPLETION);
    dev_end(dev);
}

void test_queue_off(void)
{
    struct busy b = { .dev = dev_start(DEV_PROPERTIES) };
    struct secmmu_event ev;

    set_to_work(&b);
    for (unsigned i = 0; i < DEV_QUEUES; i++) {
        dev_write32(b.dev, QREG(i, QUEUE_CTRL), 0);
        CHECK_EQ(dev_read32(b.dev, QREG(i, QUEUE_STATUS)),
                 SECMMU_QUEUE_STATE_OFF);
    }
    check_quiet(&b);
    CHECK(!dev_event_peek(b.dev, &ev));
    dev_end(b.dev);
}

/* The others go on. */
void test_queue_off_one(void)
{
    struct busy b = { .dev = dev_start(DEV_PROPERTIES) };
    uint64_t jobs;

    set_to_work(&b);
    dev_write32(b.dev, QREG(0, QUEUE_CTRL), 0);
    jobs = COUNTER(b.dev, JOBS);
    refill(&b, 1);
    WAIT_FOR(COUNTER(b.dev, JOBS) >= jobs + 3);
    CHECK_EQ(dev_read32(b.dev, QREG(0, QUEUE_STATUS)),
             SECMMU_QUEUE_STATE_OFF);
    dev_write32(b.dev, SECMMU_REG_CTRL, SECMMU_CTRL_RESET);
    dev_end(b.dev);
}

void test_asid_off(void)
{
    struct busy b = { .dev = dev_start(DEV_PROPERTIES) };
    unsigned seen = 0;

    set_to_work(&b);
    dev_write32(b.dev, AREG(1, ASID_MODE), SECMMU_ASID_OFF);
    check_quiet(&b);
    for (unsigned i = 0; i < DEV_QUEUES; i++) {
        struct secmmu_event ev;

        CHECK_EQ(queue_state(&b.q[i]), SECMMU_QUEUE_STATE_STOPPED);
        CHECK_EQ(queue_error(&b.q[i]), SECMMU_QUEUE_MM_GONE);
        WAIT_FOR(dev_event_peek(b.dev, &ev));
        CHECK_EQ(ev.type, SECMMU_EVENT_ERROR);
        CHECK_EQ(ev.code, SECMMU_QUEUE_MM_GONE);
        seen |= 1u << ev.queue;
    }
    CHECK_EQ(seen, (1u << DEV_QUEUES) - 1);
    dev_end(b.dev);
}

void test_device_disabled(void)
{
    struct busy b = { .dev = dev_start(DEV_PROPERTIES) };
    uint64_t done;

    set_to_work(&b);
    dev_write32(b.dev, SECMMU_REG_CTRL, 0);
    check_quiet(&b);
    refill(&b, 0);
    done = COUNTER(b.dev, BYTES_WRITTEN);
    dev_write32(b.dev, SECMMU_REG_CTRL, SECMMU_CTRL_ENABLE);
    WAIT_FOR(COUNTER(b.dev, BYTES_WRITTEN) > done);
    dev_end(b.dev);
}

/* QEMU ends in the middle of everything, with status 0. */
void test_quit_while_busy(void)
{
    struct busy b = { .dev = dev_start(DEV_PROPERTIES) };

    set_to_work(&b);
    dev_end(b.dev);
}

/* ACPI hot-unplug on the PC, as its firmware would finish it. */
static void unplug(const char *properties)
{
    struct busy b = { 0 };
    struct vm *vm;

    b.dev = dev_bare_on("pc", properties, NULL);
    vm = b.dev->vm;
    dev_init(b.dev);
    set_to_work(&b);
    vm_qmp_ok(vm, "{\"execute\":\"device_del\","
              "\"arguments\":{\"id\":\"accel\"}}");
    /* Bus number, then slot to be ejected. */
    vm_outl(vm, 0xae10, 0);
    vm_outl(vm, 0xae08, 1u << 4);
    vm_qmp_event(vm, "DEVICE_DELETED");
    check_quiet(&b);
    CHECK_EQ(pci_read32(&b.dev->pci, PCI_VENDOR_ID), 0xffffffffu);
    /* And in again. */
    vm_qmp_ok(vm, "{\"execute\":\"device_add\",\"arguments\":{\"driver\":"
              "\"secmmu\",\"addr\":\"4\",\"queues\":8,\"asids\":4}}");
    pci_assign(&b.dev->pci);
    pci_command(&b.dev->pci, PCI_COMMAND_MEMORY, 0);
    check_works_again(b.dev);
}

void test_unplug_while_busy(void)
{
    unplug(DEV_PROPERTIES ",id=accel");
    unplug(DEV_PROPERTIES ",id=accel,audit=on");
}
