/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - the event ring.
 *
 * Lives here: posting, merging and writing events, the interrupt.
 * Not here: what makes an event (queue.c).
 *
 * Each queue has one slot per type, so what waits to be written needs no
 * memory of its own. An event is written when the driver has consumed the one
 * of the same queue and type before it. With that the ring, which holds three
 * per queue or more, cannot run full; still, nothing depends on it: an event
 * that finds no room, or a device that may not do DMA (or an engine that may
 * not reach the ring), keeps waiting.
 */
#include "internal.h"

static bool consumed(SecmmuCore *core, const SecmmuEventSlot *slot)
{
    return !slot->written || slot->pos < core->event_head;
}

static void put(SecmmuCore *core, SecmmuQueue *q, unsigned type,
                SecmmuEventSlot *slot, SecmmuCounterCell *count)
{
    uint64_t pos = core->event_tail;
    uint64_t addr = core->event_base +
                    (pos & ((1ull << core->event_order) - 1)) *
                    sizeof(struct secmmu_event);
    struct secmmu_event *ev;
    void *cookie;

    core->event_tail++;
    slot->pos = pos;
    slot->written = true;
    slot->pending = false;
    ev = core->ops->map(core->opaque, addr, sizeof(*ev), true, &cookie);
    if (!ev) {
        secmmu_error(core, SECMMU_ERR_DMA, "event ring at 0x%llx: no RAM",
                     (unsigned long long)addr);
        return;
    }
    ev->type = type;
    ev->flags = slot->flags;
    ev->queue = htole16(q->index);
    ev->asid = htole16(q->asid);
    ev->code = htole16(slot->code);
    ev->va = htole64(slot->va);
    ev->extent = htole64(slot->extent);
    ev->seq = htole32(slot->seq);
    __atomic_store_n(&ev->stamp, htole32((uint32_t)pos + 1), __ATOMIC_RELEASE);
    core->ops->unmap(core->opaque, ev, addr, sizeof(*ev), true, cookie);
    secmmu_count(count, SECMMU_CNT_EVENTS, 1);
    secmmu_trace(core, SECMMU_TRACE_EVENT, q->index, q->asid, slot->va, pos,
                 type, 0);
}

/* Writes what can be written; true if something still waits. */
static bool put_all(SecmmuCore *core, SecmmuQueue *q,
                    SecmmuCounterCell *count, bool *wrote)
{
    const SecmmuBusOps *ops = core->ops;
    bool waits = false;

    for (unsigned type = SECMMU_EVENT_FAULT; type <= SECMMU_EVENT_ERROR;
         type++) {
        SecmmuEventSlot *slot = &q->event[type];
        uint32_t room = 1u << core->event_order;

        if (!slot->pending) {
            continue;
        }
        if (!atomic_load(&core->dma) || !consumed(core, slot) ||
            core->event_tail - core->event_head >= room ||
            (ops->may_map && !ops->may_map(core->opaque))) {
            waits = true;
            continue;
        }
        put(core, q, type, slot, count);
        *wrote = true;
    }
    return waits;
}

static void interrupt(SecmmuCore *core, SecmmuCounterCell *count)
{
    secmmu_count(count, SECMMU_CNT_INTERRUPTS, 1);
    core->ops->raise_irq(core->opaque);
}

static void list_add(SecmmuCore *core, SecmmuQueue *q)
{
    if (q->on_events) {
        return;
    }
    q->on_events = true;
    q->events_next = NULL;
    if (core->events.last) {
        core->events.last->events_next = q;
    } else {
        core->events.first = q;
    }
    core->events.last = q;
}

void secmmu_event_waits(SecmmuCore *core, SecmmuQueue *q)
{
    for (unsigned type = SECMMU_EVENT_FAULT; type <= SECMMU_EVENT_ERROR;
         type++) {
        if (q->event[type].pending) {
            list_add(core, q);
            return;
        }
    }
}

void secmmu_event_post(SecmmuCore *core, SecmmuQueue *q, unsigned type,
                       const SecmmuEventSlot *ev, SecmmuCounterCell *count)
{
    SecmmuEventSlot *slot = &q->event[type];
    bool wrote = false;

    if (type == SECMMU_EVENT_COMPLETION &&
        (slot->pending || !consumed(core, slot))) {
        /*
         * The driver has yet to consume one, and looks at the queue only
         * after it has: it will see this job too. One that is only
         * pending takes over the news.
         */
        secmmu_count(count, SECMMU_CNT_EVENTS_MERGED, 1);
        if (!slot->pending) {
            return;
        }
    }
    slot->code = ev->code;
    slot->flags = ev->flags;
    slot->seq = ev->seq;
    slot->va = ev->va;
    slot->extent = ev->extent;
    slot->pending = true;
    if (put_all(core, q, count, &wrote)) {
        list_add(core, q);
    }
    if (wrote) {
        interrupt(core, count);
    }
}

void secmmu_event_flush(SecmmuCore *core, SecmmuCounterCell *count)
{
    SecmmuQueue *q = core->events.first;
    bool wrote = false;

    core->events.first = NULL;
    core->events.last = NULL;
    while (q) {
        SecmmuQueue *next = q->events_next;

        q->on_events = false;
        if (put_all(core, q, count, &wrote)) {
            list_add(core, q);
        }
        q = next;
    }
    if (wrote) {
        interrupt(core, count);
    }
}

void secmmu_event_forget(SecmmuCore *core, SecmmuQueue *q, unsigned mask)
{
    SecmmuQueueList keep = { NULL, NULL };
    SecmmuQueue *i, *next;
    bool waits = false;

    for (unsigned type = SECMMU_EVENT_FAULT; type <= SECMMU_EVENT_ERROR;
         type++) {
        if (mask & (1u << type)) {
            q->event[type].pending = false;
        }
        waits |= q->event[type].pending;
    }
    if (waits || !q->on_events) {
        return;
    }
    i = core->events.first;
    core->events = keep;
    for (; i; i = next) {
        next = i->events_next;
        i->on_events = false;
        if (i != q) {
            list_add(core, i);
        }
    }
}
