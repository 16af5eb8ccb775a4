// SPDX-License-Identifier: GPL-2.0-only
/*
 * The event ring and the interrupt. Lives here: taking events out of the ring
 * and handing each to the queue it is about. Not here: what becomes of a
 * fault (fault.c) or a completion (queue.c).
 *
 * The interrupt says "look at the ring" and nothing else, so it may come too
 * often. The device keeps at most one event of each type per queue in the
 * ring, which is larger than that: it cannot overflow.
 */
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/log2.h>

#include "secmmu.h"

/*
 * Looks for each time that the CPU relaxes. An emulated one leaves its loop for
 * that and takes a lock that device and the other CPUs want.
 */
#define POLL_LOADS	16

static size_t ring_size(const struct secmmu_device *dev)
{
	return sizeof(struct secmmu_event) << dev->ring_order;
}

/*
 * Takes a queue's outstanding fault over. Called with dev->queue_lock held. True
 * if that is @mine: its work serves it, and is who calls.
 */
static bool event_fault(struct secmmu_queue *queue, struct secmmu_queue *mine,
			const struct secmmu_event *ev)
{
	/*
	 * The device has one fault per queue outstanding; the work may still
	 * be leaving from the last one, which is why the queue, not the work,
	 * keeps the event.
	 */
	queue->fault = *ev;
	if (queue == mine)
		return true;
	secmmu_queue_get(queue);
	if (!queue_work(queue->smm->dev->fault_wq, &queue->fault_work))
		secmmu_queue_put(queue);
	return false;
}

/*
 * Faults are handed on at once. Progress must wait until EVENT_HEAD is
 * written: a completion that the device merges with one still in the ring is
 * told by nobody else.
 */
static bool event_dispatch(struct secmmu_device *dev,
			   const struct secmmu_event *ev,
			   struct secmmu_queue *mine,
			   struct list_head *progressed)
{
	u32 id = le16_to_cpu(ev->queue);
	struct secmmu_queue *queue = NULL;

	if (id < dev->nr_queues)
		queue = dev->queues[id];
	if (!queue)
		return false;	/* destroyed since */

	switch (ev->type) {
	case SECMMU_EVENT_FAULT:
		return event_fault(queue, mine, ev);
	case SECMMU_EVENT_ERROR:
		/*
		 * Its ASID was turned off, and not since the process ends:
		 * lose() tells it, when the device has let go of all memory.
		 */
		if (le16_to_cpu(ev->code) == SECMMU_QUEUE_MM_GONE &&
		    secmmu_is_leaving(dev))
			return false;
		queue->event_error = le16_to_cpu(ev->code);
		queue->event_error_addr = le64_to_cpu(ev->va);
		break;
	case SECMMU_EVENT_COMPLETION:
		break;
	default:
		dev_warn_ratelimited(&dev->pdev->dev,
				     "event of unknown type %u\n", ev->type);
		return false;
	}
	if (list_empty(&queue->progressed))
		list_add_tail(&queue->progressed, progressed);
	return false;
}

static struct secmmu_event *slot_of(struct secmmu_device *dev, u32 head)
{
	return &dev->ring[head & (BIT(dev->ring_order) - 1)];
}

/* The event at @head, or NULL if it has not been written yet. */
static struct secmmu_event *event_at(struct secmmu_device *dev, u32 head)
{
	struct secmmu_event *slot = slot_of(dev, head);

	if (le32_to_cpu(READ_ONCE(slot->stamp)) != SECMMU_STAMP(head))
		return NULL;
	/* The stamp is written last, so it is read first. */
	dma_rmb();
	return slot;
}

/**
 * secmmu_events_pending - is there an event that has not been taken?
 * @dev: the device; dev->queue_lock is held.
 */
bool secmmu_events_pending(struct secmmu_device *dev)
{
	lockdep_assert_held(&dev->queue_lock);
	return event_at(dev, dev->ring_head);
}

/* Takes what is in the ring. False if it was empty; *own: @mine has a fault. */
static bool ring_take(struct secmmu_device *dev, struct secmmu_queue *mine,
		      bool *own)
{
	struct secmmu_queue *queue, *next;
	struct secmmu_event *slot;
	LIST_HEAD(progressed);
	unsigned long flags;
	u32 head;

	spin_lock_irqsave(&dev->queue_lock, flags);
	for (head = dev->ring_head; (slot = event_at(dev, head)); head++) {
		struct secmmu_event ev = *slot;

		*own |= event_dispatch(dev, &ev, mine, &progressed);
	}
	if (head == dev->ring_head) {
		spin_unlock_irqrestore(&dev->queue_lock, flags);
		return false;
	}
	WRITE_ONCE(dev->ring_head, head);
	/* What was copied, before it may be overwritten. */
	dma_mb();
	secmmu_write32(dev, SECMMU_REG_EVENT_HEAD, head);

	list_for_each_entry_safe(queue, next, &progressed, progressed) {
		u32 reg = secmmu_queue_reg(queue->id, SECMMU_REG_QUEUE_HEAD);

		list_del_init(&queue->progressed);
		secmmu_queue_progress(queue, secmmu_read32(dev, reg),
				      queue->event_error,
				      queue->event_error_addr);
	}
	spin_unlock_irqrestore(&dev->queue_lock, flags);
	return true;
}

/**
 * secmmu_events_take - take what is in the ring
 * @dev: the device, inside secmmu_enter(). Any context.
 *
 * Return: false if it was empty.
 */
bool secmmu_events_take(struct secmmu_device *dev)
{
	bool own = false;

	return ring_take(dev, NULL, &own);
}

/**
 * secmmu_events_poll - look for the next event instead of being interrupted
 * @dev: the device, inside secmmu_enter(). Process context.
 * @mine: queue of the caller, which is its fault work.
 * @looks: how often to look.
 *
 * Takes what comes, for whatever queue. Gives up when another task wants the CPU,
 * or if somebody else is looking. Does not begin with one CPU.
 * Return: true if @mine has a fault outstanding.
 */
bool secmmu_events_poll(struct secmmu_device *dev, struct secmmu_queue *mine,
			unsigned int looks)
{
	bool own = false, pending;
	__le32 *stamp, old, mark;
	u32 head;

	/*
	 * With one, x86 has no LOCK in the kernel, and an emulated CPU need not do in one
	 * step what no other could see: cmpxchg() might write back what it found
	 * before the device's stamp.
	 */
	if (num_online_cpus() == 1 || xchg(&dev->polled, true))
		return false;
	/* A mark that stays while we sleep is an interrupt that does not come. */
	preempt_disable();
	head = READ_ONCE(dev->ring_head);
	stamp = &slot_of(dev, head)->stamp;
	mark = cpu_to_le32(SECMMU_STAMP_POLLED(head));
	old = READ_ONCE(*stamp);
	/* While it is older than the event, nobody has taken that either. */
	pending = (s32)(le32_to_cpu(old) - SECMMU_STAMP(head)) >= 0 ||
		  cmpxchg(stamp, old, mark) != old;
	if (!pending) {
		while (looks && READ_ONCE(*stamp) == mark && !need_resched())
			if (!(--looks % POLL_LOADS))
				cpu_relax();
		pending = cmpxchg(stamp, mark, old) != mark;
	}
	preempt_enable();
	if (pending)
		ring_take(dev, mine, &own);
	/* Until here the watch must not take what is there for a lost interrupt. */
	WRITE_ONCE(dev->polled, false);
	return own;
}

static irqreturn_t secmmu_irq(int irq, void *data)
{
	struct secmmu_device *dev = data;
	bool taken;
	int idx;

	if (!secmmu_enter(dev, &idx))
		return IRQ_NONE;
	taken = secmmu_events_take(dev);
	secmmu_exit(dev, idx);
	return taken ? IRQ_HANDLED : IRQ_NONE;
}

/**
 * secmmu_events_enable - tell a reset device of its rings, and enable it
 * @dev: the device, with bus mastering.
 *
 * Nobody else touches it: it is not bound yet, or lost.
 * Return: 0 or -EIO.
 */
int secmmu_events_enable(struct secmmu_device *dev)
{
	u32 status;

	spin_lock_irq(&dev->queue_lock);
	memset(dev->ring, 0, ring_size(dev));
	memset(dev->done, 0, dev->nr_asids * sizeof(*dev->done));
	dev->ring_head = 0;
	spin_unlock_irq(&dev->queue_lock);

	secmmu_write64(dev, SECMMU_REG_EVENT_BASE, dev->ring_dma);
	secmmu_write32(dev, SECMMU_REG_EVENT_ORDER, dev->ring_order);
	secmmu_write64(dev, SECMMU_REG_DONE_BASE, dev->done_dma);
	secmmu_write32(dev, SECMMU_REG_CTRL, SECMMU_CTRL_ENABLE);
	status = secmmu_read32(dev, SECMMU_REG_STATUS);
	/* All ones is the answer of nobody. */
	if (status == U32_MAX || !(status & SECMMU_STATUS_REG_ENABLED)) {
		dev_err(&dev->pdev->dev, "does not start: error register %#x\n",
			secmmu_read32(dev, SECMMU_REG_ERROR));
		return -EIO;
	}
	return 0;
}

/**
 * secmmu_events_start - give the device its rings and take its interrupt
 * @dev: the device, mapped and reset. Enables it.
 *
 * Return: 0 or a negative errno.
 */
int secmmu_events_start(struct secmmu_device *dev)
{
	struct pci_dev *pdev = dev->pdev;
	size_t done_size = PAGE_ALIGN(dev->nr_asids * sizeof(*dev->done));
	int ret;

	dev->ring_order = order_base_2(3 * dev->nr_queues);
	dev->ring_order = max_t(u32, dev->ring_order, 7);	/* a page */
	dev->ring = dma_alloc_coherent(&pdev->dev, ring_size(dev),
				       &dev->ring_dma, GFP_KERNEL);
	if (!dev->ring)
		return -ENOMEM;
	dev->done = dma_alloc_coherent(&pdev->dev, done_size, &dev->done_dma,
				       GFP_KERNEL);
	if (!dev->done) {
		ret = -ENOMEM;
		goto free_ring;
	}

	ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSIX);
	if (ret < 0) {
		dev_err(&pdev->dev, "no MSI-X vector: %d\n", ret);
		goto free_done;
	}
	dev->irq = pci_irq_vector(pdev, 0);
	ret = request_irq(dev->irq, secmmu_irq, 0, dev->misc.name, dev);
	if (ret) {
		dev_err(&pdev->dev, "no interrupt: %d\n", ret);
		goto free_vectors;
	}

	ret = secmmu_events_enable(dev);
	if (ret)
		goto free_irq;
	return 0;

free_irq:
	free_irq(dev->irq, dev);
free_vectors:
	pci_free_irq_vectors(pdev);
free_done:
	dma_free_coherent(&pdev->dev, done_size, dev->done, dev->done_dma);
free_ring:
	dma_free_coherent(&pdev->dev, ring_size(dev), dev->ring,
			  dev->ring_dma);
	return ret;
}

/**
 * secmmu_events_stop - undo secmmu_events_start()
 * @dev: the device, reset or off the bus, and lost: nobody reads @done.
 */
void secmmu_events_stop(struct secmmu_device *dev)
{
	size_t done_size = PAGE_ALIGN(dev->nr_asids * sizeof(*dev->done));

	free_irq(dev->irq, dev);
	pci_free_irq_vectors(dev->pdev);
	dma_free_coherent(&dev->pdev->dev, done_size, dev->done,
			  dev->done_dma);
	dma_free_coherent(&dev->pdev->dev, ring_size(dev), dev->ring,
			  dev->ring_dma);
}
