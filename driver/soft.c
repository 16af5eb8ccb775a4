// SPDX-License-Identifier: GPL-2.0-only
/*
 * Soft-TLB mode: the device has no table, and each miss in its TLB is a fault,
 * which is answered by dropping the translation in. Lives here: the drop-in.
 * Not here: the fault (fault.c), and everything that is the same in both modes.
 *
 * The secondary table is there in this mode too, but it is ours alone: the
 * record of what has been dropped in and not been shot down since. What the
 * TLB has evicted stays in it, so that a miss there needs no lookup: the
 * notifier keeps the record true.
 */
#include "secmmu.h"
#include "trace.h"

/**
 * secmmu_dropin - give the device what the record holds of a run of pages
 * @smm: the address space, locked, in soft-TLB mode.
 * @va: the first page's address.
 * @nr: pages; gaps are left out.
 */
void secmmu_dropin(struct secmmu_mm *smm, unsigned long va, unsigned int nr)
{
	struct secmmu_device *dev = smm->dev;
	unsigned long end = va + nr * PAGE_SIZE, size;
	int level, idx;
	u64 spte;

	lockdep_assert_held(&smm->lock);
	if (!secmmu_enter(dev, &idx))
		return;
	for (; va < end; va = (va & ~(size - 1)) + size) {
		secmmu_table_touch(smm, va);
		spte = secmmu_table_leaf(smm, va, &level);
		size = 1ul << SECMMU_LEVEL_SHIFT(level);
		if (!spte)
			continue;
		/* Two writes, kept together by smm->lock. */
		secmmu_write64(dev, secmmu_asid_reg(smm->asid,
						    SECMMU_REG_ASID_DROPIN_VA),
			       (va & ~(size - 1)) | level);
		secmmu_write64(dev, secmmu_asid_reg(smm->asid,
						    SECMMU_REG_ASID_DROPIN),
			       spte);
		smm->stats.dropins++;
		trace_secmmu_dropin(smm->asid, va & ~(size - 1), size,
				    spte & SECMMU_SPTE_W);
	}
	secmmu_exit(dev, idx);
}
