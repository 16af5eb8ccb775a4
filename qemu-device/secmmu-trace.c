/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - from the core's trace records to QEMU's trace events.
 *
 * Lives here: the names and the printing of what is in ./trace-events.
 * Not here: when something is traced (core/), how events are switched on
 * (plugin-impl.c; in QEMU's own tree, its -trace option).
 *
 * Called from engines and control calls, with locks of the core held; only
 * while some event of QEMU is on.
 */
#include "qemu/osdep.h"

#include <linux/secmmu.h>
#include <linux/secmmu_hw.h>

#include "secmmu-front.h"
#include "trace.h"

/* Out of range: a value that the core does not know today. */
static const char *name_of(const char *const *names, unsigned nr, uint64_t i)
{
    return i < nr && names[i] ? names[i] : "?";
}

#define NAME_OF(names, i) name_of(names, ARRAY_SIZE(names), i)

static const char *const states[] = {
    [SECMMU_QUEUE_STATE_OFF] = "off",
    [SECMMU_QUEUE_STATE_IDLE] = "idle",
    [SECMMU_QUEUE_STATE_FAULTED] = "faulted",
    [SECMMU_QUEUE_STATE_REFUSED] = "refused",
    [SECMMU_QUEUE_STATE_STOPPED] = "stopped",
};

static const char *const types[] = {
    [SECMMU_EVENT_FAULT] = "fault",
    [SECMMU_EVENT_COMPLETION] = "completion",
    [SECMMU_EVENT_ERROR] = "error",
};

static const char *const codes[] = {
    [SECMMU_RESPONSE_RETRY] = "retry",
    [SECMMU_RESPONSE_BUSY] = "busy",
    [SECMMU_RESPONSE_FAIL] = "fail",
};

static const char *const modes[] = {
    [SECMMU_ASID_OFF] = "off",
    [SECMMU_ASID_WALK] = "walk",
    [SECMMU_ASID_SOFT] = "soft",
};

static const char *access_name(bool write)
{
    return write ? "write" : "read";
}

void secmmu_trace_event(const char *dev, const SecmmuTrace *ev)
{
    uint64_t t = secmmu_core_clock();
    uint64_t end = ev->va + ev->len;
    uint32_t high = ev->arg >> 32;

    switch (ev->type) {
    case SECMMU_TRACE_DOORBELL:
        trace_secmmu_doorbell(t, dev, ev->asid, ev->queue, ev->len, ev->arg);
        break;
    case SECMMU_TRACE_JOB_START:
        trace_secmmu_job_start(t, dev, ev->asid, ev->queue, ev->user_data,
                               ev->arg, ev->len, ev->va);
        break;
    case SECMMU_TRACE_JOB_END:
        trace_secmmu_job_end(t, dev, ev->asid, ev->queue, ev->user_data,
                             ev->arg, ev->len, ev->va);
        break;
    case SECMMU_TRACE_QUEUE:
        trace_secmmu_queue(t, dev, ev->asid, ev->queue,
                           NAME_OF(states, ev->arg & 0xff), ev->arg >> 8);
        break;
    case SECMMU_TRACE_EVENT:
        trace_secmmu_event(t, dev, ev->asid, ev->queue,
                           NAME_OF(types, ev->arg), ev->len, ev->va);
        break;
    case SECMMU_TRACE_MISS:
        trace_secmmu_tlb_miss(t, dev, ev->asid, ev->queue, ev->va,
                              access_name(ev->arg), ev->user_data);
        break;
    case SECMMU_TRACE_WALK:
        trace_secmmu_walk(t, dev, ev->asid, ev->queue, ev->va, ev->len,
                          ev->arg, ev->user_data);
        break;
    case SECMMU_TRACE_FILL:
        trace_secmmu_tlb_fill(t, dev, ev->asid, ev->queue, ev->va, ev->len,
                              ev->arg);
        break;
    case SECMMU_TRACE_DROP:
        trace_secmmu_tlb_drop(t, dev, ev->asid, ev->va, ev->len, ev->arg);
        break;
    case SECMMU_TRACE_FAULT:
        trace_secmmu_fault(t, dev, ev->asid, ev->queue, high, ev->va, ev->len,
                           access_name(ev->arg & SECMMU_FAULT_WRITE),
                           ev->arg & SECMMU_FAULT_PRESENT ? " protect" : "",
                           ev->user_data);
        break;
    case SECMMU_TRACE_RESPONSE:
        trace_secmmu_response(t, dev, ev->asid, ev->queue, high,
                              NAME_OF(codes, ev->arg & 0xff),
                              ev->arg >> 8 & 0xff, ev->va, ev->user_data);
        break;
    case SECMMU_TRACE_RESUME:
        trace_secmmu_resume(t, dev, ev->asid, ev->len);
        break;
    case SECMMU_TRACE_SHOOTDOWN_BEGIN:
        trace_secmmu_shootdown_begin(t, dev, ev->asid, ev->va, end, ev->arg);
        break;
    case SECMMU_TRACE_DRAIN:
        trace_secmmu_drain(t, dev, ev->asid, ev->len);
        break;
    case SECMMU_TRACE_SHOOTDOWN_END:
        trace_secmmu_shootdown_end(t, dev, ev->asid, ev->va, end, high,
                                   ev->arg);
        break;
    case SECMMU_TRACE_ASID:
        trace_secmmu_asid(t, dev, ev->asid, NAME_OF(modes, ev->arg), ev->va);
        break;
    case SECMMU_TRACE_DMA:
        trace_secmmu_dma(t, dev, ev->arg ? "on" : "off");
        break;
    case SECMMU_TRACE_RESET:
        trace_secmmu_reset(t, dev);
        break;
    case SECMMU_TRACE_AUDIT:
        trace_secmmu_audit(t, dev, ev->asid, ev->queue, ev->va,
                           access_name(ev->len), ev->arg, ev->user_data);
        break;
    case SECMMU_TRACE_NR:
        break;
    }
}
