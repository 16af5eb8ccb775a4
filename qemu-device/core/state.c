/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - the state taken out of a core and put into one.
 *
 * Lives here: stopping for it, the copy in both directions, and the judgement
 * of a state that comes from outside.
 * Not here: how it travels (the front).
 *
 * A queue that no engine owns is complete in itself: phase, job and progress.
 * So it is enough to have the engines give their queues back, which they do at
 * the end of a window. A queue that waits for the driver goes on waiting on
 * the other side, under the same sequence number.
 *
 * A state from outside is judged field by field where a later step relies on
 * it: what the registers would have refused is refused here, and a job must
 * be one that the check of descriptors lets through, with progress that its
 * opcode could have made.
 */
#include <string.h>

#include "internal.h"
#include "secmmu-state.h"

#define EVENT_PENDING   1
#define EVENT_WRITTEN   2

_Static_assert(SECMMU_STATE_TILE == SECMMU_GEMM_TILE, "tile");
_Static_assert(SECMMU_STATE_EVENTS == SECMMU_EVENT_ERROR, "event types");
_Static_assert(SECMMU_STATE_COUNTERS >= SECMMU_CNT_NR, "counters");
_Static_assert(sizeof(((SecmmuQueueState *)0)->desc) ==
               sizeof(struct secmmu_desc), "descriptor");

void secmmu_core_set_running(SecmmuCore *core, bool on)
{
    pthread_mutex_lock(&core->control);
    core->halted = !on;
    secmmu_update_dma(core);
    if (!on) {
        /* An engine that is just taking a queue has it when we have the lock. */
        pthread_mutex_lock(&core->lock);
        pthread_mutex_unlock(&core->lock);
        for (unsigned i = 0; i < core->config.queues; i++) {
            secmmu_sched_wait_disowned(core, &core->queues[i]);
        }
    }
    pthread_mutex_unlock(&core->control);
}

/* ----------------------------------------------------------------- saving */

static void save_job(SecmmuQueueState *s, const SecmmuJob *job)
{
    memcpy(s->desc, &job->d, sizeof(s->desc));
    s->pos = job->pos;
    s->node = job->node;
    s->acc = job->acc;
    memcpy(&s->facc, &job->facc, sizeof(s->facc));
    s->gemm_k = job->gemm_k;
    s->gemm_j = job->gemm_j;
    memcpy(s->tile, job->tile, sizeof(s->tile));
    s->status = job->status;
    s->bytes = job->bytes;
    s->fault_addr = job->fault_addr;
    s->result = job->result;
}

static void save_event(SecmmuEventState *s, const SecmmuEventSlot *slot)
{
    s->flags = (slot->pending ? EVENT_PENDING : 0) |
               (slot->written ? EVENT_WRITTEN : 0);
    s->fault_flags = slot->flags;
    s->code = slot->code;
    s->seq = slot->seq;
    s->pos = slot->pos;
    s->va = slot->va;
    s->extent = slot->extent;
}

static void save_queue(SecmmuQueueState *s, SecmmuQueue *q)
{
    memset(s, 0, sizeof(*s));
    s->ring = q->ring;
    s->order = q->order;
    s->asid = q->asid;
    s->state = q->state;
    s->error = q->error;
    s->error_va = q->error_va;
    s->phase = q->phase;
    s->armed = atomic_load(&q->armed);
    s->arm_target = q->arm_target;
    s->head = atomic_load(&q->head);
    s->tail = atomic_load(&q->tail);
    s->fault_seq = q->fault_seq;
    s->last_user_data = atomic_load(&q->last_user_data);
    s->fault_va = q->fault.va;
    s->fault_extent = q->fault.extent;
    s->fault_code = q->fault.code;
    s->fault_flags = q->fault.flags;
    save_job(s, &q->job);
    for (unsigned i = 0; i < SECMMU_STATE_EVENTS; i++) {
        save_event(&s->event[i], &q->event[SECMMU_EVENT_FAULT + i]);
    }
}

void secmmu_core_save(SecmmuCore *core, SecmmuState *state)
{
    uint32_t rank = 0;

    pthread_mutex_lock(&core->control);
    pthread_mutex_lock(&core->lock);
    state->ctrl = core->ctrl;
    state->error = atomic_load(&core->error);
    state->event_base = core->event_base;
    state->event_order = core->event_order;
    state->event_head = core->event_head;
    state->event_tail = core->event_tail;
    state->done_base = core->done_base;
    memset(state->counter, 0, sizeof(state->counter));
    for (unsigned i = 0; i < SECMMU_CNT_NR; i++) {
        state->counter[i] = secmmu_counter(core, i);
    }
    for (unsigned i = 0; i < core->config.queues; i++) {
        save_queue(&state->queue[i], &core->queues[i]);
    }
    for (SecmmuQueue *q = core->ready.first; q; q = q->ready_next) {
        state->queue[q->index].rank = ++rank;
    }
    for (unsigned i = 0; i < core->config.asids; i++) {
        SecmmuAsid *as = &core->asids[i];

        state->asid[i] = (SecmmuAsidState) {
            .table = atomic_load(&as->table),
            .audit = atomic_load(&as->audit),
            .dropin_va = as->dropin_va,
            .mode = atomic_load(&as->mode),
            .done = as->done,
        };
    }
    pthread_mutex_unlock(&core->lock);
    pthread_mutex_unlock(&core->control);
}

/* ---------------------------------------------------------------- loading */

/* The bytes (LIST_WALK: nodes) that a job of this kind advances by. */
static uint64_t step_size(const struct secmmu_desc *d)
{
    switch (d->opcode) {
    case SECMMU_OP_REDUCE:
        return d->variant == SECMMU_REDUCE_F32 ? 4 : 8;
    case SECMMU_OP_SAXPY:
    case SECMMU_OP_GEMM:
        return 4;
    case SECMMU_OP_ATOMIC:
        return d->len;
    case SECMMU_OP_GATHER:
    case SECMMU_OP_SCATTER:
        return d->operand[0];
    default:
        return 1;
    }
}

static bool gemm_progress_ok(const SecmmuQueueState *s,
                             const struct secmmu_desc *d)
{
    uint64_t n = d->operand[1] >> 16 & 0xffff, k = d->operand[1] >> 32;
    uint64_t width = MIN(SECMMU_GEMM_TILE, n - s->pos / 4 % n);

    return s->gemm_k <= k && s->gemm_j < width;
}

/* A job that is under way must have been let through, and got no too far. */
static const char *load_job(SecmmuQueue *q, const SecmmuQueueState *s)
{
    SecmmuJob *job = &q->job;

    memset(job, 0, sizeof(*job));
    memcpy(&job->d, s->desc, sizeof(job->d));
    if (q->phase == SECMMU_PHASE_EXECUTE) {
        if (secmmu_job_prepare(job) != SECMMU_STATUS_OK) {
            return "a job that cannot run";
        }
        if (s->pos > job->d.len || s->pos % step_size(&job->d) ||
            (job->d.opcode == SECMMU_OP_GEMM &&
             !gemm_progress_ok(s, &job->d))) {
            return "a job with impossible progress";
        }
    }
    if (q->phase == SECMMU_PHASE_COMPLETE &&
        (s->status == SECMMU_STATUS_PENDING ||
         s->status >= SECMMU_STATUS_NR)) {
        return "a job with an unknown outcome";
    }
    job->pos = s->pos;
    job->node = s->node;
    job->acc = s->acc;
    memcpy(&job->facc, &s->facc, sizeof(job->facc));
    job->gemm_k = s->gemm_k;
    job->gemm_j = s->gemm_j;
    memcpy(job->tile, s->tile, sizeof(job->tile));
    job->status = s->status;
    job->bytes = s->bytes;
    job->fault_addr = s->fault_addr;
    job->result = s->result;
    return NULL;
}

static const char *load_event(SecmmuCore *core, SecmmuEventSlot *slot,
                              const SecmmuEventState *s)
{
    if (s->flags & ~(EVENT_PENDING | EVENT_WRITTEN)) {
        return "an event with unknown flags";
    }
    if ((s->flags & EVENT_WRITTEN) && s->pos >= core->event_tail) {
        return "an event past the end of the stream";
    }
    *slot = (SecmmuEventSlot) {
        .pending = s->flags & EVENT_PENDING,
        .written = s->flags & EVENT_WRITTEN,
        .pos = s->pos, .code = s->code, .flags = s->fault_flags,
        .seq = s->seq, .va = s->va, .extent = s->extent,
    };
    return NULL;
}

static const char *state_error(const SecmmuQueueState *s)
{
    bool at_rest = s->phase == SECMMU_PHASE_FETCH && s->head == s->tail;

    switch (s->state) {
    case SECMMU_QUEUE_STATE_OFF:
        return s->rank ? "a queue that is off and ready" : NULL;
    case SECMMU_QUEUE_STATE_READY:
        return s->rank ? NULL : "a ready queue without a place";
    case SECMMU_QUEUE_STATE_IDLE:
        return at_rest && !s->rank ? NULL : "an idle queue with work";
    case SECMMU_QUEUE_STATE_FAULTED:
    case SECMMU_QUEUE_STATE_REFUSED:
    case SECMMU_QUEUE_STATE_STOPPED:
        return s->rank ? "a queue that waits and is ready" : NULL;
    default:
        return "a queue in an unknown state";
    }
}

static const char *load_queue(SecmmuCore *core, SecmmuQueue *q,
                              const SecmmuQueueState *s)
{
    const char *bad = state_error(s);

    if (bad) {
        return bad;
    }
    q->ring = s->ring;
    q->order = s->order;
    q->asid = s->asid;
    q->state = s->state;
    q->enabled = s->state != SECMMU_QUEUE_STATE_OFF;
    q->fault_seq = s->fault_seq;
    for (unsigned i = 0; i < SECMMU_STATE_EVENTS; i++) {
        bad = load_event(core, &q->event[SECMMU_EVENT_FAULT + i],
                         &s->event[i]);
        if (bad) {
            return bad;
        }
    }
    if (!q->enabled) {
        return NULL;
    }
    /* A stopped queue may have outlived the mode of its ASID. */
    bad = secmmu_queue_error(core, q,
                             s->state != SECMMU_QUEUE_STATE_STOPPED);
    if (bad) {
        return bad;
    }
    if (s->tail - s->head > 1u << s->order ||
        s->phase > SECMMU_PHASE_COMPLETE ||
        s->error > SECMMU_QUEUE_DESTROYED || s->armed > 1) {
        return "a queue with impossible progress";
    }
    q->phase = s->phase;
    q->error = s->error;
    q->error_va = s->error_va;
    q->arm_target = s->arm_target;
    q->fault = (SecmmuFaultInfo) {
        .va = s->fault_va, .extent = s->fault_extent,
        .flags = s->fault_flags, .code = s->fault_code,
    };
    atomic_store(&q->stop, s->state == SECMMU_QUEUE_STATE_STOPPED);
    atomic_store(&q->armed, s->armed);
    atomic_store(&q->head, s->head);
    atomic_store(&q->freed, s->head);
    atomic_store(&q->tail, s->tail);
    atomic_store(&q->last_user_data, s->last_user_data);
    return load_job(q, s);
}

static const char *load_asid(SecmmuCore *core, unsigned i,
                             const SecmmuAsidState *s)
{
    SecmmuAsid *as = &core->asids[i];

    if (s->mode > SECMMU_ASID_SOFT ||
        (s->mode == SECMMU_ASID_WALK &&
         (!s->table || (s->table & ~SECMMU_SPTE_ADDR)))) {
        return "an ASID that cannot be on";
    }
    if (!secmmu_audit_root_ok(s->audit)) {
        return "an audit root with unknown bits";
    }
    atomic_store(&as->mode, s->mode);
    atomic_store(&as->table, s->table);
    atomic_store(&as->audit, s->audit);
    as->done = s->done;
    as->dropin_va = s->dropin_va;
    return NULL;
}

static const char *load_global(SecmmuCore *core, const SecmmuState *s)
{
    core->event_base = s->event_base;
    core->event_order = s->event_order;
    core->event_head = s->event_head;
    core->event_tail = s->event_tail;
    core->done_base = s->done_base;
    if (s->ctrl & ~SECMMU_CTRL_ENABLE) {
        return "CTRL with unknown bits";
    }
    if ((s->ctrl & SECMMU_CTRL_ENABLE) && !secmmu_event_ring_ok(core)) {
        return "an event ring that cannot be";
    }
    if (s->event_head > s->event_tail ||
        (s->event_tail != s->event_head &&
         (s->event_order > 31 ||
          s->event_tail - s->event_head > 1ull << s->event_order))) {
        return "more events than the ring holds";
    }
    atomic_store(&core->error, s->error);
    for (unsigned i = 0; i < SECMMU_CNT_NR; i++) {
        atomic_store_explicit(&core->count[i], s->counter[i],
                              memory_order_relaxed);
    }
    return NULL;
}

/* The ready list, in the order of the ranks: each one from 1 on, once. */
static const char *load_ready(SecmmuCore *core, const SecmmuState *s)
{
    unsigned n = core->config.queues, ready = 0;

    for (unsigned i = 0; i < n; i++) {
        ready += s->queue[i].rank != 0;
    }
    for (uint32_t rank = 1; rank <= ready; rank++) {
        unsigned i = 0;

        while (i < n && s->queue[i].rank != rank) {
            i++;
        }
        if (i == n) {
            return "ready queues without an order";
        }
        secmmu_sched_push(core, &core->queues[i]);
    }
    return NULL;
}

static const char *load(SecmmuCore *core, const SecmmuState *s)
{
    const char *bad = load_global(core, s);

    for (unsigned i = 0; !bad && i < core->config.asids; i++) {
        bad = load_asid(core, i, &s->asid[i]);
    }
    for (unsigned i = 0; !bad && i < core->config.queues; i++) {
        bad = load_queue(core, &core->queues[i], &s->queue[i]);
    }
    if (!bad) {
        bad = load_ready(core, s);
    }
    for (unsigned i = 0; !bad && i < core->config.queues; i++) {
        secmmu_event_waits(core, &core->queues[i]);
    }
    return bad;
}

const char *secmmu_core_load(SecmmuCore *core, const SecmmuState *state)
{
    const char *bad;

    pthread_mutex_lock(&core->control);
    secmmu_reset_locked(core);
    /* No DMA and no owner since the reset: the enable bit comes last. */
    pthread_mutex_lock(&core->lock);
    bad = load(core, state);
    pthread_mutex_unlock(&core->lock);
    if (bad) {
        secmmu_reset_locked(core);
    } else {
        core->ctrl = state->ctrl;
        secmmu_update_dma(core);
    }
    pthread_mutex_unlock(&core->control);
    return bad;
}
