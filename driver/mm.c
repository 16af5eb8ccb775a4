// SPDX-License-Identifier: GPL-2.0-only
/*
 * Address spaces and their mmu notifiers: what the kernel tells us about an
 * mm, and what we promise before we return. Lives here: the notifier's
 * callbacks, the active ranges and the sequence, the birth and end of a
 * struct secmmu_mm. Not here: how translations are dropped (shootdown.c).
 *
 * The contract, from include/linux/mmu_notifier.h and
 * Documentation/mm/mmu_notifier.rst:
 *
 *	range_start	from its return to range_end the device neither uses
 *			nor gets a translation of the range
 *	range_end	it may again
 *	release		the mm is ending: never again
 *	young callbacks	the device's use counts as use
 *
 * Three callbacks are left out on purpose. change_pte (gone since 6.10) comes
 * only between range_start and range_end, when the entry it would change has
 * been zapped and must stay so. invalidate_range, since 6.6
 * arch_invalidate_secondary_tlbs, is for hardware that walks the CPU's own
 * page table; ours has one of its own.
 */
#include <linux/pgtable.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "compat.h"
#include "secmmu.h"
#include "trace.h"

static struct secmmu_mm *to_smm(struct mmu_notifier *mn)
{
	return container_of(mn, struct secmmu_mm, mn);
}

/**
 * secmmu_range_is_active - may a fault here not be served now?
 * @smm: the address space, locked.
 * @start: first address.
 * @end: first address past the range.
 *
 * Return: true if the range touches the hull of the active ranges.
 */
bool secmmu_range_is_active(struct secmmu_mm *smm, unsigned long start,
			    unsigned long end)
{
	lockdep_assert_held(&smm->lock);
	return smm->active && start < smm->active_end &&
	       end > smm->active_start;
}

/*
 * Ranges overlap in time in any order, and range_end tells no more than that
 * one of them is over. So only the hull of all is kept, and it shrinks when
 * none is left: too large is slow, too small is wrong.
 */
static void active_add(struct secmmu_mm *smm, unsigned long start,
		       unsigned long end)
{
	if (smm->active++ == 0) {
		smm->active_start = start;
		smm->active_end = end;
		return;
	}
	smm->active_start = min(smm->active_start, start);
	smm->active_end = max(smm->active_end, end);
}

static int secmmu_range_start(struct mmu_notifier *mn,
			      const struct mmu_notifier_range *range)
{
	struct secmmu_mm *smm = to_smm(mn);
	/* The end may be ULONG_MAX; the device sees 48 bits. */
	unsigned long end = min_t(unsigned long, range->end, SECMMU_VA_END);
	unsigned long start = min(range->start, end);

	spin_lock(&smm->lock);
	/*
	 * Counted even if nothing is mapped yet: a fault may be on its way,
	 * and the matching range_end comes in any case.
	 */
	active_add(smm, start, end);
	smm->stats.ranges++;
	trace_secmmu_range(smm->asid, start, end, smm->active, true);
	if (smm->root)
		secmmu_invalidate(smm, start, end,
				  mmu_notifier_range_blockable(range));
	spin_unlock(&smm->lock);
	/*
	 * Never an error: the core could not tell whose start had failed, and
	 * would call range_end all the same.
	 */
	return 0;
}

static void secmmu_range_end(struct mmu_notifier *mn,
			     const struct mmu_notifier_range *range)
{
	struct secmmu_mm *smm = to_smm(mn);

	spin_lock(&smm->lock);
	/*
	 * The sequence moves before the count drops, both under the lock: a
	 * fault that sees no active range has not missed that there was one.
	 */
	smm->seq++;
	if (!WARN_ON_ONCE(!smm->active))
		smm->active--;
	trace_secmmu_range(smm->asid, range->start, range->end, smm->active,
			   false);
	if (!smm->active && smm->refused)
		secmmu_resume(smm);
	/* Who waits there came before it looked at @active, under the lock. */
	if (!smm->active && waitqueue_active(&smm->quiet))
		wake_up_all(&smm->quiet);
	spin_unlock(&smm->lock);
}

static void secmmu_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	/*
	 * This may run in our own fault work, where the last mm_users went.
	 * So it waits for nothing but the device.
	 */
	secmmu_mm_stop(to_smm(mn));
}

static bool age_range(struct mmu_notifier *mn, unsigned long start,
		      unsigned long end, enum secmmu_age how)
{
	struct secmmu_mm *smm = to_smm(mn);
	bool young;

	spin_lock(&smm->lock);
	end = min_t(unsigned long, end, SECMMU_VA_END);
	young = start < end && secmmu_age(smm, start, end, how);
	spin_unlock(&smm->lock);
	return young;
}

static secmmu_young_t secmmu_clear_flush_young(struct mmu_notifier *mn,
					       struct mm_struct *mm,
					       unsigned long start,
					       unsigned long end)
{
	return age_range(mn, start, end, SECMMU_AGE_FLUSH);
}

static secmmu_young_t secmmu_clear_young(struct mmu_notifier *mn,
					 struct mm_struct *mm,
					 unsigned long start,
					 unsigned long end)
{
	return age_range(mn, start, end, SECMMU_AGE_CLEAR);
}

static secmmu_young_t secmmu_test_young(struct mmu_notifier *mn,
					struct mm_struct *mm,
					unsigned long address)
{
	return age_range(mn, address & PAGE_MASK,
			 (address & PAGE_MASK) + PAGE_SIZE, SECMMU_AGE_TEST);
}

static struct mmu_notifier *secmmu_alloc_notifier(struct mm_struct *mm)
{
	struct secmmu_mm *smm = kzalloc(sizeof(*smm), GFP_KERNEL_ACCOUNT);

	if (!smm)
		return ERR_PTR(-ENOMEM);
	kref_init(&smm->ref);
	spin_lock_init(&smm->lock);
	init_waitqueue_head(&smm->quiet);
	INIT_LIST_HEAD(&smm->link);
	mmgrab(mm);
	smm->mm = mm;
	smm->pid = current->tgid;
	/*
	 * Reclaim calls notifiers, which take this lock: let lockdep know it
	 * before it happens, so that an allocation under the lock is
	 * reported at once and not in the one run that is short of memory.
	 */
	fs_reclaim_acquire(GFP_KERNEL);
	might_lock(&smm->lock);
	fs_reclaim_release(GFP_KERNEL);
	return &smm->mn;
}

static void secmmu_free_notifier(struct mmu_notifier *mn)
{
	secmmu_mm_put(to_smm(mn));
}

/**
 * secmmu_mm_init_ops - fill in a device's tables of callbacks
 * @dev: the device.
 */
void secmmu_mm_init_ops(struct secmmu_device *dev)
{
	static const struct mmu_notifier_ops ops = {
		.release = secmmu_release,
		.clear_flush_young = secmmu_clear_flush_young,
		.clear_young = secmmu_clear_young,
		.test_young = secmmu_test_young,
		.invalidate_range_start = secmmu_range_start,
		.invalidate_range_end = secmmu_range_end,
		.alloc_notifier = secmmu_alloc_notifier,
		.free_notifier = secmmu_free_notifier,
	};
	int mode;

	for (mode = 0; mode < SECMMU_MODE_NR; mode++)
		dev->notifier_ops[mode] = ops;
}

void secmmu_mm_get(struct secmmu_mm *smm)
{
	kref_get(&smm->ref);
}

static void mm_free(struct kref *ref)
{
	struct secmmu_mm *smm = container_of(ref, struct secmmu_mm, ref);

	if (smm->dev)
		secmmu_device_put(smm->dev);
	mmdrop(smm->mm);
	kfree(smm);
}

/**
 * secmmu_mm_put - drop a reference
 * @smm: the address space. Any context that may free memory.
 */
void secmmu_mm_put(struct secmmu_mm *smm)
{
	kref_put(&smm->ref, mm_free);
}

/* Where the CPU's own table is, as ASID_AUDIT wants it, or 0: not known to it. */
static u64 audit_root(struct mm_struct *mm)
{
	u64 root = virt_to_phys(mm->pgd) | SECMMU_AUDIT_ON;

#if defined(CONFIG_X86_64)
	return pgtable_l5_enabled() ? root | SECMMU_AUDIT_LA57 : root;
#elif defined(CONFIG_ARM64) && CONFIG_ARM64_VA_BITS == 48 && \
	CONFIG_ARM64_PA_BITS == 48
	return root | SECMMU_AUDIT_ARM64;
#else
	return 0;
#endif
}

/*
 * In audit mode the device compares each access with the CPU's own table: it
 * is told where that is. Needs secmmu_enter().
 */
static void audit_start(struct secmmu_device *dev, struct secmmu_mm *smm,
			u32 asid)
{
	u64 root = audit_root(smm->mm);

	if (!(secmmu_read32(dev, SECMMU_REG_FEATURES) & SECMMU_FEATURE_AUDIT))
		return;
	if (root)
		secmmu_write64(dev, secmmu_asid_reg(asid,
						    SECMMU_REG_ASID_AUDIT),
			       root);
	else
		dev_warn_once(&dev->pdev->dev,
			      "no audit: the device does not know this kernel's page tables\n");
}

/* A root table for the ASID of an address space, and the device told of it. */
static int mm_start(struct secmmu_device *dev, struct secmmu_mm *smm)
{
	u32 asid = smm->asid;
	bool soft = smm->mode == SECMMU_MODE_SOFT;
	u32 want = soft ? SECMMU_ASID_SOFT : SECMMU_ASID_WALK, mode;
	struct secmmu_table *root;
	int idx, ret;

	root = secmmu_table_alloc(SECMMU_LEVELS - 1);
	if (!root)
		return -ENOMEM;
	if (!secmmu_enter(dev, &idx)) {
		ret = -ENODEV;
		goto free_root;
	}
	ret = secmmu_table_dma(dev, root);
	if (ret) {
		secmmu_exit(dev, idx);
		goto free_root;
	}
	if (!soft)
		secmmu_write64(dev, secmmu_asid_reg(asid,
						    SECMMU_REG_ASID_TABLE),
			       root->dma);
	/* done[] restarts with the mode; make sure that we see it do so. */
	WRITE_ONCE(dev->done[asid], 0);
	secmmu_write32(dev, secmmu_asid_reg(asid, SECMMU_REG_ASID_MODE),
		       want);
	mode = secmmu_read32(dev, secmmu_asid_reg(asid, SECMMU_REG_ASID_MODE));
	if (mode == want)
		audit_start(dev, smm, asid);
	secmmu_exit(dev, idx);
	if (mode != want) {
		dev_err(&dev->pdev->dev, "ASID %u does not start\n", asid);
		ret = -EIO;
		goto free_root;
	}

	spin_lock(&smm->lock);
	smm->root = root;
	smm->dead = false;
	smm->posted = 0;
	smm->aged = 0;
	smm->stats.table_bytes = PAGE_SIZE;
	spin_unlock(&smm->lock);
	return 0;

free_root:
	secmmu_table_destroy(dev, root);
	return ret;
}

static int mm_first_open(struct secmmu_device *dev, struct secmmu_mm *smm)
{
	int asid, ret;

	asid = ida_alloc_max(&dev->asids, dev->nr_asids - 1, GFP_KERNEL);
	if (asid < 0)
		return asid;
	/* Ranges come by already, and are traced with it. */
	spin_lock(&smm->lock);
	smm->asid = asid;
	smm->done = &dev->done[asid];
	spin_unlock(&smm->lock);
	ret = mm_start(dev, smm);
	if (ret)
		ida_free(&dev->asids, asid);
	else
		list_add(&smm->link, &dev->mms);
	return ret;
}

/**
 * secmmu_mm_open - the caller's address space, for one more context
 * @dev: the device; dev->mutex is held.
 * @mode: its mode; what is open in the other one is another address space.
 *
 * Return: it, or an ERR_PTR: -EINTR or -ENOMEM from the registration of the
 * notifier as they are, -ENOSPC no ASID left, -ENODEV, -EIO. Given back with
 * secmmu_mm_close().
 */
struct secmmu_mm *secmmu_mm_open(struct secmmu_device *dev,
				 enum secmmu_mode mode)
{
	struct mmu_notifier *mn;
	struct secmmu_mm *smm;
	int ret = 0;

	lockdep_assert_held(&dev->mutex);
	mn = mmu_notifier_get(&dev->notifier_ops[mode], current->mm);
	if (IS_ERR(mn))
		return ERR_CAST(mn);
	smm = to_smm(mn);
	if (!smm->opens) {
		/* For the ops too, which SRCU uses to free the notifier. */
		smm->dev = secmmu_device_get(dev);
		smm->mode = mode;
		ret = mm_first_open(dev, smm);
	} else if (smm->dead) {
		/* The device was lost. Who had it open then stays out. */
		ret = mm_start(dev, smm);
	}
	if (ret) {
		mmu_notifier_put(mn);
		return ERR_PTR(ret);
	}
	smm->opens++;
	return smm;
}

/**
 * secmmu_mm_stop - end the device's use of an address space
 * @smm: the address space. May sleep. Called again, it does nothing.
 *
 * When it returns the device has no access to the mm's memory.
 */
void secmmu_mm_stop(struct secmmu_mm *smm)
{
	struct secmmu_table *root;
	int idx, held;

	/* With the root we have something of the binding's to give back. */
	held = secmmu_hold();
	spin_lock(&smm->lock);
	root = smm->root;
	smm->root = NULL;
	smm->dead = true;
	smm->refused = 0;
	smm->stats.pages_zapped += smm->stats.pages_resident;
	smm->stats.pages_resident = 0;
	smm->stats.table_bytes = 0;
	if (root && secmmu_enter(smm->dev, &idx)) {
		/* Stops its queues, drops, drains: all before it returns. */
		secmmu_write32(smm->dev,
			       secmmu_asid_reg(smm->asid,
					       SECMMU_REG_ASID_MODE),
			       SECMMU_ASID_OFF);
		secmmu_exit(smm->dev, idx);
	}
	spin_unlock(&smm->lock);
	if (root)
		secmmu_table_destroy(smm->dev, root);
	secmmu_unhold(held);
}

/**
 * secmmu_mm_close - give back what secmmu_mm_open() gave
 * @smm: the address space; dev->mutex is held.
 *
 * Another thread may be inside a callback until SRCU says otherwise, but from
 * the last close on there is nothing that it could drop.
 */
void secmmu_mm_close(struct secmmu_mm *smm)
{
	lockdep_assert_held(&smm->dev->mutex);
	if (--smm->opens == 0) {
		secmmu_mm_stop(smm);
		list_del_init(&smm->link);
		ida_free(&smm->dev->asids, smm->asid);
	}
	mmu_notifier_put(&smm->mn);
}
