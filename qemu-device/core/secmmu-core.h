/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - the device model without a machine around it.
 *
 * Lives here: all that a front (the QEMU device, a unit test, a fuzzer) may
 * call. The registers are those of <linux/secmmu_hw.h>, the jobs those of
 * <linux/secmmu.h>.
 * Not here: anything of QEMU or GLib; anything that only the core's own files
 * use (internal.h).
 *
 * Threads. A core owns its engine threads. The calls below may come from any
 * thread, one or several at a time, except new and free. A call may wait for
 * accesses in flight, which is bounded by one chunk of work (CHUNK register)
 * per engine; engines wait for no caller. A front may therefore call
 * with a big lock held, as long as none of the SecmmuBusOps takes it.
 */
#ifndef SECMMU_CORE_H
#define SECMMU_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct SecmmuCore SecmmuCore;

/* What happened, see SecmmuTrace.type. Fields not named there are zero. */
typedef enum SecmmuTraceType {
    /* va: slot of the descriptor, len: job's length, arg: opcode */
    SECMMU_TRACE_JOB_START,
    /* va: fault address, len: bytes done, arg: enum secmmu_status */
    SECMMU_TRACE_JOB_END,
    /* va, len: address and extent, arg: seq << 32 | SECMMU_FAULT_* */
    SECMMU_TRACE_FAULT,
    /* va: of the fault, arg: seq << 32 | status << 8 | SECMMU_RESPONSE_* */
    SECMMU_TRACE_RESPONSE,
    /* asid; len: queues that run again */
    SECMMU_TRACE_RESUME,
    /* asid, va, len: what is dropped; arg: done number it will get */
    SECMMU_TRACE_SHOOTDOWN_BEGIN,
    /* asid, va, len; arg: done number << 32 | entries dropped */
    SECMMU_TRACE_SHOOTDOWN_END,
    /* asid, va, len: the page; arg: the entry in spte format */
    SECMMU_TRACE_FILL,
    /* asid, va, len: the page; arg: the entry in spte format */
    SECMMU_TRACE_DROP,
    /* arg: SECMMU_QUEUE_STATE_* | enum secmmu_queue_error << 8 */
    SECMMU_TRACE_QUEUE,
    /* arg: type of event, va: its va, len: its position in the stream */
    SECMMU_TRACE_EVENT,
    /* va, len: 1 for a write; arg: the secondary entry, user_data: the CPU's
     * (0: none)
     */
    SECMMU_TRACE_AUDIT,
    /* va: not in the TLB with the right it takes; arg: 1 for a write */
    SECMMU_TRACE_MISS,
    /* va; len: of the page, arg: its entry; both zero: not there */
    SECMMU_TRACE_WALK,
    /* asid; len: windows that a shootdown has waited for */
    SECMMU_TRACE_DRAIN,
    /* queue, asid; len: the tail that was rung, arg: QUEUE_HEAD */
    SECMMU_TRACE_DOORBELL,
    /* asid; va: root of its table, arg: enum secmmu_asid_mode */
    SECMMU_TRACE_ASID,
    /* arg: 1: may access memory, 0: no more */
    SECMMU_TRACE_DMA,
    /* all queues, ASIDs and events are gone */
    SECMMU_TRACE_RESET,
    SECMMU_TRACE_NR
} SecmmuTraceType;

/**
 * SecmmuTrace: one state change.
 * @user_data: the job's, where there is one.
 */
typedef struct SecmmuTrace {
    SecmmuTraceType type;
    uint16_t queue;
    uint16_t asid;
    uint64_t va;
    uint64_t len;
    uint64_t arg;
    uint64_t user_data;
} SecmmuTrace;

#define SECMMU_MAP_LATER ((void *)-1)

/**
 * SecmmuBusOps: what the core asks of the machine.
 *
 * All of them may be called from any engine thread and from inside a control
 * call. None may take a lock that is held around a call into the core (in
 * QEMU: the big lock), block, or call back into the core. One exception: map,
 * called by an engine, may wait for the holder of such a lock, if that
 * holder serves it in wait() and may_map() says so.
 */
typedef struct SecmmuBusOps {
    /*
     * Maps [addr, addr + len) of device-visible (DMA) memory for one access;
     * the range never crosses a 2 MiB boundary. Returns a host pointer that
     * is valid up to unmap, or NULL (no RAM there, or no bus mastering).
     * Called only inside an in-flight window of an engine, or from a control
     * call. *cookie is handed back to unmap. NULL with *cookie set to
     * SECMMU_MAP_LATER, for engines only: not in this window, but in another.
     */
    void *(*map)(void *opaque, uint64_t addr, size_t len, bool write,
                 void **cookie);
    /* Ends the access: write tells that the bytes may have changed. */
    void (*unmap)(void *opaque, void *host, uint64_t addr, size_t len,
                  bool write, void *cookie);
    /*
     * Optional: false if map would have to wait for somebody now. Asked with
     * locks of the core held, where that must not be: events then stay where
     * they are until secmmu_core_kick(), which is the front's to call.
     */
    bool (*may_map)(void *opaque);
    /*
     * Optional: a control call waits for engines, and says so again and again.
     * Never called by an engine.
     */
    void (*wait)(void *opaque);
    /* Sends the one MSI-X message. */
    void (*raise_irq)(void *opaque);
    /* The guest did something that it should not have: one line, no "\n". */
    void (*guest_error)(void *opaque, const char *msg);
    /* Optional: first and last call of each engine thread. */
    void (*thread_begin)(void *opaque);
    void (*thread_end)(void *opaque);
    /*
     * Optional. *ev is the caller's. Not called while *trace_on is 0, unless
     * trace_on is NULL; it may change at any time.
     */
    void (*trace)(void *opaque, const SecmmuTrace *ev);
    const int *trace_on;
    /*
     * Optional, for audit: as map and unmap, for reading at a physical
     * address of the CPU (no IOMMU in between). Where they are NULL, map and
     * unmap serve, which is right as long as DMA addresses are physical ones.
     * The same byte of RAM must have the same host address through both.
     */
    void *(*map_phys)(void *opaque, uint64_t addr, size_t len, void **cookie);
    void (*unmap_phys)(void *opaque, void *host, uint64_t addr, size_t len,
                       void *cookie);
} SecmmuBusOps;

/**
 * SecmmuConfig: fixed for the life of a core. Zero asks for the default.
 * @engines: 1 to 64 (2).
 * @queues: 1 to SECMMU_MAX_QUEUES (64).
 * @asids: 1 to SECMMU_MAX_ASIDS (64).
 * @tlb_sets: power of two, 1 to 65536 (256).
 * @tlb_ways: 1 to 64 (4).
 * @audit: SECMMU_FEATURE_AUDIT.
 */
typedef struct SecmmuConfig {
    unsigned engines;
    unsigned queues;
    unsigned asids;
    unsigned tlb_sets;
    unsigned tlb_ways;
    bool audit;
} SecmmuConfig;

/**
 * secmmu_core_new: a device at its reset values, bus mastering off, engines
 * started and asleep.
 * @ops: must outlive the core. Returns NULL with *errmsg (to be freed by the
 * caller; errmsg may be NULL) for a bad config or when memory or threads
 * cannot be had.
 */
SecmmuCore *secmmu_core_new(const SecmmuConfig *config,
                            const SecmmuBusOps *ops, void *opaque,
                            char **errmsg);

/* Ends all DMA, joins the engines, frees. No other call may be running. */
void secmmu_core_free(SecmmuCore *core);

/* BAR0, @off below SECMMU_CONTROL_SIZE. */
uint64_t secmmu_core_read(SecmmuCore *core, uint64_t off, unsigned size);
void secmmu_core_write(SecmmuCore *core, uint64_t off, uint64_t val,
                       unsigned size);

/* A write to BAR2; @off / SECMMU_DOORBELL_SIZE is the queue. */
void secmmu_core_doorbell(SecmmuCore *core, uint64_t off, uint64_t val,
                          unsigned size);

/* All DMA has ended when it returns; registers are at their reset values.
 * Bus mastering stays as it is.
 */
void secmmu_core_reset(SecmmuCore *core);

/* PCI_COMMAND_MASTER. When it goes off, all DMA has ended on return; work
 * that is pending waits and goes on when it comes back.
 */
void secmmu_core_set_bus_master(SecmmuCore *core, bool on);

/* What had to wait for may_map() is done now. Not from wait(). */
void secmmu_core_kick(SecmmuCore *core);

/* The clock of the CLOCK register: nanoseconds, from an arbitrary start. */
uint64_t secmmu_core_clock(void);

/* Every in-flight window open at the call has closed on return. */
void secmmu_core_drain(SecmmuCore *core);

/*
 * For audit. An engine that finds an entry of the CPU's missing looks again for
 * a while, in its window: see audit.c. A call that waits for the window ends the
 * look without a verdict. So before such a call, and without a lock that a CPU of
 * the guest may need, one waits until secmmu_core_looking() is false for the
 * number that secmmu_core_looks() gave. It is one look's time at most, some half
 * a second. Both from any thread.
 */

/* The number of the newest look; zero before the first. */
uint64_t secmmu_core_looks(SecmmuCore *core);
/* Is look @newest, or one before it, going on? */
bool secmmu_core_looking(SecmmuCore *core, uint64_t newest);

/*
 * Can a write of @size bytes to @off wait for windows to close? Any thread. Most
 * cannot, and must not be made to wait for a look: the driver writes EVENT_HEAD and
 * QUEUE_ARM under spinlocks that its interrupt handler takes, so the CPU that is to
 * put the entry back may be waiting for whoever writes.
 */
bool secmmu_core_write_waits(SecmmuCore *core, uint64_t off, unsigned size);

#ifdef __cplusplus
}
#endif
#endif /* SECMMU_CORE_H */
