// SPDX-License-Identifier: GPL-2.0-only
/*
 * Advice: what a process says of a range before its jobs use it, or after.
 * Lives here: SECMMU_IOC_ADVISE, piece by piece, so that it can be killed and
 * holds no lock for long. Not here: how pages are looked up and entered, by the
 * rules that hold for faults (fault.c).
 *
 * It runs in the caller, not in a worker: whoever brings pages in waits for
 * them, and pays for them, as by touching them.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "secmmu.h"

/* Taken out between two looks at whether the caller has been killed. */
#define DROP_PIECE	BIT_ULL(33)

/* Pages counted before the lock is let go. */
#define COUNT_PIECE	SECMMU_HUGE_SIZE

static bool is_quiet(struct secmmu_mm *smm)
{
	bool quiet;

	spin_lock(&smm->lock);
	quiet = !smm->active || smm->dead;
	spin_unlock(&smm->lock);
	return quiet;
}

/*
 * The first page from @va on, up to the end of its 2 MiB, that the device cannot
 * reach. Zero if the device is lost.
 */
static unsigned long skip_present(struct secmmu_mm *smm, unsigned long va,
				  unsigned long end, bool write)
{
	unsigned long next = 0;

	end = min(end, ALIGN(va + 1, SECMMU_HUGE_SIZE));
	spin_lock(&smm->lock);
	if (!smm->dead) {
		next = secmmu_table_run(smm, va, end, write);
		if (smm->mode == SECMMU_MODE_SOFT)
			secmmu_dropin(smm, va, (next - va) >> PAGE_SHIFT);
	}
	spin_unlock(&smm->lock);
	return next;
}

static int bring_in(struct secmmu_batch *batch, unsigned long va,
		    unsigned long end, u64 *pages)
{
	struct secmmu_mm *smm = batch->smm;
	unsigned long next;
	int ret;

	while (va < end) {
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		next = skip_present(smm, va, end, batch->write);
		if (!next)
			return -ENODEV;
		if (next > va) {
			*pages += (next - va) >> PAGE_SHIFT;
			va = next;
			continue;
		}
		ret = secmmu_populate(batch, va, end);
		if (ret == -EINPROGRESS) {
			if (wait_event_killable(smm->quiet, is_quiet(smm)))
				return -EINTR;
		} else if (ret == -EAGAIN) {
			/* Its mapping changes all the time: not this one. */
			va += PAGE_SIZE;
		} else if (ret) {
			return ret;
		} else if (batch->mapped) {
			/* A huge page may begin before, and end after. */
			next = batch->va + batch->mapped * PAGE_SIZE;
			next = min(next, end);
			*pages += (next - va) >> PAGE_SHIFT;
			va = next;
		}
	}
	return 0;
}

static int advise_populate(struct secmmu_mm *smm, struct secmmu_advise *arg,
			   unsigned long start, unsigned long end)
{
	struct secmmu_batch batch = {
		.smm = smm,
		.write = arg->advice == SECMMU_ADVISE_WRITE,
	};
	int ret = -ENOMEM;

	batch.pages = kvmalloc_array(SECMMU_HUGE_PAGES, sizeof(*batch.pages),
				     GFP_KERNEL_ACCOUNT);
	batch.dma = kvmalloc_array(SECMMU_HUGE_PAGES, sizeof(*batch.dma),
				   GFP_KERNEL_ACCOUNT);
	if (batch.pages && batch.dma)
		ret = bring_in(&batch, start, end, &arg->pages);
	kvfree(batch.pages);
	kvfree(batch.dma);
	return ret;
}

/*
 * As an invalidation, but that no range is active: a fault that maps a page
 * again meanwhile maps what it should.
 */
static int advise_drop(struct secmmu_mm *smm, unsigned long start,
		       unsigned long end)
{
	unsigned long next;

	for (; start < end; start = next) {
		if (fatal_signal_pending(current))
			return -EINTR;
		next = min_t(unsigned long, end, start + DROP_PIECE);
		spin_lock(&smm->lock);
		secmmu_invalidate(smm, start, next, true);
		spin_unlock(&smm->lock);
		cond_resched();
	}
	return 0;
}

static int advise_count(struct secmmu_mm *smm, struct secmmu_advise *arg,
			unsigned long start, unsigned long end)
{
	unsigned long va = start;

	while (va < end) {
		unsigned long piece = min(end, ALIGN(va + 1, COUNT_PIECE));
		int level;
		u64 spte;

		if (fatal_signal_pending(current))
			return -EINTR;
		spin_lock(&smm->lock);
		if (smm->dead) {
			spin_unlock(&smm->lock);
			return -ENODEV;
		}
		while (va < piece) {
			unsigned long size, next;

			spte = secmmu_table_leaf(smm, va, &level);
			size = 1ul << SECMMU_LEVEL_SHIFT(level);
			next = min(end, (va & ~(size - 1)) + size);
			if (spte)
				arg->pages += (next - va) >> PAGE_SHIFT;
			if (spte & SECMMU_SPTE_W)
				arg->writable += (next - va) >> PAGE_SHIFT;
			va = next;
		}
		spin_unlock(&smm->lock);
		cond_resched();
	}
	return 0;
}

/**
 * secmmu_advise - SECMMU_IOC_ADVISE
 * @smm: the caller's address space, referenced.
 * @arg: see struct secmmu_advise; out fields are filled in.
 *
 * Return: see there; -ENODEV the device is lost.
 */
int secmmu_advise(struct secmmu_mm *smm, struct secmmu_advise *arg)
{
	unsigned long start, end;

	if (arg->advice >= SECMMU_ADVISE_NR || arg->flags ||
	    arg->addr > SECMMU_VA_END || arg->len > SECMMU_VA_END - arg->addr)
		return -EINVAL;
	arg->pages = 0;
	arg->writable = 0;
	if (!arg->len)
		return 0;
	start = arg->addr & PAGE_MASK;
	end = PAGE_ALIGN(arg->addr + arg->len);
	switch (arg->advice) {
	case SECMMU_ADVISE_DROP:
		return advise_drop(smm, start, end);
	case SECMMU_ADVISE_RESIDENT:
		return advise_count(smm, arg, start, end);
	default:
		return advise_populate(smm, arg, start, end);
	}
}
