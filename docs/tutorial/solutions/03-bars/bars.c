// SPDX-License-Identifier: GPL-2.0-or-later
/* Solution of chapter 3: CLOCK has 64 bits, and is read by one access. */
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/secmmu_hw.h>

struct bars {
	void __iomem *regs;	/* BAR 0 */
};

static u32 reg_read(struct bars *bars, u32 reg)
{
	return readl(bars->regs + reg);
}

static void reg_write(struct bars *bars, u32 reg, u32 val)
{
	writel(val, bars->regs + reg);
}

/* What was programmed wrongly since the last look; a look clears it. */
static ssize_t error_show(struct device *device, struct device_attribute *attr,
			  char *buf)
{
	struct bars *bars = dev_get_drvdata(device);
	u32 error = reg_read(bars, SECMMU_REG_ERROR);

	reg_write(bars, SECMMU_REG_ERROR, error);
	return sysfs_emit(buf, "%#x\n", error);
}
static DEVICE_ATTR_RO(error);

static ssize_t clock_show(struct device *device, struct device_attribute *attr,
			  char *buf)
{
	struct bars *bars = dev_get_drvdata(device);
	u64 clock = readq(bars->regs + SECMMU_REG_CLOCK);

	return sysfs_emit(buf, "%llu\n", clock);
}
static DEVICE_ATTR_RO(clock);

static struct attribute *bars_attrs[] = {
	&dev_attr_error.attr,
	&dev_attr_clock.attr,
	NULL
};
ATTRIBUTE_GROUPS(bars);

static int identify(struct pci_dev *pdev, struct bars *bars)
{
	u32 id = reg_read(bars, SECMMU_REG_ID);

	if (id != SECMMU_ID_VALUE) {
		dev_err(&pdev->dev, "identity %#x, and not ours\n", id);
		return -ENODEV;
	}
	dev_info(&pdev->dev, "%.4s %#x: %u queues, %u ASIDs, %u engines\n",
		 (char *)&id, reg_read(bars, SECMMU_REG_VERSION),
		 reg_read(bars, SECMMU_REG_NR_QUEUES),
		 reg_read(bars, SECMMU_REG_NR_ASIDS),
		 reg_read(bars, SECMMU_REG_NR_ENGINES));
	return 0;
}

static int bars_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct bars *bars;
	int ret;

	bars = devm_kzalloc(&pdev->dev, sizeof(*bars), GFP_KERNEL);
	if (!bars)
		return -ENOMEM;
	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	ret = pcim_iomap_regions(pdev, BIT(SECMMU_BAR_CONTROL), "bars");
	if (ret)
		return ret;
	bars->regs = pcim_iomap_table(pdev)[SECMMU_BAR_CONTROL];

	ret = identify(pdev, bars);
	if (ret)
		return ret;
	reg_write(bars, SECMMU_REG_CTRL, SECMMU_CTRL_RESET);
	pci_set_drvdata(pdev, bars);
	return 0;
}

static const struct pci_device_id bars_ids[] = {
	{ PCI_DEVICE(SECMMU_PCI_VENDOR, SECMMU_PCI_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, bars_ids);

static struct pci_driver bars_driver = {
	.name = "bars",
	.id_table = bars_ids,
	.probe = bars_probe,
	.dev_groups = bars_groups,
};
module_pci_driver(bars_driver);

MODULE_DESCRIPTION("secmmu tutorial, chapter 3, solution");
MODULE_LICENSE("GPL");
