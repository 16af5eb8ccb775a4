/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The demo's own declarations: the context that the steps share, and how a
 * step reports.
 */
#ifndef DEMO_H
#define DEMO_H

#include <secmmu.h>

#include "guest.h"

#define MIB	(1ul << 20)

/**
 * struct demo - what the steps share
 * @s: the open device.
 * @q: a queue for the main thread.
 * @before: counters when the program started.
 * @swap: what step 5 found out.
 */
struct demo {
	struct secmmu s;
	struct secmmu_queue q;
	struct secmmu_stats before;
	struct {
		long long swapped_out;
		long long swapped_in;
		long long limit_hits;
		long long oom_kills;
		long long vm_pin;	/* the most that was ever seen */
		long long resident;	/* pages, likewise */
	} swap;
};

/* A line of a step: what was done and measured. */
void fact(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* steps.c */
void step_arrays(struct demo *demo);
void step_list(struct demo *demo);
void step_fork(struct demo *demo);
void step_unmap(struct demo *demo);

/* swap.c */
void step_swap(struct demo *demo);

#endif /* DEMO_H */
