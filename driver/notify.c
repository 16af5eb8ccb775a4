// SPDX-License-Identifier: GPL-2.0-only
/*
 * News of queues for programs that wait for other things too: poll() on the
 * file, and eventfds. Lives here: who is told, and when. Not here: those who
 * sleep in SECMMU_IOC_QUEUE_WAIT (queue.c).
 *
 * The device tells of one count for each queue, QUEUE_ARM. Sleepers set it
 * when they go to sleep; a program that was told that it need not sleep has gone,
 * and its target is set again here, whenever an event has come for a nearer one.
 */
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/poll.h>

#include "compat.h"
#include "secmmu.h"

/**
 * secmmu_queue_tell - there is news of a queue
 * @queue: the queue; wait.lock is held, interrupts are off.
 */
void secmmu_queue_tell(struct secmmu_queue *queue)
{
	lockdep_assert_held(&queue->wait.lock);
	if (queue->told == SECMMU_TOLD_LATER &&
	    secmmu_queue_reaches(queue, queue->tell_target))
		queue->told = SECMMU_TOLD;
	if (queue->told == SECMMU_TOLD || queue->error)
		wake_up_interruptible_poll(&queue->ctx->poll,
					   EPOLLIN | EPOLLRDNORM);
	if (queue->eventfd)
		secmmu_eventfd_signal(queue->eventfd);
}

/**
 * secmmu_queue_arm - SECMMU_IOC_QUEUE_ARM
 * @queue: the queue, referenced by the caller.
 * @arg: see struct secmmu_queue_arm.
 *
 * Return: see there.
 */
int secmmu_queue_arm(struct secmmu_queue *queue, struct secmmu_queue_arm *arg)
{
	if (arg->flags & ~SECMMU_ARM_OFF)
		return -EINVAL;
	spin_lock_irq(&queue->wait.lock);
	if (arg->flags & SECMMU_ARM_OFF) {
		queue->told = SECMMU_TOLD_NOT_ASKED;
	} else {
		queue->told = SECMMU_TOLD_LATER;
		queue->tell_target = arg->target;
		if (secmmu_queue_reaches(queue, arg->target))
			secmmu_queue_tell(queue);
	}
	arg->completed = queue->completed;
	spin_unlock_irq(&queue->wait.lock);
	return 0;
}

/**
 * secmmu_queue_eventfd - SECMMU_IOC_QUEUE_EVENTFD
 * @queue: the queue, referenced by the caller.
 * @fd: see struct secmmu_queue_eventfd.
 *
 * Return: see there.
 */
int secmmu_queue_eventfd(struct secmmu_queue *queue, int fd)
{
	struct eventfd_ctx *eventfd = NULL;

	if (fd < -1)
		return -EBADF;
	if (fd >= 0) {
		eventfd = eventfd_ctx_fdget(fd);
		if (IS_ERR(eventfd))
			return PTR_ERR(eventfd);
	}
	spin_lock_irq(&queue->wait.lock);
	swap(queue->eventfd, eventfd);
	spin_unlock_irq(&queue->wait.lock);
	if (eventfd)
		eventfd_ctx_put(eventfd);
	return 0;
}

static __poll_t queue_poll(struct secmmu_queue *queue)
{
	__poll_t mask = 0;

	spin_lock_irq(&queue->wait.lock);
	if (queue->error)
		mask = EPOLLIN | EPOLLRDNORM | EPOLLERR;
	else if (queue->told == SECMMU_TOLD)
		mask = EPOLLIN | EPOLLRDNORM;
	spin_unlock_irq(&queue->wait.lock);
	return mask;
}

/**
 * secmmu_poll - poll() on the file
 * @file: the file.
 * @wait: the kernel's.
 *
 * Return: see struct secmmu_queue_arm.
 */
__poll_t secmmu_poll(struct file *file, struct poll_table_struct *wait)
{
	struct secmmu_ctx *ctx = file->private_data;
	struct secmmu_queue *queue;
	__poll_t mask = 0;

	if (!secmmu_ctx_is_ours(ctx))
		return EPOLLERR;
	poll_wait(file, &ctx->poll, wait);
	mutex_lock(&ctx->doorbell_mutex);
	/* A waiter may have heard of it before recover.c has told everybody. */
	if (READ_ONCE(ctx->lost) || READ_ONCE(ctx->dev->lost))
		mask = EPOLLIN | EPOLLRDNORM | EPOLLERR | EPOLLHUP;
	list_for_each_entry(queue, &ctx->queues, link)
		mask |= queue_poll(queue);
	mutex_unlock(&ctx->doorbell_mutex);
	return mask;
}
