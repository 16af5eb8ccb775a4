/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - registers.
 *
 * Lives here: decoding of BAR0 and BAR2 by the tables of <linux/secmmu_hw.h>,
 * and what each register does.
 * Not here: the commands behind them (queue.c, shootdown.c, softtlb.c).
 */
#include "internal.h"

typedef struct RegInfo {
    uint32_t offset;
    uint8_t width;
    enum { RO, RW, W1C, WO } access;
} RegInfo;

#define REG_INFO(name, offset, width, reset, access) \
    { offset, width, access },

static const RegInfo global_regs[] = { SECMMU_GLOBAL_REGS(REG_INFO) };
static const RegInfo queue_regs[] = { SECMMU_QUEUE_REGS(REG_INFO) };
static const RegInfo asid_regs[] = { SECMMU_ASID_REGS(REG_INFO) };

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

typedef enum Block { BLOCK_GLOBAL, BLOCK_COUNTER, BLOCK_QUEUE, BLOCK_ASID }
    Block;

/* A decoded access. */
typedef struct Reg {
    Block block;
    unsigned index;             /* counter, queue, ASID */
    uint32_t offset;            /* in the block's instance */
    const RegInfo *info;
} Reg;

static const RegInfo counter_info = { 0, 8, RO };

static const RegInfo *find(const RegInfo *regs, size_t n, uint32_t offset)
{
    for (size_t i = 0; i < n; i++) {
        if (regs[i].offset == offset) {
            return &regs[i];
        }
    }
    return NULL;
}

static bool decode(SecmmuCore *core, uint64_t off, unsigned size, Reg *reg)
{
    reg->info = NULL;
    reg->index = 0;
    if (off >= SECMMU_CONTROL_SIZE) {
        return false;
    }
    if (off >= SECMMU_ASID_BLOCK) {
        off -= SECMMU_ASID_BLOCK;
        reg->block = BLOCK_ASID;
        reg->index = off / SECMMU_ASID_STRIDE;
        reg->offset = off % SECMMU_ASID_STRIDE;
        if (reg->index < core->config.asids) {
            reg->info = find(asid_regs, ARRAY_LEN(asid_regs), reg->offset);
        }
        if (reg->offset == SECMMU_REG_ASID_AUDIT && !core->config.audit) {
            reg->info = NULL;
        }
    } else if (off >= SECMMU_QUEUE_BLOCK) {
        off -= SECMMU_QUEUE_BLOCK;
        reg->block = BLOCK_QUEUE;
        reg->index = off / SECMMU_QUEUE_STRIDE;
        reg->offset = off % SECMMU_QUEUE_STRIDE;
        if (reg->index < core->config.queues) {
            reg->info = find(queue_regs, ARRAY_LEN(queue_regs), reg->offset);
        }
    } else if (off >= SECMMU_COUNTER_BLOCK) {
        off -= SECMMU_COUNTER_BLOCK;
        reg->block = BLOCK_COUNTER;
        reg->index = off / 8;
        reg->offset = off % 8;
        if (reg->index < SECMMU_CNT_NR && !reg->offset) {
            reg->info = &counter_info;
        }
    } else {
        reg->block = BLOCK_GLOBAL;
        reg->offset = off;
        reg->info = find(global_regs, ARRAY_LEN(global_regs), reg->offset);
    }
    return reg->info && reg->info->width == size;
}

static void access_error(SecmmuCore *core, const char *what, uint64_t off,
                         unsigned size)
{
    secmmu_error(core, SECMMU_ERR_ACCESS, "%s of %u bytes at 0x%llx", what,
                 size, (unsigned long long)off);
}

/* ---------------------------------------------------------------- reading */

static uint32_t read_status(SecmmuCore *core)
{
    uint32_t status = 0;

    if (core->ctrl & SECMMU_CTRL_ENABLE) {
        status |= SECMMU_STATUS_REG_ENABLED;
    }
    if (atomic_load(&core->error)) {
        status |= SECMMU_STATUS_REG_ERROR;
    }
    pthread_mutex_lock(&core->lock);
    if (core->events.first) {
        status |= SECMMU_STATUS_REG_STALLED;
    }
    pthread_mutex_unlock(&core->lock);
    return status;
}

static uint32_t read_locked(SecmmuCore *core, const uint64_t *val)
{
    uint32_t ret;

    pthread_mutex_lock(&core->lock);
    ret = *val;
    pthread_mutex_unlock(&core->lock);
    return ret;
}

static uint64_t read_global(SecmmuCore *core, uint32_t offset)
{
    const SecmmuConfig *c = &core->config;

    switch ((enum secmmu_global_reg)offset) {
    case SECMMU_REG_ID:
        return SECMMU_ID_VALUE;
    case SECMMU_REG_VERSION:
        return SECMMU_HW_VERSION;
    case SECMMU_REG_VA_BITS:
        return SECMMU_VA_BITS;
    case SECMMU_REG_PAGE_SIZES:
        return 1ull << SECMMU_PAGE_SHIFT | 1ull << SECMMU_HUGE_SHIFT;
    case SECMMU_REG_NR_ASIDS:
        return c->asids;
    case SECMMU_REG_NR_QUEUES:
        return c->queues;
    case SECMMU_REG_NR_ENGINES:
        return c->engines;
    case SECMMU_REG_TLB_SETS:
        return c->tlb_sets;
    case SECMMU_REG_TLB_WAYS:
        return c->tlb_ways;
    case SECMMU_REG_FEATURES:
        return SECMMU_FEATURE_SOFT | (c->audit ? SECMMU_FEATURE_AUDIT : 0);
    case SECMMU_REG_CHUNK:
        return SECMMU_CHUNK;
    case SECMMU_REG_CTRL:
        return core->ctrl;
    case SECMMU_REG_STATUS:
        return read_status(core);
    case SECMMU_REG_ERROR:
        return atomic_load(&core->error);
    case SECMMU_REG_EVENT_BASE:
        return core->event_base;
    case SECMMU_REG_EVENT_ORDER:
        return core->event_order;
    case SECMMU_REG_EVENT_HEAD:
        return read_locked(core, &core->event_head);
    case SECMMU_REG_EVENT_TAIL:
        return read_locked(core, &core->event_tail);
    case SECMMU_REG_DONE_BASE:
        return core->done_base;
    case SECMMU_REG_CLOCK:
        return secmmu_core_clock();
    case SECMMU_REG_RESPONSE:
        break;
    }
    return 0;
}

static uint64_t read_queue(SecmmuCore *core, SecmmuQueue *q, uint32_t offset)
{
    uint64_t val = 0;

    pthread_mutex_lock(&core->lock);
    switch ((enum secmmu_queue_reg)offset) {
    case SECMMU_REG_QUEUE_RING:
        val = q->ring;
        break;
    case SECMMU_REG_QUEUE_ORDER:
        val = q->order;
        break;
    case SECMMU_REG_QUEUE_ASID:
        val = q->asid;
        break;
    case SECMMU_REG_QUEUE_CTRL:
        val = q->enabled ? SECMMU_QUEUE_CTRL_ENABLE : 0;
        break;
    case SECMMU_REG_QUEUE_STATUS:
        val = q->state | (uint32_t)q->error << 8;
        break;
    case SECMMU_REG_QUEUE_HEAD:
        val = atomic_load(&q->head);
        break;
    case SECMMU_REG_QUEUE_TAIL:
        val = atomic_load(&q->tail);
        break;
    case SECMMU_REG_QUEUE_ERRVA:
        val = q->error_va;
        break;
    case SECMMU_REG_QUEUE_ARM:
        break;
    }
    pthread_mutex_unlock(&core->lock);
    return val;
}

static uint64_t read_asid(SecmmuAsid *as, uint32_t offset)
{
    switch ((enum secmmu_asid_reg)offset) {
    case SECMMU_REG_ASID_TABLE:
        return atomic_load(&as->table);
    case SECMMU_REG_ASID_MODE:
        return atomic_load(&as->mode);
    case SECMMU_REG_ASID_DONE:
        return as->done;
    case SECMMU_REG_ASID_AUDIT:
        return atomic_load(&as->audit);
    case SECMMU_REG_ASID_SHOOTDOWN:
    case SECMMU_REG_ASID_RESUME:
    case SECMMU_REG_ASID_DROPIN_VA:
    case SECMMU_REG_ASID_DROPIN:
        break;
    }
    return 0;
}

uint64_t secmmu_counter(SecmmuCore *core, unsigned which)
{
    uint64_t sum = atomic_load_explicit(&core->count[which],
                                        memory_order_relaxed);

    for (unsigned i = 0; i < core->config.engines; i++) {
        sum += atomic_load_explicit(&core->engines[i].count[which],
                                    memory_order_relaxed);
    }
    return sum;
}

uint64_t secmmu_core_read(SecmmuCore *core, uint64_t off, unsigned size)
{
    uint64_t val = 0;
    Reg reg;

    pthread_mutex_lock(&core->control);
    if (!decode(core, off, size, &reg) || reg.info->access == WO) {
        access_error(core, "read", off, size);
    } else {
        switch (reg.block) {
        case BLOCK_GLOBAL:
            val = read_global(core, reg.offset);
            break;
        case BLOCK_COUNTER:
            val = secmmu_counter(core, reg.index);
            break;
        case BLOCK_QUEUE:
            val = read_queue(core, &core->queues[reg.index], reg.offset);
            break;
        case BLOCK_ASID:
            val = read_asid(&core->asids[reg.index], reg.offset);
            break;
        }
    }
    pthread_mutex_unlock(&core->control);
    return val;
}

/* ---------------------------------------------------------------- writing */

bool secmmu_event_ring_ok(SecmmuCore *core)
{
    return core->event_base && !(core->event_base & ~SECMMU_SPTE_ADDR) &&
           core->event_order < 32 &&
           1ull << core->event_order >= 3ull * core->config.queues &&
           !(core->done_base & ~SECMMU_SPTE_ADDR);
}

static void write_ctrl(SecmmuCore *core, uint32_t val)
{
    if (val & ~(SECMMU_CTRL_ENABLE | SECMMU_CTRL_RESET)) {
        secmmu_error(core, SECMMU_ERR_ACCESS, "CTRL: unknown bits 0x%x", val);
        return;
    }
    if (val & SECMMU_CTRL_RESET) {
        secmmu_reset_locked(core);
        return;
    }
    if ((val & SECMMU_CTRL_ENABLE) && !(core->ctrl & SECMMU_CTRL_ENABLE) &&
        !secmmu_event_ring_ok(core)) {
        secmmu_error(core, SECMMU_ERR_EVENT_RING, "enabled with event ring "
                     "0x%llx order %u, done 0x%llx",
                     (unsigned long long)core->event_base, core->event_order,
                     (unsigned long long)core->done_base);
        return;
    }
    core->ctrl = val;
    secmmu_update_dma(core);
}

static void write_event_head(SecmmuCore *core, uint32_t val)
{
    uint64_t head;
    bool ok;

    secmmu_count(core->count, SECMMU_CNT_EVENT_HEADS, 1);
    pthread_mutex_lock(&core->lock);
    head = core->event_head + (uint32_t)(val - (uint32_t)core->event_head);
    ok = head <= core->event_tail;
    if (ok) {
        core->event_head = head;
        secmmu_event_flush(core, core->count);
    }
    pthread_mutex_unlock(&core->lock);
    if (!ok) {
        secmmu_error(core, SECMMU_ERR_EVENT_HEAD, "EVENT_HEAD %u is past the "
                     "tail", val);
    }
}

static void write_global(SecmmuCore *core, uint32_t offset, uint64_t val)
{
    bool fixed = core->ctrl & SECMMU_CTRL_ENABLE;

    switch ((enum secmmu_global_reg)offset) {
    case SECMMU_REG_CTRL:
        write_ctrl(core, val);
        return;
    case SECMMU_REG_ERROR:
        atomic_fetch_and(&core->error, ~(uint32_t)val);
        return;
    case SECMMU_REG_EVENT_HEAD:
        write_event_head(core, val);
        return;
    case SECMMU_REG_RESPONSE:
        secmmu_queue_response(core, val);
        return;
    case SECMMU_REG_EVENT_BASE:
    case SECMMU_REG_EVENT_ORDER:
    case SECMMU_REG_DONE_BASE:
        break;
    default:
        return;
    }
    if (fixed) {
        secmmu_error(core, SECMMU_ERR_ACCESS, "register 0x%x is fixed while "
                     "the device is enabled", offset);
    } else if (offset == SECMMU_REG_EVENT_BASE) {
        core->event_base = val;
    } else if (offset == SECMMU_REG_EVENT_ORDER) {
        core->event_order = val;
    } else {
        core->done_base = val;
    }
}

static void write_queue_ctrl(SecmmuCore *core, SecmmuQueue *q, uint32_t val)
{
    if (val & ~SECMMU_QUEUE_CTRL_ENABLE) {
        secmmu_error(core, SECMMU_ERR_ACCESS, "QUEUE_CTRL: unknown bits 0x%x",
                     val);
    } else if (!val) {
        secmmu_queue_disable(core, q);
    } else if (!q->enabled) {
        secmmu_queue_enable(core, q);
    }
}

static void write_queue(SecmmuCore *core, SecmmuQueue *q, uint32_t offset,
                        uint64_t val)
{
    if (offset == SECMMU_REG_QUEUE_CTRL) {
        write_queue_ctrl(core, q, val);
        return;
    }
    if (offset == SECMMU_REG_QUEUE_ARM) {
        if (q->enabled) {
            secmmu_queue_arm(core, q, val);
        } else {
            secmmu_error(core, SECMMU_ERR_QUEUE, "queue %u: armed while off",
                         q->index);
        }
        return;
    }
    if (q->enabled) {
        secmmu_error(core, SECMMU_ERR_QUEUE, "queue %u: register 0x%x is fixed "
                     "while it is enabled", q->index, offset);
        return;
    }
    pthread_mutex_lock(&core->lock);
    switch ((enum secmmu_queue_reg)offset) {
    case SECMMU_REG_QUEUE_RING:
        q->ring = val;
        break;
    case SECMMU_REG_QUEUE_ORDER:
        q->order = val;
        break;
    case SECMMU_REG_QUEUE_ASID:
        q->asid = val;
        break;
    default:
        break;
    }
    pthread_mutex_unlock(&core->lock);
}

static void stop_asid(SecmmuCore *core, unsigned asid)
{
    /*
     * The queues first: with the mode gone, an engine still at work would not
     * know what the ASID was.
     */
    for (unsigned i = 0; i < core->config.queues; i++) {
        SecmmuQueue *q = &core->queues[i];

        if (q->enabled && q->asid == asid) {
            secmmu_queue_stop(core, q, SECMMU_QUEUE_MM_GONE, 0);
        }
    }
    secmmu_drop_asid(core, asid);
    atomic_store(&core->asids[asid].mode, SECMMU_ASID_OFF);
    secmmu_trace(core, SECMMU_TRACE_ASID, 0, asid,
                 atomic_load(&core->asids[asid].table), 0, SECMMU_ASID_OFF, 0);
}

static void write_asid_mode(SecmmuCore *core, unsigned asid, uint32_t val)
{
    SecmmuAsid *as = &core->asids[asid];
    uint32_t mode = atomic_load(&as->mode);

    if (val == mode) {
        return;
    }
    if (val == SECMMU_ASID_OFF) {
        stop_asid(core, asid);
        return;
    }
    if (val > SECMMU_ASID_SOFT || mode != SECMMU_ASID_OFF ||
        (val == SECMMU_ASID_WALK &&
         (!atomic_load(&as->table) ||
          (atomic_load(&as->table) & ~SECMMU_SPTE_ADDR)))) {
        secmmu_error(core, SECMMU_ERR_ASID, "ASID %u: mode %u to %u, root "
                     "0x%llx", asid, mode, val,
                     (unsigned long long)atomic_load(&as->table));
        return;
    }
    as->done = 0;
    atomic_store(&as->mode, val);
    secmmu_trace(core, SECMMU_TRACE_ASID, 0, asid, atomic_load(&as->table), 0,
                 val, 0);
    secmmu_write_done(core, asid);
}

static void write_asid(SecmmuCore *core, unsigned asid, uint32_t offset,
                       uint64_t val)
{
    SecmmuAsid *as = &core->asids[asid];

    switch ((enum secmmu_asid_reg)offset) {
    case SECMMU_REG_ASID_TABLE:
        if (atomic_load(&as->mode) != SECMMU_ASID_OFF) {
            secmmu_error(core, SECMMU_ERR_ASID, "ASID %u: root is fixed while "
                         "the mode is not off", asid);
            return;
        }
        atomic_store(&as->table, val);
        return;
    case SECMMU_REG_ASID_MODE:
        write_asid_mode(core, asid, val);
        return;
    case SECMMU_REG_ASID_SHOOTDOWN:
        secmmu_shootdown(core, asid, val);
        return;
    case SECMMU_REG_ASID_RESUME:
        secmmu_queue_resume(core, asid);
        return;
    case SECMMU_REG_ASID_DROPIN_VA:
        as->dropin_va = val;
        return;
    case SECMMU_REG_ASID_DROPIN:
        secmmu_dropin(core, asid, val);
        return;
    case SECMMU_REG_ASID_AUDIT:
        if (!secmmu_audit_root_ok(val)) {
            secmmu_error(core, SECMMU_ERR_ASID, "ASID %u: audit root 0x%llx",
                         asid, (unsigned long long)val);
            return;
        }
        atomic_store(&as->audit, val);
        return;
    case SECMMU_REG_ASID_DONE:
        return;
    }
}

void secmmu_core_write(SecmmuCore *core, uint64_t off, uint64_t val,
                       unsigned size)
{
    Reg reg;

    pthread_mutex_lock(&core->control);
    if (!decode(core, off, size, &reg) || reg.info->access == RO) {
        access_error(core, "write", off, size);
    } else {
        switch (reg.block) {
        case BLOCK_GLOBAL:
            write_global(core, reg.offset, val);
            break;
        case BLOCK_QUEUE:
            write_queue(core, &core->queues[reg.index], reg.offset, val);
            break;
        case BLOCK_ASID:
            write_asid(core, reg.index, reg.offset, val);
            break;
        case BLOCK_COUNTER:
            break;
        }
    }
    pthread_mutex_unlock(&core->control);
}

bool secmmu_core_write_waits(SecmmuCore *core, uint64_t off, unsigned size)
{
    Reg reg;

    if (!decode(core, off, size, &reg)) {
        return false;
    }
    switch (reg.block) {
    case BLOCK_GLOBAL:
        return reg.offset == SECMMU_REG_CTRL;
    case BLOCK_QUEUE:
        return reg.offset == SECMMU_REG_QUEUE_CTRL;
    case BLOCK_ASID:
        return reg.offset == SECMMU_REG_ASID_MODE ||
               reg.offset == SECMMU_REG_ASID_SHOOTDOWN;
    case BLOCK_COUNTER:
        break;
    }
    return false;
}

void secmmu_core_doorbell(SecmmuCore *core, uint64_t off, uint64_t val,
                          unsigned size)
{
    uint64_t index = off / SECMMU_DOORBELL_SIZE;

    pthread_mutex_lock(&core->control);
    if (index >= core->config.queues || off % SECMMU_DOORBELL_SIZE ||
        size != 4) {
        secmmu_error(core, SECMMU_ERR_ACCESS, "doorbell of %u bytes at 0x%llx",
                     size, (unsigned long long)off);
    } else if (!core->queues[index].enabled) {
        secmmu_error(core, SECMMU_ERR_DOORBELL, "doorbell of queue %llu, which "
                     "is off", (unsigned long long)index);
    } else {
        secmmu_queue_doorbell(core, &core->queues[index], val);
    }
    pthread_mutex_unlock(&core->control);
}
