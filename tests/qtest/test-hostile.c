/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hostile programs, and a driver gone mad: QEMU lives, others do not notice.
 *
 * Lives here: every status of a bad descriptor, noise on descriptors, tables
 * and registers.
 * Not here: single mistakes of a driver (test-errors.c).
 */
#include <string.h>

#include "cases.h"
#include "jobs.h"

#define SRC 0x7f0000000000ull
#define TOP (1ull << SECMMU_VA_BITS)

static void check_works(struct queue *q)
{
    jobs_ok(q, (struct secmmu_desc) { .opcode = SECMMU_OP_NOP });
}

struct hostile {
    struct secmmu_desc desc;
    uint32_t status;
    uint64_t fault_addr;
};

#define KERNEL 0xffff888000001000ull

void test_hostile_descriptors(void)
{
    static const struct hostile bad[] = {
        { { .opcode = 0 }, SECMMU_STATUS_BAD_OPCODE, 0 },
        { { .opcode = SECMMU_OP_NR }, SECMMU_STATUS_BAD_OPCODE, 0 },
        { { .opcode = 255 }, SECMMU_STATUS_BAD_OPCODE, 0 },
        { { .opcode = SECMMU_OP_NOP, .variant = 1 },
          SECMMU_STATUS_BAD_OPCODE, 0 },
        { { .opcode = SECMMU_OP_REDUCE, .variant = 2, .src = SRC, .len = 8 },
          SECMMU_STATUS_BAD_OPCODE, 0 },
        { { .opcode = SECMMU_OP_ATOMIC, .variant = 0xffff, .dst = SRC,
            .len = 8 }, SECMMU_STATUS_BAD_OPCODE, 0 },
        { { .opcode = SECMMU_OP_NOP, .flags = 0x04 },
          SECMMU_STATUS_BAD_FLAGS, 0 },
        { { .opcode = SECMMU_OP_NOP, .flags = 0x80 },
          SECMMU_STATUS_BAD_FLAGS, 0 },
        { { .opcode = SECMMU_OP_NOP, .reserved = 1 },
          SECMMU_STATUS_BAD_FLAGS, 0 },
        { { .opcode = SECMMU_OP_FILL, .dst = SRC,
            .len = SECMMU_MAX_LEN + 1 }, SECMMU_STATUS_BAD_LENGTH, 0 },
        { { .opcode = SECMMU_OP_FILL, .dst = SRC, .len = ~0ull },
          SECMMU_STATUS_BAD_LENGTH, 0 },
        /* Wrapping. */
        { { .opcode = SECMMU_OP_FILL, .dst = -8ull, .len = 16 },
          SECMMU_STATUS_BAD_LENGTH, 0 },
        { { .opcode = SECMMU_OP_COPY, .src = SRC, .dst = -4096ull,
            .len = 0x80000000 }, SECMMU_STATUS_BAD_LENGTH, 0 },
        /* The kernel's half, the hole, the last byte. */
        { { .opcode = SECMMU_OP_FILL, .dst = KERNEL, .len = 8 },
          SECMMU_STATUS_BAD_ADDRESS, KERNEL },
        { { .opcode = SECMMU_OP_COPY, .src = KERNEL, .dst = SRC, .len = 1 },
          SECMMU_STATUS_BAD_ADDRESS, KERNEL },
        { { .opcode = SECMMU_OP_CRC32C, .src = TOP, .len = 1 },
          SECMMU_STATUS_BAD_ADDRESS, TOP },
        { { .opcode = SECMMU_OP_CRC32C, .src = TOP - 8, .len = 9 },
          SECMMU_STATUS_BAD_ADDRESS, TOP },
        { { .opcode = SECMMU_OP_LIST_WALK, .src = KERNEL, .len = 1,
            .operand = { 0, 8 } }, SECMMU_STATUS_BAD_ADDRESS, KERNEL },
        { { .opcode = SECMMU_OP_LIST_WALK, .src = SRC, .len = 1,
            .operand = { 4096, 8 } }, SECMMU_STATUS_BAD_LENGTH, 0 },
        { { .opcode = SECMMU_OP_REDUCE, .src = SRC + 4, .len = 8 },
          SECMMU_STATUS_BAD_ALIGN, 0 },
        { { .opcode = SECMMU_OP_REDUCE, .src = SRC, .len = 12 },
          SECMMU_STATUS_BAD_LENGTH, 0 },
        { { .opcode = SECMMU_OP_REDUCE, .variant = SECMMU_REDUCE_F32,
            .src = SRC + 2, .len = 8 }, SECMMU_STATUS_BAD_ALIGN, 0 },
        { { .opcode = SECMMU_OP_ATOMIC, .dst = SRC, .len = 2 },
          SECMMU_STATUS_BAD_LENGTH, 0 },
        { { .opcode = SECMMU_OP_ATOMIC, .dst = SRC, .len = 0 },
          SECMMU_STATUS_BAD_LENGTH, 0 },
        { { .opcode = SECMMU_OP_ATOMIC, .dst = SRC + 4, .len = 8 },
          SECMMU_STATUS_BAD_ALIGN, 0 },
        { { .opcode = SECMMU_OP_ATOMIC, .dst = SRC + 1, .len = 4 },
          SECMMU_STATUS_BAD_ALIGN, 0 },
        { { .opcode = SECMMU_OP_ATOMIC, .dst = KERNEL, .len = 8 },
          SECMMU_STATUS_BAD_ADDRESS, KERNEL },
    };
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 2), other = queue_new(&s, 1, 2);
    uint8_t *page = space_alloc(&s, SRC, PAGE, SECMMU_SPTE_W);

    memset(page, 0x5a, PAGE);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct secmmu_completion c = queue_run(&q, bad[i].desc);

        if (c.status != bad[i].status || c.fault_addr != bad[i].fault_addr) {
            FAIL("descriptor %u (opcode %u): status %u at 0x%llx, expected "
                 "%u at 0x%" PRIx64, i, bad[i].desc.opcode, c.status,
                 (unsigned long long)c.fault_addr, bad[i].status,
                 bad[i].fault_addr);
        }
        CHECK_EQ(c.bytes, 0);
        CHECK_EQ(c.result, 0);
        check_works(&other);
    }
    for (unsigned i = 0; i < PAGE; i++) {
        CHECK_EQ(page[i], 0x5a);
    }
    CHECK_EQ(COUNTER(dev, BYTES_READ) + COUNTER(dev, BYTES_WRITTEN), 0);
    /* A program's mistakes are no mistakes of the driver: ERROR is clear. */
    dev_end(dev);
}

/* A record that cannot be: the queue says why it stopped. */
void test_hostile_record(void)
{
    static const uint64_t record[] = {
        KERNEL, TOP, TOP - 16, RECORD_VA(0) + 8, RECORD_VA(0) + 1,
        0xffffffffffffffe0ull,
    };
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 2), other = queue_new(&s, 1, 2);

    for (unsigned i = 0; i < sizeof(record) / sizeof(record[0]); i++) {
        struct secmmu_event ev;

        queue_submit(&q, (struct secmmu_desc) {
            .opcode = SECMMU_OP_NOP, .completion = record[i],
        });
        ev = dev_event(dev, SECMMU_EVENT_ERROR, 0);
        CHECK_EQ(ev.code, SECMMU_QUEUE_COMPLETION_FAULT);
        CHECK_EQ(ev.va, record[i]);
        CHECK_EQ(queue_error(&q), SECMMU_QUEUE_COMPLETION_FAULT);
        CHECK_EQ(dev_read64(dev, QREG(0, QUEUE_ERRVA)), record[i]);
        check_works(&other);
        dev_write32(dev, QREG(0, QUEUE_CTRL), 0);
        dev_write32(dev, QREG(0, QUEUE_CTRL), SECMMU_QUEUE_CTRL_ENABLE);
        q.tail = 0;
    }
    dev_end(dev);
}

/* A value that a register may like: an address in RAM, a small number... */
static uint64_t random_value(uint64_t *seed)
{
    switch (random_u64(seed) % 5) {
    case 0:
        return random_u64(seed) % VM_RAM_SIZE & -PAGE;
    case 1:
        return random_u64(seed) % 4;
    case 2:
        return random_u64(seed) % 16;
    case 3:
        return random_u64(seed) % VM_RAM_SIZE & -64;
    default:
        return random_u64(seed);
    }
}

/*
 * Random writes all over the BARs while jobs run, MSI-X table included. All
 * that is asked is that QEMU lives and that a reset puts all right.
 */
void test_hostile_registers(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES ",audit=on");
    uint64_t seed = 10, end = now_ms() + 3000;
    uint64_t bar0 = dev->pci.bar[SECMMU_BAR_CONTROL];
    struct space s;
    struct queue q;

    while (now_ms() < end) {
        uint64_t val = random_value(&seed);

        switch (random_u64(&seed) % 8) {
        case 0:
            dev_write64(dev, random_u64(&seed) % 0x80 & -8ull, val);
            break;
        case 1:
            dev_write32(dev, random_u64(&seed) % 0x80 & -4ull, val);
            break;
        case 2:
            dev_write64(dev, QREG(random_u64(&seed) % DEV_QUEUES,
                                  QUEUE_RING), val);
            dev_write32(dev, QREG(random_u64(&seed) % DEV_QUEUES,
                                  QUEUE_ORDER), val);
            break;
        case 3:
            dev_write32(dev, QREG(random_u64(&seed) % DEV_QUEUES,
                                  QUEUE_CTRL), val);
            break;
        case 4:
            dev_write64(dev, SECMMU_ASID_BLOCK +
                        (random_u64(&seed) %
                         (DEV_ASIDS * SECMMU_ASID_STRIDE) & -8ull), val);
            break;
        case 5:
            dev_write32(dev, SECMMU_ASID_BLOCK +
                        (random_u64(&seed) %
                         (DEV_ASIDS * SECMMU_ASID_STRIDE) & -4ull), val);
            break;
        case 6:
            dev_doorbell(dev, random_u64(&seed) % DEV_QUEUES, val);
            break;
        default:
            vm_writew(dev->vm, bar0 + random_u64(&seed) %
                      (SECMMU_CONTROL_SIZE - 2), val);
            break;
        }
        /* Now and then the device must be on for the rest to matter. */
        if (random_u64(&seed) % 64 == 0) {
            dev_write32(dev, SECMMU_REG_CTRL, 0);
            dev_write64(dev, SECMMU_REG_EVENT_BASE, 64 << 20);
            dev_write64(dev, SECMMU_REG_DONE_BASE, 65 << 20);
            dev_write32(dev, SECMMU_REG_EVENT_ORDER, 8);
            dev_write32(dev, SECMMU_REG_CTRL, SECMMU_CTRL_ENABLE);
        }
    }
    dev_write32(dev, SECMMU_REG_CTRL, SECMMU_CTRL_RESET);
    dev->free = 1 << 20;
    dev_init(dev);
    s = space_new(dev, 0);
    q = queue_new(&s, 0, 2);
    check_works(&q);
    CHECK_EQ(dev_read32(dev, SECMMU_REG_ERROR), 0);
    dev_end_dirty(dev);
}

/* Random descriptors, doorbells and table entries: QEMU outlives them. */
void test_hostile_noise(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 6);
    uint64_t *ring = (uint64_t *)q.ring, seed = 5;
    uint64_t end = now_ms() + 2000;

    space_alloc(&s, SRC, 16 * PAGE, SECMMU_SPTE_W);
    /* Longer where the engines hardly get a turn. */
    while (now_ms() < end || COUNTER(dev, JOBS) <= 100) {
        struct secmmu_event ev;

        CHECK(now_ms() < end + PATIENCE_MS);
        for (unsigned i = 0; i < 64 * 8; i++) {
            ring[i] = random_u64(&seed);
            if (i % 8 == 0) {
                /* Mostly opcodes and flags that exist. */
                ring[i] = random_u64(&seed) % 14 |
                          random_u64(&seed) % 4 << 8 |
                          random_u64(&seed) % 3 << 16;
            } else if (i % 8 == 7) {
                ring[i] = RECORD_VA(0) + random_u64(&seed) % 64 * 32;
            } else if (random_u64(&seed) % 2) {
                ring[i] = SRC + random_u64(&seed) % (17 * PAGE);
            } else if (i % 8 == 4 || random_u64(&seed) % 2) {
                ring[i] %= 3 * PAGE;
            }
        }
        dev_doorbell(dev, 0, q.tail += 1 + random_u64(&seed) % 64);
        if (random_u64(&seed) % 4 == 0) {
            *space_spte(&s, SRC + random_u64(&seed) % 16 * PAGE, 0) =
                random_u64(&seed);
            dev_write64(dev, AREG(0, ASID_SHOOTDOWN), random_u64(&seed));
        }
        while (dev_event_peek(dev, &ev)) {
            if (ev.type == SECMMU_EVENT_FAULT) {
                dev_respond(dev, &ev, SECMMU_RESPONSE_FAIL,
                            SECMMU_STATUS_FAULT);
            }
        }
        if (queue_state(&q) == SECMMU_QUEUE_STATE_STOPPED) {
            dev_write32(dev, QREG(0, QUEUE_CTRL), 0);
            dev_write32(dev, QREG(0, QUEUE_CTRL), SECMMU_QUEUE_CTRL_ENABLE);
            q.tail = 0;
        }
    }
    CHECK_EQ(dev_read32(dev, SECMMU_REG_ID), SECMMU_ID_VALUE);
    dev_end_dirty(dev);
}
