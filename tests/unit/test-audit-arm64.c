/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - audit against the page table of an arm64 CPU.
 *
 * Lives here: what an entry of VMSAv8-64 (4 KiB granule, 48 bits) permits, and
 * that audit takes it so.
 * Not here: what audit does beyond reading the CPU's table (test-audit.c).
 */
#include "rig.h"

#define RING    RIG_VA
#define RECORD  (RIG_VA + PAGE)
#define A       (RIG_VA + 16 * PAGE)
#define HUGE_A  (RIG_VA + 512 * PAGE)
#define GIGA_A  (RIG_VA + (1ull << 39))

#define VALID           (1ull << 0)
#define TABLE           (1ull << 1)
#define EL0             (1ull << 6)
#define READ_ONLY       (1ull << 7)
#define ACCESSED        (1ull << 10)
#define DBM             (1ull << 51)
#define NO_EXECUTE      (3ull << 53)
#define SOFTWARE        (0xfull << 55)
#define BELOW_PXN       (1ull << 59)
#define BELOW_NO_EL0    (1ull << 61)
#define BELOW_READ_ONLY (1ull << 62)

#define PAGE_BITS       (VALID | TABLE | EL0 | ACCESSED | DBM | NO_EXECUTE)
#define BLOCK_BITS      (PAGE_BITS & ~TABLE)

static Rig *rig;
static uint64_t root;

static uint64_t *cpu_entry(uint64_t va, unsigned level)
{
    uint64_t table = root;

    for (unsigned l = 3;; l--) {
        uint64_t *e = (uint64_t *)rig_ram(rig, table) +
                      ((va >> (12 + 9 * l)) & 511);

        if (l == level) {
            return e;
        }
        if (!(*e & VALID)) {
            *e = rig_alloc(rig, PAGE, PAGE) | VALID | TABLE | BELOW_PXN;
        }
        table = *e & 0x0000fffffffff000ull;
    }
}

/* A page, a block of 2 MiB and one of 1 GiB, the same for CPU and device. */
static void start(void)
{
    SecmmuConfig config = { .engines = 1, .queues = 2, .asids = 2,
                            .audit = true };
    uint64_t page;

    rig = rig_new(&config, 16);
    root = rig_alloc(rig, PAGE, PAGE);
    rig_space_on(rig, 1, SECMMU_ASID_WALK);
    rig_back(rig, 1, RIG_VA, 32, PAGE, true);
    rig_back(rig, 1, HUGE_A, 512, HUGE, true);
    for (unsigned i = 0; i < 32; i++) {
        *cpu_entry(RIG_VA + i * PAGE, 0) =
            rig->space[1].page[i].pa | PAGE_BITS | SOFTWARE;
    }
    *cpu_entry(HUGE_A, 1) = rig->space[1].page[512].pa | BLOCK_BITS;
    page = rig_alloc(rig, PAGE, PAGE);
    *cpu_entry(GIGA_A, 2) = RIG_RAM_BASE | BLOCK_BITS;
    atomic_store(rig_spte(rig, 1, GIGA_A + (page - RIG_RAM_BASE), 0),
                 htole64(page | SECMMU_SPTE_V | SECMMU_SPTE_W |
                         SECMMU_SPTE_LEAF));
    rig_write64(rig, AREG(1, AUDIT),
                root | SECMMU_AUDIT_ON | SECMMU_AUDIT_ARM64);
    rig_queue_on(rig, 0, 1, RING, 3);
}

/* The rule that one job at @va was found to break, or NULL. */
static const char *judged(unsigned op, uint64_t va)
{
    struct secmmu_desc d = { .opcode = op, .src = va, .dst = va, .len = 64,
                             .completion = RECORD };
    uint64_t before = rig_counter(rig, SECMMU_CNT_AUDIT_VIOLATIONS);

    rig->last_error[0] = 0;
    CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_OK);
    if (rig_counter(rig, SECMMU_CNT_AUDIT_VIOLATIONS) == before) {
        return NULL;
    }
    return rig->last_error;
}

static void right(unsigned op, uint64_t va)
{
    const char *said = judged(op, va);

    if (said) {
        printf("# %s\n", said);
    }
    CHECK(!said);
}

static void accused(unsigned op, uint64_t va, const char *rule)
{
    const char *said = judged(op, va);

    CHECK(said && strstr(said, rule));
}

static uint64_t giga_page(void)
{
    for (uint64_t va = GIGA_A;; va += PAGE) {
        if (atomic_load(rig_spte(rig, 1, va, 0))) {
            return va;
        }
    }
}

static void agreeing(void)
{
    start();
    right(SECMMU_OP_FILL, A);
    right(SECMMU_OP_CRC32C, A);
    right(SECMMU_OP_FILL, HUGE_A + 300 * PAGE);
    right(SECMMU_OP_FILL, giga_page());
    CHECK(rig_counter(rig, SECMMU_CNT_AUDIT_CHECKS) >= 12);
    rig_free(rig);
}

static void another_frame(void)
{
    start();
    *cpu_entry(A, 0) += PAGE;
    accused(SECMMU_OP_FILL, A, "another frame");
    *cpu_entry(HUGE_A, 1) += HUGE;
    accused(SECMMU_OP_CRC32C, HUGE_A + 77 * PAGE, "another frame");
    *cpu_entry(GIGA_A, 2) += 1ull << 30;
    accused(SECMMU_OP_CRC32C, giga_page(), "another frame");
    /* Bits 47:12 are the address, and no others. */
    *cpu_entry(A, 0) ^= PAGE ^ (1ull << 47);
    accused(SECMMU_OP_CRC32C, A, "another frame");
    rig_free(rig);
}

static void without(uint64_t bits, uint64_t va, unsigned level)
{
    *cpu_entry(va, level) &= ~bits;
    accused(SECMMU_OP_CRC32C, va, "maps nothing");
    *cpu_entry(va, level) |= bits;
    right(SECMMU_OP_CRC32C, va);
}

static void nothing_there(void)
{
    start();
    without(VALID, A, 0);
    without(TABLE, A, 0);       /* no such thing as a block of 4 KiB */
    without(EL0, A, 0);         /* the kernel's own, or execute-only */
    without(VALID, A, 1);
    without(VALID, A, 2);
    without(VALID, A, 3);
    without(TABLE, A, 3);       /* nor of 512 GiB */
    without(VALID, HUGE_A, 1);
    without(EL0, HUGE_A, 1);
    *cpu_entry(A, 2) |= BELOW_NO_EL0;
    accused(SECMMU_OP_CRC32C, A, "maps nothing");
    rig_free(rig);
}

static void not_writable(void)
{
    start();
    /* Clean: the first write makes it dirty, and is allowed. */
    *cpu_entry(A, 0) |= READ_ONLY;
    right(SECMMU_OP_FILL, A);
    *cpu_entry(A, 0) &= ~DBM;
    right(SECMMU_OP_CRC32C, A);
    accused(SECMMU_OP_FILL, A, "may not write");
    *cpu_entry(A, 0) &= ~READ_ONLY;
    right(SECMMU_OP_FILL, A);
    *cpu_entry(HUGE_A, 1) = (*cpu_entry(HUGE_A, 1) | READ_ONLY) & ~DBM;
    accused(SECMMU_OP_FILL, HUGE_A, "may not write");
    *cpu_entry(HUGE_A, 1) |= DBM;
    right(SECMMU_OP_FILL, HUGE_A);
    right(SECMMU_OP_FILL, giga_page());
    *cpu_entry(GIGA_A, 3) |= BELOW_READ_ONLY;
    right(SECMMU_OP_CRC32C, giga_page());
    accused(SECMMU_OP_FILL, giga_page(), "may not write");
    rig_free(rig);
}

/* One table cannot have the formats of two architectures. */
static void one_format(void)
{
    uint64_t before;

    start();
    before = rig_read64(rig, AREG(1, AUDIT));
    rig_write64(rig, AREG(1, AUDIT), root | SECMMU_AUDIT_ON |
                SECMMU_AUDIT_LA57 | SECMMU_AUDIT_ARM64);
    CHECK(rig_read32(rig, GREG(ERROR)) & SECMMU_ERR_ASID);
    CHECK_EQ(rig_read64(rig, AREG(1, AUDIT)), before);
    rig_free(rig);
}

static const Case cases[] = {
    CASE(agreeing), CASE(another_frame), CASE(nothing_there),
    CASE(not_writable), CASE(one_format),
};

TEST_MAIN(cases)
