/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - a fault at every access of every opcode.
 *
 * Lives here: each job is run once without faults, counting its accesses (those
 * to the ring and the completion record too). Then, for each n, it runs on the
 * same memory with access n faulting: answered RETRY, BUSY, FAIL, and
 * as a NO_BLOCK job. With RETRY and BUSY nothing may differ from the run
 * without a fault, not in one byte of the whole address space.
 * Not here: whether the result is right (test-jobs.c).
 */
#include "rig.h"

#define PAGES   256
#define RING    RIG_VA
#define RECORD  (RIG_VA + PAGE)
#define A       (RIG_VA + 2 * PAGE)
#define B       (RIG_VA + 100 * PAGE)
#define C       (RIG_VA + 200 * PAGE)

static Rig *rig;
static uint8_t *initial, *final;        /* images of the whole space */
static unsigned at_access;              /* which one faults; 0: none */
static unsigned also_access;
static _Atomic unsigned accesses;
static unsigned answer;

static bool inject_access(void *opaque, unsigned queue, uint64_t va,
                          bool write)
{
    unsigned n = atomic_fetch_add(&accesses, 1) + 1;

    (void)opaque, (void)queue, (void)va, (void)write;
    return n == at_access || n == also_access;
}

static const SecmmuInject inject = { .access = inject_access };

static void on_fault(Rig *r, const RigFault *fault)
{
    CHECK(fault->va >= RIG_VA);
    CHECK(fault->extent >= 1);
    CHECK(fault->va + fault->extent <= RIG_VA + PAGES * PAGE);
    switch (answer) {
    case SECMMU_RESPONSE_BUSY:
        rig_respond(r, fault, SECMMU_RESPONSE_BUSY, 0);
        CHECK_EQ(rig_read32(r, QREG(0, STATUS)), SECMMU_QUEUE_STATE_REFUSED);
        rig_write32(r, AREG(1, RESUME), 1);
        break;
    case SECMMU_RESPONSE_FAIL:
        rig_respond(r, fault, SECMMU_RESPONSE_FAIL, SECMMU_STATUS_POISONED);
        break;
    default:
        rig_respond(r, fault, SECMMU_RESPONSE_RETRY, 0);
    }
}

static void start(void)
{
    SecmmuConfig config = { .engines = 1, .queues = 2, .asids = 2 };
    Random r = { 77 };

    rig = rig_new(&config, 8);
    rig_space_on(rig, 1, SECMMU_ASID_WALK);
    rig_back(rig, 1, RIG_VA, PAGES, PAGE, true);
    rig_map(rig, 1, RIG_VA, PAGES);
    rig->on_fault = on_fault;
    initial = malloc(PAGES * PAGE);
    final = malloc(PAGES * PAGE);
    CHECK(initial && final);
    for (size_t i = 0; i < PAGES * PAGE; i++) {
        initial[i] = random_next(&r) >> 40;
    }
    secmmu_core_inject(rig->core, &inject);
}

static void stop(void)
{
    CHECK_EQ(atomic_load(&rig->guest_errors), 0);
    rig_free(rig);
    free(initial);
    free(final);
}

/* Runs @d on the initial memory, up to the end of the job or the queue. */
static struct secmmu_completion run(const struct secmmu_desc *d, unsigned n,
                                    unsigned reply)
{
    struct secmmu_completion c;

    rig_write32(rig, QREG(0, CTRL), 0);
    rig_poll(rig);
    rig_put(rig, 1, RIG_VA, initial, PAGES * PAGE);
    rig_queue_on(rig, 0, 1, RING, 2);
    memset(&c, 0, sizeof(c));
    rig_put(rig, 1, RECORD, &c, sizeof(c));
    at_access = n;
    answer = reply;
    atomic_store(&accesses, 0);
    rig_submit(rig, 0, d);
    for (;;) {
        unsigned state = rig_read32(rig, QREG(0, STATUS)) & 0xff;

        rig_poll(rig);
        if (state == SECMMU_QUEUE_STATE_STOPPED ||
            (state == SECMMU_QUEUE_STATE_IDLE &&
             rig_read32(rig, QREG(0, HEAD)) == 1)) {
            break;
        }
    }
    rig_poll(rig);
    rig_get(rig, 1, RECORD, &c, sizeof(c));
    return c;
}

static void check_same(unsigned n, const uint8_t *want)
{
    uint8_t *now = malloc(PAGES * PAGE);

    CHECK(now);
    rig_get(rig, 1, RIG_VA, now, PAGES * PAGE);
    if (!memcmp(now, want, PAGES * PAGE)) {
        free(now);
        return;
    }
    for (size_t i = 0; i < PAGES * PAGE; i++) {
        if (now[i] != want[i]) {
            printf("# fault at access %u: byte 0x%zx differs\n", n, i);
        }
        CHECK_EQ(now[i], want[i]);
    }
    free(now);
}

/*
 * A job that was stopped by a failed fault has done what its bytes say and no
 * more: each byte is the old or the new one, those before "bytes" the new.
 */
static void check_partial(const struct secmmu_desc *d,
                          const struct secmmu_completion *c)
{
    uint8_t *now = malloc(PAGES * PAGE);
    size_t record = RECORD - RIG_VA, from, len = c->bytes;

    CHECK(now);
    rig_get(rig, 1, RIG_VA, now, PAGES * PAGE);
    for (size_t i = 0; i < PAGES * PAGE; i++) {
        if (i / 64 != record / 64 && d->opcode != SECMMU_OP_COPY) {
            CHECK(now[i] == initial[i] || now[i] == final[i]);
        }
    }
    if (d->dst && d->opcode != SECMMU_OP_SCATTER &&
        d->opcode != SECMMU_OP_COMPARE) {
        bool backward = d->opcode == SECMMU_OP_COPY && d->dst > d->src &&
                        d->dst - d->src < d->len;

        from = d->dst - RIG_VA + (backward ? d->len - len : 0);
        CHECK(!memcmp(now + from, final + from, len));
        if (d->opcode != SECMMU_OP_COPY) {
            from += len;
            CHECK(!memcmp(now + from, initial + from, d->len - len));
        }
    }
    free(now);
}

static void every_access(struct secmmu_desc d)
{
    struct secmmu_completion want, c;
    unsigned total, last;

    d.completion = RECORD;
    d.user_data = 0x55;
    memcpy(initial, &d, sizeof(d));     /* the ring is part of the image */
    memset(initial + PAGE, 0, sizeof(c));
    /* Twice: a walk shortens the window, so a warm TLB is part of the plan. */
    run(&d, 0, 0);
    want = run(&d, 0, 0);
    CHECK(want.status == SECMMU_STATUS_OK ||
          want.status == SECMMU_STATUS_TRUNCATED);
    rig_get(rig, 1, RIG_VA, final, PAGES * PAGE);
    total = atomic_load(&accesses);
    CHECK(total >= 2);
    last = total;

    for (unsigned n = 1; n <= total; n++) {
        c = run(&d, n, SECMMU_RESPONSE_RETRY);
        CHECK(!memcmp(&c, &want, sizeof(c)));
        check_same(n, final);
        also_access = n + 1;            /* and once more at the next */
        c = run(&d, n, SECMMU_RESPONSE_BUSY);
        also_access = 0;
        CHECK(!memcmp(&c, &want, sizeof(c)));
        check_same(n, final);

        c = run(&d, n, SECMMU_RESPONSE_FAIL);
        if (n == 1 || n == last) {
            CHECK_EQ(rig_read32(rig, QREG(0, STATUS)),
                     SECMMU_QUEUE_STATE_STOPPED |
                     (n == 1 ? SECMMU_QUEUE_RING_FAULT :
                               SECMMU_QUEUE_COMPLETION_FAULT) << 8);
            CHECK_EQ(rig_read64(rig, QREG(0, ERRVA)), n == 1 ? RING : RECORD);
            CHECK_EQ(rig->last_event.type, SECMMU_EVENT_ERROR);
            CHECK_EQ(c.status, SECMMU_STATUS_PENDING);
        } else {
            CHECK_EQ(c.status, SECMMU_STATUS_POISONED);
            CHECK(c.fault_addr >= A);
            check_partial(&d, &c);
        }

        if (n > 1 && n < last) {
            unsigned faults = rig->faults;
            struct secmmu_desc nb = d;

            nb.flags = SECMMU_DESC_NO_BLOCK;
            c = run(&nb, n, SECMMU_RESPONSE_RETRY);
            CHECK_EQ(c.status, SECMMU_STATUS_PARTIAL);
            CHECK_EQ(rig->faults, faults);
            CHECK(c.fault_addr >= A);
            memcpy(final, &nb, sizeof(nb));
            check_partial(&nb, &c);
            memcpy(final, &d, sizeof(d));
        }
    }
    printf("# opcode %u: %u accesses\n", d.opcode, total);
}

static void nop(void)
{
    start();
    every_access((struct secmmu_desc) { .opcode = SECMMU_OP_NOP });
    stop();
}

static void fill(void)
{
    start();
    every_access((struct secmmu_desc) {
        .opcode = SECMMU_OP_FILL, .dst = A + 5, .len = 20 * PAGE + 3,
        .operand[0] = 0x0102030405060708ull });
    stop();
}

static void copy(void)
{
    static const int64_t deltas[] = { 98 * PAGE, 5, -5, PAGE, -PAGE, 100,
                                      3 * PAGE + 1, -3 * PAGE - 1 };

    start();
    for (unsigned i = 0; i < sizeof(deltas) / sizeof(deltas[0]); i++) {
        uint64_t src = A + 8 * PAGE + 77;

        every_access((struct secmmu_desc) {
            .opcode = SECMMU_OP_COPY, .src = src, .dst = src + deltas[i],
            .len = 20 * PAGE });
    }
    stop();
}

static void compare(void)
{
    start();
    memcpy(initial + (B - RIG_VA) + 9, initial + (A - RIG_VA), 19 * PAGE);
    every_access((struct secmmu_desc) {
        .opcode = SECMMU_OP_COMPARE, .src = A, .dst = B + 9,
        .len = 20 * PAGE });
    stop();
}

static void sums(void)
{
    start();
    every_access((struct secmmu_desc) {
        .opcode = SECMMU_OP_CRC32C, .src = A + 1, .len = 20 * PAGE });
    every_access((struct secmmu_desc) {
        .opcode = SECMMU_OP_REDUCE, .src = A + 8, .len = 20 * PAGE });
    every_access((struct secmmu_desc) {
        .opcode = SECMMU_OP_REDUCE, .variant = SECMMU_REDUCE_F32,
        .src = A + 4, .len = 20 * PAGE });
    stop();
}

static void atomics(void)
{
    start();
    for (unsigned len = 4; len <= 8; len += 4) {
        every_access((struct secmmu_desc) {
            .opcode = SECMMU_OP_ATOMIC, .dst = A + 8, .len = len,
            .operand[0] = 3 });
        every_access((struct secmmu_desc) {
            .opcode = SECMMU_OP_ATOMIC, .variant = SECMMU_ATOMIC_CAS,
            .dst = A + 8, .len = len, .operand = { 3, 4 } });
    }
    stop();
}

static void list_walk(void)
{
    enum { NODES = 40 };

    start();
    for (unsigned i = 0; i < NODES; i++) {
        /* Every other node on another page, fields across pages. */
        uint64_t at = A + (i * 7 % NODES) * PAGE + PAGE - 20;
        uint64_t next = A + ((i + 1) * 7 % NODES) * PAGE + PAGE - 20;

        memcpy(initial + (at - RIG_VA) + 16, &next, 8);
    }
    every_access((struct secmmu_desc) {
        .opcode = SECMMU_OP_LIST_WALK, .src = A + PAGE - 20,
        .len = NODES - 1, .operand = { 16, 24 } });
    stop();
}

static void indexed(void)
{
    enum { N = 30 };
    uint64_t at[N];

    start();
    for (unsigned i = 0; i < N; i++) {
        at[i] = B + (i * 11 % N) * 2 * PAGE + PAGE - 7;
    }
    memcpy(initial + (C - RIG_VA) + PAGE - 100, at, sizeof(at));
    every_access((struct secmmu_desc) {
        .opcode = SECMMU_OP_GATHER, .src = C + PAGE - 100,
        .dst = A + PAGE - 20, .len = N * 300, .operand[0] = 300 });
    every_access((struct secmmu_desc) {
        .opcode = SECMMU_OP_SCATTER, .dst = C + PAGE - 100,
        .src = A + PAGE - 20, .len = N * 300, .operand[0] = 300 });
    stop();
}

/* Addresses that the job itself overwrites: each element is moved once. */
static void gather_onto_itself(void)
{
    enum { N = 600 };
    uint64_t at[N];

    start();
    for (unsigned i = 0; i < N; i++) {
        at[i] = A + 8 * (i * 7 % N);
    }
    memcpy(initial + (A - RIG_VA), at, sizeof(at));
    every_access((struct secmmu_desc) {
        .opcode = SECMMU_OP_GATHER, .src = A, .dst = A + 8,
        .len = 8 * (N - 1), .operand[0] = 8 });
    stop();
}

static void floats(void)
{
    start();
    every_access((struct secmmu_desc) {
        .opcode = SECMMU_OP_SAXPY, .src = A + 4, .dst = B + 100,
        .len = 20 * PAGE, .operand[0] = 0x3fc00000 });
    every_access((struct secmmu_desc) {
        .opcode = SECMMU_OP_SAXPY, .src = A, .dst = A + 4,
        .len = 20 * PAGE, .operand[0] = 0x3fc00000 });
    every_access((struct secmmu_desc) {
        .opcode = SECMMU_OP_GEMM, .src = A + 4, .dst = B + 3000,
        .len = 4 * 3 * 600,
        .operand = { C + 96, 3 | 600 << 16 | 9ull << 32 } });
    stop();
}

static const Case cases[] = {
    CASE(nop), CASE(fill), CASE(copy), CASE(compare), CASE(sums),
    CASE(atomics), CASE(list_walk), CASE(indexed), CASE(gather_onto_itself),
    CASE(floats),
};

TEST_MAIN(cases)
