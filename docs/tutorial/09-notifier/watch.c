// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Chapter 9: an mmu notifier and nothing else. Whoever opens /dev/watch has its
 * address space watched; what is written there, an address and a length, is the
 * window that is of interest; a read tells what has happened to it since.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

struct watch {
	struct mmu_notifier mn;
	spinlock_t lock;	/* of all below */
	unsigned long start, end;
	unsigned long active, most, starts, ends;
};

static bool touches(const struct watch *w, unsigned long start,
		    unsigned long end)
{
	/* Both ends are exclusive: what ends where we start is not ours. */
	return start < w->end && end > w->start;
}

static int range_start(struct mmu_notifier *mn,
		       const struct mmu_notifier_range *range)
{
	struct watch *w = container_of(mn, struct watch, mn);

	spin_lock(&w->lock);
	if (touches(w, range->start, range->end)) {
		w->starts++;
		w->active++;
		w->most = max(w->most, w->active);
	}
	spin_unlock(&w->lock);
	return 0;
}

static void range_end(struct mmu_notifier *mn,
		      const struct mmu_notifier_range *range)
{
	struct watch *w = container_of(mn, struct watch, mn);

	spin_lock(&w->lock);
	if (touches(w, range->start, range->end)) {
		w->ends++;
		w->active--;
	}
	spin_unlock(&w->lock);
}

static const struct mmu_notifier_ops watch_ops = {
	.invalidate_range_start = range_start,
	.invalidate_range_end = range_end,
};

static int watch_open(struct inode *inode, struct file *file)
{
	struct watch *w = kzalloc(sizeof(*w), GFP_KERNEL);
	int ret;

	if (!w)
		return -ENOMEM;
	spin_lock_init(&w->lock);
	w->mn.ops = &watch_ops;
	ret = mmu_notifier_register(&w->mn, current->mm);
	if (ret) {
		kfree(w);
		return ret;
	}
	file->private_data = w;
	return 0;
}

static int watch_release(struct inode *inode, struct file *file)
{
	struct watch *w = file->private_data;

	/* Waits until no callback runs; after it none will. */
	mmu_notifier_unregister(&w->mn, w->mn.mm);
	kfree(w);
	return 0;
}

static ssize_t watch_write(struct file *file, const char __user *buf,
			   size_t len, loff_t *pos)
{
	struct watch *w = file->private_data;
	unsigned long window[2];

	if (len != sizeof(window) || copy_from_user(window, buf, len))
		return -EINVAL;
	spin_lock(&w->lock);
	w->start = window[0];
	w->end = window[0] + window[1];
	w->starts = 0;
	w->ends = 0;
	w->most = 0;
	spin_unlock(&w->lock);
	return len;
}

static ssize_t watch_read(struct file *file, char __user *buf, size_t len,
			  loff_t *pos)
{
	struct watch *w = file->private_data;
	char text[64];

	spin_lock(&w->lock);
	scnprintf(text, sizeof(text), "%lu starts, %lu ends, %lu at one time",
		  w->starts, w->ends, w->most);
	spin_unlock(&w->lock);
	len = min(len, strlen(text) + 1);
	return copy_to_user(buf, text, len) ? -EFAULT : len;
}

static const struct file_operations watch_fops = {
	.owner = THIS_MODULE,
	.open = watch_open,
	.release = watch_release,
	.write = watch_write,
	.read = watch_read,
};

static struct miscdevice watch_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "watch",
	.fops = &watch_fops,
};
module_misc_device(watch_device);

MODULE_DESCRIPTION("Tutorial, chapter 9: an mmu notifier");
MODULE_LICENSE("GPL");
