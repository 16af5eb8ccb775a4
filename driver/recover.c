// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that does not do what it must: off the bus at once, everybody told,
 * then reset and put to work again. Lives here: that order. Not here: how it is
 * found out (shootdown.c, watch.c).
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
	if (xchg(&dev->lost, true))
		return;
	pci_clear_master(dev->pdev);
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
		/* Doorbells lead to the dummy page from here on. */
		unmap_mapping_range(ctx->mapping, 0, 0, 1);
	}
	list_for_each_entry(smm, &dev->mms, link)
		secmmu_mm_stop(smm);
}

static void come_back(struct secmmu_device *dev)
{
	if (!secmmu_answers(dev)) {
		dev_err(&dev->pdev->dev, "does not answer: lost until it is bound anew\n");
		return;
	}
	secmmu_write32(dev, SECMMU_REG_CTRL, SECMMU_CTRL_RESET);
	pci_set_master(dev->pdev);
	if (secmmu_events_enable(dev)) {
		pci_clear_master(dev->pdev);
		return;
	}
	dev->recoveries++;
	dev_info(&dev->pdev->dev, "reset, and back\n");
	/* Pairs with secmmu_enter(): rings and counts first. */
	smp_store_release(&dev->lost, false);
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
	if (!dev->gone)
		come_back(dev);
	mutex_unlock(&dev->mutex);
}
