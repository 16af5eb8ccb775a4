// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one function that the kernel's HMM test driver uses and that is not
 * exported. Only its EXCLUSIVE ioctl calls it, which the benchmark does not.
 */
#include <linux/module.h>
#include <linux/rmap.h>

int make_device_exclusive_range(struct mm_struct *mm, unsigned long start,
				unsigned long end, struct page **pages,
				void *owner)
{
	return -EOPNOTSUPP;
}
