/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - audit: the device compares with the CPU's page table.
 *
 * Lives here: x86-64 tables of four and five levels and all page sizes, each
 * kind of violation, and that a right driver is never accused.
 * Not here: the same against a real kernel (tests/guest).
 */
#include <pthread.h>
#include <unistd.h>

#include "rig.h"

#define RING    RIG_VA
#define RECORD  (RIG_VA + PAGE)
#define A       (RIG_VA + 16 * PAGE)
#define HUGE_A  (RIG_VA + 512 * PAGE)

#define P       1ull
#define RW      2ull
#define US      4ull
#define PS      0x80ull
#define NX      (1ull << 63)

static Rig *rig;
static bool iommu;              /* physical and DMA addresses differ */
static uint64_t root;
static unsigned levels;

static uint64_t *cpu_entry(uint64_t va, unsigned level)
{
    uint64_t table = root;

    for (unsigned l = levels - 1;; l--) {
        uint64_t *e = (uint64_t *)rig_ram(rig, table) +
                      ((va >> (12 + 9 * l)) & 511);

        if (l == level) {
            return e;
        }
        if (!(*e & P)) {
            *e = (rig_alloc(rig, PAGE, PAGE) + rig->phys_offset) | P | RW | US;
        }
        table = (*e & 0x000ffffffffff000ull) - rig->phys_offset;
    }
}

static void start(unsigned cpu_levels)
{
    SecmmuConfig config = { .engines = 1, .queues = 2, .asids = 2,
                            .audit = true };

    rig = iommu ? rig_new_full(&config, 16) : rig_new(&config, 16);
    rig->phys_offset = iommu ? 0x700000000ull : 0;
    levels = cpu_levels;
    root = rig_alloc(rig, PAGE, PAGE);
    rig_space_on(rig, 1, SECMMU_ASID_WALK);
    rig_back(rig, 1, RIG_VA, 32, PAGE, true);
    rig_back(rig, 1, HUGE_A, 512, HUGE, true);
    for (unsigned i = 0; i < 32; i++) {
        *cpu_entry(RIG_VA + i * PAGE, 0) =
            (rig->space[1].page[i].pa + rig->phys_offset) | P | RW | US | NX;
    }
    *cpu_entry(HUGE_A, 1) = (rig->space[1].page[512].pa + rig->phys_offset) |
                            P | RW | US | PS | 0x1000;  /* PAT */
    rig_write64(rig, AREG(1, AUDIT),
                (root + rig->phys_offset) | SECMMU_AUDIT_ON |
                (levels == 5 ? SECMMU_AUDIT_LA57 : 0));
    rig_queue_on(rig, 0, 1, RING, 3);
}

static uint64_t violations(void)
{
    return rig_counter(rig, SECMMU_CNT_AUDIT_VIOLATIONS);
}

static void run(unsigned op, uint64_t va, unsigned status)
{
    struct secmmu_desc d = { .opcode = op, .src = va, .dst = va, .len = 64,
                             .completion = RECORD, .user_data = 0xabc };

    CHECK_EQ(rig_run(rig, 0, &d).status, status);
}

static void accused(unsigned op, uint64_t va, const char *rule)
{
    uint64_t before = violations();

    rig->last_error[0] = 0;
    run(op, va, SECMMU_STATUS_OK);
    CHECK_EQ(violations(), before + 1);
    CHECK(strstr(rig->last_error, rule));
    CHECK(strstr(rig->last_error, "user data 0xabc"));
}

static void agreeing(void)
{
    for (unsigned l = 4; l <= 5; l++) {
        start(l);
        run(SECMMU_OP_FILL, A, SECMMU_STATUS_OK);
        run(SECMMU_OP_CRC32C, A, SECMMU_STATUS_OK);
        run(SECMMU_OP_FILL, HUGE_A + 300 * PAGE, SECMMU_STATUS_OK);
        CHECK_EQ(violations(), 0);
        CHECK(rig_counter(rig, SECMMU_CNT_AUDIT_CHECKS) >= 9);
        rig_free(rig);
    }
}

static void another_frame(void)
{
    for (unsigned l = 4; l <= 5; l++) {
        start(l);
        run(SECMMU_OP_FILL, A, SECMMU_STATUS_OK);
        *cpu_entry(A, 0) += PAGE;
        accused(SECMMU_OP_FILL, A, "another frame");
        *cpu_entry(HUGE_A, 1) -= HUGE;
        accused(SECMMU_OP_CRC32C, HUGE_A + 77 * PAGE, "another frame");
        rig_free(rig);
    }
}

static void nothing_there(void)
{
    for (unsigned l = 4; l <= 5; l++) {
        start(l);
        for (unsigned level = 0; level < 1; level++) {
            *cpu_entry(A, level) &= ~P;
            accused(SECMMU_OP_CRC32C, A, "maps nothing");
            *cpu_entry(A, level) |= P;
            *cpu_entry(A, level) &= ~US;        /* the kernel's own */
            accused(SECMMU_OP_CRC32C, A, "maps nothing");
            *cpu_entry(A, level) |= US;
        }
        *cpu_entry(HUGE_A, 1) &= ~P;
        accused(SECMMU_OP_FILL, HUGE_A, "maps nothing");
        rig_free(rig);
    }
}

static void take_out(void)
{
    __atomic_and_fetch(cpu_entry(A, 0), ~P, __ATOMIC_RELEASE);
}

static void put_back(void)
{
    __atomic_or_fetch(cpu_entry(A, 0), P, __ATOMIC_RELEASE);
}

static void *put_back_after(void *ms)
{
    usleep((uintptr_t)ms * 1000);
    put_back();
    return NULL;
}

/* An entry that is out for @ms, so many @times, is no violation. */
static void missing_for(unsigned ms, unsigned times)
{
    pthread_t thread;

    start(4);
    run(SECMMU_OP_FILL, A, SECMMU_STATUS_OK);
    for (unsigned i = 0; i < times; i++) {
        take_out();
        CHECK_EQ(pthread_create(&thread, NULL, put_back_after,
                                (void *)(uintptr_t)ms), 0);
        run(SECMMU_OP_CRC32C, A, SECMMU_STATUS_OK);
        pthread_join(thread, NULL);
        CHECK_EQ(violations(), 0);
        usleep(100000);
    }
    rig_free(rig);
}

/* The kernel takes an entry out to change it, and tells nobody. */
static void for_a_moment(void)
{
    missing_for(5, 1);
}

/* The guest's CPU had to wait for one of the host's in between. */
static void for_longer(void)
{
    missing_for(100, 1);
}

/* It has to wait often, on a busy host. */
static void for_longer_often(void)
{
    missing_for(60, 6);
}

/* But not for ever: what was waited for in vain is not waited for so long again. */
static void for_longer_again(void)
{
    const uint64_t patience = 500000000;
    uint64_t took = patience;

    start(4);
    run(SECMMU_OP_FILL, A, SECMMU_STATUS_OK);
    take_out();
    accused(SECMMU_OP_CRC32C, A, "maps nothing");
    /* A busy host can make one that is short as long. */
    for (unsigned i = 0; i < 10 && took >= patience; i++) {
        took = -secmmu_core_clock();
        accused(SECMMU_OP_CRC32C, A, "maps nothing");
        took += secmmu_core_clock();
    }
    CHECK(took < patience);
    rig_free(rig);
}

static pthread_mutex_t big_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool has_lock;

static void wait_for_a_look(void)
{
    while (!secmmu_core_looks(rig->core)) {
        usleep(100);
    }
}

static void *shoots_with_lock(void *arg)
{
    (void)arg;
    wait_for_a_look();
    pthread_mutex_lock(&big_lock);
    atomic_store(&has_lock, true);
    rig_shootdown(rig, 1, A + PAGE, 1);
    pthread_mutex_unlock(&big_lock);
    return NULL;
}

static void *puts_back_with_lock(void *arg)
{
    (void)arg;
    while (!atomic_load(&has_lock)) {
        usleep(100);
    }
    pthread_mutex_lock(&big_lock);
    put_back();
    pthread_mutex_unlock(&big_lock);
    return NULL;
}

/*
 * The CPU that took the entry out waits for the machine's lock, which has one
 * whose shootdown waits for the access.
 */
static void cpu_needs_the_lock(void)
{
    pthread_t thread[2];

    start(4);
    run(SECMMU_OP_FILL, A, SECMMU_STATUS_OK);
    take_out();
    atomic_store(&has_lock, false);
    CHECK_EQ(pthread_create(&thread[0], NULL, shoots_with_lock, NULL), 0);
    CHECK_EQ(pthread_create(&thread[1], NULL, puts_back_with_lock, NULL), 0);
    run(SECMMU_OP_CRC32C, A, SECMMU_STATUS_OK);
    pthread_join(thread[0], NULL);
    pthread_join(thread[1], NULL);
    CHECK_EQ(violations(), 0);
    rig_free(rig);
}

static void *shoots_politely(void *arg)
{
    uint64_t newest;

    (void)arg;
    wait_for_a_look();
    newest = secmmu_core_looks(rig->core);
    CHECK_EQ(newest, 1);
    while (secmmu_core_looking(rig->core, newest)) {
        usleep(100);
    }
    rig_shootdown(rig, 1, A, 1);
    return NULL;
}

/* A driver that sends its shootdown too late is not saved by it. */
static void late_shootdown(void)
{
    pthread_t thread;

    start(4);
    CHECK(!secmmu_core_looking(rig->core, secmmu_core_looks(rig->core)));
    run(SECMMU_OP_FILL, A, SECMMU_STATUS_OK);
    take_out();
    CHECK_EQ(pthread_create(&thread, NULL, shoots_politely, NULL), 0);
    accused(SECMMU_OP_CRC32C, A, "maps nothing");
    pthread_join(thread, NULL);
    rig_free(rig);
}

static void not_writable(void)
{
    start(4);
    *cpu_entry(A, 0) &= ~RW;
    accused(SECMMU_OP_FILL, A, "may not write");
    run(SECMMU_OP_CRC32C, A, SECMMU_STATUS_OK); /* reading is right */
    CHECK_EQ(violations(), 1);
    *cpu_entry(A, 0) |= RW;
    /* W counts on all levels. */
    *cpu_entry(HUGE_A, 2) &= ~RW;
    rig->last_error[0] = 0;
    run(SECMMU_OP_FILL, HUGE_A, SECMMU_STATUS_OK);
    CHECK(violations() > 1);
    rig_free(rig);
}

/* The CPU maps 1 GiB at once, the device a part of it. */
static void gigabyte(void)
{
    uint64_t va = RIG_VA + (1ull << 39);
    uint64_t pa = RIG_RAM_BASE;         /* 1 GiB aligned */
    uint64_t page;

    start(4);
    page = rig_alloc(rig, PAGE, PAGE);
    *cpu_entry(va, 2) = pa | P | RW | US | PS;
    atomic_store(rig_spte(rig, 1, va + (page - pa), 0),
                 htole64(page | SECMMU_SPTE_V | SECMMU_SPTE_W |
                         SECMMU_SPTE_LEAF));
    run(SECMMU_OP_FILL, va + (page - pa), SECMMU_STATUS_OK);
    CHECK_EQ(violations(), 0);
    *cpu_entry(va, 2) = (pa + (1ull << 30)) | P | RW | US | PS;
    accused(SECMMU_OP_FILL, va + (page - pa), "another frame");
    rig_free(rig);
}

/* A table of the CPU's that is no RAM is as good as none. */
static void table_is_no_ram(void)
{
    start(4);
    run(SECMMU_OP_CRC32C, HUGE_A, SECMMU_STATUS_OK);
    *cpu_entry(HUGE_A, 1) = 0x5000 | P | RW | US;
    accused(SECMMU_OP_CRC32C, HUGE_A, "maps nothing");
    rig_free(rig);
}

static void switched_off(void)
{
    start(4);
    rig_write64(rig, AREG(1, AUDIT), root);
    *cpu_entry(A, 0) = 0;
    run(SECMMU_OP_FILL, A, SECMMU_STATUS_OK);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_AUDIT_CHECKS), 0);
    CHECK_EQ(violations(), 0);
    rig_free(rig);
}

/* A driver that forgets the shootdown is found out at the next access. */
static void forgotten_shootdown(void)
{
    start(4);
    run(SECMMU_OP_FILL, A, SECMMU_STATUS_OK);
    CHECK(rig_zap(rig, 1, A));
    *cpu_entry(A, 0) = 0;
    accused(SECMMU_OP_FILL, A, "maps nothing");
    rig_shootdown(rig, 1, A, 1);
    rig->space[1].page[(A - RIG_VA) / PAGE].pa = 0;
    run(SECMMU_OP_FILL, A, SECMMU_STATUS_FAULT);
    CHECK_EQ(violations(), 1);
    rig_free(rig);
}

/* One small page of the CPU's inside a large one of the device's. */
static void split_by_the_cpu(void)
{
    struct secmmu_desc d = { .opcode = SECMMU_OP_CRC32C, .src = HUGE_A,
                             .len = HUGE, .completion = RECORD };

    start(4);
    rig->huge = true;
    rig->batch = 512;
    run(SECMMU_OP_CRC32C, HUGE_A, SECMMU_STATUS_OK);
    *cpu_entry(HUGE_A, 1) = 0;
    for (unsigned i = 0; i < 512; i++) {
        *cpu_entry(HUGE_A + i * PAGE, 0) =
            (rig->space[1].page[512 + i].pa + rig->phys_offset) | P | RW | US;
    }
    CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_OK);
    CHECK_EQ(violations(), 0);
    *cpu_entry(HUGE_A + 77 * PAGE, 0) += 0x100000;
    CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_OK);
    CHECK_EQ(violations(), 1);
    rig_free(rig);
}

/* An IOMMU in between: frames are compared by the RAM that they are. */
static void behind_an_iommu(void)
{
    iommu = true;
    agreeing();
    another_frame();
    nothing_there();
    not_writable();
    table_is_no_ram();
    start(4);
    run(SECMMU_OP_FILL, A, SECMMU_STATUS_OK);
    *cpu_entry(A, 0) = 0x3000 | P | RW | US;    /* no RAM at all */
    accused(SECMMU_OP_FILL, A, "another frame");
    rig_free(rig);
    iommu = false;
}

static const Case cases[] = {
    CASE(agreeing), CASE(another_frame), CASE(nothing_there),
    CASE(for_a_moment), CASE(for_longer), CASE(for_longer_often),
    CASE(for_longer_again), CASE(cpu_needs_the_lock), CASE(late_shootdown),
    CASE(not_writable), CASE(split_by_the_cpu), CASE(gigabyte), CASE(table_is_no_ram),
    CASE(switched_off), CASE(forgotten_shootdown), CASE(behind_an_iommu),
};

TEST_MAIN(cases)
