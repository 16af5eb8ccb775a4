// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Exercise of chapter 8: /dev/keep takes an address (write) and tells the first
 * word there (read). It keeps the page. Let it keep the address, and look the
 * page up for as long as it needs it.
 */
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/uaccess.h>

static struct page *page;

static ssize_t keep_write(struct file *file, const char __user *buf,
			  size_t len, loff_t *pos)
{
	unsigned long va;
	int got;

	if (len != sizeof(va) || copy_from_user(&va, buf, sizeof(va)))
		return -EINVAL;
	if (page)
		put_page(page);
	page = NULL;
	/* A reference: the page cannot be freed, and may come off its address. */
	got = get_user_pages_fast(va, 1, FOLL_WRITE, &page);
	return got == 1 ? len : -EFAULT;
}

static ssize_t keep_read(struct file *file, char __user *buf, size_t len,
			 loff_t *pos)
{
	unsigned long word, *mapped;

	if (!page || len < sizeof(word))
		return -EINVAL;
	mapped = kmap_local_page(page);
	word = *mapped;
	kunmap_local(mapped);
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
	if (page)
		put_page(page);
}
module_exit(keep_exit);

MODULE_DESCRIPTION("Tutorial, chapter 8: a page that is kept");
MODULE_LICENSE("GPL");
