// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * To be preloaded: a device whose checksums have one wrong bit.
 */
#define _GNU_SOURCE
#include <dlfcn.h>

#include <secmmu.h>

int secmmu_crc32c(struct secmmu_queue *q, const void *src, size_t len,
		  uint32_t *crc)
{
	int (*real)(struct secmmu_queue *, const void *, size_t, uint32_t *) =
		dlsym(RTLD_NEXT, "secmmu_crc32c");
	int ret = real(q, src, len, crc);

	*crc ^= 1u << 17;
	return ret;
}
