/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - engines against a kernel that takes pages away. See stress.h.
 */
#include <sched.h>
#include <time.h>

#include "stress.h"

/* Two address spaces, each with rings, records and data. */
#define ASIDS           2
#define FIRST_ASID      1
#define ORDER           3
#define RINGS           RIG_VA                  /* a page per queue */
#define RECORDS         (RIG_VA + 32 * PAGE)
#define DATA            (RIG_VA + 512 * PAGE)   /* 2 MiB aligned */
#define SMALL_PAGES     48
#define HUGE_REGIONS    2
#define HUGE_PAGES      (HUGE_REGIONS * 512)
#define SPARES          16

struct Stress {
    StressConfig config;
    Rig *rig;
    Random random;
    /* Guards tables, frames and answers: the driver's lock. */
    pthread_mutex_t mm;
    /* Held by the worker for each of its rounds. */
    pthread_mutex_t round;
    pthread_t worker;
    _Atomic bool stop;
    unsigned pages;             /* of data, per space */
    bool split[ASIDS][HUGE_REGIONS];
    /* frames that belong to nobody, poisoned, oldest first */
    uint64_t spare[SPARES];
    unsigned next_spare;
    uint8_t poison[PAGE];
    StressResult result;
};

static unsigned asid_of(unsigned queue)
{
    return FIRST_ASID + queue % ASIDS;
}

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec * 1e-9;
}

/* ------------------------------------------------------ the two slow-downs */

static _Atomic uint32_t slow_dice;

static void wait_a_little(unsigned one_in)
{
    uint32_t n = atomic_fetch_add_explicit(&slow_dice, 0x9e3779b9u,
                                           memory_order_relaxed);

    if ((n >> 8) % one_in == 0) {
        for (unsigned i = 0; i < 3; i++) {
            sched_yield();
        }
    }
}

/* The tables lie in the RAM allocated first, the data in what follows. */
static uint64_t data_from;

static void slow_data(Rig *rig, uint64_t addr)
{
    (void)rig;
    if (addr >= data_from) {
        wait_a_little(16);
    }
}

/* A walk is done with an entry that it has read: now comes the fill. */
static void slow_walk(Rig *rig, uint64_t addr)
{
    (void)rig;
    if (addr < data_from) {
        wait_a_little(8);
    }
}

/* ------------------------------------------------------------- the driver */

static void on_fault(Rig *rig, const RigFault *fault)
{
    Stress *s = rig->user;
    RigPage *page;
    uint64_t n = (fault->va - RIG_VA) / PAGE;

    CHECK(fault->va >= RIG_VA && n < RIG_PAGES);
    page = &rig->space[fault->asid].page[n];
    pthread_mutex_lock(&s->mm);
    CHECK(page->pa);
    if (s->config.huge && fault->va >= DATA &&
        !s->split[fault->asid - FIRST_ASID][(fault->va - DATA) / HUGE]) {
        _Atomic uint64_t *spte = rig_spte(rig, fault->asid, fault->va, 1);

        atomic_store(spte, (page->pa & -HUGE) | SECMMU_SPTE_V |
                     SECMMU_SPTE_W | SECMMU_SPTE_LEAF);
    } else {
        rig_map(rig, fault->asid, fault->va, 1);
    }
    pthread_mutex_unlock(&s->mm);
    rig_respond(rig, fault, SECMMU_RESPONSE_RETRY, 0);
}

static void keep_busy(Stress *s)
{
    for (unsigned q = 0; q < s->config.queues; q++) {
        uint32_t head = rig_read32(s->rig, QREG(q, HEAD));
        uint32_t tail = rig_read32(s->rig, QREG(q, TAIL));

        if (rig_read32(s->rig, QREG(q, CTRL)) && tail - head < 4) {
            rig_doorbell(s->rig, q, head + (1u << ORDER));
        }
    }
}

static void *worker_main(void *arg)
{
    Stress *s = arg;

    while (!atomic_load(&s->stop)) {
        pthread_mutex_lock(&s->round);
        rig_poll(s->rig);
        keep_busy(s);
        pthread_mutex_unlock(&s->round);
        sched_yield();
    }
    return NULL;
}

/*
 * Jobs that write and read all over the queue's own part of the data: what two
 * queues do to the same bytes would be a race that the program made.
 */
static void make_jobs(Stress *s, unsigned q)
{
    unsigned parts = (s->config.queues + ASIDS - 1) / ASIDS;
    uint64_t len = s->pages / parts * PAGE;
    uint64_t data = DATA + q / ASIDS * len;

    for (unsigned i = 0; i < 1u << ORDER; i++) {
        uint64_t from = random_below(&s->random, len / 2);
        uint64_t to = len / 2 + random_below(&s->random, len / 4);
        uint64_t n = len / 4 - random_below(&s->random, len / 8);
        struct secmmu_desc d = {
            .completion = RECORDS + q * PAGE + i * 32,
            .user_data = i, .dst = data + to, .len = n,
        };

        switch (i % 4) {
        case 0:
            d.opcode = SECMMU_OP_FILL;
            d.dst = data + from;
            d.operand[0] = 0x1111111111111111ull * (q + 1);
            break;
        case 3:
            d.opcode = SECMMU_OP_COMPARE;
            d.src = data + from;
            break;
        default:
            d.opcode = SECMMU_OP_COPY;
            d.src = data + from;
            break;
        }
        rig_put(s->rig, asid_of(q), RINGS + q * PAGE + i * sizeof(d), &d,
                sizeof(d));
    }
}

void stress_queue_on(Stress *s, unsigned q)
{
    rig_queue_on(s->rig, q, asid_of(q), RINGS + q * PAGE, ORDER);
}

void stress_set_up(Stress *s)
{
    for (unsigned a = FIRST_ASID; a < FIRST_ASID + ASIDS; a++) {
        rig_space_on(s->rig, a, SECMMU_ASID_WALK);
    }
    for (unsigned q = 0; q < s->config.queues; q++) {
        stress_queue_on(s, q);
    }
}

Stress *stress_start(const StressConfig *config)
{
    SecmmuConfig core = {
        .engines = config->engines, .queues = config->queues, .asids = 4,
        .tlb_sets = config->sets, .tlb_ways = config->ways,
    };
    Stress *s = calloc(1, sizeof(*s));

    CHECK(s);
    s->config = *config;
    s->random.state = test_seed();
    s->pages = config->huge ? HUGE_PAGES : SMALL_PAGES;
    pthread_mutex_init(&s->mm, NULL);
    pthread_mutex_init(&s->round, NULL);
    memset(s->poison, 0xdb, PAGE);
    s->rig = rig_new(&core, 32);
    s->rig->user = s;
    s->rig->on_fault = on_fault;
    /* Room for all the tables, ahead of the data. */
    for (unsigned i = 0; i < 64; i++) {
        rig_table_free(s->rig, rig_alloc(s->rig, PAGE, PAGE));
    }
    for (unsigned a = FIRST_ASID; a < FIRST_ASID + ASIDS; a++) {
        s->rig->space[a].root = rig_alloc(s->rig, PAGE, PAGE);
        rig_back(s->rig, a, RIG_VA, 64, PAGE, true);
    }
    data_from = RIG_RAM_BASE + s->rig->ram_next;
    for (unsigned a = FIRST_ASID; a < FIRST_ASID + ASIDS; a++) {
        rig_back(s->rig, a, DATA, s->pages, config->huge ? HUGE : PAGE, true);
    }
    for (unsigned i = 0; i < SPARES; i++) {
        s->spare[i] = rig_alloc(s->rig, PAGE, PAGE);
        memcpy(rig_ram(s->rig, s->spare[i]), s->poison, PAGE);
    }
    s->rig->on_map = config->slow_data ? slow_data : NULL;
    s->rig->on_unmap = config->slow_walk ? slow_walk : NULL;
    s->rig->preset = config->preset ? SECMMU_SPTE_A | SECMMU_SPTE_D : 0;
    for (unsigned q = 0; q < config->queues; q++) {
        make_jobs(s, q);
    }
    secmmu_core_inject(s->rig->core, config->inject);
    stress_set_up(s);
    CHECK(!pthread_create(&s->worker, NULL, worker_main, s));
    return s;
}

Rig *stress_rig(Stress *s)
{
    return s->rig;
}

static bool poisoned(Stress *s, uint64_t frame)
{
    return !memcmp(rig_ram(s->rig, frame), s->poison, PAGE);
}

/* The page is nobody's from now on: watch it. */
static void watch_frame(Stress *s, uint64_t frame)
{
    memcpy(rig_ram(s->rig, frame), s->poison, PAGE);
    for (unsigned i = 0; i < 20; i++) {
        secmmu_cpu_relax();
    }
    sched_yield();
    if (!poisoned(s, frame)) {
        s->result.violations++;
        memcpy(rig_ram(s->rig, frame), s->poison, PAGE);
    }
}

static void take_small(Stress *s, unsigned asid, uint64_t va)
{
    Rig *rig = s->rig;
    RigPage *page = &rig->space[asid].page[(va - RIG_VA) / PAGE];
    uint64_t old = page->pa;

    if (!rig_zap(rig, asid, va)) {
        return;
    }
    rig_shootdown(rig, asid, va, 1);
    s->result.zaps++;
    watch_frame(s, old);
    /* Another frame takes its place; the old one is looked at once more. */
    page->pa = s->spare[s->next_spare];
    s->spare[s->next_spare] = old;
    s->next_spare = (s->next_spare + 1) % SPARES;
    if (!poisoned(s, page->pa)) {
        s->result.violations++;
    }
}

/* One page of a 2 MiB entry goes: the entry is split. */
static void split(Stress *s, unsigned asid, uint64_t va)
{
    Rig *rig = s->rig;
    _Atomic uint64_t *spte = rig_spte(rig, asid, va, 1);

    s->split[asid - FIRST_ASID][(va - DATA) / HUGE] = true;
    if (!(atomic_exchange(spte, 0) & SECMMU_SPTE_V)) {
        return;
    }
    rig_shootdown(rig, asid, va, 1);
    s->result.zaps++;
    watch_frame(s, rig->space[asid].page[(va - RIG_VA) / PAGE].pa);
}

/* All small entries go, and their table; one large entry may come. */
static void join(Stress *s, unsigned asid, uint64_t va)
{
    Rig *rig = s->rig;
    _Atomic uint64_t *spte = rig_spte(rig, asid, va, 1);
    uint64_t e = atomic_exchange(spte, 0);
    unsigned n = random_below(&s->random, 512);

    s->split[asid - FIRST_ASID][(va - DATA) / HUGE] = false;
    if (!(e & SECMMU_SPTE_V)) {
        return;
    }
    CHECK(!(e & SECMMU_SPTE_LEAF));
    rig_shootdown(rig, asid, va & -HUGE, 512);
    s->result.zaps++;
    rig_table_free(rig, e & SECMMU_SPTE_ADDR);
    watch_frame(s, rig->space[asid].page[(va - RIG_VA) / HUGE * 512 + n].pa);
}

void stress_take_page(Stress *s)
{
    unsigned asid = FIRST_ASID + random_below(&s->random, ASIDS);
    uint64_t va = DATA + random_below(&s->random, s->pages) * PAGE;

    pthread_mutex_lock(&s->mm);
    if (!s->config.huge) {
        take_small(s, asid, va);
    } else if (!s->split[asid - FIRST_ASID][(va - DATA) / HUGE]) {
        split(s, asid, va);
    } else if (random_below(&s->random, 8) == 0) {
        join(s, asid, va);
    } else if (rig_zap(s->rig, asid, va)) {
        rig_shootdown(s->rig, asid, va, 1);
        s->result.zaps++;
        watch_frame(s, s->rig->space[asid].page[(va - RIG_VA) / PAGE].pa);
    }
    pthread_mutex_unlock(&s->mm);
    /* Mutexes are not fair: let the fault worker have it. */
    sched_yield();
}

void stress_hold(Stress *s)
{
    pthread_mutex_lock(&s->round);
}

void stress_release(Stress *s)
{
    pthread_mutex_unlock(&s->round);
}

void stress_poison_all(Stress *s)
{
    for (unsigned a = FIRST_ASID; a < FIRST_ASID + ASIDS; a++) {
        for (unsigned i = 0; i < s->pages; i++) {
            memcpy(rig_va(s->rig, a, DATA + i * PAGE), s->poison, PAGE);
        }
        memcpy(rig_va(s->rig, a, RECORDS), s->poison, PAGE);
    }
}

bool stress_poison_intact(Stress *s)
{
    for (unsigned a = FIRST_ASID; a < FIRST_ASID + ASIDS; a++) {
        for (unsigned i = 0; i < s->pages; i++) {
            if (memcmp(rig_va(s->rig, a, DATA + i * PAGE), s->poison, PAGE)) {
                return false;
            }
        }
        if (memcmp(rig_va(s->rig, a, RECORDS), s->poison, PAGE)) {
            return false;
        }
    }
    return true;
}

StressResult stress_stop(Stress *s)
{
    StressResult result;

    atomic_store(&s->stop, true);
    pthread_join(s->worker, NULL);
    secmmu_core_reset(s->rig->core);
    for (unsigned i = 0; i < SPARES; i++) {
        s->result.violations += !poisoned(s, s->spare[i]);
    }
    result = s->result;
    rig_free(s->rig);
    pthread_mutex_destroy(&s->mm);
    pthread_mutex_destroy(&s->round);
    free(s);
    return result;
}

StressResult stress_run(const StressConfig *config)
{
    Stress *s = stress_start(config);
    double end = now() + config->seconds;
    uint64_t jobs, waits, faults;
    StressResult result;
    uint32_t error;

    while (now() < end) {
        stress_take_page(s);
    }
    jobs = rig_counter(s->rig, SECMMU_CNT_JOBS);
    waits = rig_counter(s->rig, SECMMU_CNT_DRAIN_WAITS);
    faults = rig_counter(s->rig, SECMMU_CNT_FAULTS_READ) +
             rig_counter(s->rig, SECMMU_CNT_FAULTS_WRITE);
    error = rig_read32(s->rig, GREG(ERROR));
    result = stress_stop(s);
    printf("# %" PRIu64 " pages taken, %" PRIu64 " jobs, %" PRIu64 " faults, %"
           PRIu64 " windows waited for, %" PRIu64 " violations\n", result.zaps,
           jobs, faults, waits, result.violations);
    CHECK(jobs > 0 && faults > 0);
    if (!config->inject) {
        CHECK_EQ(error, 0);
    }
    return result;
}
