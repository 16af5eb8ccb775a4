// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dropping translations: zap the secondary table, ring one SHOOTDOWN, wait
 * until the device no longer uses what was zapped. Lives here: that order,
 * and the bound on the wait. Not here: why a range is dropped (mm.c), ageing
 * (age.c), the table's own structure (table.c).
 *
 * All of it runs inside mmu notifiers: under page-table locks, in reclaim, in
 * the OOM reaper. Nothing here allocates, and nothing sleeps unless told that
 * it may.
 */
#include <linux/iopoll.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/timex.h>

#include "secmmu.h"
#include "trace.h"

/* Leaves looked at before the lock is let go: about 100 us of work. */
#define ZAP_BUDGET	4096

/*
 * Longest time that a device may take for a shootdown. It needs microseconds;
 * past this it is broken, and its access to memory is taken away.
 */
#define SHOOTDOWN_TIMEOUT_MS	2000

/*
 * Longest time that a CPU may be held up by the doorbell itself. More, since
 * what held it up may have been something else (under a hypervisor).
 */
#define DOORBELL_TIMEOUT_MS	10000

/*
 * So many cycles are worth a look at the clock, which is a device's register
 * where the TSC is no good: milliseconds, or part of a second on slow counters.
 */
#define SLOW_CYCLES		16000000u

static void shootdown_post(struct secmmu_mm *smm, unsigned long start,
			   unsigned long end)
{
	u64 vpn = start >> PAGE_SHIFT;
	u64 pages = min_t(u64, (end - start) >> PAGE_SHIFT,
			  SECMMU_SHOOTDOWN_ALL);
	ktime_t since = ktime_get_coarse();
	cycles_t began = get_cycles();

	lockdep_assert_held(&smm->lock);
	smm->posted++;
	smm->stats.shootdowns++;
	trace_secmmu_shootdown(smm->asid, start, end, smm->posted);
	secmmu_write64(smm->dev,
		       secmmu_asid_reg(smm->asid, SECMMU_REG_ASID_SHOOTDOWN),
		       SECMMU_SHOOTDOWN(vpn, pages));
	/* Not by jiffies: no tick has come while the CPU was held up. */
	if (unlikely(get_cycles() - began > SLOW_CYCLES) &&
	    ktime_ms_delta(ktime_get(), since) > DOORBELL_TIMEOUT_MS)
		secmmu_cut_off(smm->dev, "a shootdown took too long");
}

static bool shootdown_is_done(struct secmmu_mm *smm, u32 ticket)
{
	u32 done = le32_to_cpu(READ_ONCE(*smm->done));

	if ((s32)(done - ticket) < 0)
		return false;
	/* The device's accesses, then ours: the pages are reused after this. */
	dma_mb();
	return true;
}

/* Returns only when the device cannot use what was posted up to @ticket. */
static void shootdown_wait(struct secmmu_mm *smm, u32 ticket)
{
	struct secmmu_device *dev = smm->dev;
	unsigned int ms;
	bool done;

	for (ms = 0; ms < SHOOTDOWN_TIMEOUT_MS; ms++) {
		if (likely(shootdown_is_done(smm, ticket)))
			return;
		read_poll_timeout_atomic(shootdown_is_done, done, done, 1,
					 USEC_PER_MSEC, false, smm, ticket);
		if (done || READ_ONCE(dev->lost))
			return;
		if (!secmmu_answers(dev)) {
			secmmu_cut_off(dev, "it does not answer");
			return;
		}
	}
	secmmu_cut_off(dev, "a shootdown was not acknowledged");
}

/**
 * secmmu_flush - have the device look up a range anew
 * @smm: the address space, locked.
 * @start: first address, page aligned.
 * @end: first address past the range, page aligned, at most 2^48.
 *
 * The table stays as it is. Never sleeps. Needs secmmu_enter().
 */
void secmmu_flush(struct secmmu_mm *smm, unsigned long start,
		  unsigned long end)
{
	shootdown_post(smm, start, end);
	shootdown_wait(smm, smm->posted);
	trace_secmmu_drained(smm->asid, smm->posted);
}

/**
 * secmmu_invalidate - make the device forget a range
 * @smm: the address space.
 * @start: first address, page aligned.
 * @end: first address past the range, page aligned, at most 2^48.
 * @blockable: the caller may sleep.
 *
 * Called with smm->lock held, and returns with it held; it is let go in
 * between. The range is active, so no fault maps anything there meanwhile (or
 * what it maps is as good as what is dropped here, and the caller knows).
 * When it returns, no translation of the range is left and no access through
 * one is under way.
 *
 * Return: true if there were any.
 */
bool secmmu_invalidate(struct secmmu_mm *smm, unsigned long start,
		       unsigned long end, bool blockable)
	__must_hold(&smm->lock)
{
	struct secmmu_zap zap = { .reap = LIST_HEAD_INIT(zap.reap) };
	struct secmmu_device *dev = smm->dev;
	unsigned long va = start;
	bool unposted = false;
	bool post = false;
	u32 ticket;
	int idx;

	/* A device off the bus uses nothing; its table goes with the mm. */
	if (!secmmu_enter(dev, &idx))
		return false;

	while (smm->root) {
		zap.budget = ZAP_BUDGET;
		va = secmmu_table_zap(smm, va, end, &zap);
		if (va >= end)
			break;
		/*
		 * Whoever comes by now finds these leaves gone, and must not
		 * conclude that the device has forgotten them.
		 */
		if (zap.zapped && !unposted) {
			unposted = true;
			smm->unposted++;
		}
		spin_unlock(&smm->lock);
		if (blockable)
			cond_resched();
		else
			cpu_relax();
		spin_lock(&smm->lock);
	}
	if (zap.zapped)
		trace_secmmu_zap(smm->asid, start, end, zap.zapped);
	if (unposted)
		smm->unposted--;
	if (zap.zapped || !list_empty(&zap.reap))
		post = true;

	do {
		/*
		 * Wait even if nothing was zapped: another range may have
		 * zapped pages of this one, and be waiting itself.
		 */
		if (smm->dead)
			break;
		if (post || smm->unposted)
			shootdown_post(smm, start, end);
		post = false;
		ticket = smm->posted;
		if (!shootdown_is_done(smm, ticket)) {
			spin_unlock(&smm->lock);
			shootdown_wait(smm, ticket);
			spin_lock(&smm->lock);
		}
		if (zap.zapped)
			trace_secmmu_drained(smm->asid, ticket);
		/*
		 * What is given back to an IOMMU below may be another range's
		 * too, zapped while the lock was free: that one's shootdown
		 * must be over as well.
		 */
	} while (dev->translated && zap.zapped &&
		 (smm->unposted || smm->posted != ticket));

	/* Device first, then IOMMU, then (by the caller's caller) page. */
	if (dev->translated && zap.zapped && smm->root)
		secmmu_table_release_dma(smm, start, end);
	secmmu_table_free_list(dev, &zap.reap);
	secmmu_exit(dev, idx);
	return zap.zapped;
}
