/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - the core as a whole.
 *
 * Lives here: creation, end, reset, bus mastering, errors.
 * Not here: registers (regs.c).
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "internal.h"

#define MAX_ENGINES             64
#define MAX_SETS                65536
#define MAX_WAYS                64
#define WALK_CACHE_SETS         64
#define WALK_CACHE_WAYS         4

void secmmu_error(SecmmuCore *core, uint32_t bit, const char *fmt, ...)
{
    char msg[256];
    va_list ap;

    atomic_fetch_or(&core->error, bit);
    va_start(ap, fmt);
    vsnprintf(msg, sizeof(msg), fmt, ap);
    va_end(ap);
    core->ops->guest_error(core->opaque, msg);
}

static const char *config_error(const SecmmuConfig *c)
{
    if (c->engines > MAX_ENGINES) {
        return "engines: at most 64";
    }
    if (c->queues > SECMMU_MAX_QUEUES) {
        return "queues: at most 1024";
    }
    if (c->asids > SECMMU_MAX_ASIDS) {
        return "asids: at most 4096";
    }
    if (c->tlb_sets > MAX_SETS || (c->tlb_sets & (c->tlb_sets - 1))) {
        return "tlb_sets: a power of two, at most 65536";
    }
    if (c->tlb_ways > MAX_WAYS) {
        return "tlb_ways: at most 64";
    }
    return NULL;
}

static void default_to(unsigned *field, unsigned value)
{
    if (!*field) {
        *field = value;
    }
}

static void *zalloc_aligned(size_t n, size_t size)
{
    size_t total = (n * size + SECMMU_CACHE_LINE - 1) &
                   -(size_t)SECMMU_CACHE_LINE;
    void *p = aligned_alloc(SECMMU_CACHE_LINE, total);

    if (p) {
        memset(p, 0, total);
    }
    return p;
}

static bool alloc_parts(SecmmuCore *core)
{
    SecmmuConfig *c = &core->config;

    core->engines = zalloc_aligned(c->engines, sizeof(SecmmuEngine));
    core->queues = zalloc_aligned(c->queues, sizeof(SecmmuQueue));
    core->asids = zalloc_aligned(c->asids, sizeof(SecmmuAsid));
    if (!core->engines || !core->queues || !core->asids ||
        !secmmu_tlb_init(&core->tlb, c->tlb_sets, c->tlb_ways,
                         SECMMU_PAGE_SHIFT, SECMMU_HUGE_SHIFT) ||
        !secmmu_tlb_init(&core->walk_cache, WALK_CACHE_SETS, WALK_CACHE_WAYS,
                         SECMMU_LEVEL_SHIFT(1), SECMMU_LEVEL_SHIFT(2))) {
        return false;
    }
    for (unsigned i = 0; i < c->engines; i++) {
        core->engines[i].core = core;
        core->engines[i].index = i;
    }
    for (unsigned i = 0; i < c->queues; i++) {
        core->queues[i].index = i;
    }
    return true;
}

static void free_parts(SecmmuCore *core)
{
    secmmu_tlb_destroy(&core->walk_cache);
    secmmu_tlb_destroy(&core->tlb);
    free(core->asids);
    free(core->queues);
    free(core->engines);
    pthread_cond_destroy(&core->work);
    pthread_mutex_destroy(&core->lock);
    pthread_mutex_destroy(&core->control);
    free(core);
}

static SecmmuCore *refuse(SecmmuCore *core, char **errmsg, const char *why)
{
    if (errmsg) {
        *errmsg = strdup(why);
    }
    if (core) {
        secmmu_engines_join(core);
        free_parts(core);
    }
    return NULL;
}

SecmmuCore *secmmu_core_new(const SecmmuConfig *config,
                            const SecmmuBusOps *ops, void *opaque,
                            char **errmsg)
{
    const char *bad = config_error(config);
    SecmmuCore *core;

    if (errmsg) {
        *errmsg = NULL;
    }
    if (bad) {
        return refuse(NULL, errmsg, bad);
    }
    core = zalloc_aligned(1, sizeof(*core));
    if (!core) {
        return refuse(NULL, errmsg, "out of memory");
    }
    core->config = *config;
    default_to(&core->config.engines, 2);
    default_to(&core->config.queues, 64);
    default_to(&core->config.asids, 64);
    default_to(&core->config.tlb_sets, 256);
    default_to(&core->config.tlb_ways, 4);
    core->ops = ops;
    core->opaque = opaque;
    pthread_mutex_init(&core->control, NULL);
    pthread_mutex_init(&core->lock, NULL);
    pthread_cond_init(&core->work, NULL);
    if (!alloc_parts(core)) {
        return refuse(core, errmsg, "out of memory");
    }
    if (secmmu_engines_start(core)) {
        return refuse(core, errmsg, "cannot start the engine threads");
    }
    return core;
}

void secmmu_core_free(SecmmuCore *core)
{
    if (!core) {
        return;
    }
    secmmu_core_reset(core);
    secmmu_engines_join(core);
    free_parts(core);
}

void secmmu_update_dma(SecmmuCore *core)
{
    bool on = core->bus_master && !core->resetting && !core->halted &&
              (core->ctrl & SECMMU_CTRL_ENABLE);

    if (on == atomic_load(&core->dma)) {
        return;
    }
    atomic_store(&core->dma, on);
    if (!on) {
        secmmu_window_drain(core, -1);
    }
    secmmu_trace(core, SECMMU_TRACE_DMA, 0, 0, 0, 0, on, 0);
    if (!on) {
        return;
    }
    pthread_mutex_lock(&core->lock);
    secmmu_event_flush(core, core->count);
    pthread_cond_broadcast(&core->work);
    pthread_mutex_unlock(&core->lock);
}

/* To the reset value of what the driver sees of a queue. */
static void reset_queue(SecmmuQueue *q)
{
    uint16_t index = q->index;

    memset(q, 0, sizeof(*q));
    q->index = index;
}

static void reset_asid(SecmmuAsid *as)
{
    uint64_t gen = atomic_load(&as->gen);

    memset(as, 0, sizeof(*as));
    atomic_store(&as->gen, gen + 1);
}

static void reset_counters(SecmmuCounterCell *count)
{
    for (unsigned i = 0; i < SECMMU_CNT_NR; i++) {
        atomic_store_explicit(&count[i], 0, memory_order_relaxed);
    }
}

void secmmu_reset_locked(SecmmuCore *core)
{
    /* No DMA from here on; then no engine has a queue; then all is ours. */
    core->resetting = true;
    secmmu_update_dma(core);
    for (unsigned i = 0; i < core->config.queues; i++) {
        secmmu_queue_disable(core, &core->queues[i]);
    }
    pthread_mutex_lock(&core->lock);
    for (unsigned i = 0; i < core->config.queues; i++) {
        reset_queue(&core->queues[i]);
    }
    core->event_head = 0;
    core->event_tail = 0;
    core->events.first = NULL;
    core->events.last = NULL;
    pthread_mutex_unlock(&core->lock);
    for (unsigned i = 0; i < core->config.asids; i++) {
        reset_asid(&core->asids[i]);
    }
    secmmu_tlb_drop_all(&core->tlb);
    secmmu_tlb_drop_all(&core->walk_cache);
    core->ctrl = 0;
    core->event_base = 0;
    core->event_order = 0;
    core->done_base = 0;
    atomic_store(&core->error, 0);
    reset_counters(core->count);
    for (unsigned i = 0; i < core->config.engines; i++) {
        reset_counters(core->engines[i].count);
    }
    core->resetting = false;
    secmmu_trace(core, SECMMU_TRACE_RESET, 0, 0, 0, 0, 0, 0);
}

void secmmu_core_reset(SecmmuCore *core)
{
    pthread_mutex_lock(&core->control);
    secmmu_reset_locked(core);
    pthread_mutex_unlock(&core->control);
}

void secmmu_core_set_bus_master(SecmmuCore *core, bool on)
{
    pthread_mutex_lock(&core->control);
    core->bus_master = on;
    secmmu_update_dma(core);
    pthread_mutex_unlock(&core->control);
}

void secmmu_core_kick(SecmmuCore *core)
{
    pthread_mutex_lock(&core->control);
    pthread_mutex_lock(&core->lock);
    secmmu_event_flush(core, core->count);
    pthread_mutex_unlock(&core->lock);
    pthread_mutex_unlock(&core->control);
}

uint64_t secmmu_core_clock(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

void secmmu_core_drain(SecmmuCore *core)
{
    /* Needs no order with other calls: it takes nothing away itself. */
    secmmu_window_drain(core, -1);
}

void secmmu_core_inject(SecmmuCore *core, const SecmmuInject *inject)
{
    pthread_mutex_lock(&core->control);
    atomic_store(&core->inject, inject);
    secmmu_window_drain(core, -1);
    pthread_mutex_unlock(&core->control);
}
