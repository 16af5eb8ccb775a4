/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tests of jobs share.
 *
 * Lives here: the frame that runs a test in all modes of memory.
 * Not here: the pager itself (mem.h).
 */
#ifndef SECMMU_QTEST_JOBS_H
#define SECMMU_QTEST_JOBS_H

#include "mem.h"

/* Runs fn on a fresh device for each mode; fn allocates what it needs. */
void jobs_in_all_modes(void (*fn)(struct mem *m, struct queue *q));
/* Runs a job, which must end with OK. */
struct secmmu_completion jobs_ok(struct queue *q, struct secmmu_desc desc);

#endif
