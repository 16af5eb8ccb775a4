// SPDX-License-Identifier: GPL-2.0-only
/*
 * secmmu: an accelerator with a secondary MMU, kept coherent with the CPU's by
 * mmu notifiers. docs/driver.md tells a fault's and an invalidation's way
 * through the files.
 *
 * Lives here: the module, binding to the PCI function, the device's life and
 * its end. Not here: anything that a job needs; a device that fails
 * (recover.c).
 */
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/pm.h>
#include <linux/slab.h>

#include "secmmu.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

#define DRIVER_NAME "secmmu"

static DEFINE_IDA(secmmu_ids);

/* Devices that are not freed yet, who waits for that, and where it is done. */
static atomic_t secmmu_devices;
static DECLARE_WAIT_QUEUE_HEAD(secmmu_no_devices);
static struct workqueue_struct *secmmu_end_wq;

/*
 * One for all devices: readers are short, and a device can then be freed from
 * where its last notifier is freed, which may not sleep.
 */
DEFINE_STATIC_SRCU(secmmu_srcu);

/**
 * secmmu_enter - may the device be touched?
 * @dev: the device.
 * @idx: to be given to secmmu_exit().
 *
 * From any context. Unbinding waits for everybody inside, so registers and
 * the memory shared with the device stay valid until secmmu_exit().
 *
 * Return: false if the device is lost; there is no secmmu_exit() then.
 */
bool secmmu_enter(struct secmmu_device *dev, int *idx)
{
	*idx = srcu_read_lock(&secmmu_srcu);
	/* Acquire: what was set up before it came back. */
	if (likely(!smp_load_acquire(&dev->lost))) {
		/* sparse has no word for a lock that depends on the result */
		__release(&secmmu_srcu);
		return true;
	}
	srcu_read_unlock(&secmmu_srcu, *idx);
	return false;
}

/**
 * secmmu_exit - the end of what secmmu_enter() began
 * @dev: the device.
 * @idx: what secmmu_enter() filled in.
 */
void secmmu_exit(struct secmmu_device *dev, int idx)
{
	__acquire(&secmmu_srcu);
	srcu_read_unlock(&secmmu_srcu, idx);
}

/**
 * secmmu_hold - keep bindings from ending
 *
 * For those who have to give something back to a device that may be lost. Who
 * begins after secmmu_drain() has nothing any more. From any context.
 *
 * Return: what secmmu_unhold() wants.
 */
int secmmu_hold(void)
{
	int idx = srcu_read_lock(&secmmu_srcu);

	/* As in secmmu_enter(). */
	__release(&secmmu_srcu);
	return idx;
}

/**
 * secmmu_unhold - the end of what secmmu_hold() began
 * @idx: what it returned.
 */
void secmmu_unhold(int idx)
{
	__acquire(&secmmu_srcu);
	srcu_read_unlock(&secmmu_srcu, idx);
}

/**
 * secmmu_drain - wait until everybody has left a device that is lost
 *
 * Those in secmmu_hold() too. May sleep.
 */
void secmmu_drain(void)
{
	synchronize_srcu(&secmmu_srcu);
}

struct secmmu_device *secmmu_device_get(struct secmmu_device *dev)
{
	kref_get(&dev->ref);
	return dev;
}

static void device_end_work(struct work_struct *work)
{
	struct secmmu_device *dev = container_of(work, struct secmmu_device,
						 end_work);

	/* Waits for the rest of the last work that had a hold of @dev. */
	if (dev->fault_wq)
		destroy_workqueue(dev->fault_wq);
	ida_destroy(&dev->asids);
	ida_destroy(&dev->queue_ids);
	if (dev->dummy)
		__free_page(dev->dummy);
	kvfree(dev->queues);
	kfree(dev->misc.name);
	kfree(dev->pdev_name);
	kfree(dev);
	if (atomic_dec_and_test(&secmmu_devices))
		wake_up_all(&secmmu_no_devices);
}

/* Maybe in one of its own fault works, or where nobody may sleep. */
static void device_free(struct kref *ref)
{
	struct secmmu_device *dev = container_of(ref, struct secmmu_device,
						 ref);

	queue_work(secmmu_end_wq, &dev->end_work);
}

/**
 * secmmu_device_put - drop a reference
 * @dev: the device. From any context but a hard interrupt.
 */
void secmmu_device_put(struct secmmu_device *dev)
{
	kref_put(&dev->ref, device_free);
}

/*
 * The end of the binding. The number is free at once: files that are still open
 * have no use for it, and the same function bound again gets the same name.
 */
static void device_forget(struct secmmu_device *dev)
{
	ida_free(&secmmu_ids, dev->id);
	secmmu_device_put(dev);
}

static int read_geometry(struct secmmu_device *dev)
{
	u32 id = secmmu_read32(dev, SECMMU_REG_ID);
	u32 version = secmmu_read32(dev, SECMMU_REG_VERSION);

	if (id != SECMMU_ID_VALUE ||
	    version >> 16 != SECMMU_HW_VERSION >> 16) {
		dev_err(&dev->pdev->dev,
			"unknown hardware: id %#x version %#x\n", id, version);
		return -ENODEV;
	}
	dev->nr_queues = secmmu_read32(dev, SECMMU_REG_NR_QUEUES);
	dev->nr_asids = secmmu_read32(dev, SECMMU_REG_NR_ASIDS);
	if (!dev->nr_queues || dev->nr_queues > SECMMU_MAX_QUEUES ||
	    !dev->nr_asids || dev->nr_asids > SECMMU_MAX_ASIDS ||
	    secmmu_read32(dev, SECMMU_REG_VA_BITS) != SECMMU_VA_BITS) {
		dev_err(&dev->pdev->dev, "capabilities make no sense\n");
		return -ENODEV;
	}
	return 0;
}

static struct secmmu_device *device_new(struct pci_dev *pdev)
{
	struct secmmu_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);

	if (!dev)
		return NULL;
	kref_init(&dev->ref);
	dev->pdev = pdev;
	mutex_init(&dev->mutex);
	INIT_LIST_HEAD(&dev->mms);
	INIT_LIST_HEAD(&dev->ctxs);
	ida_init(&dev->asids);
	ida_init(&dev->queue_ids);
	spin_lock_init(&dev->queue_lock);
	INIT_WORK(&dev->end_work, device_end_work);
	INIT_WORK(&dev->recover_work, secmmu_recover_work);
	INIT_DELAYED_WORK(&dev->watch_work, secmmu_watch_work);
	secmmu_mm_init_ops(dev);
	dev->id = ida_alloc(&secmmu_ids, GFP_KERNEL);
	if (dev->id < 0) {
		kfree(dev);
		return NULL;
	}
	atomic_inc(&secmmu_devices);
	dev->misc.name = kasprintf(GFP_KERNEL, DRIVER_NAME "%d", dev->id);
	dev->dummy = alloc_page(GFP_KERNEL | __GFP_ZERO);
	dev->pdev_name = kstrdup(pci_name(pdev), GFP_KERNEL);
	if (!dev->misc.name || !dev->pdev_name || !dev->dummy) {
		device_forget(dev);
		return NULL;
	}
	return dev;
}

static int secmmu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct secmmu_device *dev = device_new(pdev);
	int ret;

	if (!dev)
		return -ENOMEM;
	ret = pci_enable_device_mem(pdev);
	if (ret)
		goto put;
	ret = pci_request_mem_regions(pdev, DRIVER_NAME);
	if (ret)
		goto disable;
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(52));
	if (ret)
		goto release;
	/* A mapping may be as large as a 2 MiB page. */
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);

	ret = -ENOMEM;
	dev->regs = pci_iomap(pdev, SECMMU_BAR_CONTROL, SECMMU_CONTROL_SIZE);
	if (!dev->regs)
		goto release;
	dev->doorbells = pci_resource_start(pdev, SECMMU_BAR_DOORBELL);
	dev->translated = device_iommu_mapped(&pdev->dev);

	ret = read_geometry(dev);
	if (ret)
		goto unmap;
	ret = -ENODEV;
	if (pci_resource_len(pdev, SECMMU_BAR_DOORBELL) <
	    (u64)dev->nr_queues * SECMMU_DOORBELL_SIZE) {
		dev_err(&pdev->dev, "BAR%d is too small for %u doorbells\n",
			SECMMU_BAR_DOORBELL, dev->nr_queues);
		goto unmap;
	}
	ret = -ENOMEM;
	dev->queues = kvcalloc(dev->nr_queues, sizeof(*dev->queues),
			       GFP_KERNEL);
	if (!dev->queues)
		goto unmap;
	dev->fault_wq = alloc_workqueue(DRIVER_NAME "%d", WQ_UNBOUND,
					WQ_MAX_ACTIVE, dev->id);
	if (!dev->fault_wq)
		goto unmap;

	/* What a kexec'd or crashed kernel left behind must not run on. */
	secmmu_write32(dev, SECMMU_REG_CTRL, SECMMU_CTRL_RESET);
	pci_set_drvdata(pdev, dev);
	pci_set_master(pdev);
	ret = secmmu_events_start(dev);
	if (ret)
		goto clear_master;

	dev->misc.minor = MISC_DYNAMIC_MINOR;
	dev->misc.fops = &secmmu_fops;
	dev->misc.parent = &pdev->dev;
	dev->misc.groups = secmmu_groups;
	/*
	 * root's alone until a udev rule gives it a group, whose number is
	 * not for a driver to know.
	 */
	dev->misc.mode = 0660;
	ret = misc_register(&dev->misc);
	if (ret)
		goto stop;
	secmmu_debugfs_add(dev);
	dev_info(&pdev->dev, "%s: %u queues, %u ASIDs, %u engines\n",
		 dev->misc.name, dev->nr_queues, dev->nr_asids,
		 secmmu_read32(dev, SECMMU_REG_NR_ENGINES));
	return 0;

stop:
	secmmu_write32(dev, SECMMU_REG_CTRL, SECMMU_CTRL_RESET);
	secmmu_events_stop(dev);
clear_master:
	pci_clear_master(pdev);
unmap:
	pci_iounmap(pdev, dev->regs);
release:
	pci_release_mem_regions(pdev);
disable:
	pci_disable_device(pdev);
put:
	device_forget(dev);
	return ret;
}

static void secmmu_remove(struct pci_dev *pdev)
{
	struct secmmu_device *dev = pci_get_drvdata(pdev);

	misc_deregister(&dev->misc);
	secmmu_debugfs_remove(dev);

	/* Open files may stay behind. */
	mutex_lock(&dev->mutex);
	WRITE_ONCE(dev->gone, true);
	secmmu_leave(dev);
	mutex_unlock(&dev->mutex);
	pci_clear_master(pdev);

	secmmu_events_stop(dev);
	cancel_delayed_work_sync(&dev->watch_work);
	/* It is lost to those who wait as well. */
	schedule_work(&dev->recover_work);
	flush_work(&dev->recover_work);
	/*
	 * Lookups may still be under way, for as long as they like. They find
	 * the device lost, and have nothing of the binding's until then.
	 */
	pci_iounmap(pdev, dev->regs);
	pci_release_mem_regions(pdev);
	pci_disable_device(pdev);
	device_forget(dev);
}

static const struct pci_device_id secmmu_pci_ids[] = {
	{ PCI_DEVICE(SECMMU_PCI_VENDOR, SECMMU_PCI_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, secmmu_pci_ids);

/* A reset by user space (sysfs) or by the PCI core, between these two. */
static void secmmu_reset_prepare(struct pci_dev *pdev)
{
	secmmu_pause(pci_get_drvdata(pdev));
}

static void secmmu_reset_done(struct pci_dev *pdev)
{
	secmmu_unpause(pci_get_drvdata(pdev));
}

static const struct pci_error_handlers secmmu_error_handlers = {
	.reset_prepare = secmmu_reset_prepare,
	.reset_done = secmmu_reset_done,
};

/* Jobs do not survive system sleep: the device's state goes with its power. */
static int secmmu_suspend(struct device *device)
{
	secmmu_pause(dev_get_drvdata(device));
	return 0;
}

static int secmmu_wake(struct device *device)
{
	secmmu_unpause(dev_get_drvdata(device));
	return 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(secmmu_pm_ops, secmmu_suspend, secmmu_wake);

static struct pci_driver secmmu_driver = {
	.name = DRIVER_NAME,
	.id_table = secmmu_pci_ids,
	.probe = secmmu_probe,
	.remove = secmmu_remove,
	.err_handler = &secmmu_error_handlers,
	.driver.pm = pm_sleep_ptr(&secmmu_pm_ops),
};

static int __init secmmu_init(void)
{
	int ret;

	secmmu_end_wq = alloc_workqueue(DRIVER_NAME "-end", WQ_UNBOUND, 0);
	if (!secmmu_end_wq)
		return -ENOMEM;
	secmmu_debugfs_init();
	ret = pci_register_driver(&secmmu_driver);
	if (ret) {
		secmmu_debugfs_exit();
		destroy_workqueue(secmmu_end_wq);
	}
	return ret;
}

static void __exit secmmu_exit_module(void)
{
	pci_unregister_driver(&secmmu_driver);
	secmmu_debugfs_exit();
	/*
	 * mmu_notifier_put() frees through SRCU, later, with our callback:
	 * wait until the last one has run.
	 */
	mmu_notifier_synchronize();
	/* And until the last lookup is over that is still under way. */
	wait_event(secmmu_no_devices, !atomic_read(&secmmu_devices));
	destroy_workqueue(secmmu_end_wq);
}

module_init(secmmu_init);
module_exit(secmmu_exit_module);

MODULE_DESCRIPTION("secmmu accelerator with a secondary MMU");
MODULE_LICENSE("GPL");
