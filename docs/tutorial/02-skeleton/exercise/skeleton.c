// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Exercise of chapter 2: say in probe() how long each of the three BARs is, as in
 *
 *	BAR 0: 1048576 bytes
 *
 * pci_resource_len() knows. Say nothing of BARs that are not there.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/secmmu_hw.h>

static int skeleton_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int ret = pci_enable_device_mem(pdev);

	if (ret)
		return ret;
	dev_info(&pdev->dev, "bound: class %#x, revision %u\n",
		 pdev->class >> 8, pdev->revision);
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

MODULE_DESCRIPTION("secmmu tutorial, chapter 2, exercise");
MODULE_LICENSE("GPL");
