/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - every register, and every wrong way to use one.
 *
 * Lives here: all offsets and widths against the tables of <linux/secmmu_hw.h>,
 * reset values, settings that must be refused, and the error bit that each
 * sets.
 * Not here: bad descriptors and page tables (test-hostile.c), bad doorbells and
 * stale responses (test-queue.c).
 */
#include "rig.h"

#define RING    RIG_VA
#define RECORD  (RIG_VA + 2 * PAGE)
#define A       (RIG_VA + 16 * PAGE)
#define KERNEL  0xffff888000000000ull
#define END     SECMMU_VA_END

static Rig *rig;

static void start_with(bool audit)
{
    SecmmuConfig config = { .engines = 1, .queues = 4, .asids = 4,
                            .audit = audit };

    rig = rig_new(&config, 8);
    rig_space_on(rig, 1, SECMMU_ASID_WALK);
    rig_back(rig, 1, RIG_VA, 512, PAGE, true);
    rig_queue_on(rig, 0, 1, RING, 4);
}

static void start(void)
{
    start_with(false);
}

static void stop(void)
{
    /* It still works. */
    struct secmmu_desc d = { .opcode = SECMMU_OP_FILL, .dst = A, .len = 64,
                             .completion = RECORD };

    if (rig_read32(rig, QREG(0, STATUS)) == SECMMU_QUEUE_STATE_IDLE) {
        CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_OK);
    }
    rig_free(rig);
}

typedef struct Reg {
    uint32_t offset, width;
    uint64_t reset;
    enum { RO, RW, W1C, WO } access;
} Reg;

#define CAP ~0ull
#define LIVE ~1ull
#define REG(name, offset, width, reset, access) \
    { offset, width, reset, access },
static const Reg global_regs[] = { SECMMU_GLOBAL_REGS(REG) };
static const Reg queue_regs[] = { SECMMU_QUEUE_REGS(REG) };
static const Reg asid_regs[] = { SECMMU_ASID_REGS(REG) };

static const Reg *find_reg(const Reg *regs, size_t n, uint32_t offset)
{
    for (size_t i = 0; i < n; i++) {
        if (regs[i].offset == offset) {
            return &regs[i];
        }
    }
    return NULL;
}

static bool take_error(unsigned bit)
{
    uint32_t error = rig_read32(rig, GREG(ERROR));

    rig_write32(rig, GREG(ERROR), bit);
    return error == bit;
}

static void no_such_access(uint64_t off, unsigned size)
{
    CHECK_EQ(secmmu_core_read(rig->core, off, size), 0);
    CHECK(take_error(SECMMU_ERR_ACCESS));
    secmmu_core_write(rig->core, off, ~0ull, size);
    CHECK(take_error(SECMMU_ERR_ACCESS));
}

/* Every offset and width of a block, against the table in the header. */
static void scan_block(uint64_t base, size_t size, const Reg *regs, size_t n)
{
    for (uint32_t off = 0; off < size; off++) {
        const Reg *reg = find_reg(regs, n, off);

        for (unsigned w = 1; w <= 8; w *= 2) {
            if (!reg || reg->width != w) {
                no_such_access(base + off, w);
            } else if (reg->access == WO) {
                CHECK_EQ(secmmu_core_read(rig->core, base + off, w), 0);
                CHECK(take_error(SECMMU_ERR_ACCESS));
            } else if (reg->access == RO) {
                uint64_t old = secmmu_core_read(rig->core, base + off, w);

                secmmu_core_write(rig->core, base + off, ~old, w);
                if (reg->reset != LIVE &&
                    (reg->offset != SECMMU_REG_STATUS || base)) {
                    CHECK_EQ(secmmu_core_read(rig->core, base + off, w), old);
                }
                CHECK(take_error(SECMMU_ERR_ACCESS));
            }
        }
    }
}

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void register_map(void)
{
    uint64_t clock;

    start_with(true);
    secmmu_core_reset(rig->core);
    scan_block(0, 0x1000, global_regs, N(global_regs));
    scan_block(SECMMU_QUEUE_BLOCK + SECMMU_QUEUE_STRIDE, SECMMU_QUEUE_STRIDE,
               queue_regs, N(queue_regs));
    scan_block(SECMMU_ASID_BLOCK + SECMMU_ASID_STRIDE, SECMMU_ASID_STRIDE,
               asid_regs, N(asid_regs));
    no_such_access(SECMMU_QUEUE_BLOCK + 4 * SECMMU_QUEUE_STRIDE, 8);
    no_such_access(SECMMU_ASID_BLOCK + 4 * SECMMU_ASID_STRIDE, 8);
    no_such_access(SECMMU_COUNTER_BLOCK + 8 * SECMMU_CNT_NR, 8);
    no_such_access(SECMMU_COUNTER_BLOCK + 4, 8);
    no_such_access(SECMMU_COUNTER_BLOCK + 8, 4);
    no_such_access(SECMMU_CONTROL_SIZE, 4);
    no_such_access(SECMMU_CONTROL_SIZE - 8, 8);
    no_such_access(-8ull, 8);
    secmmu_core_write(rig->core, SECMMU_COUNTER_BLOCK, 1, 8);
    CHECK(take_error(SECMMU_ERR_ACCESS));
    for (unsigned i = 0; i < N(global_regs); i++) {
        const Reg *r = &global_regs[i];

        if (r->reset != CAP && r->reset != LIVE && r->access != WO) {
            CHECK_EQ(secmmu_core_read(rig->core, r->offset, r->width),
                     r->reset);
        }
    }
    clock = rig_read64(rig, GREG(CLOCK));
    CHECK(clock && clock <= secmmu_core_clock());
    CHECK(rig_read64(rig, GREG(CLOCK)) >= clock);
    CHECK_EQ(rig_read32(rig, GREG(NR_ASIDS)), 4);
    CHECK_EQ(rig_read32(rig, GREG(NR_QUEUES)), 4);
    CHECK_EQ(rig_read32(rig, GREG(NR_ENGINES)), 1);
    CHECK_EQ(rig_read32(rig, GREG(TLB_SETS)), 256);
    CHECK_EQ(rig_read32(rig, GREG(TLB_WAYS)), 4);
    CHECK_EQ(rig_read32(rig, GREG(CHUNK)), SECMMU_CHUNK);
    CHECK_EQ(rig_read32(rig, GREG(FEATURES)),
             SECMMU_FEATURE_AUDIT | SECMMU_FEATURE_SOFT);
    rig_free(rig);
}

static void no_audit_register(void)
{
    start();
    CHECK_EQ(rig_read32(rig, GREG(FEATURES)), SECMMU_FEATURE_SOFT);
    no_such_access(AREG(1, AUDIT), 8);
    stop();
    start_with(true);
    rig_write64(rig, AREG(1, AUDIT), 0x5000 | SECMMU_AUDIT_LA57);
    CHECK_EQ(rig_read64(rig, AREG(1, AUDIT)), 0x5000 | SECMMU_AUDIT_LA57);
    rig_write64(rig, AREG(1, AUDIT), 0x5008);
    CHECK(take_error(SECMMU_ERR_ASID));
    CHECK_EQ(rig_read64(rig, AREG(1, AUDIT)), 0x5000 | SECMMU_AUDIT_LA57);
    stop();
}

static void event_ring_settings(void)
{
    static const struct { uint64_t base; uint32_t order; uint64_t done; }
        bad[] = { { 0, 4, 0 }, { RIG_RAM_BASE + 8, 4, 0 },
                  { 1ull << 52, 4, 0 }, { RIG_RAM_BASE, 3, 0 },
                  { RIG_RAM_BASE, 32, 0 }, { RIG_RAM_BASE, 0xffffffff, 0 },
                  { RIG_RAM_BASE, 4, 0x100 }, { RIG_RAM_BASE, 4, 1ull << 63 } };

    start();
    rig_write64(rig, GREG(EVENT_BASE), 0x1000);
    CHECK(take_error(SECMMU_ERR_ACCESS));
    rig_write32(rig, GREG(EVENT_ORDER), 9);
    CHECK(take_error(SECMMU_ERR_ACCESS));
    rig_write64(rig, GREG(DONE_BASE), 0x1000);
    CHECK(take_error(SECMMU_ERR_ACCESS));
    CHECK_EQ(rig_read64(rig, GREG(EVENT_BASE)), rig->events);
    rig_write32(rig, GREG(EVENT_HEAD), 1);
    CHECK(take_error(SECMMU_ERR_EVENT_HEAD));
    rig_write32(rig, GREG(EVENT_HEAD), -1);
    CHECK(take_error(SECMMU_ERR_EVENT_HEAD));
    CHECK_EQ(rig_read32(rig, GREG(EVENT_HEAD)), 0);
    rig_write32(rig, GREG(CTRL), 4);
    CHECK(take_error(SECMMU_ERR_ACCESS));
    rig_write32(rig, GREG(CTRL), 0);
    for (unsigned i = 0; i < N(bad); i++) {
        rig_write64(rig, GREG(EVENT_BASE), bad[i].base);
        rig_write32(rig, GREG(EVENT_ORDER), bad[i].order);
        rig_write64(rig, GREG(DONE_BASE), bad[i].done);
        rig_write32(rig, GREG(CTRL), SECMMU_CTRL_ENABLE);
        CHECK(take_error(SECMMU_ERR_EVENT_RING));
        CHECK_EQ(rig_read32(rig, GREG(CTRL)), 0);
    }
    rig_enable(rig);
    stop();
}

static void rings_that_are_no_ram(void)
{
    start();
    rig_write32(rig, GREG(CTRL), 0);
    rig_write64(rig, GREG(EVENT_BASE), 0x2000);
    rig_write64(rig, GREG(DONE_BASE), 0x3000);
    rig_write32(rig, GREG(CTRL), SECMMU_CTRL_ENABLE);
    rig_shootdown(rig, 1, A, 1);
    CHECK(take_error(SECMMU_ERR_DMA));
    CHECK_EQ(rig_read32(rig, AREG(1, DONE)), 1);
    rig_doorbell(rig, 0, 99);
    CHECK(take_error(SECMMU_ERR_DMA));
    CHECK_EQ(rig_read32(rig, GREG(EVENT_TAIL)), 1);
    rig_free(rig);
}

static void queue_settings(void)
{
    static const struct { uint64_t ring; uint32_t order, asid; } bad[] = {
        { RING + 8, 2, 1 }, { RING, 13, 1 }, { RING, 0xffffffff, 1 },
        { KERNEL, 2, 1 }, { END, 0, 1 }, { END - 64, 1, 1 },
        { RING, 2, 0 }, { RING, 2, 4 }, { RING, 2, 0xffffffff } };

    start();
    for (unsigned i = 0; i < N(bad); i++) {
        rig_write64(rig, QREG(1, RING), bad[i].ring);
        rig_write32(rig, QREG(1, ORDER), bad[i].order);
        rig_write32(rig, QREG(1, ASID), bad[i].asid);
        rig_write32(rig, QREG(1, CTRL), 1);
        CHECK(take_error(SECMMU_ERR_QUEUE));
        CHECK_EQ(rig_read32(rig, QREG(1, CTRL)), 0);
        CHECK_EQ(rig_read32(rig, QREG(1, STATUS)), 0);
    }
    rig_queue_on(rig, 1, 1, END - 64, 0);
    rig_write32(rig, QREG(1, CTRL), 0);
    rig_write32(rig, QREG(1, CTRL), 2);
    CHECK(take_error(SECMMU_ERR_ACCESS));
    rig_write32(rig, QREG(1, ARM), 0);
    CHECK(take_error(SECMMU_ERR_QUEUE));
    rig_write64(rig, QREG(0, RING), 0);         /* while it is on */
    CHECK(take_error(SECMMU_ERR_QUEUE));
    rig_write32(rig, QREG(0, ORDER), 0);
    CHECK(take_error(SECMMU_ERR_QUEUE));
    rig_write32(rig, QREG(0, ASID), 0);
    CHECK(take_error(SECMMU_ERR_QUEUE));
    CHECK_EQ(rig_read64(rig, QREG(0, RING)), RING);
    stop();
}

static void asid_settings(void)
{
    start();
    rig_write32(rig, AREG(2, MODE), SECMMU_ASID_WALK);  /* no root */
    CHECK(take_error(SECMMU_ERR_ASID));
    rig_write64(rig, AREG(2, TABLE), RIG_RAM_BASE + 8);
    rig_write32(rig, AREG(2, MODE), SECMMU_ASID_WALK);
    CHECK(take_error(SECMMU_ERR_ASID));
    rig_write32(rig, AREG(2, MODE), 3);
    CHECK(take_error(SECMMU_ERR_ASID));
    CHECK_EQ(rig_read32(rig, AREG(2, MODE)), SECMMU_ASID_OFF);
    rig_write32(rig, AREG(2, MODE), SECMMU_ASID_OFF);   /* as it is */
    CHECK_EQ(rig_read32(rig, GREG(ERROR)), 0);
    rig_write32(rig, AREG(1, MODE), SECMMU_ASID_SOFT);  /* only from OFF */
    CHECK(take_error(SECMMU_ERR_ASID));
    rig_write64(rig, AREG(1, TABLE), RIG_RAM_BASE);
    CHECK(take_error(SECMMU_ERR_ASID));
    rig_shootdown(rig, 2, A, 1);
    CHECK(take_error(SECMMU_ERR_ASID));
    rig_write64(rig, AREG(1, DROPIN), SECMMU_SPTE_V | SECMMU_SPTE_LEAF);
    CHECK(take_error(SECMMU_ERR_DROPIN));
    rig_write64(rig, AREG(2, DROPIN), SECMMU_SPTE_V | SECMMU_SPTE_LEAF);
    CHECK(take_error(SECMMU_ERR_DROPIN));
    rig_write32(rig, AREG(2, RESUME), 0);       /* harmless */
    CHECK_EQ(rig_read32(rig, GREG(ERROR)), 0);
    stop();
}

static void responses(void)
{
    static const uint64_t bad[] = {
        SECMMU_RESPONSE(4, SECMMU_RESPONSE_RETRY, 0, 0),
        SECMMU_RESPONSE(0xffff, SECMMU_RESPONSE_RETRY, 0, 0),
        SECMMU_RESPONSE(0, 0, 0, 0), SECMMU_RESPONSE(0, 4, 0, 0),
        SECMMU_RESPONSE(0, 255, 0, 0),
        SECMMU_RESPONSE(0, SECMMU_RESPONSE_FAIL, SECMMU_STATUS_OK, 0),
        SECMMU_RESPONSE(0, SECMMU_RESPONSE_FAIL, 0, 0),
        SECMMU_RESPONSE(0, SECMMU_RESPONSE_FAIL, 255, 0),
    };

    start();
    for (unsigned i = 0; i < N(bad); i++) {
        rig_write64(rig, GREG(RESPONSE), bad[i]);
        CHECK(take_error(SECMMU_ERR_RESPONSE));
    }
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_STALE_RESPONSES), 0);
    stop();
}

static void doorbells(void)
{
    start();
    secmmu_core_doorbell(rig->core, 4, 1, 4);
    CHECK(take_error(SECMMU_ERR_ACCESS));
    secmmu_core_doorbell(rig->core, 0, 1, 8);
    CHECK(take_error(SECMMU_ERR_ACCESS));
    secmmu_core_doorbell(rig->core, 0, 1, 1);
    CHECK(take_error(SECMMU_ERR_ACCESS));
    secmmu_core_doorbell(rig->core, 4 * SECMMU_DOORBELL_SIZE, 1, 4);
    CHECK(take_error(SECMMU_ERR_ACCESS));
    secmmu_core_doorbell(rig->core, ~0ull << 12, 1, 4);
    CHECK(take_error(SECMMU_ERR_ACCESS));
    secmmu_core_doorbell(rig->core, SECMMU_DOORBELL_SIZE, 1, 4);
    CHECK(take_error(SECMMU_ERR_DOORBELL));
    CHECK_EQ(rig_read32(rig, QREG(0, TAIL)), 0);
    stop();
}

static void shootdown_ranges(void)
{
    uint64_t end = END >> 12;
    static const uint64_t pages[] = { 0, 1, 512, 513, 1 << 20,
                                      SECMMU_SHOOTDOWN_ALL - 1,
                                      SECMMU_SHOOTDOWN_ALL };
    uint32_t n = 0;

    start();
    for (unsigned i = 0; i < N(pages); i++) {
        for (unsigned k = 0; k < 4; k++) {
            uint64_t vpns[] = { 0, A >> 12, end - 1, end - 512 };

            rig_write64(rig, AREG(1, SHOOTDOWN),
                        SECMMU_SHOOTDOWN(vpns[k], pages[i]));
            n++;
        }
    }
    CHECK_EQ(rig_read32(rig, AREG(1, DONE)), n);
    CHECK_EQ(((uint32_t *)rig_ram(rig, rig->done))[1], n);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_SHOOTDOWNS), n);
    CHECK_EQ(rig_read32(rig, GREG(ERROR)), 0);
    stop();
}

static void configs(void)
{
    static const SecmmuConfig bad[] = {
        { .engines = 65 }, { .queues = 1025 }, { .asids = 4097 },
        { .tlb_sets = 3 }, { .tlb_sets = 1 << 17 }, { .tlb_ways = 65 },
    };
    static const SecmmuConfig good[] = {
        { .engines = 1 }, { .engines = 64, .queues = 1024, .asids = 4096,
                            .tlb_sets = 65536, .tlb_ways = 64 },
        { .queues = 1, .asids = 1, .tlb_sets = 1, .tlb_ways = 1 },
    };
    static const SecmmuBusOps none;

    for (unsigned i = 0; i < N(bad); i++) {
        char *err = NULL;

        CHECK(!secmmu_core_new(&bad[i], &none, NULL, &err));
        CHECK(err && *err);
        free(err);
        CHECK(!secmmu_core_new(&bad[i], &none, NULL, NULL));
    }
    for (unsigned i = 0; i < N(good); i++) {
        SecmmuCore *core = secmmu_core_new(&good[i], &none, NULL, NULL);

        CHECK(core);
        secmmu_core_drain(core);
        secmmu_core_free(core);
    }
    secmmu_core_free(NULL);
}

static const Case cases[] = {
    CASE(register_map), CASE(no_audit_register), CASE(event_ring_settings),
    CASE(rings_that_are_no_ram), CASE(queue_settings), CASE(asid_settings),
    CASE(responses), CASE(doorbells), CASE(shootdown_ranges), CASE(configs),
};

TEST_MAIN(cases)
