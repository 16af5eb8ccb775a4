/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - what an access costs (no test: prints numbers).
 *
 * Lives here: resident COPY with pages of 4 KiB and 2 MiB next to memcpy, NOPs,
 * shootdowns, faults. Median of several rounds, in ns.
 * Not here: the cost of QEMU's own mapping; the rig's is a bounds check.
 */
#include <time.h>

#include "rig.h"

#define RING    RIG_VA
#define RECORD  (RIG_VA + 64 * PAGE)
#define DATA    (RIG_VA + 512 * PAGE)
#define ROUNDS  31
#define BATCH   64
#define ORDER   11

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double d = *(const double *)a - *(const double *)b;

    return (d > 0) - (d < 0);
}

static double median(double *t)
{
    qsort(t, ROUNDS, sizeof(*t), by_value);
    return t[ROUNDS / 2];
}

/* Waits without taking the locks that the engine takes. */
static void wait_quietly(Rig *rig, uint32_t head)
{
    while (rig_read32(rig, QREG(0, HEAD)) != head) {
        for (unsigned i = 0; i < 2000; i++) {
            secmmu_cpu_relax();
        }
    }
}

static Rig *set_up(bool huge)
{
    SecmmuConfig config = { .engines = 1, .queues = 2, .asids = 2,
                            .tlb_sets = 1024, .tlb_ways = 4 };
    Rig *rig = rig_new(&config, 32);

    rig->huge = huge;
    rig->no_counts = true;
    rig_space_on(rig, 1, SECMMU_ASID_WALK);
    rig_back(rig, 1, RIG_VA, 65, PAGE, true);
    rig_back(rig, 1, DATA, 1536, huge ? HUGE : PAGE, true);
    rig_map(rig, 1, RIG_VA, 65);
    rig_map(rig, 1, DATA, 1536);
    rig_queue_on(rig, 0, 1, RING, ORDER);
    return rig;
}

static double copy(bool huge, size_t len)
{
    Rig *rig = set_up(huge);
    struct secmmu_desc d = {
        .opcode = SECMMU_OP_COPY, .src = DATA, .dst = DATA + 2 * HUGE,
        .len = len, .completion = RECORD,
    };
    double t[ROUNDS];

    rig_run(rig, 0, &d);
    for (unsigned i = 0; i < ROUNDS; i++) {
        double t0 = now();

        /* Many in a row, so that waking the engine does not count. */
        for (unsigned k = 0; k < BATCH; k++) {
            rig_submit(rig, 0, &d);
        }
        wait_quietly(rig, rig_read32(rig, QREG(0, TAIL)));
        t[i] = (now() - t0) / BATCH;
    }
    rig_free(rig);
    return median(t) / (len / PAGE);
}

static double host_copy(size_t len)
{
    uint8_t *p = aligned_alloc(HUGE, 3 * HUGE);
    double t[ROUNDS];

    CHECK(p);
    memset(p, 1, 3 * HUGE);
    for (unsigned i = 0; i < ROUNDS; i++) {
        double t0 = now();

        for (unsigned k = 0; k < BATCH; k++) {
            memcpy(p + 2 * HUGE, p, len);
            __asm__ volatile("" : : "r"(p) : "memory");
        }
        t[i] = (now() - t0) / BATCH;
    }
    free(p);
    return median(t) / (len / PAGE);
}

static int trace_on;

static void no_trace(void *opaque, const SecmmuTrace *ev)
{
    (void)opaque;
    __asm__ volatile("" : : "r"(ev) : "memory");
}

/* @hook: somebody could be told of trace events. */
static double nops(bool record, bool hook)
{
    Rig *rig = set_up(false);
    struct secmmu_desc d = { .opcode = SECMMU_OP_NOP,
                             .completion = record ? RECORD : 0 };
    double t[ROUNDS];

    if (hook) {
        rig->ops.trace_on = &trace_on;
        rig->ops.trace = no_trace;
    }
    for (unsigned i = 0; i < 1u << ORDER; i++) {
        rig_put(rig, 1, RING + 64 * i, &d, 64);
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint32_t tail = rig_read32(rig, QREG(0, TAIL)) + (1u << ORDER);
        double t0 = now();

        rig_doorbell(rig, 0, tail);
        wait_quietly(rig, tail);
        t[i] = now() - t0;
    }
    rig_free(rig);
    return median(t) / (1u << ORDER);
}

/*
 * What events cost that are off (or go nowhere), as a ratio to a device that has
 * none: of neighbouring runs, so that the machine's mood counts for both.
 */
static double tracing(int on)
{
    double ratio[ROUNDS];

    trace_on = on;
    for (unsigned i = 0; i < ROUNDS; i++) {
        ratio[i] = nops(false, true) / nops(false, false);
    }
    return median(ratio);
}

static double shootdown(unsigned pages)
{
    Rig *rig = set_up(false);
    double t[ROUNDS];

    for (unsigned i = 0; i < ROUNDS; i++) {
        double t0 = now();

        for (unsigned k = 0; k < 64; k++) {
            rig_shootdown(rig, 1, DATA, pages);
        }
        t[i] = (now() - t0) / 64;
    }
    rig_free(rig);
    return median(t);
}

/* A process that submits job after job, each with a fault, and never sleeps. */
typedef struct Faulter {
    Rig *rig;
    double median;
    _Atomic bool done;
} Faulter;

static void *fault_on_and_on(void *arg)
{
    Faulter *f = arg;
    struct secmmu_completion *record = rig_va(f->rig, 1, RECORD);
    double t[ROUNDS];

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct secmmu_desc d = { .opcode = SECMMU_OP_FILL, .len = 8,
                                 .dst = DATA + i * PAGE, .completion = RECORD };
        double t0 = now();

        __atomic_store_n(&record->status, SECMMU_STATUS_PENDING,
                         __ATOMIC_RELAXED);
        rig_submit(f->rig, 0, &d);
        while (__atomic_load_n(&record->status, __ATOMIC_ACQUIRE) ==
               SECMMU_STATUS_PENDING) {
            secmmu_cpu_relax();
        }
        t[i] = now() - t0;
    }
    f->median = median(t);
    atomic_store(&f->done, true);
    return NULL;
}

/* With a driver that never sleeps either: two host CPUs are busy with that. */
static double faults(void)
{
    Rig *rig = set_up(false);
    Faulter f = { .rig = rig };
    pthread_t thread;

    for (unsigned i = 0; i < ROUNDS; i++) {
        CHECK(rig_zap(rig, 1, DATA + i * PAGE));
    }
    rig_shootdown(rig, 1, DATA, ROUNDS);
    CHECK(!pthread_create(&thread, NULL, fault_on_and_on, &f));
    while (!atomic_load(&f.done)) {
        rig_poll(rig);
        secmmu_cpu_relax();
    }
    pthread_join(thread, NULL);
    rig_free(rig);
    return f.median;
}

int main(void)
{
    size_t len = 512 * PAGE;

    printf("ns per 4 KiB, 2 MiB at a time\n");
    printf("  memcpy        %8.1f\n", host_copy(len));
    printf("  COPY, 2 MiB   %8.1f\n", copy(true, len));
    printf("  COPY, 4 KiB   %8.1f\n", copy(false, len));
    printf("ns per job\n");
    printf("  NOP           %8.1f\n", nops(false, false));
    printf("  NOP, record   %8.1f\n", nops(true, false));
    printf("NOP with trace events, over NOP without\n");
    printf("  off           %8.2f\n", tracing(0));
    printf("  on, unread    %8.2f\n", tracing(1));
    printf("ns per shootdown, engines idle\n");
    printf("  1 page        %8.1f\n", shootdown(1));
    printf("  512 pages     %8.1f\n", shootdown(512));
    printf("  all           %8.1f\n", shootdown(SECMMU_SHOOTDOWN_ALL));
    printf("ns per job with a fault, two CPUs busy looking for its end\n");
    printf("  FILL          %8.1f\n", faults());
    return 0;
}
