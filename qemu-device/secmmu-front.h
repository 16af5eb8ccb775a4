/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - what the files of the QEMU front share.
 *
 * Lives here: the access to memory that secmmu-pci.c hands to the core, the
 * faults that can be injected, trace events, and the start that plugin.c calls.
 * Not here: what the device does (core/).
 */
#ifndef SECMMU_FRONT_H
#define SECMMU_FRONT_H

#include "qemu-compat.h"
#include "core/secmmu-core.h"
#include "core/secmmu-inject.h"
#include "core/secmmu-state.h"

#define TYPE_SECMMU "secmmu"

typedef struct SecmmuAsk SecmmuAsk;
typedef struct SecmmuWindows SecmmuWindows;

/**
 * SecmmuMem: one address space, seen as a few pieces of RAM.
 * @windows: the present pieces, replaced as a whole; read under RCU.
 * @sections: what @windows is built from; big lock.
 * @iommus: sections that translate; big lock.
 * @changed: @sections differs from @windows; big lock.
 * @ask_lock, @ask_cond, @asks, @ask_bh: engines that wait for a translation.
 * @translating: the IOMMU is being asked; written with the big lock.
 *
 * init, fini and serve: big lock. map and unmap: any thread that RCU knows, and
 * each map is undone by the same thread; neither takes the big lock, but map
 * may wait for its holder behind an IOMMU.
 */
typedef struct SecmmuMem {
    AddressSpace *as;
    SecmmuCore *core;
    MemoryListener listener;
    SecmmuWindows *windows;
    GArray *sections;
    unsigned iommus;
    bool changed;
    QemuMutex ask_lock;
    QemuCond ask_cond;
    QSIMPLEQ_HEAD(, SecmmuAsk) asks;
    QEMUBH *ask_bh;
    bool translating;
} SecmmuMem;

/* @core: drained when pieces have gone away. */
void secmmu_mem_init(SecmmuMem *mem, AddressSpace *as, SecmmuCore *core);
/* Nothing is mapped any more: call before secmmu_core_free(). */
void secmmu_mem_fini(SecmmuMem *mem);

/* Answers the engines that wait in map. Whoever waits for them calls it. */
void secmmu_mem_serve(SecmmuMem *mem);
/* As may_map, map and unmap of SecmmuBusOps. */
bool secmmu_mem_may_map(SecmmuMem *mem);
void *secmmu_mem_map(SecmmuMem *mem, uint64_t addr, size_t len, bool write,
                     void **cookie);
void secmmu_mem_unmap(SecmmuMem *mem, void *host, uint64_t addr, size_t len,
                      bool write, void *cookie);

/**
 * SecmmuMisbehave: a device that is broken on purpose, to see what a driver
 * does about it. Set by properties ("x-..."), invisible in the registers; all
 * zero is a sound device.
 * @lose_shootdown: this one (counted from 1) is lost, without a trace.
 * @dead_shootdown: this one and all after it are lost.
 * @delay_shootdown: milliseconds that each shootdown takes longer.
 * @lose_interrupt: each of so many messages is lost (1: all).
 * @repeat_interrupt: each message comes once more, a millisecond later.
 * @repeat_event: each event is written twice.
 * @hang_engine: milliseconds that engine 0 spends in each window.
 * @fail_table: each of so many reads of a table entry finds no RAM.
 * @slow_stop: milliseconds until bus mastering is off, or a reset begins.
 * @vanish: with this doorbell (counted from 1) the device is gone: reads give
 *          ones, writes do nothing, memory is not touched.
 * @fail_start: it starts once; the next so many times it is not enabled.
 * @shootdowns, @messages, @reads, @doorbells, @starts: counted so far; any
 *          thread.
 */
typedef struct SecmmuMisbehave {
    uint32_t lose_shootdown;
    uint32_t dead_shootdown;
    uint32_t delay_shootdown;
    uint32_t lose_interrupt;
    bool repeat_interrupt;
    bool repeat_event;
    uint32_t hang_engine;
    uint32_t fail_table;
    uint32_t slow_stop;
    uint32_t vanish;
    uint32_t fail_start;
    uint32_t shootdowns;
    uint32_t messages;
    uint32_t reads;
    uint32_t doorbells;
    uint32_t starts;
    SecmmuInject inject;
} SecmmuMisbehave;

/* Tells @core what to do wrong. Its opaque must lead to @m, see below. */
void secmmu_misbehave_init(SecmmuMisbehave *m, SecmmuCore *core);
/* Bus mastering is about to be turned off, or the device to be reset. */
void secmmu_misbehave_stop(SecmmuMisbehave *m);
/* Is the next message to be lost? Counts it. */
bool secmmu_misbehave_loses_irq(SecmmuMisbehave *m);
/* A doorbell has come. Is the device gone (by now)? */
bool secmmu_misbehave_vanishes(SecmmuMisbehave *m, bool doorbell);
/* The device shall be enabled. Does it stay as it is? */
bool secmmu_misbehave_fails_start(SecmmuMisbehave *m);
/* secmmu-pci.c: from the core's opaque. */
SecmmuMisbehave *secmmu_misbehave_of(void *opaque);

/**
 * SecmmuMigration: the device's part in a migration or snapshot.
 * @core: the device.
 * @state: filled before it is sent and after it has come.
 * @queues, @asids, @engines, @tlb_sets, @tlb_ways, @audit: of this device; the
 *      other side's must be equal.
 * @running: the machine is; big lock, as all.
 * @interrupt: an interrupt may have been lost on the way.
 */
typedef struct SecmmuMigration {
    SecmmuCore *core;
    SecmmuState state;
    uint32_t queues;
    uint32_t asids;
    uint32_t engines;
    uint32_t tlb_sets;
    uint32_t tlb_ways;
    uint8_t audit;
    bool running;
    bool interrupt;
} SecmmuMigration;

/* Once there is a core. @running: the machine is, or will be as it is. */
void secmmu_migration_init(SecmmuMigration *m, SecmmuCore *core,
                           const SecmmuConfig *config, bool running);
void secmmu_migration_fini(SecmmuMigration *m);
/*
 * The machine goes on or stops. True: look at the event ring, that is, raise
 * the interrupt.
 */
bool secmmu_migration_running(SecmmuMigration *m, bool running);
/* For VMSTATE_STRUCT(). */
extern const VMStateDescription secmmu_vmstate_migration;

/*
 * secmmu-trace.c: as trace of SecmmuBusOps; @dev names the device in the
 * events.
 */
void secmmu_trace_event(const char *dev, const SecmmuTrace *ev);

/* secmmu-pci.c: makes "-device secmmu" known. Once. */
void secmmu_register_type(void);

/*
 * plugin-impl.c: all that is to be done when the device has been loaded, once;
 * plugin.c finds it by name. @argv: the plugin's arguments, "name=value".
 * Returns false, with a message on stderr, if one of them is not known.
 */
bool secmmu_plugin_start(int argc, char **argv)
    __attribute__((visibility("default")));

#endif /* SECMMU_FRONT_H */
