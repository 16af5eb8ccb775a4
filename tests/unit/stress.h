/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - engines against a kernel that takes pages away.
 *
 * Lives here: what the stress tests share: queues that never rest, a thread
 * that plays the driver's fault worker, and a thread (the caller) that zaps,
 * shoots down and then owns the page: it writes a poison over it and looks
 * whether anybody else writes there.
 * Not here: what is done to the device meanwhile (test-shootdown.c,
 * test-reset.c), and proof that the stress has teeth (test-teeth.c).
 */
#ifndef STRESS_H
#define STRESS_H

#include "rig.h"

typedef struct StressConfig {
    unsigned engines, queues, sets, ways;
    bool huge;                  /* 2 MiB entries, split and joined again */
    bool slow_data;             /* wait between translation and access */
    bool slow_walk;             /* wait between table read and fill */
    bool preset;                /* entries come with A and D set */
    double seconds;
    const SecmmuInject *inject;
} StressConfig;

typedef struct StressResult {
    uint64_t zaps;              /* pages taken away */
    uint64_t violations;        /* writes to pages that were not theirs */
} StressResult;

/* Runs the stress; aborts on anything wrong but violations. */
StressResult stress_run(const StressConfig *config);

/* The same in pieces, for tests that do something else meanwhile. */
typedef struct Stress Stress;
Stress *stress_start(const StressConfig *config);
Rig *stress_rig(Stress *s);
/* Takes one random page away and looks. */
void stress_take_page(Stress *s);
/*
 * Between these two the fault worker stands still. Then nothing but the device
 * touches memory.
 */
void stress_hold(Stress *s);
void stress_release(Stress *s);
/* With the stress held: writes poison over every frame, resp. looks. */
void stress_poison_all(Stress *s);
bool stress_poison_intact(Stress *s);
/* Sets the device and all queues up again after a reset. */
void stress_set_up(Stress *s);
/* Enables one queue again. */
void stress_queue_on(Stress *s, unsigned queue);
StressResult stress_stop(Stress *s);

#endif /* STRESS_H */
