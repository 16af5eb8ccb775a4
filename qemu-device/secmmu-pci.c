/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - the PCI function around the core.
 *
 * Lives here: properties, BARs, configuration space, MSI-X, reset.
 * Not here: registers and jobs (core/), guest memory (secmmu-mem.c).
 *
 * The calls below are made by QEMU with the big lock held, except for the bus
 * operations that the core calls.
 */
#include "qemu/osdep.h"

#include <linux/secmmu.h>
#include <linux/secmmu_hw.h>

#include "qemu/host-utils.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "qemu/range.h"
#include "qemu/rcu.h"
#include "qemu/timer.h"
#include "qapi/error.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie.h"
#include "migration/vmstate.h"
#include "trace/control.h"
#include "secmmu-front.h"

#define SECMMU_REVISION         1
#define SECMMU_VECTORS          1
/* Where QEMU's other express devices have the capability. */
#define SECMMU_EXPRESS_OFFSET   0x80

/**
 * struct SecmmuDevice - one "-device secmmu"
 * @core: the device proper, from realize to exit.
 * @mem: memory as the device sees it.
 * @phys: memory as the CPUs see it; only with audit.
 * @irq: bottom half that sends the MSI-X message.
 * @kick: bottom half that writes events for engines that may not.
 * @irq_again: sends it once more; only with x-repeat-interrupt.
 */
struct SecmmuDevice {
    PCIDevice parent_obj;

    SecmmuCore *core;
    SecmmuMem mem;
    SecmmuMem phys;
    QEMUBH *irq;
    QEMUBH *kick;
    QEMUTimer *irq_again;
    MemoryRegion control;
    MemoryRegion doorbell;
    SecmmuMisbehave misbehave;
    SecmmuMigration migration;
    VMChangeStateEntry *vm_state;

    uint32_t engines;
    uint32_t tlb_sets;
    uint32_t tlb_ways;
    uint32_t queues;
    uint32_t asids;
    bool audit;
};
OBJECT_DECLARE_SIMPLE_TYPE(SecmmuDevice, SECMMU)

static void *bus_map(void *opaque, uint64_t addr, size_t len, bool write,
                     void **cookie)
{
    SecmmuDevice *s = opaque;

    return secmmu_mem_map(&s->mem, addr, len, write, cookie);
}

static void bus_unmap(void *opaque, void *host, uint64_t addr, size_t len,
                      bool write, void *cookie)
{
    SecmmuDevice *s = opaque;

    secmmu_mem_unmap(&s->mem, host, addr, len, write, cookie);
}

static void *bus_map_phys(void *opaque, uint64_t addr, size_t len,
                          void **cookie)
{
    SecmmuDevice *s = opaque;

    return secmmu_mem_map(&s->phys, addr, len, false, cookie);
}

static void bus_unmap_phys(void *opaque, void *host, uint64_t addr, size_t len,
                           void *cookie)
{
    SecmmuDevice *s = opaque;

    secmmu_mem_unmap(&s->phys, host, addr, len, false, cookie);
}

static bool bus_may_map(void *opaque)
{
    SecmmuDevice *s = opaque;

    if (secmmu_mem_may_map(&s->mem)) {
        return true;
    }
    qemu_bh_schedule(s->kick);
    return false;
}

static void bus_wait(void *opaque)
{
    SecmmuDevice *s = opaque;

    secmmu_mem_serve(&s->mem);
}

static void bus_raise_irq(void *opaque)
{
    SecmmuDevice *s = opaque;

    /* Sending the message needs the big lock, which an engine must not take. */
    qemu_bh_schedule(s->irq);
}

static void bus_guest_error(void *opaque, const char *msg)
{
    qemu_log_mask(LOG_GUEST_ERROR, "secmmu: %s\n", msg);
}

static void bus_trace(void *opaque, const SecmmuTrace *ev)
{
    const char *id = ((SecmmuDevice *)opaque)->parent_obj.qdev.id;

    secmmu_trace_event(id ? id : TYPE_SECMMU, ev);
}

static void bus_thread_begin(void *opaque)
{
#ifdef CONFIG_PTHREAD_SETNAME_NP_W_TID
    /* For debuggers and profiles. */
    pthread_setname_np(pthread_self(), "secmmu-engine");
#endif
    rcu_register_thread();
}

static void bus_thread_end(void *opaque)
{
    rcu_unregister_thread();
}

static const SecmmuBusOps secmmu_bus_ops = {
    .map = bus_map,
    .unmap = bus_unmap,
    .may_map = bus_may_map,
    .wait = bus_wait,
    .raise_irq = bus_raise_irq,
    .guest_error = bus_guest_error,
    .thread_begin = bus_thread_begin,
    .thread_end = bus_thread_end,
    .trace = bus_trace,
    .trace_on = &trace_events_enabled_count,
    .map_phys = bus_map_phys,
    .unmap_phys = bus_unmap_phys,
};

SecmmuMisbehave *secmmu_misbehave_of(void *opaque)
{
    return &((SecmmuDevice *)opaque)->misbehave;
}

static void irq_send(void *opaque)
{
    SecmmuDevice *s = opaque;
    PCIDevice *pci = PCI_DEVICE(s);

    /* A message is a write on the bus like any other. */
    if (msix_enabled(pci) &&
        (pci_get_word(pci->config + PCI_COMMAND) & PCI_COMMAND_MASTER)) {
        msix_notify(pci, 0);
    }
}

static void irq_bh(void *opaque)
{
    SecmmuDevice *s = opaque;

    if (secmmu_misbehave_loses_irq(&s->misbehave)) {
        return;
    }
    irq_send(s);
    if (s->misbehave.repeat_interrupt) {
        timer_mod(s->irq_again, qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + 1);
    }
}

static void kick_bh(void *opaque)
{
    SecmmuDevice *s = opaque;

    secmmu_core_kick(s->core);
}

/*
 * What a CPU is about to do may wait for the engines, with the big lock held.
 * If audit waits for another CPU in one of them, that comes first, and without
 * the lock: see secmmu_core_looking(). False if the device went meanwhile.
 */
static bool let_looks_end(SecmmuDevice *s)
{
    uint64_t newest = secmmu_core_looks(s->core);
    bool there = true;

    if (likely(!secmmu_core_looking(s->core, newest))) {
        return true;
    }
    object_ref(OBJECT(s));
    while (there && secmmu_core_looking(s->core, newest)) {
        secmmu_big_unlock();
        g_usleep(100);
        secmmu_big_lock();
        there = DEVICE(s)->realized;
    }
    object_unref(OBJECT(s));
    return there;
}

static uint64_t control_read(void *opaque, hwaddr off, unsigned size)
{
    SecmmuDevice *s = opaque;

    if (secmmu_misbehave_vanishes(&s->misbehave, false)) {
        return UINT64_MAX;
    }
    return secmmu_core_read(s->core, off, size);
}

static void control_write(void *opaque, hwaddr off, uint64_t val,
                          unsigned size)
{
    SecmmuDevice *s = opaque;

    if ((secmmu_core_write_waits(s->core, off, size) && !let_looks_end(s)) ||
        secmmu_misbehave_vanishes(&s->misbehave, false)) {
        return;
    }
    if (off == SECMMU_REG_CTRL && (val & SECMMU_CTRL_RESET)) {
        secmmu_misbehave_stop(&s->misbehave);
    }
    if (off == SECMMU_REG_CTRL && (val & SECMMU_CTRL_ENABLE) &&
        secmmu_misbehave_fails_start(&s->misbehave)) {
        return;
    }
    secmmu_core_write(s->core, off, val, size);
}

static uint64_t doorbell_read(void *opaque, hwaddr off, unsigned size)
{
    SecmmuDevice *s = opaque;

    /* Nothing to be read in any doorbell, as in the control block's last byte. */
    return secmmu_core_read(s->core, SECMMU_CONTROL_SIZE - 1, 1);
}

static void doorbell_write(void *opaque, hwaddr off, uint64_t val,
                           unsigned size)
{
    SecmmuDevice *s = opaque;

    if (secmmu_misbehave_vanishes(&s->misbehave, true)) {
        secmmu_core_set_bus_master(s->core, false);
        return;
    }
    secmmu_core_doorbell(s->core, off, val, size);
}

/* The core judges offset and width, so every access reaches it as it was. */
#define SECMMU_ANY_ACCESS { .min_access_size = 1, .max_access_size = 8, \
                            .unaligned = true }

static const MemoryRegionOps control_ops = {
    .read = control_read,
    .write = control_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = SECMMU_ANY_ACCESS,
    .impl = SECMMU_ANY_ACCESS,
};

static const MemoryRegionOps doorbell_ops = {
    .read = doorbell_read,
    .write = doorbell_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = SECMMU_ANY_ACCESS,
    .impl = SECMMU_ANY_ACCESS,
};

static void follow_bus_master(SecmmuDevice *s)
{
    uint16_t command = pci_get_word(PCI_DEVICE(s)->config + PCI_COMMAND);

    secmmu_core_set_bus_master(s->core, (command & PCI_COMMAND_MASTER) &&
                               !secmmu_misbehave_vanishes(&s->misbehave,
                                                          false));
}

static void vm_state_change(void *opaque, bool running, RunState state)
{
    SecmmuDevice *s = opaque;

    if (secmmu_migration_running(&s->migration, running)) {
        qemu_bh_schedule(s->irq);
    }
}

static bool ends_mastering(PCIDevice *pci, uint32_t addr, uint32_t val,
                           int len)
{
    /* The bit is in the first byte. */
    return pci->config[PCI_COMMAND] & PCI_COMMAND_MASTER &&
           ranges_overlap(addr, len, PCI_COMMAND, 1) &&
           !(val >> 8 * (PCI_COMMAND - addr) & PCI_COMMAND_MASTER);
}

/* Only the CPU that asks for it waits. False if the device went meanwhile. */
static bool stop_slowly(SecmmuDevice *s)
{
    bool there;

    object_ref(OBJECT(s));
    secmmu_big_unlock();
    secmmu_misbehave_stop(&s->misbehave);
    secmmu_big_lock();
    there = DEVICE(s)->realized;
    object_unref(OBJECT(s));
    return there;
}

static void secmmu_config_write(PCIDevice *pci, uint32_t addr, uint32_t val,
                                int len)
{
    SecmmuDevice *s = SECMMU(pci);

    /*
     * The write may take the memory away from under the engines: they stop
     * first, and do not see the difference between that and bad addresses.
     */
    if (ranges_overlap(addr, len, PCI_COMMAND, 2)) {
        if (!let_looks_end(s)) {
            return;
        }
        if (s->misbehave.slow_stop && ends_mastering(pci, addr, val, len) &&
            !stop_slowly(s)) {
            return;
        }
        secmmu_core_set_bus_master(s->core, false);
    }
    pci_default_write_config(pci, addr, val, len);
    /* Calls secmmu_reset() when the write asks for it. */
    pcie_cap_flr_write_config(pci, addr, val, len);
    follow_bus_master(s);
}

static void secmmu_reset(DeviceState *dev)
{
    SecmmuDevice *s = SECMMU(dev);

    /* PCI's own reset, which follows, clears the command register. */
    secmmu_core_set_bus_master(s->core, false);
    secmmu_core_reset(s->core);
    qemu_bh_cancel(s->irq);
    timer_del(s->irq_again);
}

static void secmmu_exit(PCIDevice *pci)
{
    SecmmuDevice *s = SECMMU(pci);

    qemu_del_vm_change_state_handler(s->vm_state);
    secmmu_core_set_bus_master(s->core, false);
    secmmu_mem_fini(&s->mem);
    if (s->audit) {
        secmmu_mem_fini(&s->phys);
    }
    secmmu_migration_fini(&s->migration);
    secmmu_core_free(s->core);
    s->core = NULL;
    qemu_bh_delete(s->irq);
    qemu_bh_delete(s->kick);
    timer_free(s->irq_again);
    pcie_cap_exit(pci);
    msix_uninit_exclusive_bar(pci);
}

static void secmmu_realize(PCIDevice *pci, Error **errp)
{
    SecmmuDevice *s = SECMMU(pci);
    SecmmuConfig config = {
        .engines = s->engines,
        .queues = s->queues,
        .asids = s->asids,
        .tlb_sets = s->tlb_sets,
        .tlb_ways = s->tlb_ways,
        .audit = s->audit,
    };
    char *message = NULL;

    /* For the core zero means its default; for a person it is a mistake. */
    if (!s->engines || !s->queues || !s->asids || !s->tlb_sets ||
        !s->tlb_ways) {
        error_setg(errp, "secmmu: engines, queues, asids, tlb-sets and "
                   "tlb-ways must not be 0");
        return;
    }
    if (msix_init_exclusive_bar(pci, SECMMU_VECTORS, SECMMU_BAR_MSIX, errp)) {
        return;
    }
    if (pcie_endpoint_cap_init(pci, SECMMU_EXPRESS_OFFSET) < 0) {
        error_setg(errp, "secmmu: no room for the PCI Express capability");
        msix_uninit_exclusive_bar(pci);
        return;
    }
    s->irq = qemu_bh_new(irq_bh, s);
    s->kick = qemu_bh_new(kick_bh, s);
    s->core = secmmu_core_new(&config, &secmmu_bus_ops, s, &message);
    if (!s->core) {
        error_setg(errp, "secmmu: %s", message ? message : "out of memory");
        free(message);
        qemu_bh_delete(s->irq);
        qemu_bh_delete(s->kick);
        pcie_cap_exit(pci);
        msix_uninit_exclusive_bar(pci);
        return;
    }
    s->irq_again = timer_new_ms(QEMU_CLOCK_REALTIME, irq_send, s);
    secmmu_misbehave_init(&s->misbehave, s->core);
    /* What comes over the wire is to run when all of the machine is there. */
    secmmu_migration_init(&s->migration, s->core, &config,
                          !runstate_check(RUN_STATE_INMIGRATE));
    s->vm_state = secmmu_add_vm_change_state_handler(DEVICE(pci),
                                                     vm_state_change, s);
    msix_vector_use(pci, 0);
    pcie_cap_flr_init(pci);

    memory_region_init_io(&s->control, OBJECT(s), &control_ops, s,
                          "secmmu-control", SECMMU_CONTROL_SIZE);
    memory_region_init_io(&s->doorbell, OBJECT(s), &doorbell_ops, s,
                          "secmmu-doorbell",
                          pow2ceil((uint64_t)s->queues *
                                   SECMMU_DOORBELL_SIZE));
    /*
     * While one CPU waits in let_looks_end() others come in. No access of ours
     * leads back here with a lock held: engines reach RAM only, and interrupts
     * are sent by a bottom half.
     */
    s->control.disable_reentrancy_guard = true;
    pci_register_bar(pci, SECMMU_BAR_CONTROL, PCI_BASE_ADDRESS_MEM_TYPE_64,
                     &s->control);
    /*
     * Prefetchable: doorbells may be merged. So it shares no bridge window with
     * the others, which as they are just fit into one for hot-plug, 2 MiB.
     */
    pci_register_bar(pci, SECMMU_BAR_DOORBELL,
                     PCI_BASE_ADDRESS_MEM_TYPE_64 |
                     PCI_BASE_ADDRESS_MEM_PREFETCH, &s->doorbell);

    secmmu_mem_init(&s->mem, pci_get_address_space(pci), s->core);
    if (s->audit) {
        secmmu_mem_init(&s->phys, &address_space_memory, s->core);
    }
}

static SecmmuProperty secmmu_properties[] = {
    DEFINE_PROP_UINT32("engines", SecmmuDevice, engines, 2),
    DEFINE_PROP_UINT32("tlb-sets", SecmmuDevice, tlb_sets, 256),
    DEFINE_PROP_UINT32("tlb-ways", SecmmuDevice, tlb_ways, 4),
    DEFINE_PROP_UINT32("queues", SecmmuDevice, queues, 256),
    DEFINE_PROP_UINT32("asids", SecmmuDevice, asids, 1024),
    DEFINE_PROP_BOOL("audit", SecmmuDevice, audit, false),
    DEFINE_PROP_UINT32("x-lose-shootdown", SecmmuDevice,
                       misbehave.lose_shootdown, 0),
    DEFINE_PROP_UINT32("x-dead-shootdown", SecmmuDevice,
                       misbehave.dead_shootdown, 0),
    DEFINE_PROP_UINT32("x-delay-shootdown", SecmmuDevice,
                       misbehave.delay_shootdown, 0),
    DEFINE_PROP_UINT32("x-lose-interrupt", SecmmuDevice,
                       misbehave.lose_interrupt, 0),
    DEFINE_PROP_BOOL("x-repeat-interrupt", SecmmuDevice,
                     misbehave.repeat_interrupt, false),
    DEFINE_PROP_BOOL("x-repeat-event", SecmmuDevice,
                     misbehave.repeat_event, false),
    DEFINE_PROP_UINT32("x-hang-engine", SecmmuDevice,
                       misbehave.hang_engine, 0),
    DEFINE_PROP_UINT32("x-fail-table", SecmmuDevice,
                       misbehave.fail_table, 0),
    DEFINE_PROP_UINT32("x-slow-stop", SecmmuDevice,
                       misbehave.slow_stop, 0),
    DEFINE_PROP_UINT32("x-vanish", SecmmuDevice, misbehave.vanish, 0),
    DEFINE_PROP_UINT32("x-fail-start", SecmmuDevice,
                       misbehave.fail_start, 0),
    SECMMU_PROP_END
};

/* For "device_add secmmu,help". */
static const struct {
    const char *name;
    const char *text;
} secmmu_help[] = {
    { "engines", "jobs that can run at one time, 1 to 64" },
    { "tlb-sets", "sets of the TLB, a power of two up to 65536" },
    { "tlb-ways", "ways of the TLB, 1 to 64" },
    { "queues", "queues, 1 to 1024; a doorbell page for each" },
    { "asids", "address spaces, 1 to 4096" },
    { "audit", "check every access against the CPU's page table" },
};

static int secmmu_post_load(void *opaque, int version)
{
    follow_bus_master(opaque);
    return 0;
}

static const VMStateDescription secmmu_vmstate = {
    .name = TYPE_SECMMU,
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = secmmu_post_load,
    .fields = (SecmmuVMStateField[]) {
        VMSTATE_PCI_DEVICE(parent_obj, SecmmuDevice),
        VMSTATE_MSIX(parent_obj, SecmmuDevice),
        VMSTATE_STRUCT(migration, SecmmuDevice, 1, secmmu_vmstate_migration,
                       SecmmuMigration),
        VMSTATE_END_OF_LIST()
    },
};

static void secmmu_class_init(ObjectClass *class, SecmmuClassData *data)
{
    DeviceClass *dc = DEVICE_CLASS(class);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(class);

    pc->realize = secmmu_realize;
    pc->exit = secmmu_exit;
    pc->config_write = secmmu_config_write;
    pc->vendor_id = SECMMU_PCI_VENDOR;
    pc->device_id = SECMMU_PCI_DEVICE;
    pc->class_id = SECMMU_PCI_CLASS;
    pc->revision = SECMMU_REVISION;
    dc->desc = "accelerator with a secondary MMU";
    dc->vmsd = &secmmu_vmstate;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    secmmu_class_set_reset(dc, secmmu_reset);
    device_class_set_props(dc, secmmu_properties);
    for (unsigned i = 0; i < ARRAY_SIZE(secmmu_help); i++) {
        object_class_property_set_description(class, secmmu_help[i].name,
                                              secmmu_help[i].text);
    }
}

void secmmu_register_type(void)
{
    static InterfaceInfo interfaces[] = {
        { INTERFACE_PCIE_DEVICE },
        { }
    };
    static const TypeInfo info = {
        .name = TYPE_SECMMU,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(SecmmuDevice),
        .class_init = secmmu_class_init,
        .interfaces = interfaces,
    };

    type_register_static(&info);
}

/* A device that is loaded comes too late for this; plugin.c makes the call. */
#ifndef SECMMU_LOADABLE
type_init(secmmu_register_type)
#endif
