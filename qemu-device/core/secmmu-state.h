/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - all that a device is, to be carried to another.
 *
 * Lives here: the state in fields of fixed width, which a front may put into a
 * migration stream, and the calls that take and give it.
 * Not here: the stream itself; what the core makes of the fields (state.c).
 *
 * The TLB and the walk cache are not part of it, nor what a queue keeps of
 * drop-ins: they fill again from the table, or by faults. What has to be equal
 * on both sides (SecmmuConfig) is the front's to compare.
 */
#ifndef SECMMU_STATE_H
#define SECMMU_STATE_H

#include "secmmu-core.h"

#define SECMMU_STATE_EVENTS     3       /* FAULT, COMPLETION, ERROR */
#define SECMMU_STATE_TILE       256
#define SECMMU_STATE_COUNTERS   128

/**
 * SecmmuEventState: an event of one type of a queue.
 * @flags: bit 0 waits to be written, bit 1 @pos is valid.
 * @pos: where in the stream the last one lies.
 */
typedef struct SecmmuEventState {
    uint8_t flags;
    uint8_t fault_flags;
    uint16_t code;
    uint32_t seq;
    uint64_t pos;
    uint64_t va;
    uint64_t extent;
} SecmmuEventState;

/**
 * SecmmuQueueState: a queue and the job that it is at.
 * @rank: its place among the queues that are ready, from 1; else 0.
 * @desc: the descriptor's eight words, in host byte order.
 * @facc, @tile: floating-point numbers as bits.
 * The others are as in SecmmuQueue and SecmmuJob (internal.h).
 */
typedef struct SecmmuQueueState {
    uint64_t ring;
    uint32_t order;
    uint32_t asid;
    uint8_t state;
    uint8_t error;
    uint8_t phase;
    uint8_t armed;
    uint32_t arm_target;
    uint64_t error_va;
    uint32_t head;
    uint32_t tail;
    uint32_t rank;
    uint32_t fault_seq;
    uint64_t last_user_data;
    uint64_t fault_va;
    uint64_t fault_extent;
    uint16_t fault_code;
    uint8_t fault_flags;
    uint32_t status;
    uint32_t bytes;
    uint64_t desc[8];
    uint64_t pos;
    uint64_t node;
    uint64_t acc;
    uint64_t facc;
    uint64_t fault_addr;
    uint64_t result;
    uint32_t gemm_k;
    uint32_t gemm_j;
    uint32_t tile[SECMMU_STATE_TILE];
    SecmmuEventState event[SECMMU_STATE_EVENTS];
} SecmmuQueueState;

/** SecmmuAsidState: as in SecmmuAsid (internal.h). */
typedef struct SecmmuAsidState {
    uint64_t table;
    uint64_t audit;
    uint64_t dropin_va;
    uint32_t mode;
    uint32_t done;
} SecmmuAsidState;

/**
 * SecmmuState: a device.
 * @queue, @asid: the caller's arrays, of as many as the core was made with.
 */
typedef struct SecmmuState {
    uint32_t ctrl;
    uint32_t error;
    uint64_t event_base;
    uint32_t event_order;
    uint64_t event_head;
    uint64_t event_tail;
    uint64_t done_base;
    uint64_t counter[SECMMU_STATE_COUNTERS];
    SecmmuQueueState *queue;
    SecmmuAsidState *asid;
} SecmmuState;

/*
 * Whether engines may work (they may at first). When it goes off, all DMA has
 * ended and no engine has a queue on return: jobs stop where they are, and go
 * on when it comes back. Registers can be used meanwhile.
 */
void secmmu_core_set_running(SecmmuCore *core, bool on);

/* Fills *state. The core must not be running. */
void secmmu_core_save(SecmmuCore *core, SecmmuState *state);

/*
 * Becomes the device that *state describes, whatever it was before; bus
 * mastering and whether it runs stay as they are. *state may come from anybody:
 * returns NULL, or what is wrong with it (a static text), and the core is then
 * as after a reset.
 */
const char *secmmu_core_load(SecmmuCore *core, const SecmmuState *state);

#endif /* SECMMU_STATE_H */
