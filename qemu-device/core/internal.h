/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - what the core's files share.
 *
 * Lives here: the structures and the functions that one file of the core
 * offers to the others, grouped by file. Unit tests may include it.
 * Not here: what a front calls (secmmu-core.h).
 *
 * Locks, in the order in which they nest:
 *   core->control   one control call at a time; may be held while waiting for
 *                   engines, so engines never take it
 *   core->lock      queue states, ready list, event ring; short sections only,
 *                   never held while waiting for an engine
 *   set, slot locks one TLB set or one queue's slots; leaf, a few instructions
 */
#ifndef SECMMU_INTERNAL_H
#define SECMMU_INTERNAL_H

#include <endian.h>
#include <pthread.h>
#include <stdatomic.h>

#include <linux/secmmu.h>
#include <linux/secmmu_hw.h>

#include "secmmu-core.h"
#include "secmmu-inject.h"

#define SECMMU_VA_END           (1ull << SECMMU_VA_BITS)
#define SECMMU_PAGE_SHIFT       12
#define SECMMU_PAGE_SIZE        4096ull
#define SECMMU_HUGE_SHIFT       21
#define SECMMU_HUGE_SIZE        (1ull << SECMMU_HUGE_SHIFT)

/*
 * Work is measured in bytes moved. CHUNK bounds one in-flight window, hence
 * the time that a shootdown waits; SLICE bounds what a queue gets before
 * the next ready queue has its turn. The COSTs turn what is no data
 * movement into the bytes that take about as long.
 */
#define SECMMU_CHUNK            65536
#define SECMMU_SLICE            (1 << 20)
#define SECMMU_COST_JOB         512
#define SECMMU_COST_ACCESS      128
#define SECMMU_COST_WALK        1024

#define SECMMU_CACHE_LINE       64
/* Columns of C that GEMM sums at a time. */
#define SECMMU_GEMM_TILE        256
/* Translations that a queue keeps from drop-ins, see softtlb.c. */
#define SECMMU_SLOTS            8

#ifndef MIN
#define MIN(a, b)               ((a) < (b) ? (a) : (b))
#endif

typedef _Atomic uint64_t SecmmuCounterCell;

/* ------------------------------------------------------------------ tlb.c */

typedef struct SecmmuTlbSet {
    _Atomic uint32_t seq;       /* odd: being changed */
    uint32_t hand;              /* where the search for a victim goes on */
    _Atomic uint64_t used;      /* ways hit since the hand last passed */
    _Atomic uint64_t tag[];     /* zero: free; behind them the lines */
} SecmmuTlbSet;

/**
 * SecmmuTlb: set-associative cache from (ASID, page number) to a translation,
 * for pages of two sizes. The TLB has 4 KiB and 2 MiB pages; the walk cache
 * is another, whose "pages" are what a table of level 0 and 1 spans.
 * @lines: from the start of a set to its lines, in spte format, zero: none.
 */
typedef struct SecmmuTlb {
    unsigned sets;              /* power of two */
    unsigned ways;
    unsigned shift[2];
    size_t lines;
    size_t stride;
    uint8_t *mem;
} SecmmuTlb;

bool secmmu_tlb_init(SecmmuTlb *tlb, unsigned sets, unsigned ways,
                     unsigned shift_small, unsigned shift_large);
void secmmu_tlb_destroy(SecmmuTlb *tlb);
/*
 * Finds @va; the @line around it and *size (0 or 1, index of the shift) are
 * copies. Changes them even if it finds nothing.
 */
bool secmmu_tlb_lookup(SecmmuTlb *tlb, unsigned asid, uint64_t va,
                       uint64_t *line, unsigned *size);
/* The place of @va's translation in its line. */
static inline unsigned secmmu_tlb_word(const SecmmuTlb *tlb, uint64_t va,
                                       unsigned size)
{
    return (va >> tlb->shift[size]) % SECMMU_TLB_LINE;
}
typedef enum SecmmuFill {
    SECMMU_FILL_STALE,          /* not entered: the generation has moved */
    SECMMU_FILL_FREE,
    SECMMU_FILL_EVICTED,
} SecmmuFill;
/*
 * Enters the line around @va that was read when *gen was @seen; where it has a
 * zero, what is there stays. Whoever drops bumps *gen before, so that a reader
 * of the old table cannot enter it afterwards.
 */
SecmmuFill secmmu_tlb_fill(SecmmuTlb *tlb, unsigned asid, uint64_t va,
                           unsigned size, const uint64_t *line,
                           SecmmuCounterCell *gen, uint64_t seen);
/* The same for the translation of @va alone. */
SecmmuFill secmmu_tlb_fill_one(SecmmuTlb *tlb, unsigned asid, uint64_t va,
                               unsigned size, uint64_t data,
                               SecmmuCounterCell *gen, uint64_t seen);
typedef void SecmmuTlbDropped(void *arg, uint64_t va, uint64_t len,
                              uint64_t data);
/*
 * Drops what overlaps [@vpn, @vpn + @pages) in 4 KiB pages; returns the number
 * of translations. The cost is bounded by the size of the TLB. @fn (may be NULL)
 * is told of each with the set's lock held.
 */
unsigned secmmu_tlb_drop(SecmmuTlb *tlb, unsigned asid, uint64_t vpn,
                         uint64_t pages, SecmmuTlbDropped *fn, void *arg);
void secmmu_tlb_drop_all(SecmmuTlb *tlb);

/* --------------------------------------------------------------- the state */

typedef struct SecmmuAsid {
    SecmmuCounterCell gen;      /* see secmmu_tlb_fill() */
    _Atomic uint32_t mode;
    _Atomic uint64_t table;
    _Atomic uint64_t audit;
    uint32_t done;              /* control, as all below */
    uint64_t dropin_va;
} SecmmuAsid;

typedef enum SecmmuPhase {
    SECMMU_PHASE_FETCH,
    SECMMU_PHASE_EXECUTE,
    SECMMU_PHASE_COMPLETE,
} SecmmuPhase;

/*
 * SecmmuJob: private copy of a descriptor (host byte order) and how far it
 * has come. All that a job needs to go on after a fault is here, so any engine
 * can take it up again. Each step updates it only when nothing can
 * fault any more before the step's side effects are complete.
 */
typedef struct SecmmuJob {
    struct secmmu_desc d;
    uint64_t pos;               /* bytes (LIST_WALK: nodes) done */
    uint64_t node;              /* LIST_WALK: where it is */
    uint64_t acc;               /* CRC, sums */
    double facc;
    bool backward;              /* COPY to an overlapping higher address */
    uint32_t gemm_k;            /* GEMM: products in all of tile[] */
    uint32_t gemm_j;            /* ... columns that have one more, or that
                                   are written when all products are in */
    float tile[SECMMU_GEMM_TILE];
    /* outcome */
    uint32_t status;
    uint32_t bytes;
    uint64_t fault_addr;
    uint64_t result;
} SecmmuJob;

typedef struct SecmmuFaultInfo {
    uint64_t va;
    uint64_t extent;
    uint8_t flags;              /* SECMMU_FAULT_* */
    uint16_t code;              /* opcode or zero */
} SecmmuFaultInfo;

/* One event type of one queue, see event.c */
typedef struct SecmmuEventSlot {
    bool pending;               /* waits to be written */
    bool written;               /* @pos is valid */
    uint64_t pos;               /* where the last one lies */
    uint16_t code;
    uint8_t flags;
    uint32_t seq;
    uint64_t va;
    uint64_t extent;
} SecmmuEventSlot;

typedef struct SecmmuEngine SecmmuEngine;
typedef struct SecmmuQueue SecmmuQueue;

typedef struct SecmmuSlot {
    uint64_t va;
    uint64_t data;              /* zero: free */
    unsigned size;
} SecmmuSlot;

struct SecmmuQueue {
    uint16_t index;
    /* control call; fixed while enabled */
    uint64_t ring;
    uint32_t order;
    uint32_t asid;
    /* core->lock */
    bool enabled;
    uint8_t state;
    uint8_t error;
    uint64_t error_va;
    bool on_ready;
    SecmmuQueue *ready_next;
    bool on_events;
    SecmmuQueue *events_next;
    SecmmuEventSlot event[SECMMU_EVENT_ERROR + 1];
    uint32_t fault_seq;         /* survives all but a reset */
    SecmmuFaultInfo fault;
    uint32_t arm_target;
    /* written with core->lock held, read by the owner without */
    _Atomic bool stop;
    _Atomic bool armed;
    _Atomic uint32_t tail;
    /* written by the owner */
    _Atomic uint32_t head;
    _Atomic uint32_t freed;     /* slots whose records may have been seen */
    _Atomic uint64_t last_user_data;
    _Atomic(SecmmuEngine *) owner;
    SecmmuPhase phase;
    SecmmuJob job;
    /* soft-TLB slots */
    _Atomic uint32_t slot_lock;
    unsigned slot_next;
    SecmmuSlot slot[SECMMU_SLOTS];
};

struct SecmmuEngine {
    /*
     * The window: bit 0 inside, bits 16:1 ASID, above them a count of
     * windows. Alone in its line: shootdowns poll it.
     */
    _Alignas(SECMMU_CACHE_LINE) _Atomic uint64_t window;
    /* The window that somebody waits for, as long as it is open. */
    _Alignas(SECMMU_CACHE_LINE) _Atomic uint64_t awaited;
    _Atomic uint64_t look;      /* its number while it looks again, see audit.c */
    _Alignas(SECMMU_CACHE_LINE) SecmmuCore *core;
    unsigned index;
    pthread_t thread;
    uint64_t windows;
    int64_t budget;             /* left of this window's CHUNK */
    uint64_t patience;          /* ns that looks may still wait, see audit.c... */
    uint64_t patience_at;       /* ...as it was when one last did; zero: never */
    SecmmuFaultInfo fault;      /* of the access that failed last */
    uint8_t bounce[SECMMU_PAGE_SIZE];
    _Alignas(SECMMU_CACHE_LINE) SecmmuCounterCell count[SECMMU_CNT_NR];
};

typedef struct SecmmuQueueList {
    SecmmuQueue *first;
    SecmmuQueue *last;
} SecmmuQueueList;

struct SecmmuCore {
    SecmmuConfig config;
    const SecmmuBusOps *ops;
    void *opaque;
    _Atomic(const SecmmuInject *) inject;   /* NULL but in tests */

    pthread_mutex_t control;
    pthread_mutex_t lock;

    SecmmuEngine *engines;
    unsigned engines_started;
    SecmmuQueue *queues;
    SecmmuAsid *asids;
    SecmmuTlb tlb;
    SecmmuTlb walk_cache;

    /* May engines touch memory? bus_master, enabled, !resetting, !halted. */
    _Atomic bool dma;
    bool bus_master;            /* control, as all below */
    bool resetting;
    bool halted;                /* see secmmu_core_set_running() */
    uint32_t ctrl;
    uint64_t event_base;
    uint32_t event_order;
    uint64_t done_base;
    _Atomic uint32_t error;
    SecmmuCounterCell count[SECMMU_CNT_NR];     /* of control calls */

    _Atomic uint64_t looks;     /* audit: how many began */

    /* core->lock */
    pthread_cond_t work;
    SecmmuQueueList ready;
    _Atomic uint32_t ready_count;
    unsigned sleepers;
    _Atomic unsigned spinners;
    uint64_t spin_ns;           /* the spinner's, as the next */
    unsigned spins_skipped;
    _Atomic bool quit;
    SecmmuQueueList events;     /* queues with a pending event */
    uint64_t event_head;        /* the registers are their low halves */
    uint64_t event_tail;
};

/* Counters have one writer each: an engine its own, control calls the core's. */
static inline void secmmu_count(SecmmuCounterCell *count, unsigned which,
                                uint64_t n)
{
    uint64_t v = atomic_load_explicit(&count[which], memory_order_relaxed);

    atomic_store_explicit(&count[which], v + n, memory_order_relaxed);
}

static inline bool secmmu_tracing(SecmmuCore *core)
{
    const int *on = core->ops->trace_on;

    return core->ops->trace && (!on || __atomic_load_n(on, __ATOMIC_RELAXED));
}

static inline void secmmu_trace(SecmmuCore *core, SecmmuTraceType type,
                                unsigned queue, unsigned asid, uint64_t va,
                                uint64_t len, uint64_t arg, uint64_t user_data)
{
    if (secmmu_tracing(core)) {
        SecmmuTrace ev = { type, queue, asid, va, len, arg, user_data };

        core->ops->trace(core->opaque, &ev);
    }
}

/* The user_data of the job that @q works on; zero while it fetches one. */
static inline uint64_t secmmu_traced_job(const SecmmuQueue *q)
{
    return q->phase == SECMMU_PHASE_FETCH ? 0 : q->job.d.user_data;
}

static inline void secmmu_cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static inline const SecmmuInject *secmmu_injected(SecmmuCore *core)
{
    return atomic_load_explicit(&core->inject, memory_order_acquire);
}

/* Is [va, va + len) inside the device's address space? */
static inline bool secmmu_va_ok(uint64_t va, uint64_t len)
{
    return va <= SECMMU_VA_END && len <= SECMMU_VA_END - va;
}

/* ----------------------------------------------------------------- core.c */

/* Sets a bit of ERROR and tells the front. Any thread. */
void secmmu_error(SecmmuCore *core, uint32_t bit, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Recomputes core->dma and drains or wakes as it needs. Control call. */
void secmmu_update_dma(SecmmuCore *core);
/* With core->control held. */
void secmmu_reset_locked(SecmmuCore *core);

/* --------------------------------------------------------------- window.c */

/* Opens a window of @engine for @asid with a full budget. */
void secmmu_window_enter(SecmmuEngine *engine, unsigned asid);
void secmmu_window_exit(SecmmuEngine *engine);
/* Does anybody wait for the open window to close? From its engine. */
bool secmmu_window_awaited(SecmmuEngine *engine);
/*
 * Waits until each window that is open now, of @asid (or any: negative), has
 * closed; returns the number of windows waited for. Never with core->lock.
 */
unsigned secmmu_window_drain(SecmmuCore *core, int asid);
/* Spins for a while, then gives the CPU away. @n counts the calls. */
void secmmu_wait_relax(unsigned *n);
/* The same for who waits for an engine, which may wait for the front. */
void secmmu_wait_engine(SecmmuCore *core, unsigned *n);

/* ----------------------------------------------------------------- walk.c */

typedef enum SecmmuAccess {
    SECMMU_ACCESS_OK,
    SECMMU_ACCESS_FAULT,        /* engine->fault has va and flags */
    SECMMU_ACCESS_BUS,          /* engine->fault.va: no RAM or bad table */
    SECMMU_ACCESS_AGAIN,        /* the table changes under us: new window */
} SecmmuAccess;

typedef struct SecmmuXlate {
    uint64_t addr;              /* DMA address of va */
    uint64_t left;              /* bytes that lie in a row from there */
    uint64_t entry;
} SecmmuXlate;

/* Translates @va for one access. In a window of @engine. */
SecmmuAccess secmmu_translate(SecmmuEngine *engine, SecmmuQueue *q,
                              uint64_t va, bool write, SecmmuXlate *x);
/* What an engine does after map() gave NULL and @cookie. */
static inline SecmmuAccess secmmu_map_failed(const void *cookie)
{
    return cookie == SECMMU_MAP_LATER ? SECMMU_ACCESS_AGAIN :
                                        SECMMU_ACCESS_BUS;
}

/* --------------------------------------------------------------- access.c */

/* A piece of user memory, open for one access. len 0: closed. */
typedef struct SecmmuSpan {
    uint8_t *p;                 /* moves on as the span is used up */
    size_t left;
    void *host;
    uint64_t addr;
    size_t len;
    void *cookie;
    bool write;
} SecmmuSpan;

/*
 * Opens up to @len bytes from @va, not beyond the page or the window's budget
 * (but always at least what of 4096 bytes the page holds).
 */
SecmmuAccess secmmu_span_open(SecmmuEngine *engine, SecmmuQueue *q,
                              SecmmuSpan *span, uint64_t va, uint64_t len,
                              bool write);
void secmmu_span_close(SecmmuEngine *engine, SecmmuSpan *span);
/*
 * A 4 KiB page of an array that is visited in small steps: it stays open as
 * long as the visits stay in it. Zeroed: closed.
 */
typedef struct SecmmuPage {
    SecmmuSpan span;
    uint64_t va;
} SecmmuPage;

/* @va's place in memory and the bytes from there to the end of the page. */
SecmmuAccess secmmu_page_at(SecmmuEngine *engine, SecmmuQueue *q,
                            SecmmuPage *page, uint64_t va, bool write,
                            uint8_t **p, size_t *left);
void secmmu_page_close(SecmmuEngine *engine, SecmmuPage *page);
/* Reads @len bytes that may cross into the next page. */
SecmmuAccess secmmu_page_read(SecmmuEngine *engine, SecmmuQueue *q,
                              SecmmuPage *page, uint64_t va, void *buf,
                              size_t len);

/* ------------------------------------------------------------ jobs*.c */

typedef enum SecmmuStep {
    SECMMU_STEP_DONE,           /* job.status and outcome are set */
    SECMMU_STEP_MORE,           /* the budget is used up */
    SECMMU_STEP_FAULT,          /* engine->fault, extent too */
    SECMMU_STEP_BUS,            /* engine->fault.va */
} SecmmuStep;

/* Checks a fetched descriptor: SECMMU_STATUS_OK and the job is set up, or the
 * status to end it with (and job->fault_addr).
 */
uint32_t secmmu_job_prepare(SecmmuJob *job);
/* Goes on with a prepared job. */
SecmmuStep secmmu_job_step(SecmmuEngine *engine, SecmmuQueue *q);
/* Sets bytes and result to what is done so far, for a job that ends early. */
void secmmu_job_partial(SecmmuJob *job);
/* From a failed access to the step's outcome, with the extent. */
SecmmuStep secmmu_step_failed(SecmmuEngine *engine, SecmmuAccess access,
                              uint64_t extent);

/*
 * Opens src and dst of the job at its pos where they are used up. The spans
 * stay open over several pieces, so each page is looked up once per window
 * however the two are aligned to each other.
 */
SecmmuAccess secmmu_open_pair(SecmmuEngine *engine, SecmmuQueue *q,
                              SecmmuSpan *src, SecmmuSpan *dst, bool write);
/* Both spans and the job move on by @n bytes. */
void secmmu_pair_advance(SecmmuEngine *engine, SecmmuJob *job,
                         SecmmuSpan *src, SecmmuSpan *dst, size_t n);

typedef SecmmuStep SecmmuJobFn(SecmmuEngine *engine, SecmmuQueue *q);
SecmmuJobFn secmmu_job_fill, secmmu_job_copy, secmmu_job_compare,
            secmmu_job_crc32c, secmmu_job_reduce, secmmu_job_atomic,
            secmmu_job_list_walk, secmmu_job_gather, secmmu_job_scatter,
            secmmu_job_saxpy, secmmu_job_gemm;

/* crc32c.c: raw update without the inversions at both ends. */
uint32_t secmmu_crc32c_update(uint32_t crc, const void *buf, size_t len);
uint32_t secmmu_crc32c_table(uint32_t crc, const void *buf, size_t len);

/* ---------------------------------------------------------------- queue.c */

/*
 * What keeps a queue from being enabled, or NULL. @asid_on: the mode of its
 * ASID must not be off.
 */
const char *secmmu_queue_error(SecmmuCore *core, const SecmmuQueue *q,
                               bool asid_on);
/* All of these but run are control calls. */
void secmmu_queue_enable(SecmmuCore *core, SecmmuQueue *q);
void secmmu_queue_disable(SecmmuCore *core, SecmmuQueue *q);
/* Stops with an error (and ERROR event); on return no engine works on it. */
void secmmu_queue_stop(SecmmuCore *core, SecmmuQueue *q, unsigned error,
                       uint64_t va);
void secmmu_queue_doorbell(SecmmuCore *core, SecmmuQueue *q, uint32_t tail);
void secmmu_queue_arm(SecmmuCore *core, SecmmuQueue *q, uint32_t target);
void secmmu_queue_response(SecmmuCore *core, uint64_t val);
void secmmu_queue_resume(SecmmuCore *core, unsigned asid);

typedef enum SecmmuRun {
    SECMMU_RUN_MORE,            /* the budget is used up, work is left */
    SECMMU_RUN_IDLE,            /* no descriptor left */
    SECMMU_RUN_RELEASED,        /* parked or stopped, no longer ours */
} SecmmuRun;
/* Works on a queue that @engine owns, inside its window. Returns the number
 * of jobs ended in *jobs.
 */
SecmmuRun secmmu_queue_run(SecmmuEngine *engine, SecmmuQueue *q,
                           unsigned *jobs);

/* --------------------------------------------------------------- engine.c */

/* With core->lock held. */
void secmmu_sched_push(SecmmuCore *core, SecmmuQueue *q);
void secmmu_sched_remove(SecmmuCore *core, SecmmuQueue *q);
/* Gives the queue back; the state is the caller's business. */
void secmmu_sched_disown(SecmmuQueue *q);
/* Waits until no engine owns it. Not with core->lock. */
void secmmu_sched_wait_disowned(SecmmuCore *core, SecmmuQueue *q);
int secmmu_engines_start(SecmmuCore *core);
void secmmu_engines_join(SecmmuCore *core);

/* ---------------------------------------------------------------- event.c */

/*
 * Posts an event of @q and writes what can be written. @count: the caller's
 * counters. core->lock held; from an engine only inside its window.
 */
void secmmu_event_post(SecmmuCore *core, SecmmuQueue *q, unsigned type,
                       const SecmmuEventSlot *ev, SecmmuCounterCell *count);
/* Writes what has been waiting. As above. */
void secmmu_event_flush(SecmmuCore *core, SecmmuCounterCell *count);
/* Forgets the pending events of @q (types in @mask, bit n: type n). */
void secmmu_event_forget(SecmmuCore *core, SecmmuQueue *q, unsigned mask);

/* Queues @q for a later flush if it has pending events. core->lock held. */
void secmmu_event_waits(SecmmuCore *core, SecmmuQueue *q);

/* ----------------------------------------------------------------- regs.c */

/* Control calls: a counter's sum; could the device be enabled as it is set? */
uint64_t secmmu_counter(SecmmuCore *core, unsigned which);
bool secmmu_event_ring_ok(SecmmuCore *core);

/* ------------------------------------------------------------ shootdown.c */

void secmmu_shootdown(SecmmuCore *core, unsigned asid, uint64_t val);
/* Drops all of an ASID and drains; the done sequence stays. */
void secmmu_drop_asid(SecmmuCore *core, unsigned asid);
/* Writes done[asid]. */
void secmmu_write_done(SecmmuCore *core, unsigned asid);

/* -------------------------------------------------------------- softtlb.c */

void secmmu_dropin(SecmmuCore *core, unsigned asid, uint64_t entry);
bool secmmu_slot_lookup(SecmmuQueue *q, uint64_t va, uint64_t *data,
                        unsigned *size);
void secmmu_slot_drop(SecmmuQueue *q, uint64_t vpn, uint64_t pages);

/* ---------------------------------------------------------------- audit.c */

/* May @root be the value of ASID_AUDIT? */
bool secmmu_audit_root_ok(uint64_t root);
/*
 * Compares @x, whose byte the machine has at @host, with what the CPU's page
 * table says. In a window.
 */
void secmmu_audit(SecmmuEngine *engine, SecmmuQueue *q, uint64_t va,
                  bool write, const SecmmuXlate *x, const void *host);

/* ------------------------------------------------------------ cpu-entry.c */

typedef enum {
    SECMMU_CPU_NONE,            /* nothing that a user program may touch */
    SECMMU_CPU_TABLE,           /* the table of the next level is at addr */
    SECMMU_CPU_LEAF,            /* a page, of whatever size, at addr */
} SecmmuCpuKind;

typedef struct {
    SecmmuCpuKind kind;
    bool writable;              /* by user programs, as far as this level says */
    uint64_t addr;              /* physical; low bits of a large page: any */
} SecmmuCpuEntry;

/*
 * What @e means in the CPU's page table, at @level: 0 is that of 4 KiB pages,
 * each further one 9 address bits up.
 */
SecmmuCpuEntry secmmu_x86_entry(uint64_t e, int level);
SecmmuCpuEntry secmmu_arm64_entry(uint64_t e, int level);

#endif /* SECMMU_INTERNAL_H */
