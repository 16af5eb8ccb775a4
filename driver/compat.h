/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernels 6.1 and 7.x, all of them, and nothing else. The
 * rest of the driver is written against the newest kernel and never looks at
 * LINUX_VERSION_CODE.
 */
#ifndef SECMMU_COMPAT_H
#define SECMMU_COMPAT_H

#include <linux/eventfd.h>
#include <linux/mm.h>
#include <linux/version.h>

/* The young callbacks of mmu_notifier_ops return bool from 7.1 on. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 1, 0)
#define secmmu_young_t bool
#else
#define secmmu_young_t int
#endif

/*
 * A page that NUMA balancing has made inaccessible, to see who uses it, is made
 * accessible again, as by an access of the CPU: a secondary MMU may not have
 * what the primary has not. From 6.6 on that has to be asked for.
 */
static inline long secmmu_gup(struct mm_struct *mm, unsigned long start,
			      unsigned long nr, unsigned int flags,
			      struct page **pages, int *locked)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	flags |= FOLL_HONOR_NUMA_FAULT;
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	return get_user_pages_remote(mm, start, nr, flags, pages, locked);
#else
	return get_user_pages_remote(mm, start, nr, flags, pages, NULL, locked);
#endif
}

/* Of the mm that we are in; only what is mapped already, and no lock. */
static inline int secmmu_gup_fast(unsigned long start, int nr,
				  unsigned int flags, struct page **pages)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	flags |= FOLL_HONOR_NUMA_FAULT;
#endif
	return get_user_pages_fast_only(start, nr, flags, pages);
}

static inline void secmmu_eventfd_signal(struct eventfd_ctx *eventfd)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	eventfd_signal(eventfd);
#else
	eventfd_signal(eventfd, 1);
#endif
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}
#endif

#endif /* SECMMU_COMPAT_H */
