/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - TLB entries that hold a line of eight translations.
 *
 * Lives here: what comes along with a page that is missed, and what must not; runs
 * of pages that lie side by side; a table taken out whole; lookups while others
 * change the set.
 * Not here: the TLB against a model (test-model.c), shootdowns (test-shootdown.c).
 */
#include "rig.h"

#define RING    RIG_VA
#define RECORD  (RIG_VA + PAGE)
/* Sixteen pages: two lines. */
#define A       (RIG_VA + 64 * PAGE)
#define LINE    SECMMU_TLB_LINE

static Rig *rig;

static void start(size_t align)
{
    SecmmuConfig config = { .engines = 1, .queues = 2, .asids = 2 };

    rig = rig_new(&config, 8);
    rig_space_on(rig, 1, SECMMU_ASID_WALK);
    rig_back(rig, 1, RIG_VA, 2, PAGE, true);
    rig_map(rig, 1, RIG_VA, 2);
    rig_back(rig, 1, A, 2 * LINE, align, true);
    rig_map(rig, 1, A, 2 * LINE);
    rig_queue_on(rig, 0, 1, RING, 4);
}

/* Eight bytes in page @page of A. */
static void access_page(unsigned page, bool write)
{
    struct secmmu_desc d = {
        .opcode = write ? SECMMU_OP_FILL : SECMMU_OP_REDUCE, .len = 8,
        .completion = RECORD,
    };

    *(write ? &d.dst : &d.src) = A + page * PAGE;
    CHECK_EQ(rig_run(rig, 0, &d).status, SECMMU_STATUS_OK);
}

static uint64_t bits(unsigned page)
{
    return *rig_spte(rig, 1, A + page * PAGE, 0) &
           (SECMMU_SPTE_A | SECMMU_SPTE_D);
}

static void age(unsigned page)
{
    atomic_fetch_and(rig_spte(rig, 1, A + page * PAGE, 0),
                     ~(uint64_t)SECMMU_SPTE_A);
}

/* Walks of a run of accesses to [first, end). */
static uint64_t walks(unsigned first, unsigned end, bool write)
{
    uint64_t before = rig_counter(rig, SECMMU_CNT_WALKS);

    for (unsigned i = first; i < end; i++) {
        access_page(i, write);
    }
    return rig_counter(rig, SECMMU_CNT_WALKS) - before;
}

/* A page that was never accessed does not come along: who would set its A? */
static void first_access_sets_a(void)
{
    start(PAGE);
    access_page(0, false);
    for (unsigned i = 1; i < 2 * LINE; i++) {
        CHECK_EQ(bits(i), 0);
    }
    CHECK_EQ(walks(1, 2 * LINE, false), 2 * LINE - 1);
    for (unsigned i = 0; i < 2 * LINE; i++) {
        CHECK_EQ(bits(i), SECMMU_SPTE_A);
    }
    rig_free(rig);
}

static void accessed_pages_come_along(void)
{
    start(PAGE);
    walks(0, 2 * LINE, false);
    rig_shootdown(rig, 1, A, 2 * LINE);
    CHECK_EQ(walks(0, 2 * LINE, false), 2);
    /* One whose A has been cleared since does not, and gets it back. */
    age(3);
    rig_shootdown(rig, 1, A, LINE);
    CHECK_EQ(walks(0, LINE, false), 2);
    CHECK_EQ(bits(3), SECMMU_SPTE_A);
    /* What came along has no D if its page has none. */
    CHECK_EQ(walks(0, LINE, true), LINE);
    CHECK_EQ(bits(5), SECMMU_SPTE_A | SECMMU_SPTE_D);
    CHECK_EQ(walks(0, LINE, true), 0);
    rig_free(rig);
}

/* A shootdown of some pages of a line leaves the others, stale or not. */
static void part_of_a_line(void)
{
    uint64_t dropped;

    start(PAGE);
    walks(0, 2 * LINE, false);
    dropped = rig_counter(rig, SECMMU_CNT_ENTRIES_DROPPED);
    rig_shootdown(rig, 1, A + 6 * PAGE, 3);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_ENTRIES_DROPPED), dropped + 3);
    CHECK_EQ(walks(0, 6, false), 0);
    CHECK_EQ(walks(9, 2 * LINE, false), 0);
    /* Zapped without being shot down: still served, and no more after. */
    CHECK(rig_zap(rig, 1, A + PAGE));
    CHECK_EQ(walks(1, 2, false), 0);
    rig_shootdown(rig, 1, A + PAGE, 1);
    CHECK_EQ(walks(0, 1, false), 0);
    rig->batch = 1;
    access_page(1, false);
    CHECK_EQ(rig->faults, 1);
    rig_free(rig);
}

/* Bytes of one span at @page of A, looked at from outside. */
static uint64_t span(unsigned page, bool write)
{
    SecmmuEngine *engine = &rig->core->engines[0];
    SecmmuQueue *q = &rig->core->queues[0];
    SecmmuSpan span = { 0 };
    uint64_t len;

    rig_wait_state(rig, 0, SECMMU_QUEUE_STATE_IDLE);
    engine->budget = SECMMU_CHUNK;
    CHECK_EQ(secmmu_span_open(engine, q, &span, A + page * PAGE + 8,
                              16 * PAGE, write), SECMMU_ACCESS_OK);
    len = span.len;
    secmmu_span_close(engine, &span);
    return len;
}

static void side_by_side(void)
{
    start(2 * LINE * PAGE);
    walks(0, LINE, false);
    CHECK_EQ(span(0, false), LINE * PAGE - 8);
    CHECK_EQ(span(5, false), 3 * PAGE - 8);
    /* For a write as far as D is set. */
    walks(2, 5, true);
    CHECK_EQ(span(2, true), 3 * PAGE - 8);
    CHECK_EQ(span(2, false), 6 * PAGE - 8);
    /* A hole, and a frame that is elsewhere. */
    rig_shootdown(rig, 1, A + 6 * PAGE, 1);
    CHECK_EQ(span(2, false), 4 * PAGE - 8);
    rig_back(rig, 1, A + 4 * PAGE, 1, PAGE, true);
    rig_zap(rig, 1, A + 4 * PAGE);
    rig_map(rig, 1, A + 4 * PAGE, 1);
    rig_shootdown(rig, 1, A + 4 * PAGE, 1);
    walks(4, 5, false);
    CHECK_EQ(span(2, false), 2 * PAGE - 8);
    rig_free(rig);
}

/* bus_map() of the rig checks what the front relies on. */
static void not_across_2m(void)
{
    uint64_t pa;

    start(PAGE);
    pa = rig_alloc(rig, 2 * HUGE, HUGE) + HUGE - 3 * PAGE;
    for (unsigned i = 0; i < LINE; i++) {
        *rig_spte(rig, 1, A + i * PAGE, 0) = (pa + i * PAGE) |
            SECMMU_SPTE_V | SECMMU_SPTE_LEAF | SECMMU_SPTE_A;
    }
    CHECK_EQ(span(0, false), 3 * PAGE - 8);
    CHECK_EQ(span(3, false), 5 * PAGE - 8);
    rig_free(rig);
}

/* In a window, as the engine would; the engine itself is idle. */
static SecmmuAccess touch(unsigned page)
{
    SecmmuEngine *engine = &rig->core->engines[0];
    SecmmuSpan span = { 0 };
    SecmmuAccess r;

    secmmu_window_enter(engine, 1);
    r = secmmu_span_open(engine, &rig->core->queues[0], &span,
                         A + page * PAGE, 8, false);
    secmmu_span_close(engine, &span);
    secmmu_window_exit(engine);
    return r;
}

/* While page LINE is dropped, a walk for page 0 comes by. */
static void walk_beside(Rig *r, const SecmmuTrace *ev)
{
    (void)r;
    if (ev->type == SECMMU_TRACE_DROP && ev->va == A + LINE * PAGE) {
        touch(0);
    }
}

/*
 * The table is taken out whole, its leaves stay as they are. The set of page 0 has
 * been looked at when the walk comes, which the walk cache must not mislead.
 */
static void table_taken_out(void)
{
    SecmmuConfig config = { .engines = 1, .queues = 2, .asids = 2 };

    rig = rig_new_full(&config, 8);
    rig_space_on(rig, 1, SECMMU_ASID_WALK);
    rig_back(rig, 1, A, 2 * LINE, PAGE, true);
    rig_map(rig, 1, A, 2 * LINE);
    rig_queue_on(rig, 0, 1, RING, 4);
    CHECK_EQ(touch(LINE), SECMMU_ACCESS_OK);
    rig->on_trace = walk_beside;
    atomic_store(rig_spte(rig, 1, A, 1), 0);
    rig_shootdown(rig, 1, A, 2 * LINE);
    CHECK_EQ(touch(0), SECMMU_ACCESS_FAULT);
    CHECK_EQ(touch(LINE), SECMMU_ACCESS_FAULT);
    rig_free(rig);
}

/* ------------------------------------------------- lookups beside changes */

static SecmmuTlb tlb;
static SecmmuCounterCell gen;
static _Atomic bool over;

/* What a line of @asid at @va holds: each word tells whose and which it is. */
static uint64_t word_of(unsigned asid, uint64_t page, unsigned round)
{
    return page << 24 | (uint64_t)asid << 16 | (round & 0x7f) << 8 |
           SECMMU_SPTE_V;
}

static void *change(void *arg)
{
    unsigned asid = (uintptr_t)arg;
    Random r = { .state = test_seed() + asid };

    for (unsigned n = 0; !atomic_load(&over); n++) {
        uint64_t va = random_below(&r, 64) * PAGE, page = va / PAGE & -LINE;
        uint64_t line[LINE];

        for (unsigned i = 0; i < LINE; i++) {
            line[i] = word_of(asid, page + i, n);
        }
        if (n % 4) {
            secmmu_tlb_fill(&tlb, asid, va, 0, line, &gen, atomic_load(&gen));
        } else {
            secmmu_tlb_drop(&tlb, asid, va / PAGE, 3, NULL, NULL);
        }
    }
    return NULL;
}

static void no_line_is_torn(void)
{
    pthread_t changer[2];
    Random r = { .state = test_seed() };
    uint64_t found = 0;

    /* One set: two ASIDs fight for two ways. */
    CHECK(secmmu_tlb_init(&tlb, 1, 2, SECMMU_PAGE_SHIFT, SECMMU_HUGE_SHIFT));
    for (uintptr_t i = 0; i < 2; i++) {
        CHECK(!pthread_create(&changer[i], NULL, change, (void *)i));
    }
    for (unsigned n = 0; n < 3000000 && found < 200000; n++) {
        uint64_t va = random_below(&r, 64) * PAGE, page = va / PAGE & -LINE;
        unsigned asid = n % 2, size, round = 0x100;
        uint64_t line[LINE];

        if (!secmmu_tlb_lookup(&tlb, asid, va, line, &size)) {
            continue;
        }
        found++;
        CHECK_EQ(size, 0);
        for (unsigned i = 0; i < LINE; i++) {
            if (!line[i]) {
                continue;       /* dropped */
            }
            if (round == 0x100) {
                round = line[i] >> 8 & 0x7f;
            }
            CHECK_EQ(line[i], word_of(asid, page + i, round));
        }
    }
    atomic_store(&over, true);
    for (unsigned i = 0; i < 2; i++) {
        CHECK(!pthread_join(changer[i], NULL));
    }
    CHECK(found > 1000);
    secmmu_tlb_destroy(&tlb);
}

static const Case cases[] = {
    CASE(first_access_sets_a), CASE(accessed_pages_come_along),
    CASE(part_of_a_line), CASE(side_by_side), CASE(not_across_2m),
    CASE(table_taken_out), CASE(no_line_is_torn),
};

TEST_MAIN(cases)
