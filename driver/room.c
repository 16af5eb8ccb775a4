// SPDX-License-Identifier: GPL-2.0-only
/*
 * Room in the process's memory cgroup, made before pages are brought in. Lives
 * here: why, and how. Not here: bringing them in (fault.c).
 *
 * A process that hits its limit reclaims, and when it frees nothing it sleeps
 * for a moment (reclaim_throttle()) before it tries again: what another CPU is
 * writing to swap just then will soon be free. Only after many tries somebody is
 * killed. A kernel thread does not sleep there, since I/O might depend on it: it
 * is through with all its tries within the time that one page takes to swap,
 * and kills a process whose own access would have gone through.
 *
 * So our worker first asks for pages in a way that may fail and kills nobody. If
 * it fails, it sleeps, as the process would. What it was given goes back, but
 * stays with this CPU for the cgroup's next charges, which are the fault's.
 *
 * How long: newer kernels (6.12, not 6.1) decide by counts that may be four
 * seconds old (2 * FLUSH_TIME in memcontrol.c) whether they look at the cgroup's
 * active pages at all. Each lookup counts as a use: all of a job's may be active.
 */
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>

#include "secmmu.h"

/* In the end it is killed, if it must be: the process as by its own access. */
#define ROOM_TRIES	250
#define ROOM_SLEEP_MS	20

#ifdef CONFIG_MEMCG
static bool is_tight(struct mem_cgroup *memcg, unsigned int nr)
{
	for (; memcg; memcg = parent_mem_cgroup(memcg)) {
		unsigned long max = READ_ONCE(memcg->memory.max);

		if (page_counter_read(&memcg->memory) + nr > max)
			return true;
	}
	return false;
}
#else
static bool is_tight(struct mem_cgroup *memcg, unsigned int nr)
{
	return false;
}
#endif

/* Takes @nr pages and gives them back. False if there are not so many. */
static bool try_room(unsigned int nr)
{
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL |
			  __GFP_NOWARN;
	struct page *page, *next;
	LIST_HEAD(pages);
	bool enough;

	for (; nr; nr--) {
		page = alloc_page(gfp);
		if (!page)
			break;
		list_add(&page->lru, &pages);
	}
	enough = !nr;
	list_for_each_entry_safe(page, next, &pages, lru)
		__free_page(page);
	return enough;
}

/**
 * secmmu_make_room - see to it that a lookup need not kill anybody
 * @mm: whose pages will be brought in; mm_users is held.
 * @nr: how many, at most.
 *
 * May sleep, for five seconds at most, while the process is there. Costs
 * nothing worth mentioning while the cgroup is not at its limit.
 * Return: how many may be brought in at one time.
 */
unsigned int secmmu_make_room(struct mm_struct *mm, unsigned int nr)
{
	struct mem_cgroup *memcg = get_mem_cgroup_from_mm(mm);
	unsigned int try;

	if (is_tight(memcg, nr)) {
		struct mem_cgroup *old = set_active_memcg(memcg);

		nr = min_t(unsigned int, nr, SECMMU_ROOM_PAGES);
		for (try = 0; try < ROOM_TRIES && !try_room(nr); try++) {
			/* Ours is the last: nobody waits for the pages. */
			if (atomic_read(&mm->mm_users) == 1)
				break;
			msleep(ROOM_SLEEP_MS);
		}
		set_active_memcg(old);
	}
	mem_cgroup_put(memcg);
	return nr;
}
