// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/secmmuN: open, ioctl, mmap, close. Lives here: everything that takes a
 * value from user space, checked once and copied. Not here: what is then done
 * (queue.c, mm.c).
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "secmmu.h"

/**
 * secmmu_ctx_is_ours - may the caller use a context?
 * @ctx: the context.
 *
 * It works for the mm that opened it: after fork() the child has the file but its
 * memory is not what the device sees, and after exec() neither is the
 * process's own.
 */
bool secmmu_ctx_is_ours(const struct secmmu_ctx *ctx)
{
	return current->mm && current->mm == ctx->mm;
}

/**
 * secmmu_ctx_mm - the context's address space
 * @ctx: the context.
 *
 * Return: it, referenced, since another thread may set the mode.
 */
struct secmmu_mm *secmmu_ctx_mm(struct secmmu_ctx *ctx)
{
	struct secmmu_mm *smm;

	mutex_lock(&ctx->doorbell_mutex);
	smm = ctx->smm;
	secmmu_mm_get(smm);
	mutex_unlock(&ctx->doorbell_mutex);
	return smm;
}

/*
 * A device that was lost may have come back, but not for those who had it open:
 * their queues are gone. Guarded by either mutex.
 */
static bool ctx_is_lost(const struct secmmu_ctx *ctx)
{
	return READ_ONCE(ctx->lost);
}

static int secmmu_open(struct inode *inode, struct file *file)
{
	/* misc_open() left the miscdevice there, and holds off its removal. */
	struct secmmu_device *dev = container_of(file->private_data,
						 struct secmmu_device, misc);
	struct secmmu_ctx *ctx;
	int ret = -ENODEV;

	ctx = kzalloc(sizeof(*ctx), GFP_KERNEL_ACCOUNT);
	if (!ctx)
		return -ENOMEM;
	mutex_init(&ctx->doorbell_mutex);
	init_waitqueue_head(&ctx->poll);
	INIT_LIST_HEAD(&ctx->queues);
	ctx->mapping = file->f_mapping;

	mutex_lock(&dev->mutex);
	if (READ_ONCE(dev->lost))
		goto err;
	ctx->smm = secmmu_mm_open(dev, SECMMU_MODE_WALK);
	if (IS_ERR(ctx->smm)) {
		ret = PTR_ERR(ctx->smm);
		goto err;
	}
	/* The file may outlive the notifier's hold on the address space. */
	secmmu_mm_get(ctx->smm);
	ctx->mm = ctx->smm->mm;
	ctx->dev = secmmu_device_get(dev);
	ctx->client = ++dev->clients;
	list_add(&ctx->link, &dev->ctxs);
	mutex_unlock(&dev->mutex);
	file->private_data = ctx;
	return nonseekable_open(inode, file);

err:
	mutex_unlock(&dev->mutex);
	kfree(ctx);
	return ret;
}

static int secmmu_release(struct inode *inode, struct file *file)
{
	struct secmmu_ctx *ctx = file->private_data;
	struct secmmu_device *dev = ctx->dev;
	struct secmmu_queue *queue, *next;

	mutex_lock(&dev->mutex);
	list_for_each_entry_safe(queue, next, &ctx->queues, link)
		secmmu_queue_destroy(queue);
	list_del(&ctx->link);
	secmmu_mm_close(ctx->smm);
	mutex_unlock(&dev->mutex);
	secmmu_mm_put(ctx->smm);
	secmmu_device_put(dev);
	kfree(ctx);
	return 0;
}

static long ioctl_info(struct secmmu_ctx *ctx, void __user *user)
{
	struct secmmu_device *dev = ctx->dev;
	struct secmmu_info info = {
		.uapi_version = SECMMU_UAPI_VERSION,
		.max_queues = SECMMU_CTX_QUEUES,
		.max_ring_order = SECMMU_MAX_RING_ORDER,
	};
	struct secmmu_mm *smm;
	int idx;

	if (ctx_is_lost(ctx))
		return -ENODEV;
	smm = secmmu_ctx_mm(ctx);
	info.asid = smm->asid;
	secmmu_mm_put(smm);
	if (!secmmu_enter(dev, &idx))
		return -ENODEV;
	info.hw_version = secmmu_read32(dev, SECMMU_REG_VERSION);
	info.va_bits = secmmu_read32(dev, SECMMU_REG_VA_BITS);
	info.engines = secmmu_read32(dev, SECMMU_REG_NR_ENGINES);
	info.tlb_entries = secmmu_read32(dev, SECMMU_REG_TLB_SETS) *
			   secmmu_read32(dev, SECMMU_REG_TLB_WAYS) *
			   SECMMU_TLB_LINE;
	secmmu_exit(dev, idx);
	return copy_to_user(user, &info, sizeof(info)) ? -EFAULT : 0;
}

static int set_mode(struct secmmu_ctx *ctx, enum secmmu_mode mode)
{
	struct secmmu_device *dev = ctx->dev;
	struct secmmu_mm *old = ctx->smm, *smm;
	u32 features;
	int idx;

	lockdep_assert_held(&dev->mutex);
	if (ctx_is_lost(ctx))
		return -ENODEV;
	if (old->mode == mode)
		return 0;
	if (ctx->nr_queues)
		return -EBUSY;
	if (!secmmu_enter(dev, &idx))
		return -ENODEV;
	features = secmmu_read32(dev, SECMMU_REG_FEATURES);
	secmmu_exit(dev, idx);
	if (mode == SECMMU_MODE_SOFT && !(features & SECMMU_FEATURE_SOFT))
		return -EOPNOTSUPP;

	smm = secmmu_mm_open(dev, mode);
	if (IS_ERR(smm))
		return PTR_ERR(smm);
	secmmu_mm_get(smm);
	mutex_lock(&ctx->doorbell_mutex);
	ctx->smm = smm;
	mutex_unlock(&ctx->doorbell_mutex);
	secmmu_mm_close(old);
	secmmu_mm_put(old);
	return 0;
}

static long ioctl_mode(struct secmmu_ctx *ctx, void __user *user)
{
	struct secmmu_set_mode arg;
	int ret;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	if (arg.mode >= SECMMU_MODE_NR || arg.reserved)
		return -EINVAL;
	mutex_lock(&ctx->dev->mutex);
	ret = set_mode(ctx, arg.mode);
	mutex_unlock(&ctx->dev->mutex);
	return ret;
}

static long ioctl_queue_create(struct secmmu_ctx *ctx, void __user *user)
{
	struct secmmu_queue_create arg;
	struct secmmu_queue *queue;
	long ret = 0;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	mutex_lock(&ctx->dev->mutex);
	queue = ctx_is_lost(ctx) ? ERR_PTR(-ENODEV) :
				   secmmu_queue_create(ctx, &arg);
	if (IS_ERR(queue)) {
		ret = PTR_ERR(queue);
	} else if (copy_to_user(user, &arg, sizeof(arg))) {
		secmmu_queue_destroy(queue);
		ret = -EFAULT;
	}
	mutex_unlock(&ctx->dev->mutex);
	return ret;
}

static long ioctl_queue_destroy(struct secmmu_ctx *ctx, void __user *user)
{
	struct secmmu_queue_destroy arg;
	struct secmmu_queue *queue;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	if (arg.reserved)
		return -EINVAL;
	mutex_lock(&ctx->dev->mutex);
	queue = secmmu_queue_find(ctx, arg.queue);
	if (queue)
		secmmu_queue_destroy(queue);
	mutex_unlock(&ctx->dev->mutex);
	return queue ? 0 : -ENOENT;
}

/* A context's queue, referenced, or NULL. */
static struct secmmu_queue *queue_by_id(struct secmmu_ctx *ctx, u32 id)
{
	struct secmmu_queue *queue;

	/* A short lock of this context's own: opens elsewhere do not matter. */
	mutex_lock(&ctx->doorbell_mutex);
	queue = secmmu_queue_find(ctx, id);
	if (queue)
		secmmu_queue_get(queue);
	mutex_unlock(&ctx->doorbell_mutex);
	return queue;
}

static long ioctl_queue_wait(struct secmmu_ctx *ctx, void __user *user)
{
	struct secmmu_queue_wait arg;
	struct secmmu_queue *queue;
	long ret;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	queue = queue_by_id(ctx, arg.queue);
	if (!queue)
		return -ENOENT;
	ret = secmmu_queue_wait(queue, &arg);
	secmmu_queue_put(queue);
	if (ret != -ERESTARTSYS && copy_to_user(user, &arg, sizeof(arg)))
		ret = -EFAULT;
	return ret;
}

static long ioctl_queue_eventfd(struct secmmu_ctx *ctx, void __user *user)
{
	struct secmmu_queue_eventfd arg;
	struct secmmu_queue *queue;
	long ret;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	queue = queue_by_id(ctx, arg.queue);
	if (!queue)
		return -ENOENT;
	ret = secmmu_queue_eventfd(queue, arg.fd);
	secmmu_queue_put(queue);
	return ret;
}

static long ioctl_queue_arm(struct secmmu_ctx *ctx, void __user *user)
{
	struct secmmu_queue_arm arg;
	struct secmmu_queue *queue;
	long ret;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	queue = queue_by_id(ctx, arg.queue);
	if (!queue)
		return -ENOENT;
	ret = secmmu_queue_arm(queue, &arg);
	secmmu_queue_put(queue);
	if (!ret && copy_to_user(user, &arg, sizeof(arg)))
		ret = -EFAULT;
	return ret;
}

static long ioctl_advise(struct secmmu_ctx *ctx, void __user *user)
{
	struct secmmu_advise arg;
	struct secmmu_mm *smm;
	long ret;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	if (ctx_is_lost(ctx))
		return -ENODEV;
	smm = secmmu_ctx_mm(ctx);
	ret = secmmu_advise(smm, &arg);
	secmmu_mm_put(smm);
	if (ret != -EINVAL && copy_to_user(user, &arg, sizeof(arg)))
		ret = -EFAULT;
	return ret;
}

static long ioctl_stats(struct secmmu_ctx *ctx, void __user *user)
{
	struct secmmu_stats stats;
	struct secmmu_mm *smm;
	int ret;

	if (ctx_is_lost(ctx))
		return -ENODEV;
	smm = secmmu_ctx_mm(ctx);
	secmmu_mm_stats(smm, &stats);
	secmmu_mm_put(smm);
	ret = secmmu_device_stats(ctx->dev, &stats);
	if (ret)
		return ret;
	return copy_to_user(user, &stats, sizeof(stats)) ? -EFAULT : 0;
}

static long secmmu_ioctl(struct file *file, unsigned int cmd,
			 unsigned long arg)
{
	struct secmmu_ctx *ctx = file->private_data;
	void __user *user = (void __user *)arg;

	if (!secmmu_ctx_is_ours(ctx))
		return -EPERM;
	switch (cmd) {
	case SECMMU_IOC_INFO:
		return ioctl_info(ctx, user);
	case SECMMU_IOC_MODE:
		return ioctl_mode(ctx, user);
	case SECMMU_IOC_QUEUE_CREATE:
		return ioctl_queue_create(ctx, user);
	case SECMMU_IOC_QUEUE_DESTROY:
		return ioctl_queue_destroy(ctx, user);
	case SECMMU_IOC_QUEUE_WAIT:
		return ioctl_queue_wait(ctx, user);
	case SECMMU_IOC_QUEUE_EVENTFD:
		return ioctl_queue_eventfd(ctx, user);
	case SECMMU_IOC_QUEUE_ARM:
		return ioctl_queue_arm(ctx, user);
	case SECMMU_IOC_ADVISE:
		return ioctl_advise(ctx, user);
	case SECMMU_IOC_STATS:
		return ioctl_stats(ctx, user);
	default:
		return -ENOTTY;
	}
}

/*
 * A doorbell page is put in when it is touched, and is zapped when its queue
 * ends. Whoever touches it after that gets a page of ordinary memory that
 * leads nowhere: a program must not die of a device that was unplugged.
 */
static vm_fault_t doorbell_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct secmmu_ctx *ctx = vma->vm_file->private_data;
	struct secmmu_device *dev = ctx->dev;
	unsigned long pfn = page_to_pfn(dev->dummy);
	u32 id = vma->vm_pgoff;
	vm_fault_t ret;
	int idx;

	/* Held until the page is in: the queue's end zaps it after that. */
	mutex_lock(&ctx->doorbell_mutex);
	if (secmmu_enter(dev, &idx)) {
		pgprot_t prot = vma->vm_page_prot;

		if (!ctx_is_lost(ctx) && !secmmu_is_leaving(dev) &&
		    secmmu_queue_find(ctx, id)) {
			/* From now on a job may be under way. */
			secmmu_watch(dev);
			pfn = (dev->doorbells >> PAGE_SHIFT) + id;
			prot = pgprot_noncached(prot);
		}
		ret = vmf_insert_pfn_prot(vma, vmf->address, pfn, prot);
		secmmu_exit(dev, idx);
	} else {
		ret = vmf_insert_pfn(vma, vmf->address, pfn);
	}
	mutex_unlock(&ctx->doorbell_mutex);
	return ret;
}

static const struct vm_operations_struct doorbell_ops = {
	.fault = doorbell_fault,
};

static int secmmu_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct secmmu_ctx *ctx = file->private_data;
	int ret = 0;

	if (!secmmu_ctx_is_ours(ctx))
		return -EPERM;
	if (vma->vm_end - vma->vm_start != SECMMU_DOORBELL_SIZE ||
	    !(vma->vm_flags & VM_SHARED))
		return -EINVAL;

	mutex_lock(&ctx->doorbell_mutex);
	if (vma->vm_pgoff > U32_MAX || !secmmu_queue_find(ctx, vma->vm_pgoff))
		ret = -ENOENT;
	mutex_unlock(&ctx->doorbell_mutex);
	if (ret)
		return ret;

	/* A child has no use for it: its memory is not behind the queue. */
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTCOPY | VM_DONTEXPAND |
			  VM_DONTDUMP);
	vma->vm_ops = &doorbell_ops;
	return 0;
}

const struct file_operations secmmu_fops = {
	.owner = THIS_MODULE,
	.open = secmmu_open,
	.release = secmmu_release,
	.unlocked_ioctl = secmmu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = secmmu_mmap,
	.poll = secmmu_poll,
	.show_fdinfo = secmmu_show_fdinfo,
};
