/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints, /sys/kernel/tracing/events/secmmu/. Every event carries the
 * ASID and, where there is one, the queue and the number (seq) that the
 * device's own trace events show too.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM secmmu

#if !defined(SECMMU_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define SECMMU_TRACE_H

#include <linux/tracepoint.h>

#include "secmmu.h"

TRACE_EVENT(secmmu_fault,
	TP_PROTO(const struct secmmu_event *ev),
	TP_ARGS(ev),
	TP_STRUCT__entry(
		__field(u16, asid)
		__field(u16, queue)
		__field(u32, seq)
		__field(u64, va)
		__field(u64, extent)
		__field(u8, flags)
	),
	TP_fast_assign(
		__entry->asid = le16_to_cpu(ev->asid);
		__entry->queue = le16_to_cpu(ev->queue);
		__entry->seq = le32_to_cpu(ev->seq);
		__entry->va = le64_to_cpu(ev->va);
		__entry->extent = le64_to_cpu(ev->extent);
		__entry->flags = ev->flags;
	),
	TP_printk("asid=%u queue=%u seq=%u va=%#llx extent=%llu %s%s",
		  __entry->asid, __entry->queue, __entry->seq, __entry->va,
		  __entry->extent,
		  __entry->flags & SECMMU_FAULT_WRITE ? "write" : "read",
		  __entry->flags & SECMMU_FAULT_PRESENT ? " protect" : "")
);

TRACE_EVENT(secmmu_response,
	TP_PROTO(u32 asid, u32 queue, u32 seq, unsigned int code,
		 unsigned int status),
	TP_ARGS(asid, queue, seq, code, status),
	TP_STRUCT__entry(
		__field(u32, asid)
		__field(u32, queue)
		__field(u32, seq)
		__field(unsigned int, code)
		__field(unsigned int, status)
	),
	TP_fast_assign(
		__entry->asid = asid;
		__entry->queue = queue;
		__entry->seq = seq;
		__entry->code = code;
		__entry->status = status;
	),
	TP_printk("asid=%u queue=%u seq=%u %s status=%u", __entry->asid,
		  __entry->queue, __entry->seq,
		  __print_symbolic(__entry->code,
				   { SECMMU_RESPONSE_RETRY, "retry" },
				   { SECMMU_RESPONSE_BUSY, "busy" },
				   { SECMMU_RESPONSE_FAIL, "fail" }),
		  __entry->status)
);

TRACE_EVENT(secmmu_map,
	TP_PROTO(u32 asid, unsigned long va, unsigned int pages, bool write),
	TP_ARGS(asid, va, pages, write),
	TP_STRUCT__entry(
		__field(u32, asid)
		__field(unsigned long, va)
		__field(unsigned int, pages)
		__field(bool, write)
	),
	TP_fast_assign(
		__entry->asid = asid;
		__entry->va = va;
		__entry->pages = pages;
		__entry->write = write;
	),
	TP_printk("asid=%u va=%#lx pages=%u %s", __entry->asid, __entry->va,
		  __entry->pages, __entry->write ? "write" : "read")
);

TRACE_EVENT(secmmu_refill,
	TP_PROTO(u32 asid, u32 queue, u32 seq, unsigned long va),
	TP_ARGS(asid, queue, seq, va),
	TP_STRUCT__entry(
		__field(u32, asid)
		__field(u32, queue)
		__field(u32, seq)
		__field(unsigned long, va)
	),
	TP_fast_assign(
		__entry->asid = asid;
		__entry->queue = queue;
		__entry->seq = seq;
		__entry->va = va;
	),
	TP_printk("asid=%u queue=%u seq=%u va=%#lx", __entry->asid,
		  __entry->queue, __entry->seq, __entry->va)
);

TRACE_EVENT(secmmu_dropin,
	TP_PROTO(u32 asid, unsigned long va, unsigned long size, bool write),
	TP_ARGS(asid, va, size, write),
	TP_STRUCT__entry(
		__field(u32, asid)
		__field(unsigned long, va)
		__field(unsigned long, size)
		__field(bool, write)
	),
	TP_fast_assign(
		__entry->asid = asid;
		__entry->va = va;
		__entry->size = size;
		__entry->write = write;
	),
	TP_printk("asid=%u va=%#lx len=%lu %s", __entry->asid, __entry->va,
		  __entry->size, __entry->write ? "write" : "read")
);

TRACE_EVENT(secmmu_zap,
	TP_PROTO(u32 asid, unsigned long start, unsigned long end,
		 unsigned long entries),
	TP_ARGS(asid, start, end, entries),
	TP_STRUCT__entry(
		__field(u32, asid)
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(unsigned long, entries)
	),
	TP_fast_assign(
		__entry->asid = asid;
		__entry->start = start;
		__entry->end = end;
		__entry->entries = entries;
	),
	TP_printk("asid=%u start=%#lx end=%#lx entries=%lu", __entry->asid,
		  __entry->start, __entry->end, __entry->entries)
);

TRACE_EVENT(secmmu_age,
	TP_PROTO(u32 asid, unsigned long start, unsigned long end,
		 enum secmmu_age how, unsigned long young),
	TP_ARGS(asid, start, end, how, young),
	TP_STRUCT__entry(
		__field(u32, asid)
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(unsigned int, how)
		__field(unsigned long, young)
	),
	TP_fast_assign(
		__entry->asid = asid;
		__entry->start = start;
		__entry->end = end;
		__entry->how = how;
		__entry->young = young;
	),
	TP_printk("asid=%u start=%#lx end=%#lx %s young=%lu", __entry->asid,
		  __entry->start, __entry->end,
		  __print_symbolic(__entry->how,
				   { SECMMU_AGE_TEST, "test" },
				   { SECMMU_AGE_CLEAR, "clear" },
				   { SECMMU_AGE_FLUSH, "flush" }),
		  __entry->young)
);

TRACE_EVENT(secmmu_range,
	TP_PROTO(u32 asid, unsigned long start, unsigned long end,
		 unsigned long active, bool begins),
	TP_ARGS(asid, start, end, active, begins),
	TP_STRUCT__entry(
		__field(u32, asid)
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(unsigned long, active)
		__field(bool, begins)
	),
	TP_fast_assign(
		__entry->asid = asid;
		__entry->start = start;
		__entry->end = end;
		__entry->active = active;
		__entry->begins = begins;
	),
	TP_printk("asid=%u %s start=%#lx end=%#lx active=%lu", __entry->asid,
		  __entry->begins ? "start" : "end", __entry->start,
		  __entry->end, __entry->active)
);

TRACE_EVENT(secmmu_shootdown,
	TP_PROTO(u32 asid, unsigned long start, unsigned long end, u32 ticket),
	TP_ARGS(asid, start, end, ticket),
	TP_STRUCT__entry(
		__field(u32, asid)
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(u32, ticket)
	),
	TP_fast_assign(
		__entry->asid = asid;
		__entry->start = start;
		__entry->end = end;
		__entry->ticket = ticket;
	),
	TP_printk("asid=%u start=%#lx end=%#lx ticket=%u", __entry->asid,
		  __entry->start, __entry->end, __entry->ticket)
);

/* What was posted up to @ticket is over: the device uses none of it. */
TRACE_EVENT(secmmu_drained,
	TP_PROTO(u32 asid, u32 ticket),
	TP_ARGS(asid, ticket),
	TP_STRUCT__entry(
		__field(u32, asid)
		__field(u32, ticket)
	),
	TP_fast_assign(
		__entry->asid = asid;
		__entry->ticket = ticket;
	),
	TP_printk("asid=%u ticket=%u", __entry->asid, __entry->ticket)
);

TRACE_EVENT(secmmu_resume,
	TP_PROTO(u32 asid, unsigned long refused),
	TP_ARGS(asid, refused),
	TP_STRUCT__entry(
		__field(u32, asid)
		__field(unsigned long, refused)
	),
	TP_fast_assign(
		__entry->asid = asid;
		__entry->refused = refused;
	),
	TP_printk("asid=%u refused=%lu", __entry->asid, __entry->refused)
);

TRACE_EVENT(secmmu_queue,
	TP_PROTO(u32 asid, u32 queue, u64 ring, bool begins),
	TP_ARGS(asid, queue, ring, begins),
	TP_STRUCT__entry(
		__field(u32, asid)
		__field(u32, queue)
		__field(u64, ring)
		__field(bool, begins)
	),
	TP_fast_assign(
		__entry->asid = asid;
		__entry->queue = queue;
		__entry->ring = ring;
		__entry->begins = begins;
	),
	TP_printk("asid=%u queue=%u %s ring=%#llx", __entry->asid,
		  __entry->queue, __entry->begins ? "create" : "destroy",
		  __entry->ring)
);

TRACE_EVENT(secmmu_wait,
	TP_PROTO(u32 asid, u32 queue, u32 completed, u32 target),
	TP_ARGS(asid, queue, completed, target),
	TP_STRUCT__entry(
		__field(u32, asid)
		__field(u32, queue)
		__field(u32, completed)
		__field(u32, target)
	),
	TP_fast_assign(
		__entry->asid = asid;
		__entry->queue = queue;
		__entry->completed = completed;
		__entry->target = target;
	),
	TP_printk("asid=%u queue=%u completed=%u target=%u", __entry->asid,
		  __entry->queue, __entry->completed, __entry->target)
);

TRACE_EVENT(secmmu_complete,
	TP_PROTO(u32 asid, u32 queue, u32 completed, u32 error),
	TP_ARGS(asid, queue, completed, error),
	TP_STRUCT__entry(
		__field(u32, asid)
		__field(u32, queue)
		__field(u32, completed)
		__field(u32, error)
	),
	TP_fast_assign(
		__entry->asid = asid;
		__entry->queue = queue;
		__entry->completed = completed;
		__entry->error = error;
	),
	TP_printk("asid=%u queue=%u completed=%u error=%u", __entry->asid,
		  __entry->queue, __entry->completed, __entry->error)
);

#endif /* SECMMU_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
