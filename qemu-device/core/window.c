/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - the in-flight window.
 *
 * Lives here: how an engine says "I may be using translations now" and how
 * somebody waits until all who said so have stopped.
 * Not here: what is done inside a window (access.c), who drops what
 * (shootdown.c).
 *
 * An engine touches guest memory only inside a window. It enters, then looks
 * at whether it may go on (core->dma, queue->stop), then looks translations
 * up, uses them, and leaves; nothing of a translation outlives the
 * window. Whoever takes something away (a translation, the right to DMA) does
 * so first and then drains. Entering and the drain's look are both sequentially
 * consistent: either the drain sees the window and waits for it, or the
 * engine sees what was taken away. Engines wait for nothing but short locks
 * inside a window, and a window holds at most CHUNK bytes of work, so a drain
 * ends.
 */
#include <sched.h>

#include "internal.h"

#define WINDOW_INSIDE           1ull
#define WINDOW_ASID_SHIFT       1
#define WINDOW_COUNT_SHIFT      17

void secmmu_wait_relax(unsigned *n)
{
    /* With few host CPUs the one waited for may be asleep. */
    if (++*n < 200) {
        secmmu_cpu_relax();
    } else {
        sched_yield();
    }
}

void secmmu_wait_engine(SecmmuCore *core, unsigned *n)
{
    if (core->ops->wait) {
        core->ops->wait(core->opaque);
    }
    secmmu_wait_relax(n);
}

void secmmu_window_enter(SecmmuEngine *engine, unsigned asid)
{
    uint64_t word = ++engine->windows << WINDOW_COUNT_SHIFT |
                    (uint64_t)asid << WINDOW_ASID_SHIFT | WINDOW_INSIDE;

    engine->budget = SECMMU_CHUNK;
    /* An exchange, since a plain store may pass the loads that follow. */
    atomic_exchange(&engine->window, word);
}

void secmmu_window_exit(SecmmuEngine *engine)
{
    atomic_store_explicit(&engine->window, 0, memory_order_release);
}

bool secmmu_window_awaited(SecmmuEngine *engine)
{
    return atomic_load_explicit(&engine->awaited, memory_order_relaxed) ==
           atomic_load_explicit(&engine->window, memory_order_relaxed);
}

unsigned secmmu_window_drain(SecmmuCore *core, int asid)
{
    unsigned waited = 0;

    for (unsigned i = 0; i < core->config.engines; i++) {
        SecmmuEngine *engine = &core->engines[i];
        uint64_t word = atomic_load(&engine->window);
        unsigned n = 0;

        if (!(word & WINDOW_INSIDE)) {
            continue;
        }
        if (asid >= 0 && ((word >> WINDOW_ASID_SHIFT) & 0xffff) != (unsigned)asid) {
            continue;
        }
        waited++;
        while (atomic_load(&engine->window) == word) {
            /* Each time: another who waits may have seen an older window. */
            atomic_store_explicit(&engine->awaited, word,
                                  memory_order_relaxed);
            secmmu_wait_engine(core, &n);
        }
    }
    return waited;
}
