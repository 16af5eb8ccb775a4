/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - everything a guest may get wrong.
 *
 * Lives here: bad descriptors, bad page tables, memory that is no RAM: what
 * status, error bit or stop each must give, and that the device works on
 * afterwards.
 * Not here: registers (test-regs.c), bad doorbells and stale responses
 * (test-queue.c).
 */
#include <sched.h>

#include "rig.h"

#define RING    RIG_VA
#define RECORD  (RIG_VA + 2 * PAGE)
#define A       (RIG_VA + 16 * PAGE)
#define B       (RIG_VA + 200 * PAGE)
#define KERNEL  0xffff888000000000ull
#define END     SECMMU_VA_END

static Rig *rig;

static void start(void)
{
    SecmmuConfig config = { .engines = 1, .queues = 4, .asids = 4 };

    rig = rig_new(&config, 8);
    rig_space_on(rig, 1, SECMMU_ASID_WALK);
    rig_back(rig, 1, RIG_VA, 512, PAGE, true);
    rig_queue_on(rig, 0, 1, RING, 4);
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

static void expect(struct secmmu_desc d, unsigned status, uint64_t addr)
{
    struct secmmu_completion c;
    unsigned faults = rig->faults;

    d.completion = RECORD;
    d.user_data = 9;
    c = rig_run(rig, 0, &d);
    CHECK_EQ(c.status, status);
    CHECK_EQ(c.fault_addr, addr);
    CHECK_EQ(c.bytes, 0);
    CHECK_EQ(c.result, 0);
    CHECK_EQ(c.user_data, 9);
    /* Refused before anything was touched: ring and record at most. */
    CHECK(rig->faults <= faults + 2);
}

static void opcodes(void)
{
    start();
    for (unsigned op = 0; op < 256; op++) {
        if (op == 0 || op >= SECMMU_OP_NR) {
            expect((struct secmmu_desc) { .opcode = op },
                   SECMMU_STATUS_BAD_OPCODE, 0);
        } else {
            expect((struct secmmu_desc) { .opcode = op, .variant = 2 },
                   SECMMU_STATUS_BAD_OPCODE, 0);
            expect((struct secmmu_desc) { .opcode = op, .variant = 0x100 },
                   SECMMU_STATUS_BAD_OPCODE, 0);
            expect((struct secmmu_desc) { .opcode = op, .flags = 0x80 },
                   SECMMU_STATUS_BAD_FLAGS, 0);
            expect((struct secmmu_desc) { .opcode = op, .flags = 0x04 },
                   SECMMU_STATUS_BAD_FLAGS, 0);
            expect((struct secmmu_desc) { .opcode = op, .reserved = 1u << 31 },
                   SECMMU_STATUS_BAD_FLAGS, 0);
            expect((struct secmmu_desc) { .opcode = op, .src = A, .dst = A,
                                          .len = SECMMU_MAX_LEN + 1 },
                   SECMMU_STATUS_BAD_LENGTH, 0);
        }
    }
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_JOBS_BY_OPCODE), 256 - 12);
    /* Operands that an opcode does not have. */
    expect((struct secmmu_desc) { .opcode = SECMMU_OP_COPY, .src = A,
                                  .dst = B, .len = 8, .operand[0] = 1 },
           SECMMU_STATUS_BAD_FLAGS, 0);
    expect((struct secmmu_desc) { .opcode = SECMMU_OP_FILL, .dst = B,
                                  .len = 8, .operand[1] = 1 },
           SECMMU_STATUS_BAD_FLAGS, 0);
    expect((struct secmmu_desc) { .opcode = SECMMU_OP_ATOMIC, .dst = B,
                                  .len = 8, .operand[1] = 1 },
           SECMMU_STATUS_BAD_FLAGS, 0);
    expect((struct secmmu_desc) { .opcode = SECMMU_OP_CRC32C, .src = B,
                                  .len = 8, .operand[0] = 1ull << 32 },
           SECMMU_STATUS_BAD_FLAGS, 0);
    expect((struct secmmu_desc) { .opcode = SECMMU_OP_SAXPY, .src = B,
                                  .dst = A, .len = 8,
                                  .operand[0] = 1ull << 32 },
           SECMMU_STATUS_BAD_FLAGS, 0);
    stop();
}

/* src or dst, by opcode; the other is fine. */
static void range(unsigned op, bool src, uint64_t va, uint64_t len,
                  unsigned status, uint64_t addr)
{
    struct secmmu_desc d = { .opcode = op, .src = A, .dst = B, .len = len };

    if (op == SECMMU_OP_GATHER || op == SECMMU_OP_SCATTER) {
        d.operand[0] = 8;
    }
    *(src ? &d.src : &d.dst) = va;
    expect(d, status, addr);
}

static void ranges(void)
{
    static const struct { unsigned op; bool src, dst; } uses[] = {
        { SECMMU_OP_FILL, false, true }, { SECMMU_OP_COPY, true, true },
        { SECMMU_OP_COMPARE, true, true }, { SECMMU_OP_CRC32C, true, false },
        { SECMMU_OP_REDUCE, true, false }, { SECMMU_OP_SAXPY, true, true },
        { SECMMU_OP_GATHER, true, true }, { SECMMU_OP_SCATTER, true, true },
    };

    start();
    for (unsigned i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
        for (unsigned src = 0; src < 2; src++) {
            unsigned op = uses[i].op;

            if (!(src ? uses[i].src : uses[i].dst)) {
                continue;
            }
            range(op, src, KERNEL, 64, SECMMU_STATUS_BAD_ADDRESS, KERNEL);
            range(op, src, END, 64, SECMMU_STATUS_BAD_ADDRESS, END);
            range(op, src, END - 32, 64, SECMMU_STATUS_BAD_ADDRESS, END);
            range(op, src, -64ull, 128, SECMMU_STATUS_BAD_LENGTH, 0);
            range(op, src, -8ull, SECMMU_MAX_LEN, SECMMU_STATUS_BAD_LENGTH,
                  0);
        }
    }
    expect((struct secmmu_desc) { .opcode = SECMMU_OP_ATOMIC, .dst = KERNEL,
                                  .len = 8 },
           SECMMU_STATUS_BAD_ADDRESS, KERNEL);
    stop();
}

static void shapes(void)
{
    static const uint64_t widths[] = { 0, 1, 2, 3, 5, 16 };
    static const uint64_t sizes[] = { 0, 4097, 1ull << 40 };

    start();
    expect((struct secmmu_desc) { .opcode = SECMMU_OP_REDUCE, .src = A + 4,
                                  .len = 8 }, SECMMU_STATUS_BAD_ALIGN, 0);
    expect((struct secmmu_desc) { .opcode = SECMMU_OP_REDUCE, .src = A,
                                  .len = 12 }, SECMMU_STATUS_BAD_LENGTH, 0);
    expect((struct secmmu_desc) { .opcode = SECMMU_OP_REDUCE, .src = A + 2,
                                  .variant = SECMMU_REDUCE_F32, .len = 8 },
           SECMMU_STATUS_BAD_ALIGN, 0);
    expect((struct secmmu_desc) { .opcode = SECMMU_OP_REDUCE, .src = A,
                                  .variant = SECMMU_REDUCE_F32, .len = 6 },
           SECMMU_STATUS_BAD_LENGTH, 0);
    for (unsigned i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        expect((struct secmmu_desc) { .opcode = SECMMU_OP_ATOMIC, .dst = A,
                                      .len = widths[i] },
               SECMMU_STATUS_BAD_LENGTH, 0);
    }
    expect((struct secmmu_desc) { .opcode = SECMMU_OP_ATOMIC, .dst = A + 4,
                                  .len = 8 }, SECMMU_STATUS_BAD_ALIGN, 0);
    expect((struct secmmu_desc) { .opcode = SECMMU_OP_ATOMIC, .dst = A + 2,
                                  .len = 4 }, SECMMU_STATUS_BAD_ALIGN, 0);
    expect((struct secmmu_desc) { .opcode = SECMMU_OP_LIST_WALK, .src = A,
                                  .len = 1, .operand = { 4096, 0 } },
           SECMMU_STATUS_BAD_LENGTH, 0);
    expect((struct secmmu_desc) { .opcode = SECMMU_OP_LIST_WALK, .src = A,
                                  .len = 1, .operand = { 0, -8ull } },
           SECMMU_STATUS_BAD_LENGTH, 0);
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        expect((struct secmmu_desc) { .opcode = SECMMU_OP_GATHER, .src = A,
                                      .dst = B, .len = 4097,
                                      .operand[0] = sizes[i] },
               SECMMU_STATUS_BAD_LENGTH, 0);
    }
    expect((struct secmmu_desc) { .opcode = SECMMU_OP_SCATTER, .src = A,
                                  .dst = B, .len = 10, .operand[0] = 8 },
           SECMMU_STATUS_BAD_LENGTH, 0);
    expect((struct secmmu_desc) { .opcode = SECMMU_OP_SAXPY, .src = A + 1,
                                  .dst = B, .len = 8 },
           SECMMU_STATUS_BAD_ALIGN, 0);
    expect((struct secmmu_desc) { .opcode = SECMMU_OP_SAXPY, .src = A,
                                  .dst = B, .len = 7 },
           SECMMU_STATUS_BAD_LENGTH, 0);
    stop();
}

static void gemm_shape(uint64_t dims, uint64_t len, uint64_t b,
                       unsigned status, uint64_t addr)
{
    expect((struct secmmu_desc) { .opcode = SECMMU_OP_GEMM, .src = A,
                                  .dst = A + 64, .len = len,
                                  .operand = { b, dims } }, status, addr);
}

static void gemm_shapes(void)
{
    uint64_t two = 2 | 2 << 16 | 2ull << 32;

    start();
    gemm_shape(0, 0, B, SECMMU_STATUS_BAD_LENGTH, 0);
    gemm_shape(2 | 2 << 16, 16, B, SECMMU_STATUS_BAD_LENGTH, 0);
    gemm_shape(two, 12, B, SECMMU_STATUS_BAD_LENGTH, 0);
    gemm_shape(two | 1ull << 48, 16, B, SECMMU_STATUS_BAD_LENGTH, 0);
    gemm_shape(two, 16, B + 2, SECMMU_STATUS_BAD_ALIGN, 0);
    gemm_shape(two, 16, KERNEL, SECMMU_STATUS_BAD_ADDRESS, KERNEL);
    gemm_shape(two, 16, END - 4, SECMMU_STATUS_BAD_ADDRESS, END);
    gemm_shape(65535ull << 32 | 1 << 16 | 1, 4, END - 4096,
               SECMMU_STATUS_BAD_ADDRESS, END);
    expect((struct secmmu_desc) { .opcode = SECMMU_OP_GEMM, .src = END - 8,
                                  .dst = A, .len = 16,
                                  .operand = { B, two } },
           SECMMU_STATUS_BAD_ADDRESS, END);
    stop();
}

/* The least and the most that is right; nothing is read for len 0. */
static void edges(void)
{
    struct secmmu_completion c;
    struct secmmu_desc d = { .completion = RECORD };
    uint64_t node[2] = { END - 16, 5 };

    start();
    for (unsigned op = SECMMU_OP_FILL; op < SECMMU_OP_NR; op++) {
        if (op == SECMMU_OP_ATOMIC || op == SECMMU_OP_GEMM) {
            continue;
        }
        d = (struct secmmu_desc) { .opcode = op, .completion = RECORD };
        if (op == SECMMU_OP_GATHER || op == SECMMU_OP_SCATTER) {
            d.operand[0] = 1;
        }
        c = rig_run(rig, 0, &d);
        CHECK_EQ(c.status, SECMMU_STATUS_OK);
        CHECK_EQ(c.bytes, 0);
    }
    /* The last bytes of the address space: right, but nothing is there. */
    d = (struct secmmu_desc) { .opcode = SECMMU_OP_COPY, .src = END - 64,
                               .dst = A, .len = 64, .completion = RECORD };
    c = rig_run(rig, 0, &d);
    CHECK_EQ(c.status, SECMMU_STATUS_FAULT);
    CHECK_EQ(c.fault_addr, END - 64);
    /* A list that leads out of it. */
    rig_put(rig, 1, A, node, 16);
    d = (struct secmmu_desc) { .opcode = SECMMU_OP_LIST_WALK, .src = A,
                               .len = 10, .operand = { 0, 8 },
                               .completion = RECORD };
    c = rig_run(rig, 0, &d);
    CHECK_EQ(c.status, SECMMU_STATUS_FAULT);
    CHECK_EQ(c.fault_addr, END - 8);
    CHECK_EQ(c.bytes, 1);
    CHECK_EQ(c.result, 5);
    for (unsigned i = 0; i < 3; i++) {
        static const uint64_t out[] = { END - 15, KERNEL, -1ull };

        node[0] = out[i];
        rig_put(rig, 1, A, node, 16);
        c = rig_run(rig, 0, &d);
        CHECK_EQ(c.status, SECMMU_STATUS_BAD_ADDRESS);
        CHECK_EQ(c.fault_addr, out[i]);
        CHECK_EQ(c.bytes, 1);
        CHECK_EQ(c.result, 5);
    }
    /* A circle: the bound ends it. */
    node[0] = A;
    rig_put(rig, 1, A, node, 16);
    d.len = 100000;
    c = rig_run(rig, 0, &d);
    CHECK_EQ(c.status, SECMMU_STATUS_TRUNCATED);
    CHECK_EQ(c.bytes, 100000);
    CHECK_EQ(c.result, 500000);
    CHECK_EQ(c.fault_addr, A);
    d.len = 0;
    c = rig_run(rig, 0, &d);
    CHECK_EQ(c.status, SECMMU_STATUS_TRUNCATED);
    CHECK_EQ(c.fault_addr, A);
    stop();
}

static void bad_indices(void)
{
    uint64_t at[3] = { A, KERNEL, A };

    start();
    for (unsigned i = 0; i < 3; i++) {
        static const uint64_t out[] = { KERNEL, END - 7, -4ull };
        struct secmmu_desc d = {
            .opcode = SECMMU_OP_GATHER, .src = B, .dst = A + PAGE, .len = 24,
            .operand[0] = 8, .completion = RECORD,
        };
        struct secmmu_completion c;

        at[1] = out[i];
        rig_put(rig, 1, B, at, sizeof(at));
        c = rig_run(rig, 0, &d);
        CHECK_EQ(c.status, SECMMU_STATUS_BAD_ADDRESS);
        CHECK_EQ(c.fault_addr, out[i]);
        CHECK_EQ(c.bytes, 8);
        d.opcode = SECMMU_OP_SCATTER;
        d.src = A + PAGE;
        d.dst = B;
        c = rig_run(rig, 0, &d);
        CHECK_EQ(c.status, SECMMU_STATUS_BAD_ADDRESS);
        CHECK_EQ(c.fault_addr, out[i]);
        CHECK_EQ(c.bytes, 8);
    }
    stop();
}

static void bad_records(void)
{
    static const uint64_t at[] = { RECORD + 8, RECORD + 1, KERNEL, END,
                                   -32ull };

    start();
    for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        struct secmmu_desc d = { .opcode = SECMMU_OP_NOP,
                                 .completion = at[i] };

        rig_submit(rig, 0, &d);
        rig_wait_state(rig, 0, SECMMU_QUEUE_STATE_STOPPED);
        CHECK_EQ(rig_read32(rig, QREG(0, STATUS)) >> 8,
                 SECMMU_QUEUE_COMPLETION_FAULT);
        CHECK_EQ(rig_read64(rig, QREG(0, ERRVA)), at[i]);
        CHECK_EQ(rig_read32(rig, QREG(0, HEAD)), 0);
        rig_write32(rig, QREG(0, CTRL), 0);
        rig_poll(rig);
        rig_queue_on(rig, 0, 1, RING, 4);
    }
    stop();
}

/* ------------------------------------------------------------ page tables */

static void with_entry(int level, uint64_t entry, bool is_error)
{
    struct secmmu_desc d = { .opcode = SECMMU_OP_FILL, .dst = A, .len = 8,
                             .completion = RECORD };
    struct secmmu_completion c;
    _Atomic uint64_t *spte = rig_spte(rig, 1, A, level);
    uint64_t old = atomic_exchange(spte, htole64(entry));

    rig_shootdown(rig, 1, 0, SECMMU_SHOOTDOWN_ALL);
    /* Ring and record hang on the upper entries too: test on a data level. */
    rig_write32(rig, GREG(ERROR), ~0u);
    c = rig_run(rig, 0, &d);
    if (is_error) {
        CHECK_EQ(c.status, SECMMU_STATUS_BUS_ERROR);
        CHECK_EQ(c.fault_addr, A);
        CHECK_EQ(rig_read32(rig, GREG(ERROR)), SECMMU_ERR_TABLE);
        CHECK(rig_read32(rig, GREG(STATUS)) & SECMMU_STATUS_REG_ERROR);
    } else {
        CHECK_EQ(c.status, SECMMU_STATUS_OK);
        CHECK_EQ(rig_read32(rig, GREG(ERROR)), 0);
    }
    rig_write32(rig, GREG(ERROR), ~0u);
    CHECK_EQ(rig_read32(rig, GREG(ERROR)), 0);
    atomic_store(spte, old);
    rig_shootdown(rig, 1, 0, SECMMU_SHOOTDOWN_ALL);
}

/* Ring and record in another 512 GiB than the data under test. */
#define FAR     (RIG_VA + (1ull << 40))

static void malformed_entries(void)
{
    uint64_t v = SECMMU_SPTE_V, leaf = SECMMU_SPTE_LEAF;
    uint64_t page, all = v | leaf | SECMMU_SPTE_W;

    start();
    rig_map(rig, 1, RIG_VA, 8);
    rig_map(rig, 1, A, 1);
    page = rig->space[1].page[(A - RIG_VA) / PAGE].pa;
    with_entry(0, page | all, false);
    with_entry(0, page | all | SECMMU_SPTE_SW, false);
    with_entry(0, page | all | SECMMU_SPTE_A | SECMMU_SPTE_D, false);
    with_entry(0, page | v | SECMMU_SPTE_W, true);      /* no leaf */
    for (unsigned bit = 0; bit < 64; bit++) {
        if (SECMMU_SPTE_RESERVED >> bit & 1) {
            with_entry(0, page | all | 1ull << bit, true);
        }
    }
    stop();
}

/* Levels 1 to 3, by a data page of its own branch. */
static void malformed_upper(void)
{
    static const uint64_t bad[] = {
        SECMMU_SPTE_V | SECMMU_SPTE_LEAF,
        SECMMU_SPTE_V | SECMMU_SPTE_LEAF | SECMMU_SPTE_W | RIG_RAM_BASE |
            0x1000,
        SECMMU_SPTE_V | 1ull << 63 | RIG_RAM_BASE,
        SECMMU_SPTE_V | 0x3000,         /* a table that is no RAM */
        SECMMU_SPTE_V | 0x000ffffffffff000ull,
    };

    start();
    for (int level = 1; level < 4; level++) {
        for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            struct secmmu_desc d = { .opcode = SECMMU_OP_CRC32C, .src = FAR,
                                     .len = 8, .completion = RECORD };
            _Atomic uint64_t *spte = rig_spte(rig, 1, FAR, level);
            struct secmmu_completion c;
            uint64_t old;

            if (level == 1 && i == 0) {
                continue;               /* a 2 MiB page at 0: next test */
            }
            old = atomic_exchange(spte, htole64(bad[i]));
            rig_shootdown(rig, 1, FAR, 1);
            c = rig_run(rig, 0, &d);
            CHECK_EQ(c.status, SECMMU_STATUS_BUS_ERROR);
            CHECK_EQ(c.fault_addr, FAR);
            CHECK_EQ(rig_read32(rig, GREG(ERROR)), SECMMU_ERR_TABLE);
            rig_write32(rig, GREG(ERROR), ~0u);
            atomic_store(spte, old);
        }
    }
    stop();
}

/* Pages that are no RAM: the data, the ring, the record, the root. */
static void no_ram(void)
{
    struct secmmu_desc d = { .opcode = SECMMU_OP_FILL, .dst = FAR + 5,
                             .len = 8, .completion = RECORD };
    struct secmmu_completion c;
    uint64_t bad = 0x5000 | SECMMU_SPTE_V | SECMMU_SPTE_W | SECMMU_SPTE_LEAF;

    start();
    atomic_store(rig_spte(rig, 1, FAR, 0), htole64(bad));
    c = rig_run(rig, 0, &d);
    CHECK_EQ(c.status, SECMMU_STATUS_BUS_ERROR);
    CHECK_EQ(c.fault_addr, FAR + 5);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_BUS_ERRORS), 1);
    CHECK_EQ(rig_read32(rig, GREG(ERROR)), 0);

    d = (struct secmmu_desc) { .opcode = SECMMU_OP_NOP, .completion = FAR };
    rig_submit(rig, 0, &d);
    rig_wait_state(rig, 0, SECMMU_QUEUE_STATE_STOPPED);
    CHECK_EQ(rig_read32(rig, QREG(0, STATUS)) >> 8,
             SECMMU_QUEUE_COMPLETION_FAULT);
    CHECK_EQ(rig_read64(rig, QREG(0, ERRVA)), FAR);
    rig_write32(rig, QREG(0, CTRL), 0);
    rig_queue_on(rig, 0, 1, FAR, 4);
    rig_doorbell(rig, 0, 1);
    rig_wait_state(rig, 0, SECMMU_QUEUE_STATE_STOPPED);
    CHECK_EQ(rig_read32(rig, QREG(0, STATUS)) >> 8, SECMMU_QUEUE_RING_FAULT);
    CHECK_EQ(rig_read64(rig, QREG(0, ERRVA)), FAR);

    rig_write64(rig, AREG(2, TABLE), 0x5000);
    rig_write32(rig, AREG(2, MODE), SECMMU_ASID_WALK);
    rig_queue_on(rig, 1, 2, RING, 4);
    rig_doorbell(rig, 1, 1);
    rig_wait_state(rig, 1, SECMMU_QUEUE_STATE_STOPPED);
    CHECK_EQ(rig_read32(rig, GREG(ERROR)), SECMMU_ERR_TABLE);
    rig_free(rig);
}

static bool table_is_gone(void *opaque, uint64_t addr)
{
    (void)opaque;
    return addr % PAGE == 8 * 77;
}

/* The read of one table entry fails (what DESIGN calls "fail a table read"). */
static void injected_table_failure(void)
{
    static const SecmmuInject inject = { .table = table_is_gone };
    struct secmmu_desc d = { .opcode = SECMMU_OP_FILL,
                             .dst = FAR + 77 * PAGE, .len = 8,
                             .completion = RECORD };

    start();
    rig_map(rig, 1, RIG_VA, 8);
    rig_spte(rig, 1, d.dst, 0);
    rig_run(rig, 0, &d);                /* ring and record are in the TLB */
    secmmu_core_inject(rig->core, &inject);
    CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_BUS_ERROR);
    CHECK_EQ(rig_read32(rig, GREG(ERROR)), SECMMU_ERR_TABLE);
    secmmu_core_inject(rig->core, NULL);
    stop();
}

/*
 * An entry that changes whenever the walker wants to set A: the engine gives
 * up its window instead of staying in it for ever. (Called on each unmap, the
 * one after the read included.)
 */
static _Atomic uint64_t *flipping;
static _Atomic bool flip;

static void flip_entry(Rig *r, uint64_t addr)
{
    if (flip && addr == RIG_RAM_BASE + ((uint8_t *)flipping - r->ram)) {
        atomic_fetch_xor(flipping, 1ull << 8);
    }
}

static void entry_flips(void)
{
    struct secmmu_desc d = { .opcode = SECMMU_OP_FILL, .dst = A, .len = 8 };
    unsigned state = 0;

    start();
    rig_map(rig, 1, RIG_VA, 8);
    rig_map(rig, 1, A, 1);
    flipping = rig_spte(rig, 1, A, 0);
    flip = true;
    rig->on_unmap = flip_entry;
    rig_submit(rig, 0, &d);
    while (rig_counter(rig, SECMMU_CNT_WALKS) < 1000) {
        sched_yield();
    }
    /* A shootdown and a stop get through. */
    rig_shootdown(rig, 1, A, 1);
    state = rig_read32(rig, QREG(0, STATUS));
    CHECK(state == SECMMU_QUEUE_STATE_RUNNING ||
          state == SECMMU_QUEUE_STATE_READY);
    flip = false;
    rig_wait(rig, 0, 1);
    stop();
}

static const Case cases[] = {
    CASE(opcodes), CASE(ranges), CASE(shapes), CASE(gemm_shapes), CASE(edges),
    CASE(bad_indices), CASE(bad_records), CASE(malformed_entries),
    CASE(malformed_upper), CASE(no_ram), CASE(injected_table_failure),
    CASE(entry_flips),
};

TEST_MAIN(cases)
