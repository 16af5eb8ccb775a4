/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - migration and snapshots.
 *
 * Lives here: the form in which the state travels, and when engines stop and
 * go on for it.
 * Not here: what the state is (core/state.c).
 *
 * Engines stop with the machine, before RAM is sent for the last time: what
 * they have written is in it. On the other side they start with the machine, when
 * RAM and all devices are there. The message of an interrupt may be on its way
 * when the machine stops, so the side that goes on sends one if there is an
 * event that the driver has not consumed; one too many does no harm.
 */
#include "qemu/osdep.h"

#include "qemu/error-report.h"
#include "migration/vmstate.h"
#include "secmmu-front.h"

static const VMStateDescription vmstate_event = {
    .name = "secmmu/event",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (SecmmuVMStateField[]) {
        VMSTATE_UINT8(flags, SecmmuEventState),
        VMSTATE_UINT8(fault_flags, SecmmuEventState),
        VMSTATE_UINT16(code, SecmmuEventState),
        VMSTATE_UINT32(seq, SecmmuEventState),
        VMSTATE_UINT64(pos, SecmmuEventState),
        VMSTATE_UINT64(va, SecmmuEventState),
        VMSTATE_UINT64(extent, SecmmuEventState),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_queue = {
    .name = "secmmu/queue",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (SecmmuVMStateField[]) {
        VMSTATE_UINT64(ring, SecmmuQueueState),
        VMSTATE_UINT32(order, SecmmuQueueState),
        VMSTATE_UINT32(asid, SecmmuQueueState),
        VMSTATE_UINT8(state, SecmmuQueueState),
        VMSTATE_UINT8(error, SecmmuQueueState),
        VMSTATE_UINT8(phase, SecmmuQueueState),
        VMSTATE_UINT8(armed, SecmmuQueueState),
        VMSTATE_UINT32(arm_target, SecmmuQueueState),
        VMSTATE_UINT64(error_va, SecmmuQueueState),
        VMSTATE_UINT32(head, SecmmuQueueState),
        VMSTATE_UINT32(tail, SecmmuQueueState),
        VMSTATE_UINT32(rank, SecmmuQueueState),
        VMSTATE_UINT32(fault_seq, SecmmuQueueState),
        VMSTATE_UINT64(last_user_data, SecmmuQueueState),
        VMSTATE_UINT64(fault_va, SecmmuQueueState),
        VMSTATE_UINT64(fault_extent, SecmmuQueueState),
        VMSTATE_UINT16(fault_code, SecmmuQueueState),
        VMSTATE_UINT8(fault_flags, SecmmuQueueState),
        VMSTATE_UINT32(status, SecmmuQueueState),
        VMSTATE_UINT32(bytes, SecmmuQueueState),
        VMSTATE_UINT64_ARRAY(desc, SecmmuQueueState, 8),
        VMSTATE_UINT64(pos, SecmmuQueueState),
        VMSTATE_UINT64(node, SecmmuQueueState),
        VMSTATE_UINT64(acc, SecmmuQueueState),
        VMSTATE_UINT64(facc, SecmmuQueueState),
        VMSTATE_UINT64(fault_addr, SecmmuQueueState),
        VMSTATE_UINT64(result, SecmmuQueueState),
        VMSTATE_UINT32(gemm_k, SecmmuQueueState),
        VMSTATE_UINT32(gemm_j, SecmmuQueueState),
        VMSTATE_UINT32_ARRAY(tile, SecmmuQueueState, SECMMU_STATE_TILE),
        VMSTATE_STRUCT_ARRAY(event, SecmmuQueueState, SECMMU_STATE_EVENTS, 1,
                             vmstate_event, SecmmuEventState),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_asid = {
    .name = "secmmu/asid",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (SecmmuVMStateField[]) {
        VMSTATE_UINT64(table, SecmmuAsidState),
        VMSTATE_UINT64(audit, SecmmuAsidState),
        VMSTATE_UINT64(dropin_va, SecmmuAsidState),
        VMSTATE_UINT32(mode, SecmmuAsidState),
        VMSTATE_UINT32(done, SecmmuAsidState),
        VMSTATE_END_OF_LIST()
    },
};

static int pre_save(void *opaque)
{
    SecmmuMigration *m = opaque;

    /* It has stopped with the machine, unless this never ran. */
    secmmu_core_set_running(m->core, false);
    secmmu_core_save(m->core, &m->state);
    return 0;
}

static int post_save(void *opaque)
{
    SecmmuMigration *m = opaque;

    secmmu_core_set_running(m->core, m->running);
    return 0;
}

static int post_load(void *opaque, int version)
{
    SecmmuMigration *m = opaque;
    const char *bad = secmmu_core_load(m->core, &m->state);

    if (bad) {
        error_report("secmmu: the incoming state has %s", bad);
        return -EINVAL;
    }
    m->interrupt = m->state.event_head != m->state.event_tail;
    return 0;
}

const VMStateDescription secmmu_vmstate_migration = {
    .name = "secmmu/state",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_save = pre_save,
    .post_save = post_save,
    .post_load = post_load,
    .fields = (SecmmuVMStateField[]) {
        VMSTATE_UINT32_EQUAL(queues, SecmmuMigration, "property queues"),
        VMSTATE_UINT32_EQUAL(asids, SecmmuMigration, "property asids"),
        VMSTATE_UINT32_EQUAL(engines, SecmmuMigration, "property engines"),
        VMSTATE_UINT32_EQUAL(tlb_sets, SecmmuMigration, "property tlb-sets"),
        VMSTATE_UINT32_EQUAL(tlb_ways, SecmmuMigration, "property tlb-ways"),
        VMSTATE_UINT8_EQUAL(audit, SecmmuMigration, "property audit"),
        VMSTATE_UINT32(state.ctrl, SecmmuMigration),
        VMSTATE_UINT32(state.error, SecmmuMigration),
        VMSTATE_UINT64(state.event_base, SecmmuMigration),
        VMSTATE_UINT32(state.event_order, SecmmuMigration),
        VMSTATE_UINT64(state.event_head, SecmmuMigration),
        VMSTATE_UINT64(state.event_tail, SecmmuMigration),
        VMSTATE_UINT64(state.done_base, SecmmuMigration),
        VMSTATE_UINT64_ARRAY(state.counter, SecmmuMigration,
                             SECMMU_STATE_COUNTERS),
        VMSTATE_STRUCT_VARRAY_POINTER_UINT32(state.queue, SecmmuMigration,
                                             queues, vmstate_queue,
                                             SecmmuQueueState),
        VMSTATE_STRUCT_VARRAY_POINTER_UINT32(state.asid, SecmmuMigration,
                                             asids, vmstate_asid,
                                             SecmmuAsidState),
        VMSTATE_END_OF_LIST()
    },
};

void secmmu_migration_init(SecmmuMigration *m, SecmmuCore *core,
                           const SecmmuConfig *config, bool running)
{
    *m = (SecmmuMigration) {
        .core = core,
        .queues = config->queues,
        .asids = config->asids,
        .engines = config->engines,
        .tlb_sets = config->tlb_sets,
        .tlb_ways = config->tlb_ways,
        .audit = config->audit,
        .running = running,
        .state.queue = g_new0(SecmmuQueueState, config->queues),
        .state.asid = g_new0(SecmmuAsidState, config->asids),
    };
    secmmu_core_set_running(core, running);
}

void secmmu_migration_fini(SecmmuMigration *m)
{
    g_free(m->state.queue);
    g_free(m->state.asid);
    m->state.queue = NULL;
    m->state.asid = NULL;
}

bool secmmu_migration_running(SecmmuMigration *m, bool running)
{
    bool interrupt = running && m->interrupt;

    m->running = running;
    if (running) {
        m->interrupt = false;
    }
    secmmu_core_set_running(m->core, running);
    return interrupt;
}
