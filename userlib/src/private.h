/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the library's files share and programs do not see. Nothing here is
 * exported.
 */
#ifndef SECMMU_PRIVATE_H
#define SECMMU_PRIVATE_H

#include "secmmu.h"

/**
 * secmmu_is_ours - did this process open the device, and no parent of it?
 * @s: the context.
 *
 * The page reads as zero in a child, since the kernel wipes it at fork: a load
 * tells, where a system call would cost more than a job's submission.
 */
static inline int secmmu_is_ours(const struct secmmu *s)
{
	return *s->guard;
}

#endif /* SECMMU_PRIVATE_H */
