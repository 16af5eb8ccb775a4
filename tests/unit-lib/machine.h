/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - the real device core behind the fake driver.
 *
 * Lives here: a core whose memory is this process's: DMA addresses are
 * pointers, the secondary table is filled on faults from /proc/self/maps, and
 * munmap() shoots down as a notifier would. So the library's descriptors are
 * run by the code that runs in the device.
 * Not here: the fake driver (fake.h), tests.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include "fake.h"

/* Puts a core with @engines threads behind the fake driver. */
void machine_start(unsigned engines);
/* Takes it away; all queues have ended. */
void machine_stop(void);
/*
 * Hands over what queue @id's doorbell says, without waiting: the engines
 * then run beside the caller. False if the queue has stopped.
 */
bool machine_ring(unsigned id);
/* Serves the faults that have come up. From any thread. */
void machine_serve(void);
/* What the next fault is answered with, in place of a mapping; one shot. */
void machine_fail_next(uint32_t status);
/* Faults served so far. */
unsigned machine_faults(void);

#endif /* MACHINE_H */
