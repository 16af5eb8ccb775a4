/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Audit: the device finds out that its translations are not the CPU's.
 *
 * Lives here: x86-64 page tables of both depths, all sizes of pages, and each
 * way in which the two can differ.
 * Not here: whether a driver gets it right (tests/guest).
 */
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "iommu.h"
#include "jobs.h"

#define VA 0x7f0000000000ull

#define PROPERTIES DEV_PROPERTIES ",audit=on"

#define PTE_P  0x001ull
#define PTE_W  0x002ull
#define PTE_U  0x004ull
#define PTE_PS 0x080ull

/* Addresses of the CPU's tables are physical ones. */
struct cpu {
    struct dev *dev;
    uint64_t root;
    unsigned levels;
};

static struct cpu cpu_new(struct dev *dev, unsigned levels)
{
    struct cpu cpu = { .dev = dev, .levels = levels };

    dev_alloc(dev, 1, PAGE, &cpu.root);
    cpu.root -= dev->dma_offset;
    dev_write64(dev, AREG(0, ASID_AUDIT), cpu.root | SECMMU_AUDIT_ON |
                (levels == 5 ? SECMMU_AUDIT_LA57 : 0));
    CHECK_EQ(dev_take_error(dev), 0);
    return cpu;
}

static void *phys_ptr(struct cpu *cpu, uint64_t phys)
{
    return cpu->dev->vm->ram + phys;
}

/* The entry at @level (0: 4 KiB), tables above made as needed. */
static uint64_t *cpu_pte(struct cpu *cpu, uint64_t va, unsigned level)
{
    uint64_t *table = phys_ptr(cpu, cpu->root), dma;

    for (unsigned l = cpu->levels - 1; ; l--) {
        uint64_t *e = &table[va >> (12 + 9 * l) & 511];

        if (l == level) {
            return e;
        }
        if (!*e) {
            dev_alloc(cpu->dev, 1, PAGE, &dma);
            *e = (dma - cpu->dev->dma_offset) | PTE_P | PTE_W | PTE_U;
        }
        table = phys_ptr(cpu, *e & 0x000ffffffffff000ull);
    }
}

static void cpu_map(struct cpu *cpu, uint64_t va, uint64_t gpa, uint64_t flags)
{
    *cpu_pte(cpu, va, 0) = gpa | PTE_P | PTE_U | flags;
}

/* Ring and records are accessed too: the CPU maps them as they are. */
static void cpu_map_queue(struct cpu *cpu, struct queue *q)
{
    uint8_t *ram = cpu->dev->vm->ram;

    cpu_map(cpu, RING_VA(q->index), (uint8_t *)q->ring - ram, PTE_W);
    cpu_map(cpu, RECORD_VA(q->index), (uint8_t *)q->record - ram, PTE_W);
}

static void read_and_write(struct queue *q, uint64_t va, bool write)
{
    CHECK_EQ(queue_run(q, (struct secmmu_desc) {
        .opcode = write ? SECMMU_OP_FILL : SECMMU_OP_CRC32C,
        .dst = write ? va : 0, .src = write ? 0 : va, .len = 64,
    }).status, SECMMU_STATUS_OK);
}

static void check_agreement(unsigned levels)
{
    struct dev *dev = dev_start(PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 4);
    struct cpu cpu;
    uint64_t gpa;

    CHECK(dev_read32(dev, SECMMU_REG_FEATURES) & SECMMU_FEATURE_AUDIT);
    cpu = cpu_new(dev, levels);
    cpu_map_queue(&cpu, &q);
    dev_alloc(dev, 512, HUGE, &gpa);
    /* 4 KiB in both; 2 MiB in the CPU's; 1 GiB in the CPU's. */
    space_map(&s, VA, gpa, PAGE, SECMMU_SPTE_W);
    cpu_map(&cpu, VA, gpa, PTE_W);
    space_map(&s, VA + HUGE + PAGE, gpa + PAGE, PAGE, SECMMU_SPTE_W);
    *cpu_pte(&cpu, VA + HUGE, 1) = gpa | PTE_P | PTE_U | PTE_W | PTE_PS |
                                   1ull << 12;
    space_map(&s, VA + (1ull << 30) + gpa, gpa, PAGE, SECMMU_SPTE_W);
    *cpu_pte(&cpu, VA + (1ull << 30), 2) = PTE_P | PTE_U | PTE_W | PTE_PS;
    for (unsigned write = 0; write < 2; write++) {
        read_and_write(&q, VA, write);
        read_and_write(&q, VA + HUGE + PAGE, write);
        read_and_write(&q, VA + (1ull << 30) + gpa, write);
    }
    CHECK(COUNTER(dev, AUDIT_CHECKS) >= 18);
    CHECK_EQ(COUNTER(dev, AUDIT_VIOLATIONS), 0);
    dev_end(dev);
}

void test_audit_agreement(void)
{
    check_agreement(4);
    check_agreement(5);
}

/* One access through VA counts one violation, with this in the log. */
static void check_violation(struct queue *q, bool write, const char *text)
{
    struct dev *dev = q->dev;
    uint64_t before = COUNTER(dev, AUDIT_VIOLATIONS);

    dev_shootdown(dev, 0, VA, PAGE);
    read_and_write(q, VA, write);
    CHECK_EQ(COUNTER(dev, AUDIT_VIOLATIONS), before + (text ? 1 : 0));
    if (text && !vm_log_has(dev->vm, text)) {
        FAIL("the log does not say '%s'", text);
    }
}

void test_audit_violations(void)
{
    struct dev *dev = dev_start(PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 4);
    struct cpu cpu = cpu_new(dev, 4);
    uint64_t gpa, other, *pte;

    cpu_map_queue(&cpu, &q);
    dev_alloc(dev, 1, PAGE, &gpa);
    dev_alloc(dev, 1, PAGE, &other);
    space_map(&s, VA, gpa, PAGE, SECMMU_SPTE_W);
    pte = cpu_pte(&cpu, VA, 0);
    check_violation(&q, false, "the CPU maps nothing there");
    *pte = gpa | PTE_P | PTE_U;
    check_violation(&q, false, NULL);
    check_violation(&q, true, "the CPU may not write there");
    *pte = other | PTE_P | PTE_U | PTE_W;
    check_violation(&q, false, "the CPU maps another frame there");
    check_violation(&q, true, "the CPU maps another frame there");
    /* The kernel's page is not the program's. */
    *pte = gpa | PTE_P | PTE_W;
    check_violation(&q, true, "the CPU maps nothing there");
    *pte = gpa | PTE_P | PTE_U | PTE_W;
    check_violation(&q, true, NULL);
    /* No W in an upper level counts as well. */
    *cpu_pte(&cpu, VA, 2) &= ~PTE_W;
    check_violation(&q, true, "the CPU may not write there");
    check_violation(&q, false, NULL);
    *cpu_pte(&cpu, VA, 3) = 0;
    check_violation(&q, false, "the CPU maps nothing there");
    /* A table in no RAM is no table. */
    *cpu_pte(&cpu, VA, 3) = 0x000f000000000000ull | PTE_P | PTE_U | PTE_W;
    check_violation(&q, false, "the CPU maps nothing there");
    /* Switched off. */
    dev_write64(dev, AREG(0, ASID_AUDIT), 0);
    check_violation(&q, false, NULL);
    CHECK_EQ(dev_take_error(dev), 0);
    /* Reserved bits of the register. */
    dev_write64(dev, AREG(0, ASID_AUDIT), cpu.root | 0x10);
    CHECK_EQ(dev_take_error(dev), SECMMU_ERR_ASID);
    CHECK_EQ(dev_read64(dev, AREG(0, ASID_AUDIT)), 0);
    dev_end_dirty(dev);
}

/* A job whose page the CPU's table does not have. Its look has begun, most likely. */
static uint32_t job_without_entry(struct dev *dev, struct space *s,
                                  struct queue *q)
{
    struct cpu cpu;
    uint32_t job;
    uint64_t gpa;

    *s = space_new(dev, 0);
    *q = queue_new(s, 0, 4);
    cpu = cpu_new(dev, 4);
    cpu_map_queue(&cpu, q);
    dev_alloc(dev, 1, PAGE, &gpa);
    space_map(s, VA, gpa, PAGE, SECMMU_SPTE_W);
    job = queue_submit(q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_CRC32C, .src = VA, .len = 64,
    });
    usleep(100000);
    return job;
}

/*
 * What is missing is looked at again, half a second long. A shootdown that comes
 * meanwhile waits for the verdict, and saves nobody from it.
 */
void test_audit_late_shootdown(void)
{
    struct dev *dev = dev_start(PROPERTIES);
    struct space s;
    struct queue q;
    uint32_t job = job_without_entry(dev, &s, &q);

    dev_shootdown(dev, 0, VA, PAGE);
    CHECK_EQ(queue_wait(&q, job).status, SECMMU_STATUS_OK);
    CHECK_EQ(COUNTER(dev, AUDIT_VIOLATIONS), 1);
    CHECK(vm_log_has(dev->vm, "the CPU maps nothing there"));
    CHECK_EQ(dev_take_error(dev), 0);
    dev_end_dirty(dev);
}

/* Is a write to EVENT_HEAD through before the look that is under way has ended? */
static bool head_is_written_meanwhile(void)
{
    struct dev *dev = dev_start(PROPERTIES);
    struct space s;
    struct queue q;
    uint32_t job = job_without_entry(dev, &s, &q);
    bool meanwhile;

    dev_write32(dev, SECMMU_REG_EVENT_HEAD,
                dev_read32(dev, SECMMU_REG_EVENT_HEAD));
    meanwhile = !COUNTER(dev, AUDIT_VIOLATIONS);
    CHECK_EQ(queue_wait(&q, job).status, SECMMU_STATUS_OK);
    CHECK_EQ(COUNTER(dev, AUDIT_VIOLATIONS), 1);
    CHECK_EQ(dev_take_error(dev), 0);
    dev_end_dirty(dev);
    return meanwhile;
}

/*
 * The driver writes EVENT_HEAD under a lock that its interrupt handler wants, on the
 * CPU that is to put the entry back, maybe: whoever writes must not wait for a look.
 * On a busy host half a second may be over before the write.
 */
void test_audit_head_meanwhile(void)
{
    for (unsigned i = 0; i < 5; i++) {
        if (head_is_written_meanwhile()) {
            return;
        }
    }
    CHECK(!"a write to EVENT_HEAD waits for a look");
}

/* The two name the same frame differently when an IOMMU lies between. */
void test_iommu_audit(void)
{
    struct dev *dev = dev_bare_on("q35", PROPERTIES, iommu_args);
    struct space s;
    struct queue q;
    struct cpu cpu;
    uint64_t dma;

    iommu_start(dev);
    dev_init(dev);
    s = space_new(dev, 0);
    q = queue_new(&s, 0, 4);
    cpu = cpu_new(dev, 4);
    cpu_map_queue(&cpu, &q);
    dev_alloc(dev, 1, PAGE, &dma);
    space_map(&s, VA, dma, PAGE, SECMMU_SPTE_W);
    cpu_map(&cpu, VA, dma - IOMMU_OFFSET, PTE_W);
    read_and_write(&q, VA, true);
    CHECK(COUNTER(dev, AUDIT_CHECKS) >= 3);
    CHECK_EQ(COUNTER(dev, AUDIT_VIOLATIONS), 0);
    CHECK_EQ(vm_log_size(dev->vm), 0);
    cpu_map(&cpu, VA, dma - IOMMU_OFFSET + PAGE, PTE_W);
    check_violation(&q, false, "the CPU maps another frame there");
    CHECK_EQ(dev_take_error(dev), 0);
    dev_end_dirty(dev);
}
