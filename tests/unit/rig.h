/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - a machine for one core: RAM, address spaces, a driver.
 *
 * Lives here: a small stand-in for guest RAM, the CPU's page tables and the
 * driver's fault path, for tests of the device core on the host.
 * Not here: tests.
 *
 * One thread drives a rig, apart from what says otherwise. Addresses of RAM
 * start at RIG_RAM_BASE so that zero is no RAM.
 */
#ifndef RIG_H
#define RIG_H

#include <pthread.h>
#include <stdatomic.h>

#include "check.h"
#include "internal.h"

#define RIG_RAM_BASE    0x40000000ull
#define RIG_VA          0x7f0000000000ull       /* first address of a space */
#define RIG_PAGES       2048                    /* 4 KiB pages of a space */
#define PAGE            4096ull
#define HUGE            (2ull << 20)

typedef struct RigPage {        /* what the CPU would map */
    uint64_t pa;                /* zero: nothing */
    bool writable;
} RigPage;

typedef struct RigSpace {
    uint64_t root;
    RigPage page[RIG_PAGES];
} RigSpace;

typedef struct Rig Rig;
typedef struct RigFault {
    uint16_t queue, asid, code;
    uint8_t flags;
    uint64_t va, extent;
    uint32_t seq;
} RigFault;

struct Rig {
    SecmmuCore *core;
    uint8_t *ram;
    size_t ram_size;
    size_t ram_next;            /* bump allocator */
    uint64_t free_tables;       /* chain of table pages given back */
    unsigned order;             /* of the event ring */
    uint64_t events;            /* DMA address */
    uint32_t head;
    uint64_t done;
    RigSpace *space;            /* by ASID */
    unsigned spaces;
    /* the fault path: pages entered per fault at most; 0: no service */
    unsigned batch;
    bool huge;                  /* enter 2 MiB where the frames allow */
    bool soft;                  /* answer with drop-ins */
    /* called for each FAULT event in place of the service, if set */
    void (*on_fault)(Rig *rig, const RigFault *fault);
    void *user;
    /* called in bus_map() and bus_unmap(), any thread, if set: may wait a little */
    void (*on_map)(Rig *rig, uint64_t addr);
    void (*on_unmap)(Rig *rig, uint64_t addr);
    uint64_t preset;            /* bits that new entries have */
    unsigned faults, completions, errors;
    struct secmmu_event last_event;
    /* what the core told us; any thread */
    _Atomic unsigned irqs;
    _Atomic unsigned guest_errors;
    _Atomic uint64_t maps, maps_live;
    bool no_counts;             /* leave maps alone (to measure) */
    _Atomic bool no_ram;        /* map() finds nothing */
    _Atomic bool scattered;     /* map() reaches to the end of 4 KiB only */
    /* with rig_new_full(): */
    uint64_t phys_offset;       /* physical address less DMA address */
    void (*on_trace)(Rig *rig, const SecmmuTrace *ev);  /* any thread */
    _Atomic unsigned threads;   /* begun and not ended */
    SecmmuBusOps ops;           /* as given to the core; tests may change it */
    char last_error[256];
    pthread_mutex_t error_lock;
};

/* A device with the event ring on and bus mastering, nothing mapped. */
Rig *rig_new(const SecmmuConfig *config, size_t ram_mib);
/* The same with all the optional bus operations. */
Rig *rig_new_full(const SecmmuConfig *config, size_t ram_mib);
void rig_free(Rig *rig);
/* Programs and enables the event ring (done by rig_new). */
void rig_enable(Rig *rig);

/* RAM */
uint64_t rig_alloc(Rig *rig, size_t size, size_t align);
void *rig_ram(Rig *rig, uint64_t addr);

/* registers */
uint64_t rig_read64(Rig *rig, uint64_t off);
uint32_t rig_read32(Rig *rig, uint64_t off);
void rig_write64(Rig *rig, uint64_t off, uint64_t val);
void rig_write32(Rig *rig, uint64_t off, uint32_t val);
#define QREG(q, name) (SECMMU_QUEUE_BLOCK + (q) * SECMMU_QUEUE_STRIDE + \
                       SECMMU_REG_QUEUE_##name)
#define AREG(a, name) (SECMMU_ASID_BLOCK + (a) * SECMMU_ASID_STRIDE + \
                       SECMMU_REG_ASID_##name)
#define GREG(name) (SECMMU_REG_##name)
uint64_t rig_counter(Rig *rig, unsigned which);

/* address spaces */
void rig_space_on(Rig *rig, unsigned asid, unsigned mode);
/* The CPU maps @pages from @va, contiguous frames if @align allows. */
void rig_back(Rig *rig, unsigned asid, uint64_t va, size_t pages,
              size_t align, bool writable);
/* Host address of a byte that the CPU maps. */
void *rig_va(Rig *rig, unsigned asid, uint64_t va);
void rig_put(Rig *rig, unsigned asid, uint64_t va, const void *buf,
             size_t len);
void rig_get(Rig *rig, unsigned asid, uint64_t va, void *buf, size_t len);
/* The spte at @level, its tables made as needed. */
_Atomic uint64_t *rig_spte(Rig *rig, unsigned asid, uint64_t va, int level);
/*
 * Takes the table page at @addr out of use: filled with malformed entries until
 * rig_spte() needs one, so that a walk that still finds it is told.
 */
void rig_table_free(Rig *rig, uint64_t addr);
/* Enters page(s) of the CPU's into the secondary table. */
void rig_map(Rig *rig, unsigned asid, uint64_t va, size_t pages);
/* Takes one out of it, without a shootdown; true if it was there. */
bool rig_zap(Rig *rig, unsigned asid, uint64_t va);
void rig_shootdown(Rig *rig, unsigned asid, uint64_t va, uint64_t pages);

/* queues */
void rig_queue_on(Rig *rig, unsigned queue, unsigned asid, uint64_t ring,
                  unsigned order);
void rig_submit(Rig *rig, unsigned queue, const struct secmmu_desc *desc);
void rig_doorbell(Rig *rig, unsigned queue, uint32_t tail);
/* Reads and serves what events there are; their number. */
unsigned rig_poll(Rig *rig);
/* Polls until the queue's head is @head; aborts after some seconds. */
void rig_wait(Rig *rig, unsigned queue, uint32_t head);
void rig_wait_state(Rig *rig, unsigned queue, unsigned state);
/*
 * Both at once, and reads no event: what the queue has posted by then is in the
 * ring. The two above may have read the last ones or not, as time has it.
 */
void rig_wait_unread(Rig *rig, unsigned queue, uint32_t head, unsigned state);
void rig_respond(Rig *rig, const RigFault *fault, unsigned code,
                 unsigned status);
/* Submits, waits, gives back the completion record (desc->completion). */
struct secmmu_completion rig_run(Rig *rig, unsigned queue,
                                 const struct secmmu_desc *desc);

#endif /* RIG_H */
