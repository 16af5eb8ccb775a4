// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Solution of chapter 8's exercise: the address is kept, the page is looked up and
 * let go in each read.
 */
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/uaccess.h>

static unsigned long va;

static ssize_t keep_write(struct file *file, const char __user *buf,
			  size_t len, loff_t *pos)
{
	if (len != sizeof(va) || copy_from_user(&va, buf, sizeof(va)))
		return -EINVAL;
	return len;
}

static ssize_t keep_read(struct file *file, char __user *buf, size_t len,
			 loff_t *pos)
{
	unsigned long word, *mapped;
	struct page *page;

	if (len < sizeof(word))
		return -EINVAL;
	if (get_user_pages_fast(va, 1, 0, &page) != 1)
		return -EFAULT;
	mapped = kmap_local_page(page);
	word = *mapped;
	kunmap_local(mapped);
	put_page(page);
	return copy_to_user(buf, &word, sizeof(word)) ? -EFAULT : sizeof(word);
}

static const struct file_operations keep_fops = {
	.owner = THIS_MODULE,
	.write = keep_write,
	.read = keep_read,
};

static struct miscdevice keep_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "keep",
	.fops = &keep_fops,
};

static int __init keep_init(void)
{
	return misc_register(&keep_device);
}
module_init(keep_init);

static void __exit keep_exit(void)
{
	misc_deregister(&keep_device);
}
module_exit(keep_exit);

MODULE_DESCRIPTION("Tutorial, chapter 8: a page that is kept");
MODULE_LICENSE("GPL");
