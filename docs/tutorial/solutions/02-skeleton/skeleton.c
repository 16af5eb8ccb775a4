// SPDX-License-Identifier: GPL-2.0-or-later
/* Solution of chapter 2: how long the BARs are. */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/secmmu_hw.h>

static int skeleton_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int ret = pci_enable_device_mem(pdev);
	int bar;

	if (ret)
		return ret;
	dev_info(&pdev->dev, "bound: class %#x, revision %u\n",
		 pdev->class >> 8, pdev->revision);
	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++)
		if (pci_resource_len(pdev, bar))
			dev_info(&pdev->dev, "BAR %d: %llu bytes\n", bar,
				 (u64)pci_resource_len(pdev, bar));
	return 0;
}

static void skeleton_remove(struct pci_dev *pdev)
{
	dev_info(&pdev->dev, "let go\n");
	pci_disable_device(pdev);
}

static const struct pci_device_id skeleton_ids[] = {
	{ PCI_DEVICE(SECMMU_PCI_VENDOR, SECMMU_PCI_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, skeleton_ids);

static struct pci_driver skeleton_driver = {
	.name = "skeleton",
	.id_table = skeleton_ids,
	.probe = skeleton_probe,
	.remove = skeleton_remove,
};
module_pci_driver(skeleton_driver);

MODULE_DESCRIPTION("secmmu tutorial, chapter 2, solution");
MODULE_LICENSE("GPL");
