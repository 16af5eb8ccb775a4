/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - queues.
 *
 * Lives here: the queue's states, the ring, the completion record, parking on
 * faults and the driver's answers.
 * Not here: which queue runs when (engine.c), what jobs do (jobs*.c).
 *
 * An engine owns a queue from the moment it takes it off the ready list until
 * it gives it back. Only the owner touches phase, job and head; everything else
 * is under core->lock. Who stops a queue sets q->stop and waits for the owner
 * to let go, which it does at the latest when its window ends.
 */
#include <string.h>

#include "internal.h"

static void set_state(SecmmuCore *core, SecmmuQueue *q, uint8_t state)
{
    q->state = state;
    if (state != SECMMU_QUEUE_STATE_READY &&
        state != SECMMU_QUEUE_STATE_RUNNING) {
        secmmu_trace(core, SECMMU_TRACE_QUEUE, q->index, q->asid, 0, 0,
                     state | (uint64_t)q->error << 8, 0);
    }
}

static void make_ready(SecmmuCore *core, SecmmuQueue *q)
{
    set_state(core, q, SECMMU_QUEUE_STATE_READY);
    secmmu_sched_push(core, q);
}

static void post_completion(SecmmuCore *core, SecmmuQueue *q,
                            SecmmuCounterCell *count)
{
    SecmmuEventSlot ev = {
        .va = atomic_load_explicit(&q->last_user_data, memory_order_relaxed),
        .seq = atomic_load(&q->head),
    };

    secmmu_event_post(core, q, SECMMU_EVENT_COMPLETION, &ev, count);
}

static void post_error(SecmmuCore *core, SecmmuQueue *q,
                       SecmmuCounterCell *count)
{
    SecmmuEventSlot ev = {
        .code = q->error,
        .va = q->error_va,
        .seq = atomic_load(&q->head),
    };

    /* The fault of a queue that has stopped needs no answer. */
    secmmu_event_forget(core, q, 1u << SECMMU_EVENT_FAULT);
    secmmu_event_post(core, q, SECMMU_EVENT_ERROR, &ev, count);
}

/* ------------------------------------------------------- control calls */

const char *secmmu_queue_error(SecmmuCore *core, const SecmmuQueue *q,
                               bool asid_on)
{
    if (q->ring % sizeof(struct secmmu_desc)) {
        return "ring not aligned";
    }
    if (q->order > SECMMU_MAX_RING_ORDER) {
        return "ring too long";
    }
    if (!secmmu_va_ok(q->ring, sizeof(struct secmmu_desc) << q->order)) {
        return "ring outside the address space";
    }
    if (q->asid >= core->config.asids ||
        (asid_on &&
         atomic_load(&core->asids[q->asid].mode) == SECMMU_ASID_OFF)) {
        return "ASID off";
    }
    return NULL;
}

void secmmu_queue_enable(SecmmuCore *core, SecmmuQueue *q)
{
    const char *bad = secmmu_queue_error(core, q, true);

    if (bad) {
        secmmu_error(core, SECMMU_ERR_QUEUE, "queue %u: %s", q->index, bad);
        return;
    }
    secmmu_slot_drop(q, 0, SECMMU_VA_END >> SECMMU_PAGE_SHIFT);
    pthread_mutex_lock(&core->lock);
    atomic_store(&q->head, 0);
    atomic_store(&q->freed, 0);
    atomic_store(&q->tail, 0);
    atomic_store(&q->armed, false);
    atomic_store(&q->stop, false);
    atomic_store(&q->last_user_data, 0);
    q->error = SECMMU_QUEUE_OK;
    q->error_va = 0;
    q->phase = SECMMU_PHASE_FETCH;
    memset(&q->job, 0, sizeof(q->job));
    q->enabled = true;
    set_state(core, q, SECMMU_QUEUE_STATE_IDLE);
    pthread_mutex_unlock(&core->lock);
}

/* Takes the queue away from whoever has it; core->lock is held on return. */
static void take_away(SecmmuCore *core, SecmmuQueue *q)
{
    pthread_mutex_lock(&core->lock);
    atomic_store(&q->stop, true);
    secmmu_sched_remove(core, q);
    pthread_mutex_unlock(&core->lock);
    secmmu_sched_wait_disowned(core, q);
    pthread_mutex_lock(&core->lock);
    /* The owner may have given it back in the meantime. */
    secmmu_sched_remove(core, q);
}

void secmmu_queue_disable(SecmmuCore *core, SecmmuQueue *q)
{
    take_away(core, q);
    q->enabled = false;
    q->error = SECMMU_QUEUE_OK;
    q->error_va = 0;
    secmmu_event_forget(core, q, ~0u);
    set_state(core, q, SECMMU_QUEUE_STATE_OFF);
    pthread_mutex_unlock(&core->lock);
}

void secmmu_queue_stop(SecmmuCore *core, SecmmuQueue *q, unsigned error,
                       uint64_t va)
{
    take_away(core, q);
    if (q->state != SECMMU_QUEUE_STATE_STOPPED) {
        q->error = error;
        q->error_va = va;
        set_state(core, q, SECMMU_QUEUE_STATE_STOPPED);
        post_error(core, q, core->count);
    }
    pthread_mutex_unlock(&core->lock);
}

void secmmu_queue_doorbell(SecmmuCore *core, SecmmuQueue *q, uint32_t tail)
{
    uint32_t old, head;
    bool bad;

    pthread_mutex_lock(&core->lock);
    secmmu_count(core->count, SECMMU_CNT_DOORBELLS, 1);
    if (q->state == SECMMU_QUEUE_STATE_STOPPED) {
        pthread_mutex_unlock(&core->lock);
        return;
    }
    old = atomic_load(&q->tail);
    head = atomic_load(&q->head);
    secmmu_trace(core, SECMMU_TRACE_DOORBELL, q->index, q->asid, 0, tail, head,
                 0);
    bad = tail - atomic_load(&q->freed) > 1u << q->order;
    /*
     * A tail that two threads rang in the wrong order says nothing new. It
     * must not be stored: the owner may have passed it by now.
     */
    if (!bad && tail - head > old - head) {
        atomic_store_explicit(&q->tail, tail, memory_order_release);
        if (q->state == SECMMU_QUEUE_STATE_IDLE) {
            make_ready(core, q);
        }
    }
    pthread_mutex_unlock(&core->lock);
    if (bad) {
        secmmu_queue_stop(core, q, SECMMU_QUEUE_BAD_DOORBELL, tail);
    }
}

static bool armed_reached(SecmmuQueue *q)
{
    return (int32_t)(atomic_load(&q->head) - q->arm_target) >= 0;
}

void secmmu_queue_arm(SecmmuCore *core, SecmmuQueue *q, uint32_t target)
{
    pthread_mutex_lock(&core->lock);
    q->arm_target = target;
    /* The owner advances head, then looks at armed: one of us sees. */
    atomic_store(&q->armed, true);
    if (armed_reached(q)) {
        atomic_store(&q->armed, false);
        post_completion(core, q, core->count);
    }
    pthread_mutex_unlock(&core->lock);
}

/* A job that ends before its work is done. Owner, or nobody owns it. */
static void end_job(SecmmuQueue *q, uint32_t status, uint64_t va)
{
    secmmu_job_partial(&q->job);
    q->job.status = status;
    q->job.fault_addr = va;
    q->phase = SECMMU_PHASE_COMPLETE;
}

static void respond_fail(SecmmuCore *core, SecmmuQueue *q, uint32_t status)
{
    switch (q->phase) {
    case SECMMU_PHASE_EXECUTE:
        end_job(q, status, q->fault.va);
        make_ready(core, q);
        return;
    case SECMMU_PHASE_FETCH:
        q->error = SECMMU_QUEUE_RING_FAULT;
        break;
    case SECMMU_PHASE_COMPLETE:
        q->error = SECMMU_QUEUE_COMPLETION_FAULT;
        break;
    }
    q->error_va = q->fault.va;
    set_state(core, q, SECMMU_QUEUE_STATE_STOPPED);
    post_error(core, q, core->count);
}

static bool status_may_fail(uint32_t status)
{
    return status == SECMMU_STATUS_FAULT ||
           status == SECMMU_STATUS_NO_MEMORY ||
           status == SECMMU_STATUS_POISONED ||
           status == SECMMU_STATUS_BUS_ERROR;
}

void secmmu_queue_response(SecmmuCore *core, uint64_t val)
{
    uint16_t index = val;
    uint8_t code = val >> 16, status = val >> 24;
    uint32_t seq = val >> 32;
    SecmmuQueue *q;

    if (index >= core->config.queues ||
        code < SECMMU_RESPONSE_RETRY || code > SECMMU_RESPONSE_FAIL ||
        (code == SECMMU_RESPONSE_FAIL && !status_may_fail(status))) {
        secmmu_error(core, SECMMU_ERR_RESPONSE, "response 0x%llx is invalid",
                     (unsigned long long)val);
        return;
    }
    q = &core->queues[index];
    pthread_mutex_lock(&core->lock);
    if (q->state != SECMMU_QUEUE_STATE_FAULTED || seq != q->fault_seq) {
        secmmu_count(core->count, SECMMU_CNT_STALE_RESPONSES, 1);
        pthread_mutex_unlock(&core->lock);
        return;
    }
    secmmu_trace(core, SECMMU_TRACE_RESPONSE, index, q->asid, q->fault.va, 0,
                 (uint64_t)seq << 32 | (uint64_t)status << 8 | code,
                 q->job.d.user_data);
    /* An answer to an event that is still waiting makes it moot. */
    secmmu_event_forget(core, q, 1u << SECMMU_EVENT_FAULT);
    switch (code) {
    case SECMMU_RESPONSE_RETRY:
        secmmu_count(core->count, SECMMU_CNT_RETRIED, 1);
        make_ready(core, q);
        break;
    case SECMMU_RESPONSE_BUSY:
        secmmu_count(core->count, SECMMU_CNT_REFUSED, 1);
        set_state(core, q, SECMMU_QUEUE_STATE_REFUSED);
        break;
    case SECMMU_RESPONSE_FAIL:
        secmmu_count(core->count, SECMMU_CNT_FAILED, 1);
        respond_fail(core, q, status);
        break;
    }
    pthread_mutex_unlock(&core->lock);
}

void secmmu_queue_resume(SecmmuCore *core, unsigned asid)
{
    unsigned n = 0;

    pthread_mutex_lock(&core->lock);
    secmmu_count(core->count, SECMMU_CNT_RESUMES, 1);
    for (unsigned i = 0; i < core->config.queues; i++) {
        SecmmuQueue *q = &core->queues[i];

        if (q->state == SECMMU_QUEUE_STATE_REFUSED && q->asid == asid) {
            make_ready(core, q);
            n++;
        }
    }
    /* Told before an engine can take one of them, and miss again. */
    secmmu_trace(core, SECMMU_TRACE_RESUME, 0, asid, 0, n, 0, 0);
    pthread_mutex_unlock(&core->lock);
}

/* ------------------------------------------------------ engine's side */

/* Parks the queue on engine->fault and gives it back. In the window. */
static SecmmuRun park(SecmmuEngine *engine, SecmmuQueue *q, unsigned code)
{
    SecmmuCore *core = engine->core;

    pthread_mutex_lock(&core->lock);
    if (!atomic_load(&q->stop)) {
        SecmmuEventSlot ev;
        unsigned cnt = SECMMU_CNT_FAULTS_READ;

        q->fault = engine->fault;
        q->fault.code = code;
        q->fault_seq++;
        ev = (SecmmuEventSlot) {
            .flags = q->fault.flags, .code = code, .va = q->fault.va,
            .extent = q->fault.extent, .seq = q->fault_seq,
        };
        if (q->fault.flags & SECMMU_FAULT_PRESENT) {
            cnt = SECMMU_CNT_FAULTS_PROTECT;
        } else if (q->fault.flags & SECMMU_FAULT_WRITE) {
            cnt = SECMMU_CNT_FAULTS_WRITE;
        }
        secmmu_count(engine->count, cnt, 1);
        secmmu_trace(core, SECMMU_TRACE_FAULT, q->index, q->asid, q->fault.va,
                     q->fault.extent,
                     (uint64_t)q->fault_seq << 32 | q->fault.flags,
                     code ? q->job.d.user_data : 0);
        /* The answer may come as soon as the event is out. */
        set_state(core, q, SECMMU_QUEUE_STATE_FAULTED);
        secmmu_sched_disown(q);
        secmmu_event_post(core, q, SECMMU_EVENT_FAULT, &ev, engine->count);
    } else {
        secmmu_sched_disown(q);
    }
    pthread_mutex_unlock(&core->lock);
    return SECMMU_RUN_RELEASED;
}

static SecmmuRun stop_own(SecmmuEngine *engine, SecmmuQueue *q,
                          unsigned error, uint64_t va)
{
    SecmmuCore *core = engine->core;

    pthread_mutex_lock(&core->lock);
    if (!atomic_load(&q->stop)) {
        atomic_store(&q->stop, true);
        q->error = error;
        q->error_va = va;
        set_state(core, q, SECMMU_QUEUE_STATE_STOPPED);
        secmmu_sched_disown(q);
        post_error(core, q, engine->count);
    } else {
        secmmu_sched_disown(q);
    }
    pthread_mutex_unlock(&core->lock);
    return SECMMU_RUN_RELEASED;
}

/* An access to the ring or the record failed. */
static SecmmuRun queue_access_failed(SecmmuEngine *engine, SecmmuQueue *q,
                                     SecmmuAccess access, uint64_t extent,
                                     unsigned error)
{
    switch (access) {
    case SECMMU_ACCESS_FAULT:
        engine->fault.extent = extent;
        return park(engine, q, 0);
    case SECMMU_ACCESS_BUS:
        secmmu_count(engine->count, SECMMU_CNT_BUS_ERRORS, 1);
        return stop_own(engine, q, error, engine->fault.va);
    default:
        engine->budget = 0;
        return SECMMU_RUN_MORE;
    }
}

/* RUN_MORE and the phase has moved on, or another outcome. */
static SecmmuRun fetch(SecmmuEngine *engine, SecmmuQueue *q)
{
    SecmmuCore *core = engine->core;
    SecmmuJob *job = &q->job;
    uint32_t head = atomic_load_explicit(&q->head, memory_order_relaxed);
    uint32_t tail = atomic_load_explicit(&q->tail, memory_order_acquire);
    uint32_t slot = head & ((1u << q->order) - 1);
    uint64_t va = q->ring + slot * sizeof(struct secmmu_desc);
    uint64_t words[sizeof(struct secmmu_desc) / 8];
    SecmmuSpan span = { 0 };
    const uint64_t *p;
    SecmmuAccess r;
    uint32_t status;

    if (head == tail) {
        return SECMMU_RUN_IDLE;
    }
    r = secmmu_span_open(engine, q, &span, va, sizeof(words), false);
    if (r != SECMMU_ACCESS_OK) {
        uint32_t n = MIN(tail - head, (1u << q->order) - slot);

        return queue_access_failed(engine, q, r,
                                   (uint64_t)n * sizeof(struct secmmu_desc),
                                   SECMMU_QUEUE_RING_FAULT);
    }
    /* Atomic loads: each word is read once, whatever the guest does. */
    p = span.host;
    for (unsigned i = 0; i < sizeof(words) / 8; i++) {
        words[i] = __atomic_load_n(&p[i], __ATOMIC_RELAXED);
    }
    secmmu_span_close(engine, &span);
    memcpy(&job->d, words, sizeof(words));
    job->d.variant = le16toh(job->d.variant);
    job->d.reserved = le32toh(job->d.reserved);
    job->d.user_data = le64toh(job->d.user_data);
    job->d.src = le64toh(job->d.src);
    job->d.dst = le64toh(job->d.dst);
    job->d.len = le64toh(job->d.len);
    job->d.operand[0] = le64toh(job->d.operand[0]);
    job->d.operand[1] = le64toh(job->d.operand[1]);
    job->d.completion = le64toh(job->d.completion);

    secmmu_trace(core, SECMMU_TRACE_JOB_START, q->index, q->asid, va,
                 job->d.len, job->d.opcode, job->d.user_data);
    engine->budget -= SECMMU_COST_JOB;
    status = secmmu_job_prepare(job);
    if (status == SECMMU_STATUS_OK) {
        q->phase = SECMMU_PHASE_EXECUTE;
    } else {
        job->status = status;
        q->phase = SECMMU_PHASE_COMPLETE;
    }
    return SECMMU_RUN_MORE;
}

static SecmmuRun execute(SecmmuEngine *engine, SecmmuQueue *q)
{
    SecmmuJob *job = &q->job;

    switch (secmmu_job_step(engine, q)) {
    case SECMMU_STEP_DONE:
        q->phase = SECMMU_PHASE_COMPLETE;
        break;
    case SECMMU_STEP_MORE:
        break;
    case SECMMU_STEP_FAULT:
        if (!(job->d.flags & SECMMU_DESC_NO_BLOCK)) {
            return park(engine, q, job->d.opcode);
        }
        end_job(q, SECMMU_STATUS_PARTIAL, engine->fault.va);
        break;
    case SECMMU_STEP_BUS:
        secmmu_count(engine->count, SECMMU_CNT_BUS_ERRORS, 1);
        end_job(q, SECMMU_STATUS_BUS_ERROR, engine->fault.va);
        break;
    }
    return SECMMU_RUN_MORE;
}

static SecmmuAccess write_record(SecmmuEngine *engine, SecmmuQueue *q)
{
    SecmmuJob *job = &q->job;
    struct secmmu_completion *record;
    SecmmuSpan span = { 0 };
    SecmmuAccess r;

    r = secmmu_span_open(engine, q, &span, job->d.completion,
                         sizeof(*record), true);
    if (r != SECMMU_ACCESS_OK) {
        return r;
    }
    record = span.host;
    record->bytes = htole32(job->bytes);
    record->fault_addr = htole64(job->fault_addr);
    record->result = htole64(job->result);
    record->user_data = htole64(job->d.user_data);
    /*
     * Before the status: who sees it may reuse the slot and ring at once,
     * when head has yet to move.
     */
    atomic_store(&q->freed, atomic_load(&q->head) + 1);
    __atomic_store_n(&record->status, htole32(job->status), __ATOMIC_RELEASE);
    secmmu_span_close(engine, &span);
    return SECMMU_ACCESS_OK;
}

static void count_job(SecmmuEngine *engine, const SecmmuJob *job)
{
    unsigned op = job->d.opcode < SECMMU_OP_NR ? job->d.opcode : 0;

    secmmu_count(engine->count, SECMMU_CNT_JOBS, 1);
    secmmu_count(engine->count, SECMMU_CNT_JOBS_BY_OPCODE + op, 1);
    secmmu_count(engine->count, SECMMU_CNT_JOBS_BY_STATUS + job->status, 1);
}

static SecmmuRun complete(SecmmuEngine *engine, SecmmuQueue *q)
{
    SecmmuCore *core = engine->core;
    SecmmuJob *job = &q->job;

    if (job->d.completion) {
        uint64_t va = job->d.completion;
        SecmmuAccess r;

        if (va % sizeof(struct secmmu_completion) ||
            !secmmu_va_ok(va, sizeof(struct secmmu_completion))) {
            return stop_own(engine, q, SECMMU_QUEUE_COMPLETION_FAULT, va);
        }
        r = write_record(engine, q);
        if (r != SECMMU_ACCESS_OK) {
            return queue_access_failed(engine, q, r,
                                       sizeof(struct secmmu_completion),
                                       SECMMU_QUEUE_COMPLETION_FAULT);
        }
    }
    count_job(engine, job);
    secmmu_trace(core, SECMMU_TRACE_JOB_END, q->index, q->asid,
                 job->fault_addr, job->bytes, job->status, job->d.user_data);
    q->phase = SECMMU_PHASE_FETCH;
    atomic_store_explicit(&q->last_user_data, job->d.user_data,
                          memory_order_relaxed);
    atomic_store(&q->freed, atomic_fetch_add(&q->head, 1) + 1);
    if ((job->d.flags & SECMMU_DESC_INTERRUPT) || atomic_load(&q->armed)) {
        pthread_mutex_lock(&core->lock);
        if (!atomic_load(&q->stop)) {
            bool post = job->d.flags & SECMMU_DESC_INTERRUPT;

            if (atomic_load(&q->armed) && armed_reached(q)) {
                atomic_store(&q->armed, false);
                post = true;
            }
            if (post) {
                post_completion(core, q, engine->count);
            }
        }
        pthread_mutex_unlock(&core->lock);
    }
    return SECMMU_RUN_MORE;
}

SecmmuRun secmmu_queue_run(SecmmuEngine *engine, SecmmuQueue *q,
                           unsigned *jobs)
{
    SecmmuRun run = SECMMU_RUN_MORE;

    while (run == SECMMU_RUN_MORE && engine->budget > 0) {
        switch (q->phase) {
        case SECMMU_PHASE_FETCH:
            run = fetch(engine, q);
            break;
        case SECMMU_PHASE_EXECUTE:
            run = execute(engine, q);
            break;
        case SECMMU_PHASE_COMPLETE:
            run = complete(engine, q);
            *jobs += run == SECMMU_RUN_MORE && q->phase == SECMMU_PHASE_FETCH;
            break;
        }
    }
    return run;
}
