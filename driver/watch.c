// SPDX-License-Identifier: GPL-2.0-only
/*
 * The watch: while jobs may be under way, a look at the event ring and at the
 * device, many times a second. Lives here: when to look, and when to stop. Not
 * here: events (event.c), a device that is lost (recover.c).
 *
 * An interrupt that is lost would otherwise be noticed with the next one, which
 * may never come: its queue waits for an answer, and its process for the queue.
 *
 * A job begins with a doorbell, of which the driver hears nothing; but it hears
 * of the first touch of a doorbell page that is not mapped. So the watch begins
 * there. When the device has been quiet for a while the pages are taken away
 * again, and nothing runs at all until one is touched.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>

#include "secmmu.h"

#define WATCH_PERIOD	msecs_to_jiffies(50)
#define QUIET_PERIODS	20

/**
 * secmmu_watch - a doorbell is about to be mapped: jobs may follow
 * @dev: the device, inside secmmu_enter(). Any context.
 */
void secmmu_watch(struct secmmu_device *dev)
{
	if (xchg(&dev->watched, true))
		return;
	dev->quiet = 0;
	schedule_delayed_work(&dev->watch_work, WATCH_PERIOD);
}

/* Takes events that have been waiting for a whole period. True: news. */
static bool look(struct secmmu_device *dev)
{
	bool pending, overdue, moved;

	spin_lock_irq(&dev->queue_lock);
	pending = secmmu_events_pending(dev);
	moved = dev->watch_head != dev->ring_head;
	overdue = pending && dev->watch_pending && !moved &&
		  !READ_ONCE(dev->polled);
	dev->watch_head = dev->ring_head;
	dev->watch_pending = pending;
	spin_unlock_irq(&dev->queue_lock);

	if (overdue && secmmu_events_take(dev)) {
		WRITE_ONCE(dev->lost_irqs, dev->lost_irqs + 1);
		dev_warn_ratelimited(&dev->pdev->dev,
				     "an interrupt was lost\n");
	}
	return pending || moved;
}

static bool is_idle(struct secmmu_device *dev)
{
	struct secmmu_ctx *ctx;
	struct secmmu_queue *queue;

	list_for_each_entry(ctx, &dev->ctxs, link) {
		list_for_each_entry(queue, &ctx->queues, link) {
			u32 reg = secmmu_queue_reg(queue->id,
						   SECMMU_REG_QUEUE_STATUS);

			switch (secmmu_read32(dev, reg) & 0xff) {
			case SECMMU_QUEUE_STATE_OFF:
			case SECMMU_QUEUE_STATE_IDLE:
			case SECMMU_QUEUE_STATE_STOPPED:
				break;
			default:
				return false;
			}
		}
	}
	return true;
}

/*
 * Quiet for long: ends the watch, unless there is work after all. Called outside
 * secmmu_enter(): recovery waits for everybody inside, with dev->mutex held.
 */
static void rest(struct secmmu_device *dev)
{
	struct secmmu_ctx *ctx;
	int idx;

	mutex_lock(&dev->mutex);
	/*
	 * In this order: a doorbell rung before its page is taken away shows
	 * below, and one rung after that begins a new watch.
	 */
	xchg(&dev->watched, false);
	list_for_each_entry(ctx, &dev->ctxs, link)
		unmap_mapping_range(ctx->mapping, 0, 0, 1);
	if (secmmu_enter(dev, &idx)) {
		if (!is_idle(dev) || look(dev))
			secmmu_watch(dev);
		secmmu_exit(dev, idx);
	}
	mutex_unlock(&dev->mutex);
}

/**
 * secmmu_watch_work - one look
 * @work: dev->watch_work.
 */
void secmmu_watch_work(struct work_struct *work)
{
	struct secmmu_device *dev = container_of(to_delayed_work(work),
						 struct secmmu_device,
						 watch_work);
	bool tired = false;
	int idx;

	if (!secmmu_enter(dev, &idx)) {
		/* The next doorbell that is mapped starts it again. */
		xchg(&dev->watched, false);
		return;
	}
	if (!secmmu_answers(dev)) {
		secmmu_cut_off(dev, "it does not answer");
		xchg(&dev->watched, false);
	} else {
		dev->quiet = look(dev) ? 0 : dev->quiet + 1;
		tired = dev->quiet >= QUIET_PERIODS;
		if (!tired)
			schedule_delayed_work(&dev->watch_work, WATCH_PERIOD);
	}
	secmmu_exit(dev, idx);
	if (tired)
		rest(dev);
}
