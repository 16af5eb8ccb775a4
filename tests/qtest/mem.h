/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual memory for the device: a pager, as small as it can be.
 *
 * Lives here: ranges of virtual memory on scattered frames, access to them by
 * virtual address, and in two of the modes the answers to faults.
 * Not here: jobs (test-*.c).
 *
 * MEM_MAPPED: everything is mapped at once.
 * MEM_LAZY: nothing is; each fault brings one page, for reading first, now and
 *   then after having been refused.
 * MEM_MOVING: as LAZY, and pages move to other frames all the time, by the
 *   book: entry out, shootdown, copy. The frame left behind gets a pattern,
 *   so that a write which comes too late is seen.
 */
#ifndef SECMMU_QTEST_MEM_H
#define SECMMU_QTEST_MEM_H

#include "dev.h"

enum mem_mode { MEM_MAPPED, MEM_LAZY, MEM_MOVING };

#define MEM_REGIONS 32

struct mem_region {
    uint64_t va;
    uint64_t pages;
    uint64_t flags;
    uint64_t *frame;
};

/**
 * struct mem: of one address space.
 * @spare: the frame that was left last.
 * @resume: a fault was refused.
 * @moves, @faults, @refusals: what happened so far.
 */
struct mem {
    struct space *s;
    enum mem_mode mode;
    struct mem_region region[MEM_REGIONS];
    unsigned nr;
    uint64_t spare;
    uint64_t seed;
    bool resume;
    unsigned moves;
    unsigned faults;
    unsigned refusals;
};

/* From here on queue_wait() of this space serves faults. */
void mem_init(struct mem *m, struct space *s, enum mem_mode mode);
void mem_free(struct mem *m);
/* @va: page aligned; @flags: SECMMU_SPTE_W or 0. Contents are zero. */
void mem_alloc(struct mem *m, uint64_t va, uint64_t len, uint64_t flags);
/* As a CPU would; within one region. */
void mem_write(struct mem *m, uint64_t va, const void *from, uint64_t len);
void mem_read(struct mem *m, uint64_t va, void *to, uint64_t len);
/* Random bytes, also to @copy unless that is NULL. */
void mem_random(struct mem *m, uint64_t va, void *copy, uint64_t len);
/* Fails unless memory holds exactly this. */
void mem_check(struct mem *m, uint64_t va, const void *want, uint64_t len);
/* Serves what is there, moves a page. Called by queue_wait(). */
void mem_idle(void *mem);

#endif
