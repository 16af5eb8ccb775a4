/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - engines and the ready list.
 *
 * Lives here: the host threads, who works on which queue and for how long.
 * Not here: what is done with a queue (queue.c).
 *
 * Ready queues wait in one list in the order of their arrival. An engine gives
 * a queue at most a slice; a queue with more work goes to the end of the list,
 * so none can starve another. Queues that wait for the driver are in no
 * list and hold no engine.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/*
 * How long one idle engine looks for work before it sleeps, at most; when it is
 * not worth while, and how often that is doubted.
 */
#define SPIN_NS                 30000
#define SPIN_LEAST_NS           1000
#define SPIN_PROBE              32
#define SLICE_JOBS              64

void secmmu_sched_push(SecmmuCore *core, SecmmuQueue *q)
{
    q->on_ready = true;
    q->ready_next = NULL;
    if (core->ready.last) {
        core->ready.last->ready_next = q;
    } else {
        core->ready.first = q;
    }
    core->ready.last = q;
    atomic_fetch_add(&core->ready_count, 1);
    if (core->sleepers && !atomic_load(&core->spinners)) {
        pthread_cond_signal(&core->work);
    }
}

static SecmmuQueue *pop(SecmmuCore *core)
{
    SecmmuQueue *q = core->ready.first;

    if (q) {
        core->ready.first = q->ready_next;
        if (!core->ready.first) {
            core->ready.last = NULL;
        }
        q->on_ready = false;
        atomic_fetch_sub(&core->ready_count, 1);
    }
    return q;
}

void secmmu_sched_remove(SecmmuCore *core, SecmmuQueue *q)
{
    SecmmuQueue *i, *prev = NULL;

    if (!q->on_ready) {
        return;
    }
    for (i = core->ready.first; i != q; i = i->ready_next) {
        prev = i;
    }
    if (prev) {
        prev->ready_next = q->ready_next;
    } else {
        core->ready.first = q->ready_next;
    }
    if (core->ready.last == q) {
        core->ready.last = prev;
    }
    q->on_ready = false;
    atomic_fetch_sub(&core->ready_count, 1);
}

void secmmu_sched_disown(SecmmuQueue *q)
{
    atomic_store_explicit(&q->owner, NULL, memory_order_release);
}

void secmmu_sched_wait_disowned(SecmmuCore *core, SecmmuQueue *q)
{
    unsigned n = 0;

    while (atomic_load_explicit(&q->owner, memory_order_acquire)) {
        secmmu_wait_engine(core, &n);
    }
}

static bool work_waits(SecmmuCore *core)
{
    return atomic_load(&core->ready_count) && atomic_load(&core->dma);
}

/* True if work, or the end, came while we looked for so long. */
static bool look_for_work(SecmmuCore *core, uint64_t ns)
{
    uint64_t end = secmmu_core_clock() + ns;

    do {
        for (unsigned i = 0; i < 32; i++) {
            if (work_waits(core) || atomic_load(&core->quit)) {
                return true;
            }
            secmmu_cpu_relax();
        }
    } while (secmmu_core_clock() < end);
    return false;
}

/*
 * One engine at a time looks for work without the lock for a moment: a wake-up
 * costs more than a small job. But with few host CPUs the work may be waiting for
 * the one that looks, and then sleeping is quicker (yielding is not: who
 * yields may not come back for a whole tick of the host's scheduler). So the
 * moment is halved when nothing came, doubled when something did. Without core->lock.
 */
static void spin_for_work(SecmmuCore *core)
{
    unsigned none = 0;
    uint64_t ns;

    if (!atomic_compare_exchange_strong(&core->spinners, &none, 1)) {
        return;
    }
    ns = core->spin_ns;
    if (!ns && core->spins_skipped++ % SPIN_PROBE == 0) {
        ns = SPIN_NS;
    }
    if (ns) {
        ns = look_for_work(core, ns) ? MIN(2 * ns, SPIN_NS) : ns / 2;
        core->spin_ns = ns < SPIN_LEAST_NS ? 0 : ns;
    }
    atomic_store(&core->spinners, 0);
}

/* The next queue to work on, now owned; NULL: the core goes. */
static SecmmuQueue *take(SecmmuEngine *engine)
{
    SecmmuCore *core = engine->core;
    SecmmuQueue *q = NULL;
    bool spun = false;

    pthread_mutex_lock(&core->lock);
    while (!atomic_load(&core->quit)) {
        if (work_waits(core)) {
            q = pop(core);
            q->state = SECMMU_QUEUE_STATE_RUNNING;
            atomic_store(&q->owner, engine);
            if (work_waits(core) && core->sleepers) {
                pthread_cond_signal(&core->work);
            }
            break;
        }
        if (!spun) {
            /* A push during the spin signals nobody: look again after. */
            spun = true;
            pthread_mutex_unlock(&core->lock);
            spin_for_work(core);
            pthread_mutex_lock(&core->lock);
            continue;
        }
        core->sleepers++;
        pthread_cond_wait(&core->work, &core->lock);
        core->sleepers--;
        spun = false;
    }
    pthread_mutex_unlock(&core->lock);
    return q;
}

/* Gives back a queue that is not parked, to wait or to be run again. */
static void give_back(SecmmuEngine *engine, SecmmuQueue *q)
{
    SecmmuCore *core = engine->core;
    bool idle;

    pthread_mutex_lock(&core->lock);
    if (!atomic_load(&q->stop)) {
        idle = q->phase == SECMMU_PHASE_FETCH &&
               atomic_load(&q->head) == atomic_load(&q->tail);
        q->state = idle ? SECMMU_QUEUE_STATE_IDLE :
                          SECMMU_QUEUE_STATE_READY;
        if (!idle) {
            secmmu_sched_push(core, q);
        }
    }
    secmmu_sched_disown(q);
    pthread_mutex_unlock(&core->lock);
}

static void run_slice(SecmmuEngine *engine, SecmmuQueue *q)
{
    SecmmuCore *core = engine->core;
    const SecmmuInject *inject;
    int64_t left = SECMMU_SLICE;
    unsigned jobs = 0;

    for (;;) {
        SecmmuRun run;

        secmmu_window_enter(engine, q->asid);
        if (!atomic_load(&core->dma) || atomic_load(&q->stop)) {
            secmmu_window_exit(engine);
            break;
        }
        inject = secmmu_injected(core);
        if (inject && inject->window) {
            inject->window(core->opaque, engine->index);
        }
        run = secmmu_queue_run(engine, q, &jobs);
        left -= SECMMU_CHUNK - engine->budget;
        secmmu_window_exit(engine);

        if (run == SECMMU_RUN_RELEASED) {
            return;
        }
        if (run == SECMMU_RUN_IDLE) {
            break;
        }
        if (left <= 0 || jobs >= SLICE_JOBS) {
            if (atomic_load(&core->ready_count)) {
                break;
            }
            left = SECMMU_SLICE;
            jobs = 0;
        }
    }
    give_back(engine, q);
}

static void *engine_main(void *arg)
{
    SecmmuEngine *engine = arg;
    SecmmuCore *core = engine->core;
    SecmmuQueue *q;

    if (core->ops->thread_begin) {
        core->ops->thread_begin(core->opaque);
    }
    while ((q = take(engine)) != NULL) {
        run_slice(engine, q);
    }
    if (core->ops->thread_end) {
        core->ops->thread_end(core->opaque);
    }
    return NULL;
}

int secmmu_engines_start(SecmmuCore *core)
{
    sigset_t all, old;
    int ret = 0;

    /* Signals are for the threads of the process around us. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (core->engines_started < core->config.engines) {
        SecmmuEngine *engine = &core->engines[core->engines_started];

        ret = pthread_create(&engine->thread, NULL, engine_main, engine);
        if (ret) {
            break;
        }
        core->engines_started++;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return ret;
}

void secmmu_engines_join(SecmmuCore *core)
{
    pthread_mutex_lock(&core->lock);
    atomic_store(&core->quit, true);
    pthread_cond_broadcast(&core->work);
    pthread_mutex_unlock(&core->lock);
    for (unsigned i = 0; i < core->engines_started; i++) {
        pthread_join(core->engines[i].thread, NULL);
    }
    core->engines_started = 0;
}
