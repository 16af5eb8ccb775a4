// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Hints: what jobs will use, and what not. Lives here: the calls round
 * SECMMU_IOC_ADVISE. Not here: anything that a program could not do without.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "private.h"

static int64_t advise(struct secmmu *s, const void *addr, size_t len,
		      enum secmmu_advice advice, uint64_t *writable)
{
	struct secmmu_advise arg = {
		.addr = (uintptr_t)addr,
		.len = len,
		.advice = advice,
	};

	if (!secmmu_is_ours(s))
		return -EPERM;
	if (ioctl(s->fd, SECMMU_IOC_ADVISE, &arg))
		return -errno;
	if (writable)
		*writable = arg.writable;
	return arg.pages;
}

int64_t secmmu_prefetch(struct secmmu *s, const void *addr, size_t len,
			int write)
{
	return advise(s, addr, len, write ? SECMMU_ADVISE_WRITE :
					    SECMMU_ADVISE_READ, NULL);
}

int secmmu_drop(struct secmmu *s, const void *addr, size_t len)
{
	return advise(s, addr, len, SECMMU_ADVISE_DROP, NULL);
}

int64_t secmmu_resident(struct secmmu *s, const void *addr, size_t len,
			uint64_t *writable)
{
	return advise(s, addr, len, SECMMU_ADVISE_RESIDENT, writable);
}
