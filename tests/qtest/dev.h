/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device as a driver sees it, without any of the driver's care.
 *
 * Lives here: registers, event ring, MSI-X, secondary page tables, queues.
 * Not here: expectations (test-*.c).
 */
#ifndef SECMMU_QTEST_DEV_H
#define SECMMU_QTEST_DEV_H

#include <linux/secmmu.h>
#include <linux/secmmu_hw.h>

#include "check.h"
#include "pci.h"

#define PAGE  0x1000ull
#define HUGE  0x200000ull

/* What the tests' device is told, so that they know what to expect. */
#define DEV_QUEUES   8
#define DEV_ASIDS    4
#define DEV_ENGINES  2
#define DEV_SETS     64
#define DEV_WAYS     2

/* The MSI-X message of dev_start(). */
#define MSI_DATA 0x5ec25ec2u

/**
 * struct dev: the function, ready for use after dev_start().
 * @ring: event ring in guest memory. @ring_order: log2 of its events.
 * @head: events consumed.
 * @done: the done array in guest memory.
 * @msi: where the MSI-X message is written.
 * @free: next unused guest page.
 * @dma_offset: DMA address of guest page 0, where an IOMMU makes it so.
 * @iommu_root: the IOMMU's root table; see iommu.h.
 */
struct dev {
    struct vm *vm;
    struct pci pci;
    struct secmmu_event *ring;
    unsigned ring_order;
    uint32_t head;
    uint32_t *done;
    uint32_t *msi;
    uint64_t free;
    uint64_t dma_offset;
    uint64_t iommu_root;
};

/* Every device is behind an IOMMU that translates; set by main(). */
extern bool dev_iommu;
/*
 * QEMU's further arguments, with the IOMMU in front if there is to be one. Who
 * starts QEMU by dev_bare*() need not care. @args: where the result may be put.
 */
#define DEV_EXTRA 16
const char *const *dev_extra(const char *const *extra, const char **args);

/* The -device argument with DEV_QUEUES and so on, and more properties. */
#define DEV_PROPERTIES "secmmu,addr=4,queues=8,asids=4,engines=2,tlb-sets=64" \
                       ",tlb-ways=2"

/* A device with its BARs assigned and nothing else done to it. */
struct dev *dev_bare(const char *properties);
/* Likewise on a given machine type, with further arguments for QEMU. */
struct dev *dev_bare_on(const char *machine, const char *properties,
                        const char *const *extra);
/* Bus master on, MSI-X on, event ring and done array set, enabled. */
struct dev *dev_start(const char *properties);
/* The second half of dev_start(), also for after a reset. */
void dev_init(struct dev *dev);
/* Checks that ERROR is 0 and the log empty, then ends QEMU. */
void dev_end(struct dev *dev);
/* The same without these checks, for tests that provoke errors. */
void dev_end_dirty(struct dev *dev);

/* --- registers */
uint32_t dev_read32(struct dev *dev, uint32_t off);
uint64_t dev_read64(struct dev *dev, uint32_t off);
void dev_write32(struct dev *dev, uint32_t off, uint32_t val);
void dev_write64(struct dev *dev, uint32_t off, uint64_t val);

#define QREG(queue, reg) (SECMMU_QUEUE_BLOCK + \
                          (queue) * SECMMU_QUEUE_STRIDE + SECMMU_REG_##reg)
#define AREG(asid, reg) (SECMMU_ASID_BLOCK + \
                         (asid) * SECMMU_ASID_STRIDE + SECMMU_REG_##reg)

uint64_t dev_counter(struct dev *dev, unsigned which);
#define COUNTER(dev, name) dev_counter(dev, SECMMU_CNT_##name)

/* ERROR, which is then cleared. */
uint32_t dev_take_error(struct dev *dev);
void dev_doorbell(struct dev *dev, unsigned queue, uint32_t tail);
/* Posts a shootdown of @len bytes and waits for the done number to move. */
void dev_shootdown(struct dev *dev, unsigned asid, uint64_t va, uint64_t len);
void dev_respond(struct dev *dev, const struct secmmu_event *ev,
                 unsigned code, unsigned status);

/* --- guest memory */
/* @n contiguous pages, zeroed, aligned to @align bytes; *@dma is their address
 * for the device.
 */
void *dev_alloc(struct dev *dev, uint64_t n, uint64_t align, uint64_t *dma);
static inline void *dev_ptr(struct dev *dev, uint64_t dma)
{
    return dev->vm->ram + (dma - dev->dma_offset);
}
static inline uint64_t dev_dma(struct dev *dev, void *ptr)
{
    return (uint8_t *)ptr - dev->vm->ram + dev->dma_offset;
}

/* --- events */
/* Whether one is there; it is copied and consumed. */
bool dev_event_peek(struct dev *dev, struct secmmu_event *ev);
/* Waits for one, which must be of this type and queue. */
struct secmmu_event dev_event(struct dev *dev, unsigned type, unsigned queue);
/* Says that nothing is there, after giving it 20 ms to come. */
void dev_no_event(struct dev *dev);
/* MSI-X messages land in a word: takes the last one away. */
bool dev_take_msi(struct dev *dev);

/* --- an address space in walk mode */
struct space {
    struct dev *dev;
    unsigned asid;
    uint64_t root;
    void (*idle)(void *arg);    /* called while queue_wait() waits */
    void *idle_arg;
};

struct space space_new(struct dev *dev, unsigned asid);
/* The entry of @va at @level (0 or 1); tables above are made as needed. */
uint64_t *space_spte(struct space *s, uint64_t va, unsigned level);
/* @flags: of SECMMU_SPTE_W, _A, _D; whole pages. */
void space_map(struct space *s, uint64_t va, uint64_t gpa, uint64_t len,
               uint64_t flags);
void space_map_huge(struct space *s, uint64_t va, uint64_t gpa,
                    uint64_t flags);
/* Takes the entry away by an exchange; without a shootdown. Returns it. */
uint64_t space_unmap(struct space *s, uint64_t va);
/* Allocates and maps; the host's pointer to it. */
void *space_alloc(struct space *s, uint64_t va, uint64_t len, uint64_t flags);

/*
 * --- a queue with its ring and records mapped at RING_VA(n), RECORD_VA(n)
 *
 * Not at round addresses, where the tests' data are: in a small TLB they would
 * push each other out, and what a test says of a cached entry would be void.
 */
#define RING_VA(queue)   (0x100000000000ull + (queue) * (HUGE + PAGE) + \
                          20 * PAGE)
#define RECORD_VA(queue) (0x200000000000ull + (queue) * (HUGE + PAGE) + \
                          40 * PAGE)

struct queue {
    struct space *space;
    struct dev *dev;
    unsigned index;
    unsigned order;
    uint32_t tail;
    struct secmmu_desc *ring;
    struct secmmu_completion *record;   /* one per slot */
};

struct queue queue_new(struct space *s, unsigned index, unsigned order);
/* Puts a descriptor in the ring, with its record (unless 1) and user_data. */
uint32_t queue_put(struct queue *q, struct secmmu_desc desc);
/* Rings the doorbell. */
void queue_ring(struct queue *q);
/* Rings for a whole ring from the head on: what is in it is done again. */
void queue_refill(struct queue *q);
/* Puts and rings. Returns the job's number. */
uint32_t queue_submit(struct queue *q, struct secmmu_desc desc);
/* Waits for the job's status; checks user_data; the record is copied. */
struct secmmu_completion queue_wait(struct queue *q, uint32_t job);
/* Submits, waits. */
struct secmmu_completion queue_run(struct queue *q, struct secmmu_desc desc);
unsigned queue_state(struct queue *q);
unsigned queue_error(struct queue *q);

/* user_data of a job */
#define USER_DATA(q, job) (0xabcd000000000000ull | \
                           (uint64_t)(q)->index << 32 | (job))

#endif
