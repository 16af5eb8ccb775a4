/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine small enough to be made anew for each input: 2 MiB of RAM and a
 * secmmu core. Lives here: what the fuzz targets share, the layout of that
 * RAM, and what must hold after every input. Not here: what an input means.
 */
#ifndef FUZZ_MACHINE_H
#define FUZZ_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/secmmu.h>
#include <linux/secmmu_hw.h>

#include "secmmu-core.h"

#define RAM_SIZE	(2u << 20)

/* Physical layout, by page of 4 KiB. */
#define PAGE_ROOT	1	/* tables of levels 3, 2, 1, 0 */
#define PAGE_DONE	5
#define PAGE_EVENTS	6
#define PAGE_RING	7
#define PAGE_DATA	16	/* PAGES_DATA pages that the table maps */
#define PAGES_DATA	64
#define PAGE_GUARD	128	/* PAGES_GUARD pages that it does not */
#define PAGES_GUARD	64

/* The ring is mapped at VA_RING, the data from VA_DATA on. */
#define VA_BASE		0x7f0000000000ull
#define VA_RING		(VA_BASE + PAGE_RING * 4096ull)
#define VA_DATA		(VA_BASE + PAGE_DATA * 4096ull)

#define RING_ORDER	6
#define QUEUES		4

struct machine {
	SecmmuCore *core;
	uint8_t *ram;
};

/* A device at reset over zeroed RAM; bus mastering is on. Aborts on failure. */
void machine_init(struct machine *m);
/* Programs the device and an address space by the layout; enables queue 0. */
void machine_start(struct machine *m);
/* Writes the tables that machine_start() points the device to. */
void machine_map(struct machine *m);
/* Submits what the ring holds up to @tail on queue 0. */
void machine_doorbell(struct machine *m, uint32_t tail);
/*
 * Answers faults with FAIL until no queue has work left; aborts if that takes
 * longer than a device may need.
 */
void machine_settle(struct machine *m);
/* Aborts if a page that no table maps has changed. */
void machine_check_guard(struct machine *m);
/* Aborts unless the device, reset and set up again, completes a job. */
void machine_check_alive(struct machine *m);
void machine_free(struct machine *m);

uint32_t machine_read(struct machine *m, uint64_t reg);
void machine_write(struct machine *m, uint64_t reg, uint64_t val, unsigned size);

#endif /* FUZZ_MACHINE_H */
