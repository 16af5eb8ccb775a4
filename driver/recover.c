// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that does not do what it must, or is about to be reset or put to
 * sleep by somebody else: off the bus, everybody told, then put to work again.
 * Lives here: that order. Not here: how it is found out (shootdown.c, watch.c,
 * pci.c).
 *
 * What was open when the device was lost stays lost: queues and address spaces
 * were in the device and are not there any more. Whoever opens it after its
 * recovery, the same process included, gets a new start.
 */
#include <linux/mm.h>

#include "secmmu.h"

/**
 * secmmu_answers - does anybody answer at the device's address?
 * @dev: the device, inside secmmu_enter().
 *
 * Reads from a device that is not on the bus give all ones.
 */
bool secmmu_answers(struct secmmu_device *dev)
{
	return secmmu_read32(dev, SECMMU_REG_ID) == SECMMU_ID_VALUE;
}

/**
 * secmmu_cut_off - take a device's access to memory away
 * @dev: the device, which does not do what it must.
 * @why: for the log.
 *
 * From any context, inside secmmu_enter(). When it returns the device reads
 * and writes no memory: the caller may tell the kernel that a range is safe.
 */
void secmmu_cut_off(struct secmmu_device *dev, const char *why)
{
	/*
	 * In this order: whoever sees that it is lost takes it to be off the bus.
	 */
	pci_clear_master(dev->pdev);
	if (xchg(&dev->lost, true))
		return;
	dev_err(&dev->pdev->dev, "cut off the bus: %s\n", why);
	schedule_work(&dev->recover_work);
}

/* Everybody who has it open hears that it is lost. */
static void lose(struct secmmu_device *dev)
{
	struct secmmu_queue *queue;
	struct secmmu_mm *smm;
	struct secmmu_ctx *ctx;

	lockdep_assert_held(&dev->mutex);
	list_for_each_entry(ctx, &dev->ctxs, link) {
		mutex_lock(&ctx->doorbell_mutex);
		WRITE_ONCE(ctx->lost, true);
		mutex_unlock(&ctx->doorbell_mutex);
		list_for_each_entry(queue, &ctx->queues, link)
			secmmu_queue_lose(queue);
		wake_up_interruptible(&ctx->poll);
		/* Doorbells lead to the dummy page from here on. */
		unmap_mapping_range(ctx->mapping, 0, 0, 1);
	}
	list_for_each_entry(smm, &dev->mms, link)
		secmmu_mm_stop(smm);
}

/* True if it works again. Nobody uses it, and dev->mutex is held. */
static bool come_back(struct secmmu_device *dev)
{
	if (!secmmu_answers(dev)) {
		dev_err(&dev->pdev->dev, "does not answer: lost until it is bound anew\n");
		return false;
	}
	secmmu_write32(dev, SECMMU_REG_CTRL, SECMMU_CTRL_RESET);
	pci_set_master(dev->pdev);
	if (secmmu_events_enable(dev)) {
		pci_clear_master(dev->pdev);
		return false;
	}
	/* Pairs with secmmu_enter(): rings and counts first. */
	smp_store_release(&dev->lost, false);
	return true;
}

/**
 * secmmu_recover_work - what follows a device's loss
 * @work: dev->recover_work.
 */
void secmmu_recover_work(struct work_struct *work)
{
	struct secmmu_device *dev = container_of(work, struct secmmu_device,
						 recover_work);

	mutex_lock(&dev->mutex);
	lose(dev);
	/* Nobody is still waiting for what the device did before. */
	secmmu_drain();
	if (!dev->gone && !dev->paused && come_back(dev)) {
		WRITE_ONCE(dev->recoveries, dev->recoveries + 1);
		dev_info(&dev->pdev->dev, "reset, and back\n");
	}
	mutex_unlock(&dev->mutex);
}

/**
 * secmmu_leave - part from a device that works
 * @dev: the device, which is leaving (secmmu_is_leaving()); dev->mutex is held.
 *
 * When it returns the device is idle and lost, nothing is mapped in it, and nobody
 * is inside secmmu_enter(). lose() is to tell everybody.
 */
void secmmu_leave(struct secmmu_device *dev)
{
	struct secmmu_ctx *ctx;
	struct secmmu_mm *smm;
	bool lost;

	lockdep_assert_held(&dev->mutex);
	/* No doorbell is put into a process any more; those that are go first. */
	list_for_each_entry(ctx, &dev->ctxs, link) {
		mutex_lock(&ctx->doorbell_mutex);
		mutex_unlock(&ctx->doorbell_mutex);
		unmap_mapping_range(ctx->mapping, 0, 0, 1);
	}
	/* While it is still there to drain, and to give up IOMMU mappings. */
	list_for_each_entry(smm, &dev->mms, link)
		secmmu_mm_stop(smm);
	lost = xchg(&dev->lost, true);
	/* Or an interrupt handler acknowledges events to a device without any. */
	secmmu_drain();
	if (!lost)
		secmmu_write32(dev, SECMMU_REG_CTRL, SECMMU_CTRL_RESET);
}

/**
 * secmmu_pause - let go of a device that is about to lose its state
 * @dev: the device. May sleep.
 *
 * For a function-level reset that somebody else does, and for system sleep.
 * When it returns the device is idle and off the bus, and nobody touches it
 * until secmmu_unpause(). What was open is lost, as after secmmu_cut_off().
 */
void secmmu_pause(struct secmmu_device *dev)
{
	mutex_lock(&dev->mutex);
	WRITE_ONCE(dev->paused, true);
	secmmu_leave(dev);
	pci_clear_master(dev->pdev);
	lose(dev);
	mutex_unlock(&dev->mutex);
}

/**
 * secmmu_unpause - the end of what secmmu_pause() began
 * @dev: the device, in full power, its configuration space restored.
 */
void secmmu_unpause(struct secmmu_device *dev)
{
	mutex_lock(&dev->mutex);
	WRITE_ONCE(dev->paused, false);
	come_back(dev);
	mutex_unlock(&dev->mutex);
}
