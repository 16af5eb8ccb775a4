/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - a device carried from one core into another.
 *
 * Lives here: programs that are cut at many points and go on in a fresh core
 * with the same memory, where nothing may be lost or done twice; states that
 * nobody should send.
 * Not here: the stream that a state travels in (tests/qtest).
 */
#include "rig.h"
#include "secmmu-state.h"

#define QUEUES  6
#define ASIDS   3
#define RINGS   RIG_VA                          /* a page for each queue */
#define RECORDS (RIG_VA + 16 * PAGE)
#define SHARED  (RIG_VA + 32 * PAGE)            /* words that jobs add to */
#define DATA    (RIG_VA + 64 * PAGE)            /* 64 pages for each queue */
#define ORDER   5

static const SecmmuConfig config = {
    .engines = 3, .queues = QUEUES, .asids = ASIDS, .tlb_sets = 16,
    .tlb_ways = 2,
};

static SecmmuState *state_new(void)
{
    SecmmuState *s = calloc(1, sizeof(*s));

    CHECK(s);
    s->queue = calloc(QUEUES, sizeof(*s->queue));
    s->asid = calloc(ASIDS, sizeof(*s->asid));
    CHECK(s->queue && s->asid);
    return s;
}

static void state_free(SecmmuState *s)
{
    free(s->queue);
    free(s->asid);
    free(s);
}

static void take(Rig *rig, SecmmuState *s)
{
    secmmu_core_set_running(rig->core, false);
    secmmu_core_save(rig->core, s);
}

/* The device goes on in another core, around the same memory and driver. */
static void carry(Rig *rig, SecmmuState *s)
{
    SecmmuCore *core;

    take(rig, s);
    core = secmmu_core_new(&config, &rig->ops, rig, NULL);
    CHECK(core);
    secmmu_core_set_running(core, false);
    CHECK(!secmmu_core_load(core, s));
    secmmu_core_free(rig->core);
    rig->core = core;
    secmmu_core_set_bus_master(core, true);
    secmmu_core_set_running(core, true);
}

static Rig *start(unsigned mode)
{
    Rig *rig = rig_new(&config, 32);

    rig_space_on(rig, 1, mode);
    rig->soft = mode == SECMMU_ASID_SOFT;
    rig_back(rig, 1, RIG_VA, 64 + 64 * QUEUES, PAGE, true);
    return rig;
}

/* ----------------------------------------------------- a program, cut often */

typedef struct Work {
    uint32_t tail;
    uint64_t added;             /* to its own word, by ATOMIC */
    uint64_t copied;            /* pages of COPY done so far */
} Work;

/* Each queue in turn: add one, add one, a copy of six pages, a sum over it. */
static void submit(Rig *rig, unsigned q, Work *w)
{
    uint64_t mine = DATA + q * 64 * PAGE;
    struct secmmu_desc d = {
        .user_data = w->tail,
        .completion = RECORDS + q * PAGE +
                      32 * (w->tail % (1u << ORDER)),
    };

    switch (w->tail % 4) {
    case 0:
    case 1:
        d.opcode = SECMMU_OP_ATOMIC;
        d.dst = SHARED + 8 * q;
        d.len = 8;
        d.operand[0] = 1;
        w->added++;
        break;
    case 2:
        d.opcode = SECMMU_OP_COPY;
        d.src = mine;
        d.dst = mine + 3 * PAGE + 8;
        d.len = 6 * PAGE;
        w->copied++;
        break;
    case 3:
        d.opcode = SECMMU_OP_REDUCE;
        d.src = mine;
        d.len = 12 * PAGE;
        break;
    }
    if (w->tail % 3 == 0) {
        d.flags = SECMMU_DESC_INTERRUPT;
    }
    rig_put(rig, 1, RINGS + q * PAGE + 64 * (w->tail % (1u << ORDER)), &d,
            sizeof(d));
    w->tail++;
    rig_doorbell(rig, q, w->tail);
}

static void copy_on_cpu(uint64_t *words)
{
    memmove(words + 3 * 512 + 1, words, 6 * PAGE);
}

static uint64_t sum(const uint64_t *words)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < 12 * 512; i++) {
        n += words[i];
    }
    return n;
}

/* Takes some translations away, so that faults go on for ever. */
static void disturb(Rig *rig, Random *r)
{
    uint64_t va = RIG_VA + random_below(r, 64 + 64 * QUEUES) * PAGE;

    rig_zap(rig, 1, va);
    rig_shootdown(rig, 1, va, 1);
}

static void cut_often(unsigned mode, unsigned jobs)
{
    Rig *rig = start(mode);
    Random r = { test_seed() };
    SecmmuState *s = state_new();
    Work work[QUEUES] = { { 0 } };
    uint64_t *shadow[QUEUES], total = 0;
    unsigned cuts = 0, cut_in_job = 0, cut_parked = 0, left;

    for (unsigned q = 0; q < QUEUES; q++) {
        uint64_t words[64 * 512];

        shadow[q] = calloc(64, PAGE);
        CHECK(shadow[q]);
        for (unsigned i = 0; i < 64 * 512; i++) {
            words[i] = shadow[q][i] = random_next(&r);
        }
        rig_put(rig, 1, DATA + q * 64 * PAGE, words, sizeof(words));
        rig_queue_on(rig, q, 1, RINGS + q * PAGE, ORDER);
    }
    do {
        left = 0;
        for (unsigned q = 0; q < QUEUES; q++) {
            uint32_t head = rig_read32(rig, QREG(q, HEAD));

            if (work[q].tail < jobs &&
                work[q].tail - head < 1u << ORDER) {
                submit(rig, q, &work[q]);
            }
            left += jobs - head;
        }
        if (random_below(&r, 2)) {
            rig_poll(rig);
        }
        for (unsigned i = 0; i < 4; i++) {
            disturb(rig, &r);
        }
        if (random_below(&r, 4) == 0) {
            carry(rig, s);
            cuts++;
            for (unsigned q = 0; q < QUEUES; q++) {
                cut_in_job += s->queue[q].phase == SECMMU_PHASE_EXECUTE &&
                              s->queue[q].pos;
                cut_parked += s->queue[q].state ==
                              SECMMU_QUEUE_STATE_FAULTED;
            }
        }
    } while (left);

    printf("# %u cuts, %u in the middle of jobs, %u of parked queues\n", cuts,
           cut_in_job, cut_parked);
    CHECK(cuts > 20);
    CHECK(cut_in_job > 5);
    CHECK(cut_parked > 20);
    for (unsigned q = 0; q < QUEUES; q++) {
        struct secmmu_completion c;
        uint64_t n;

        rig_get(rig, 1, SHARED + 8 * q, &n, 8);
        CHECK_EQ(n, work[q].added);
        total += work[q].tail;
        for (unsigned i = 0; i < work[q].copied; i++) {
            copy_on_cpu(shadow[q]);
        }
        CHECK(!memcmp(rig_va(rig, 1, DATA + q * 64 * PAGE), shadow[q], PAGE));
        for (unsigned page = 0; page < 10; page++) {
            CHECK(!memcmp(rig_va(rig, 1, DATA + (q * 64 + page) * PAGE),
                          (uint8_t *)shadow[q] + page * PAGE, PAGE));
        }
        rig_get(rig, 1, RECORDS + q * PAGE + 32 * ((jobs - 1) % (1u << ORDER)),
                &c, sizeof(c));
        CHECK_EQ(c.status, SECMMU_STATUS_OK);
        CHECK_EQ(c.user_data, jobs - 1);
        CHECK_EQ(c.result, sum(shadow[q]));
        free(shadow[q]);
    }
    /* Counters travel too. */
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_JOBS), total);
    CHECK_EQ(atomic_load(&rig->guest_errors), 0);
    state_free(s);
    rig_free(rig);
}

static void cut_walk(void)
{
    cut_often(SECMMU_ASID_WALK, 240);
}

static void cut_soft(void)
{
    cut_often(SECMMU_ASID_SOFT, 120);
}

/* --------------------------------------------------------- single properties */

/* All registers that can be read, but the clock and what belongs to a run. */
static void registers_travel(void)
{
    Rig *rig = start(SECMMU_ASID_WALK);
    SecmmuState *s = state_new();
    struct secmmu_desc d = {
        .opcode = SECMMU_OP_FILL, .dst = DATA, .len = PAGE,
        .completion = RECORDS,
    };
    uint64_t before[QUEUES][5], asid[ASIDS][4];

    rig_queue_on(rig, 2, 1, RINGS + 2 * PAGE, ORDER);
    CHECK_EQ(rig_run(rig, 2, &d).status, SECMMU_STATUS_OK);
    rig_queue_on(rig, 3, 1, RINGS + 3 * PAGE, ORDER);
    rig_doorbell(rig, 3, 77);           /* too far: it stops */
    rig_shootdown(rig, 1, DATA, 1);
    rig_write32(rig, 0xf8, 0);          /* an error bit */
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned q = 0; q < QUEUES; q++) {
            uint64_t now[5] = {
                rig_read64(rig, QREG(q, RING)), rig_read32(rig, QREG(q, ORDER)),
                rig_read32(rig, QREG(q, STATUS)),
                rig_read32(rig, QREG(q, HEAD)), rig_read32(rig, QREG(q, TAIL)),
            };

            CHECK(!pass || !memcmp(now, before[q], sizeof(now)));
            memcpy(before[q], now, sizeof(now));
        }
        for (unsigned a = 0; a < ASIDS; a++) {
            uint64_t now[4] = {
                rig_read64(rig, AREG(a, TABLE)), rig_read32(rig, AREG(a, MODE)),
                rig_read32(rig, AREG(a, DONE)), 0,
            };

            CHECK(!pass || !memcmp(now, asid[a], sizeof(now)));
            memcpy(asid[a], now, sizeof(now));
        }
        CHECK_EQ(rig_read32(rig, GREG(CTRL)), SECMMU_CTRL_ENABLE);
        CHECK_EQ(rig_read32(rig, GREG(ERROR)), SECMMU_ERR_ACCESS);
        CHECK_EQ(rig_counter(rig, SECMMU_CNT_JOBS), 1);
        CHECK_EQ(rig_counter(rig, SECMMU_CNT_SHOOTDOWNS), 1);
        carry(rig, s);
    }
    CHECK_EQ(before[3][2] & 0xff, SECMMU_QUEUE_STATE_STOPPED);
    CHECK_EQ(asid[1][2], 1);
    state_free(s);
    rig_free(rig);
}

/* Answers given on the other side, to faults that were raised on this. */
static RigFault held;
static unsigned held_nr;

static void hold(Rig *rig, const RigFault *fault)
{
    (void)rig;
    held = *fault;
    held_nr++;
}

static void parked_queues_travel(void)
{
    Rig *rig = start(SECMMU_ASID_WALK);
    SecmmuState *s = state_new();
    struct secmmu_desc d = {
        .opcode = SECMMU_OP_FILL, .dst = DATA, .len = PAGE,
        .operand[0] = 7, .completion = RECORDS, .user_data = 5,
    };
    struct secmmu_completion c;

    rig_map(rig, 1, RINGS, 1);
    rig_map(rig, 1, RECORDS, 1);
    rig->on_fault = hold;
    rig_queue_on(rig, 0, 1, RINGS, ORDER);
    rig_submit(rig, 0, &d);
    rig_wait_unread(rig, 0, 0, SECMMU_QUEUE_STATE_FAULTED);
    /* The event is in the ring, and nobody has looked yet. */
    carry(rig, s);
    CHECK_EQ(rig_poll(rig), 1);
    CHECK_EQ(held_nr, 1);
    CHECK_EQ(held.va, DATA);
    /* Refused on one side, resumed on the next. */
    rig_respond(rig, &held, SECMMU_RESPONSE_BUSY, 0);
    carry(rig, s);
    CHECK_EQ(rig_read32(rig, QREG(0, STATUS)), SECMMU_QUEUE_STATE_REFUSED);
    rig_write32(rig, AREG(1, RESUME), 1);
    rig_wait_unread(rig, 0, 0, SECMMU_QUEUE_STATE_FAULTED);
    /* The number of the first fault is stale, here as there. */
    carry(rig, s);
    rig_respond(rig, &held, SECMMU_RESPONSE_RETRY, 0);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_STALE_RESPONSES), 1);
    rig_poll(rig);
    rig_map(rig, 1, DATA, 1);
    rig_respond(rig, &held, SECMMU_RESPONSE_RETRY, 0);
    rig_wait_state(rig, 0, SECMMU_QUEUE_STATE_IDLE);
    rig_get(rig, 1, RECORDS, &c, sizeof(c));
    CHECK_EQ(c.status, SECMMU_STATUS_OK);
    CHECK_EQ(c.user_data, 5);
    CHECK_EQ(held_nr, 2);
    state_free(s);
    rig_free(rig);
}

/* Halted: registers answer, doorbells are kept, memory is left alone. */
static void halted(void)
{
    Rig *rig = start(SECMMU_ASID_WALK);
    struct secmmu_desc d = {
        .opcode = SECMMU_OP_ATOMIC, .dst = SHARED, .len = 8,
        .operand[0] = 1,
    };
    uint64_t n;

    rig_map(rig, 1, RIG_VA, 64);
    rig_queue_on(rig, 0, 1, RINGS, ORDER);
    secmmu_core_set_running(rig->core, false);
    rig_submit(rig, 0, &d);
    rig_submit(rig, 0, &d);
    CHECK_EQ(rig_read32(rig, QREG(0, STATUS)), SECMMU_QUEUE_STATE_READY);
    rig_get(rig, 1, SHARED, &n, 8);
    CHECK_EQ(n, 0);
    CHECK_EQ(rig_read32(rig, QREG(0, TAIL)), 2);
    /* Bus mastering alone does not make it run. */
    secmmu_core_set_bus_master(rig->core, false);
    secmmu_core_set_bus_master(rig->core, true);
    CHECK_EQ(rig_read32(rig, QREG(0, HEAD)), 0);
    secmmu_core_set_running(rig->core, true);
    rig_wait(rig, 0, 2);
    rig_get(rig, 1, SHARED, &n, 8);
    CHECK_EQ(n, 2);
    rig_free(rig);
}

/* ------------------------------------------------------------ from outside */

static SecmmuState *copy(const SecmmuState *from)
{
    SecmmuState *s = state_new();
    SecmmuQueueState *queue = s->queue;
    SecmmuAsidState *asid = s->asid;

    memcpy(queue, from->queue, QUEUES * sizeof(*queue));
    memcpy(asid, from->asid, ASIDS * sizeof(*asid));
    *s = *from;
    s->queue = queue;
    s->asid = asid;
    return s;
}

/*
 * A device at work, cut when queues 0 and 1 are in the middle of jobs. The
 * events of their faults are in the ring, nobody has read them.
 */
static Rig *at_work(SecmmuState *s)
{
    Rig *rig = start(SECMMU_ASID_WALK);
    struct secmmu_desc gemm = {
        .opcode = SECMMU_OP_GEMM, .src = DATA, .dst = DATA + 20 * PAGE,
        .operand = { DATA + 8 * PAGE, 16ull << 32 | 300 << 16 | 4 },
        .len = 4 * 300 * 4,
    }, gather = {
        .opcode = SECMMU_OP_GATHER, .src = DATA + 30 * PAGE,
        .dst = DATA + 50 * PAGE, .len = 24 * 512, .operand[0] = 24,
    };

    /* All is mapped but what the jobs need in the middle. */
    rig_map(rig, 1, RIG_VA, 64 + 64);
    rig->on_fault = hold;
    for (unsigned i = 0; i < 512; i++) {
        uint64_t at = DATA + 40 * PAGE;

        rig_put(rig, 1, gather.src + 8 * i, &at, 8);
    }
    rig_zap(rig, 1, DATA + 10 * PAGE);
    rig_zap(rig, 1, gather.dst + 2 * PAGE);
    rig_queue_on(rig, 0, 1, RINGS, ORDER);
    rig_queue_on(rig, 1, 1, RINGS + PAGE, ORDER);
    rig_submit(rig, 0, &gemm);
    rig_submit(rig, 1, &gather);
    rig_wait_unread(rig, 0, 0, SECMMU_QUEUE_STATE_FAULTED);
    rig_wait_unread(rig, 1, 0, SECMMU_QUEUE_STATE_FAULTED);
    take(rig, s);
    CHECK_EQ(s->queue[0].phase, SECMMU_PHASE_EXECUTE);
    CHECK(s->queue[0].gemm_k > 0);
    CHECK(s->queue[1].pos > 0);
    return rig;
}

/* One field wrong: refused, and the device is as after a reset. */
#define REFUSED(text, change) do {                                      \
        SecmmuState *s = copy(good);                                    \
        const char *why;                                                \
        change;                                                         \
        why = secmmu_core_load(rig->core, s);                           \
        CHECK(why && !strcmp(why, text));                               \
        CHECK_EQ(rig_read32(rig, GREG(CTRL)), 0);                       \
        CHECK_EQ(rig_read32(rig, QREG(0, STATUS)), 0);                  \
        CHECK_EQ(rig_read32(rig, AREG(1, MODE)), 0);                    \
        state_free(s);                                                  \
    } while (0)

static void refused(void)
{
    SecmmuState *good = state_new();
    Rig *rig = at_work(good);
    SecmmuQueueState *q;

    REFUSED("CTRL with unknown bits", s->ctrl = 5);
    REFUSED("an event ring that cannot be", s->event_base |= 8);
    REFUSED("an event ring that cannot be", s->event_order = 1);
    REFUSED("more events than the ring holds", s->event_head = 1000);
    REFUSED("more events than the ring holds", s->event_tail += 1 << 20);
    REFUSED("more events than the ring holds",
            s->ctrl = 0; s->event_order = 32);
    REFUSED("an ASID that cannot be on", s->asid[2].mode = 3);
    REFUSED("an ASID that cannot be on", s->asid[1].table = 0);
    REFUSED("an ASID that cannot be on", s->asid[1].table |= 1);
    REFUSED("an audit root with unknown bits", s->asid[0].audit = 1ull << 60);

#define BAD(text, change) REFUSED(text, q = &s->queue[0]; change)
    BAD("a queue in an unknown state", q->state = SECMMU_QUEUE_STATE_RUNNING);
    BAD("a queue in an unknown state", q->state = 200);
    BAD("a queue that is off and ready", q->state = 0; q->rank = 1);
    BAD("a ready queue without a place", q->state = SECMMU_QUEUE_STATE_READY);
    BAD("an idle queue with work", q->state = SECMMU_QUEUE_STATE_IDLE);
    BAD("an idle queue with work", q->state = SECMMU_QUEUE_STATE_IDLE;
        q->phase = 0; q->tail = q->head; q->rank = 1);
    BAD("a queue that waits and is ready", q->rank = 1);
    BAD("ready queues without an order", q->state = SECMMU_QUEUE_STATE_READY;
        q->rank = 2);
    BAD("ring not aligned", q->ring |= 1);
    BAD("ring too long", q->order = 30);
    BAD("ring outside the address space", q->ring = -64ull);
    BAD("ASID off", q->asid = 2);
    BAD("ASID off", q->asid = 1 << 20);
    BAD("a queue with impossible progress", q->tail = q->head + 33);
    BAD("a queue with impossible progress", q->phase = 3);
    BAD("a queue with impossible progress", q->error = 7);
    BAD("a queue with impossible progress", q->armed = 2);
    BAD("an event with unknown flags", q->event[0].flags = 4);
    BAD("an event past the end of the stream",
        q->event[1].flags = 2; q->event[1].pos = s->event_tail);
    BAD("a job that cannot run", q->desc[0] = 0);
    BAD("a job that cannot run", q->desc[2] |= 1);
    BAD("a job with impossible progress", q->pos = 4 * 300 * 4 + 4);
    BAD("a job with impossible progress", q->pos = 2);
    BAD("a job with impossible progress", q->gemm_k = 17);
    BAD("a job with impossible progress", q->gemm_j = 256);
    BAD("a job with impossible progress", q->pos = 4 * 256; q->gemm_j = 44);
    BAD("a job with an unknown outcome", q->phase = SECMMU_PHASE_COMPLETE;
        q->status = SECMMU_STATUS_NR);
    BAD("a job with an unknown outcome", q->phase = SECMMU_PHASE_COMPLETE;
        q->status = SECMMU_STATUS_PENDING);
#undef BAD
    REFUSED("a job with impossible progress", s->queue[1].pos++);
    /* What is not read of a stopped queue's ASID does not matter. */
    good->queue[0].state = SECMMU_QUEUE_STATE_STOPPED;
    good->queue[0].asid = 2;
    CHECK(!secmmu_core_load(rig->core, good));
    state_free(good);
    rig_free(rig);
}

/* Any bits at all: refused, or a device that can be used and reset. */
static void random_states(void)
{
    SecmmuState *good = state_new();
    Rig *rig = at_work(good);
    Random r = { test_seed() };
    unsigned loaded = 0, rounds = 4000;

    for (unsigned i = 0; i < rounds; i++) {
        SecmmuState *s = copy(good);
        unsigned flips = 1 + random_below(&r, 4);

        while (flips--) {
            unsigned what = random_below(&r, 4);
            uint8_t *at = (uint8_t *)s->queue;
            size_t size = 2 * sizeof(*s->queue);

            if (what == 0) {
                at = (uint8_t *)s->asid;
                size = ASIDS * sizeof(*s->asid);
            } else if (what == 1) {
                at = (uint8_t *)s;
                size = offsetof(SecmmuState, counter);
            } else if (what == 2) {
                /* Away from the tile, which may hold anything. */
                at += random_below(&r, 2) * sizeof(*s->queue);
                size = offsetof(SecmmuQueueState, tile);
            }
            at[random_below(&r, size)] ^= 1 << random_below(&r, 8);
        }
        if (!secmmu_core_load(rig->core, s)) {
            loaded++;
            secmmu_core_set_running(rig->core, true);
            for (unsigned q = 0; q < 2; q++) {
                RigFault f = { .queue = q, .seq = s->queue[q].fault_seq };

                rig_respond(rig, &f, SECMMU_RESPONSE_RETRY, 0);
            }
            for (unsigned n = 0; n < 50; n++) {
                rig_read32(rig, QREG(0, STATUS));
            }
            secmmu_core_set_running(rig->core, false);
        }
        state_free(s);
    }
    printf("# %u of %u states were loaded\n", loaded, rounds);
    CHECK(loaded > rounds / 20);
    CHECK(loaded < rounds);
    CHECK(!secmmu_core_load(rig->core, good));
    CHECK_EQ(rig_read32(rig, QREG(0, STATUS)), SECMMU_QUEUE_STATE_FAULTED);
    state_free(good);
    rig_free(rig);
}

static const Case cases[] = {
    CASE(registers_travel),
    CASE(parked_queues_travel),
    CASE(halted),
    CASE(cut_walk),
    CASE(cut_soft),
    CASE(refused),
    CASE(random_states),
};
TEST_MAIN(cases)
