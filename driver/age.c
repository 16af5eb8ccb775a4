// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ageing: has the device used a page since reclaim last asked? Lives here: what
 * the notifier's young callbacks (mm.c) answer. Not here: finding and clearing
 * A bits (table.c).
 *
 * All of it runs inside a page-table lock: nothing here sleeps.
 */
#include "secmmu.h"
#include "trace.h"

/*
 * A translation in the TLB does not set A again. Until it is dropped, a page
 * whose A was cleared looks idle however busy it is, so it must be dropped
 * before the page is looked at next, which is when reclaim has been through all
 * the others: not page by page, then, but so many together. What is left when
 * reclaim stops, fewer than this, may look idle once without being so.
 */
#define AGE_BATCH	32

static void batch_add(struct secmmu_mm *smm, unsigned long start,
		      unsigned long end, unsigned long young)
{
	if (!smm->aged) {
		smm->aged_start = start;
		smm->aged_end = end;
	}
	smm->aged += young;
	smm->aged_start = min(smm->aged_start, start);
	smm->aged_end = max(smm->aged_end, end);
	if (smm->aged < AGE_BATCH)
		return;
	smm->aged = 0;
	smm->stats.age_shootdowns++;
	secmmu_flush(smm, smm->aged_start, smm->aged_end);
}

/**
 * secmmu_age - have pages of a range been used by the device?
 * @smm: the address space.
 * @start: first address, page aligned.
 * @end: first address past the range, page aligned, at most 2^48.
 * @how: what to do if so.
 *
 * Called with smm->lock held; lets go of it in between.
 * Return: true if any had been.
 */
bool secmmu_age(struct secmmu_mm *smm, unsigned long start, unsigned long end,
		enum secmmu_age how)
	__must_hold(&smm->lock)
{
	unsigned long young;
	int idx;

	lockdep_assert_held(&smm->lock);
	if (!smm->root || !secmmu_enter(smm->dev, &idx))
		return false;

	if (smm->mode == SECMMU_MODE_SOFT && how == SECMMU_AGE_FLUSH) {
		/*
		 * Unmap: that there was something is the answer. The next use
		 * is a miss, which comes to us. A fault may map the page again
		 * while the lock is free: it has just been used, then.
		 */
		young = secmmu_invalidate(smm, start, end, false);
		smm->stats.age_shootdowns += young;
	} else {
		young = secmmu_table_age(smm, start, end,
					 how != SECMMU_AGE_TEST);
		if (young && how != SECMMU_AGE_TEST)
			batch_add(smm, start, end, young);
	}
	trace_secmmu_age(smm->asid, start, end, how, young);
	if (young)
		smm->stats.aged++;
	secmmu_exit(smm->dev, idx);
	return young;
}
