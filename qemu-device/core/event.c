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
 *
 * The interrupt follows, unless the driver has marked the slot as one that it is
 * looking at. One exchange writes the stamp and finds the mark: there is no
 * moment in which the driver stops looking and nobody tells it.
 */
#include "internal.h"

static bool consumed(SecmmuCore *core, const SecmmuEventSlot *slot)
{
    return !slot->written || slot->pos < core->event_head;
}

/* False if the driver is looking at the slot: it needs no interrupt. */
static bool put(SecmmuCore *core, SecmmuQueue *q, unsigned type,
                SecmmuEventSlot *slot, SecmmuCounterCell *count)
{
    uint64_t pos = core->event_tail;
    uint64_t addr = core->event_base +
                    (pos & ((1ull << core->event_order) - 1)) *
                    sizeof(struct secmmu_event);
    struct secmmu_event *ev;
    uint32_t found;
    void *cookie;

    core->event_tail++;
    slot->pos = pos;
    slot->written = true;
    slot->pending = false;
    ev = core->ops->map(core->opaque, addr, sizeof(*ev), true, &cookie);
    if (!ev) {
        secmmu_error(core, SECMMU_ERR_DMA, "event ring at 0x%llx: no RAM",
                     (unsigned long long)addr);
        return true;
    }
    ev->type = type;
    ev->flags = slot->flags;
    ev->queue = htole16(q->index);
    ev->asid = htole16(q->asid);
    ev->code = htole16(slot->code);
    ev->va = htole64(slot->va);
    ev->extent = htole64(slot->extent);
    ev->seq = htole32(slot->seq);
    found = le32toh(__atomic_exchange_n(&ev->stamp, htole32(SECMMU_STAMP(pos)),
                                        __ATOMIC_ACQ_REL));
    core->ops->unmap(core->opaque, ev, addr, sizeof(*ev), true, cookie);
    secmmu_count(count, SECMMU_CNT_EVENTS, 1);
    secmmu_trace(core, SECMMU_TRACE_EVENT, q->index, q->asid, slot->va, pos,
                 type, 0);
    return found != SECMMU_STAMP_POLLED(pos);
}

/*
 * Writes what can be written; true if something still waits. Sets *tell if the
 * driver has to be told of what was.
 */
static bool put_all(SecmmuCore *core, SecmmuQueue *q,
                    SecmmuCounterCell *count, bool *tell)
{
    const SecmmuInject *inject = secmmu_injected(core);
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
        *tell |= put(core, q, type, slot, count);
        if (inject && inject->repeat_event &&
            core->event_tail - core->event_head < room) {
            *tell |= put(core, q, type, slot, count);
        }
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
    bool tell = false;

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
    if (put_all(core, q, count, &tell)) {
        list_add(core, q);
    }
    if (tell) {
        interrupt(core, count);
    }
}

void secmmu_event_flush(SecmmuCore *core, SecmmuCounterCell *count)
{
    SecmmuQueue *q = core->events.first;
    bool tell = false;

    core->events.first = NULL;
    core->events.last = NULL;
    while (q) {
        SecmmuQueue *next = q->events_next;

        q->on_events = false;
        if (put_all(core, q, count, &tell)) {
            list_add(core, q);
        }
        q = next;
    }
    if (tell) {
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
