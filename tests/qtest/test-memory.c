/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine's memory map: kinds of memory, and changes under load.
 *
 * Lives here: RAM that becomes read-only or goes away and comes back, by the
 * chipset's shadow registers (PAM).
 * Not here: memory that never is RAM (test-errors.c), IOMMUs (test-iommu.c).
 */
#include <string.h>

#include "cases.h"
#include "jobs.h"

#define VA     0x7f0000000000ull
#define SHADOW 0xd0000ull               /* 16 KiB under a register's low bits */
#define PAM    0x92                     /* ... which is the upper one here */
#define PAM_SHIFT 8

#define PAM_ROM   0     /* what is there is ROM */
#define PAM_READ  1     /* RAM, read-only */
#define PAM_RAM   3

static void set_pam(struct dev *dev, unsigned mode)
{
    struct pci bridge = { .vm = dev->vm };

    pci_write16(&bridge, PAM, (pci_read16(&bridge, PAM) &
                               ~(0xfu << PAM_SHIFT)) | mode << PAM_SHIFT);
}

void test_memory_map_kinds(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 4);
    uint64_t *ram = (uint64_t *)(dev->vm->ram + SHADOW);
    static const unsigned order[] = {
        PAM_RAM, PAM_READ, PAM_ROM, PAM_READ, PAM_RAM, PAM_ROM, PAM_RAM,
    };

    space_map(&s, VA, SHADOW, PAGE, SECMMU_SPTE_W);
    for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        struct secmmu_completion c;

        *ram = 1000 + i;
        set_pam(dev, order[i]);
        c = jobs_ok(&q, (struct secmmu_desc) {
            .opcode = SECMMU_OP_REDUCE, .src = VA, .len = 8,
        });
        CHECK_EQ(c.result == 1000 + i, order[i] != PAM_ROM);
        c = queue_run(&q, (struct secmmu_desc) {
            .opcode = SECMMU_OP_FILL, .dst = VA, .len = 8, .operand[0] = 5,
        });
        CHECK_EQ(c.status, order[i] == PAM_RAM ? SECMMU_STATUS_OK :
                                                 SECMMU_STATUS_BUS_ERROR);
        CHECK_EQ(*ram, order[i] == PAM_RAM ? 5 : 1000 + i);
    }
    CHECK_EQ(COUNTER(dev, BUS_ERRORS), 4);
    dev_end(dev);
}

/* Jobs that use other memory do not notice. */
void test_memory_map_changes(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    const uint64_t len = 4 * HUGE;
    struct queue q[4];
    uint64_t gpa, seed = 9;
    uint8_t *mem = dev_alloc(dev, len / PAGE, HUGE, &gpa);
    uint64_t *src = (uint64_t *)mem;

    space_map(&s, VA, gpa, len, SECMMU_SPTE_W);
    for (uint64_t i = 0; i < HUGE / 8; i++) {
        src[i] = random_u64(&seed);
    }
    for (unsigned i = 0; i < 4; i++) {
        q[i] = queue_new(&s, i, 8);
    }
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 1; i < 4; i++) {
            memset(mem + i * HUGE, round, HUGE);
            for (unsigned j = 0; j < 8; j++) {
                queue_put(&q[i], (struct secmmu_desc) {
                    .opcode = SECMMU_OP_COPY, .src = VA, .dst = VA + i * HUGE,
                    .len = HUGE,
                });
            }
            queue_ring(&q[i]);
        }
        for (unsigned i = 0; i < 30; i++) {
            set_pam(dev, i % 2 ? PAM_ROM : PAM_RAM);
        }
        for (unsigned i = 1; i < 4; i++) {
            for (uint32_t job = q[i].tail - 8; job != q[i].tail; job++) {
                CHECK_EQ(queue_wait(&q[i], job).status, SECMMU_STATUS_OK);
            }
            CHECK(memcmp(mem, mem + i * HUGE, HUGE) == 0);
        }
    }
    CHECK_EQ(COUNTER(dev, BUS_ERRORS), 0);
    dev_end(dev);
}
