// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues: given to a context, waited for, taken away. Lives here: the life of
 * a struct secmmu_queue and its completions. Not here: faults (fault.c), poll()
 * and eventfd (notify.c), the ioctls' argument copying and the doorbell mapping
 * (file.c).
 */
#include <linux/eventfd.h>
#include <linux/ktime.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "secmmu.h"
#include "trace.h"

static void queue_free(struct kref *ref)
{
	struct secmmu_queue *queue = container_of(ref, struct secmmu_queue,
						  ref);

	/*
	 * Only now its number is anybody's: or one process could have more
	 * lookups under way than the workqueue does at a time, by ending
	 * queues whose fault nobody answers.
	 */
	ida_free(&queue->smm->dev->queue_ids, queue->id);
	secmmu_mm_put(queue->smm);
	if (queue->eventfd)
		eventfd_ctx_put(queue->eventfd);
	kvfree(queue->pages);
	kvfree(queue->dma);
	kfree(queue);
}

void secmmu_queue_get(struct secmmu_queue *queue)
{
	kref_get(&queue->ref);
}

/**
 * secmmu_queue_put - drop a reference
 * @queue: the queue. Process or work context.
 */
void secmmu_queue_put(struct secmmu_queue *queue)
{
	kref_put(&queue->ref, queue_free);
}

/* Programs and enables the device's queue. Needs secmmu_enter(). */
static int queue_enable(struct secmmu_queue *queue,
			const struct secmmu_queue_create *arg)
{
	struct secmmu_device *dev = queue->smm->dev;
	u32 id = queue->id, state;

	secmmu_write64(dev, secmmu_queue_reg(id, SECMMU_REG_QUEUE_RING),
		       arg->ring);
	secmmu_write32(dev, secmmu_queue_reg(id, SECMMU_REG_QUEUE_ORDER),
		       arg->ring_order);
	secmmu_write32(dev, secmmu_queue_reg(id, SECMMU_REG_QUEUE_ASID),
		       queue->smm->asid);
	secmmu_write32(dev, secmmu_queue_reg(id, SECMMU_REG_QUEUE_CTRL),
		       SECMMU_QUEUE_CTRL_ENABLE);
	state = secmmu_read32(dev, secmmu_queue_reg(id,
						    SECMMU_REG_QUEUE_STATUS));
	return (state & 0xff) == SECMMU_QUEUE_STATE_IDLE ? 0 : -EIO;
}

/**
 * secmmu_queue_create - make a queue for a context
 * @ctx: the context; dev->mutex is held.
 * @arg: what user space asks for; filled in on success.
 *
 * Return: the queue, owned by @ctx, or an ERR_PTR: see struct
 * secmmu_queue_create.
 */
struct secmmu_queue *secmmu_queue_create(struct secmmu_ctx *ctx,
					 struct secmmu_queue_create *arg)
{
	struct secmmu_device *dev = ctx->dev;
	struct secmmu_queue *queue;
	int id, idx, ret = -ENOMEM;

	lockdep_assert_held(&dev->mutex);
	if (arg->flags || arg->reserved ||
	    arg->ring_order > SECMMU_MAX_RING_ORDER ||
	    !IS_ALIGNED(arg->ring, sizeof(struct secmmu_desc)) ||
	    arg->ring > SECMMU_VA_END -
			(sizeof(struct secmmu_desc) << arg->ring_order))
		return ERR_PTR(-EINVAL);
	if (ctx->nr_queues >= SECMMU_CTX_QUEUES)
		return ERR_PTR(-ENOSPC);

	queue = kzalloc(sizeof(*queue), GFP_KERNEL_ACCOUNT);
	if (!queue)
		return ERR_PTR(-ENOMEM);
	queue->pages = kvmalloc_array(SECMMU_HUGE_PAGES, sizeof(*queue->pages),
				      GFP_KERNEL_ACCOUNT);
	queue->dma = kvmalloc_array(SECMMU_HUGE_PAGES, sizeof(*queue->dma),
				    GFP_KERNEL_ACCOUNT);
	if (!queue->pages || !queue->dma)
		goto free;
	id = ida_alloc_max(&dev->queue_ids, dev->nr_queues - 1, GFP_KERNEL);
	if (id < 0) {
		ret = id;
		goto free;
	}
	kref_init(&queue->ref);
	queue->ctx = ctx;
	queue->smm = ctx->smm;
	queue->id = id;
	INIT_WORK(&queue->fault_work, secmmu_fault_work);
	INIT_LIST_HEAD(&queue->progressed);
	init_waitqueue_head(&queue->wait);

	/* Known by number before the device can speak of it. */
	spin_lock_irq(&dev->queue_lock);
	dev->queues[id] = queue;
	spin_unlock_irq(&dev->queue_lock);

	ret = -ENODEV;
	if (secmmu_enter(dev, &idx)) {
		ret = queue_enable(queue, arg);
		secmmu_exit(dev, idx);
	}
	if (ret)
		goto forget;

	secmmu_mm_get(queue->smm);
	/* Others go through the list with that mutex alone. */
	mutex_lock(&ctx->doorbell_mutex);
	list_add(&queue->link, &ctx->queues);
	WRITE_ONCE(ctx->nr_queues, ctx->nr_queues + 1);
	mutex_unlock(&ctx->doorbell_mutex);
	trace_secmmu_queue(queue->smm->asid, id, arg->ring, true);
	arg->queue = id;
	arg->doorbell = (u64)id * SECMMU_DOORBELL_SIZE;
	return queue;

forget:
	spin_lock_irq(&dev->queue_lock);
	dev->queues[id] = NULL;
	spin_unlock_irq(&dev->queue_lock);
	ida_free(&dev->queue_ids, id);
free:
	kvfree(queue->pages);
	kvfree(queue->dma);
	kfree(queue);
	return ERR_PTR(ret);
}

/* No job of it ends any more; waiters of other threads hear why. */
static void queue_stop(struct secmmu_queue *queue, u32 error)
{
	lockdep_assert_held(&queue->wait.lock);
	if (!queue->error)
		queue->error = error;
	secmmu_queue_tell(queue);
	wake_up_all_locked(&queue->wait);
}

/**
 * secmmu_queue_destroy - take a queue away from its context
 * @queue: the queue; dev->mutex is held.
 *
 * When it returns, no job of the queue touches memory, and no doorbell page of
 * any process leads to it. A fault that is being looked up just now goes on,
 * holds a reference, and with it the number, and finds that nobody wants its
 * answer; nothing here waits for it, since it may itself be waiting for the
 * process that is closing.
 */
void secmmu_queue_destroy(struct secmmu_queue *queue)
{
	struct secmmu_ctx *ctx = queue->ctx;
	struct secmmu_device *dev = ctx->dev;
	int idx;

	lockdep_assert_held(&dev->mutex);
	trace_secmmu_queue(queue->smm->asid, queue->id, 0, false);
	mutex_lock(&ctx->doorbell_mutex);
	list_del(&queue->link);
	WRITE_ONCE(ctx->nr_queues, ctx->nr_queues - 1);
	mutex_unlock(&ctx->doorbell_mutex);
	unmap_mapping_range(ctx->mapping,
			    (loff_t)queue->id * SECMMU_DOORBELL_SIZE,
			    SECMMU_DOORBELL_SIZE, 1);

	/* After this no answer is on its way to a queue that is not ours. */
	spin_lock(&queue->smm->lock);
	queue->dead = true;
	spin_unlock(&queue->smm->lock);
	if (secmmu_enter(dev, &idx)) {
		secmmu_write32(dev, secmmu_queue_reg(queue->id,
						     SECMMU_REG_QUEUE_CTRL),
			       0);
		/*
		 * No more events of it will be written. Those that are in the
		 * ring are taken now, or the next queue of this number would
		 * be told of them.
		 */
		secmmu_events_take(dev);
		secmmu_exit(dev, idx);
	}

	spin_lock_irq(&dev->queue_lock);
	dev->queues[queue->id] = NULL;
	spin_unlock_irq(&dev->queue_lock);

	spin_lock_irq(&queue->wait.lock);
	queue_stop(queue, SECMMU_QUEUE_DESTROYED);
	spin_unlock_irq(&queue->wait.lock);
	secmmu_queue_put(queue);
}

/**
 * secmmu_queue_lose - the device was lost, and the queue with it
 * @queue: the queue; dev->mutex is held.
 *
 * It stays its context's, and keeps its number, until it is destroyed.
 */
void secmmu_queue_lose(struct secmmu_queue *queue)
{
	struct secmmu_device *dev = queue->smm->dev;

	spin_lock(&queue->smm->lock);
	queue->dead = true;
	spin_unlock(&queue->smm->lock);
	spin_lock_irq(&dev->queue_lock);
	dev->queues[queue->id] = NULL;
	list_del_init(&queue->progressed);
	spin_unlock_irq(&dev->queue_lock);
	/* A waiter may just now have read from the device how far it came. */
	spin_lock_irq(&queue->wait.lock);
	trace_secmmu_complete(queue->smm->asid, queue->id, queue->completed,
			      SECMMU_QUEUE_DEVICE_LOST);
	queue_stop(queue, SECMMU_QUEUE_DEVICE_LOST);
	spin_unlock_irq(&queue->wait.lock);
}

/**
 * secmmu_queue_find - a context's queue by number
 * @ctx: the context; dev->mutex or ctx->doorbell_mutex is held.
 * @id: the number.
 *
 * Return: the queue, or NULL if it is not this context's.
 */
struct secmmu_queue *secmmu_queue_find(struct secmmu_ctx *ctx, u32 id)
{
	struct secmmu_queue *queue;

	list_for_each_entry(queue, &ctx->queues, link)
		if (queue->id == id)
			return queue;
	return NULL;
}

/**
 * secmmu_queue_state - what a queue is doing
 * @queue: the queue, inside secmmu_enter().
 *
 * Return: SECMMU_QUEUE_STATE_*.
 */
u32 secmmu_queue_state(const struct secmmu_queue *queue)
{
	return secmmu_read32(queue->smm->dev,
			     secmmu_queue_reg(queue->id,
					      SECMMU_REG_QUEUE_STATUS)) & 0xff;
}

/**
 * secmmu_queue_state_name - the word for it
 * @state: SECMMU_QUEUE_STATE_*.
 */
const char *secmmu_queue_state_name(u32 state)
{
	static const char *const names[] = {
		[SECMMU_QUEUE_STATE_OFF] = "off",
		[SECMMU_QUEUE_STATE_IDLE] = "idle",
		[SECMMU_QUEUE_STATE_READY] = "ready",
		[SECMMU_QUEUE_STATE_RUNNING] = "running",
		[SECMMU_QUEUE_STATE_FAULTED] = "faulted",
		[SECMMU_QUEUE_STATE_REFUSED] = "refused",
		[SECMMU_QUEUE_STATE_STOPPED] = "stopped",
	};

	return state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

/**
 * secmmu_queue_progress - the device has said how far a queue is
 * @queue: the queue.
 * @completed: jobs ended.
 * @error: enum secmmu_queue_error.
 * @error_addr: goes with it.
 *
 * Any context. Wakes the waiters, who see for themselves.
 */
void secmmu_queue_progress(struct secmmu_queue *queue, u32 completed,
			   u32 error, u64 error_addr)
{
	unsigned long flags;

	trace_secmmu_complete(queue->smm->asid, queue->id, completed, error);
	spin_lock_irqsave(&queue->wait.lock, flags);
	queue->completed = completed;
	queue->armed = false;
	if (error && !queue->error) {
		queue->error = error;
		queue->error_addr = error_addr;
	}
	secmmu_queue_tell(queue);
	wake_up_all_locked(&queue->wait);
	spin_unlock_irqrestore(&queue->wait.lock, flags);
}

/**
 * secmmu_queue_reaches - is the wait over? If not, the device will tell
 * @queue: the queue; wait.lock is held, interrupts are off.
 * @target: jobs ended that are waited for.
 *
 * Return: true if they have ended, or the queue has stopped.
 */
bool secmmu_queue_reaches(struct secmmu_queue *queue, u32 target)
{
	struct secmmu_device *dev = queue->smm->dev;
	u32 head = secmmu_queue_reg(queue->id, SECMMU_REG_QUEUE_HEAD);
	int idx;

	if ((s32)(queue->completed - target) >= 0 || queue->error)
		return true;
	/*
	 * One register serves all waiters: it holds the nearest target, and
	 * whoever is woken too early comes by here again. If the target is
	 * reached in between, the device raises the event at once.
	 */
	if (queue->armed && (s32)(queue->arm_target - target) <= 0)
		return false;
	if (!secmmu_enter(dev, &idx)) {
		queue->error = SECMMU_QUEUE_DEVICE_LOST;
		return true;
	}
	queue->armed = true;
	queue->arm_target = target;
	secmmu_write32(dev, secmmu_queue_reg(queue->id,
					     SECMMU_REG_QUEUE_ARM), target);
	/* Often it is there by now, and the sleep is saved. */
	queue->completed = secmmu_read32(dev, head);
	secmmu_exit(dev, idx);
	return (s32)(queue->completed - target) >= 0;
}

/**
 * secmmu_queue_wait - sleep until a queue has ended so many jobs
 * @queue: the queue, referenced by the caller.
 * @arg: target and timeout in; progress out.
 *
 * Return: see struct secmmu_queue_wait.
 */
int secmmu_queue_wait(struct secmmu_queue *queue,
		      struct secmmu_queue_wait *arg)
{
	DEFINE_WAIT(wait);
	ktime_t until = 0;
	int ret = 0;

	if (arg->timeout_ns > 0)
		until = ktime_add_safe(ktime_get(), arg->timeout_ns);

	spin_lock_irq(&queue->wait.lock);
	while (!secmmu_queue_reaches(queue, arg->target)) {
		if (ret)
			break;
		if (!arg->timeout_ns) {
			ret = -ETIME;
			break;
		}
		if (signal_pending(current)) {
			ret = -ERESTARTSYS;
			break;
		}
		trace_secmmu_wait(queue->smm->asid, queue->id,
				  queue->completed, arg->target);
		if (list_empty(&wait.entry))
			__add_wait_queue(&queue->wait, &wait);
		set_current_state(TASK_INTERRUPTIBLE);
		spin_unlock_irq(&queue->wait.lock);
		if (arg->timeout_ns < 0)
			schedule();
		else if (!schedule_hrtimeout(&until, HRTIMER_MODE_ABS))
			ret = -ETIME;
		spin_lock_irq(&queue->wait.lock);
	}
	__set_current_state(TASK_RUNNING);
	list_del_init(&wait.entry);
	arg->completed = queue->completed;
	arg->error = queue->error;
	arg->error_addr = queue->error_addr;
	spin_unlock_irq(&queue->wait.lock);

	if ((s32)(arg->completed - arg->target) >= 0)
		return 0;
	return arg->error ? -EPIPE : ret;
}
