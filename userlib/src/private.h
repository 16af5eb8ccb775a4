/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the library's files share and programs do not see. Nothing here is
 * exported.
 */
#ifndef SECMMU_PRIVATE_H
#define SECMMU_PRIVATE_H

#include <time.h>

#include "secmmu.h"

#define NS_PER_S	INT64_C(1000000000)

/**
 * secmmu_is_ours - did this process open the device, and no parent of it?
 * @s: the context.
 *
 * The page reads as zero in a child, since the kernel wipes it at fork: a load
 * tells, where a system call would cost more than a job's submission.
 */
static inline int secmmu_is_ours(const struct secmmu *s)
{
	return s && *s->guard;
}

static inline int64_t secmmu_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* When a wait of @timeout_ns from now on ends; INT64_MAX if never. */
static inline int64_t secmmu_end_of(int64_t timeout_ns)
{
	int64_t end;

	if (timeout_ns < 0 ||
	    __builtin_add_overflow(secmmu_now(), timeout_ns, &end))
		return INT64_MAX;
	return end;
}

/*
 * One job from get to wait, on an idle queue; -EBUSY if it is not. The two
 * halves of every synchronous helper.
 */
int secmmu_sync_begin(struct secmmu_queue *q, struct secmmu_desc **desc)
	__attribute__((visibility("hidden")));
int secmmu_sync_end(struct secmmu_queue *q, struct secmmu_completion *done)
	__attribute__((visibility("hidden")));
/* What the status of a job that has ended amounts to. */
int secmmu_status_errno(uint32_t status)
	__attribute__((visibility("hidden")));

#endif /* SECMMU_PRIVATE_H */
