// SPDX-License-Identifier: GPL-2.0-or-later
/* Solution of chapter 4: counts that wrap are compared by their difference. */
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/secmmu_hw.h>

#define ASID	0

struct dma {
	struct device *device;
	void __iomem *regs;
	void *ring;		/* events: what comes is for chapter 5 */
	u32 ring_order;
	dma_addr_t ring_dma;
	__le32 *done;		/* a number for each ASID */
	dma_addr_t done_dma;
	void *table;		/* the root of a secondary table, empty */
	dma_addr_t table_dma;
};

static unsigned long asid_reg(u32 asid, u32 reg)
{
	return SECMMU_ASID_BLOCK + asid * SECMMU_ASID_STRIDE + reg;
}

/* Memory for the device and us; it is given back when the driver lets go. */
static int get_memory(struct dma *dma)
{
	u32 queues = readl(dma->regs + SECMMU_REG_NR_QUEUES);
	u32 asids = readl(dma->regs + SECMMU_REG_NR_ASIDS);

	dma->ring_order = order_base_2(3 * queues);
	dma->ring = dmam_alloc_coherent(dma->device,
					sizeof(struct secmmu_event)
					<< dma->ring_order,
					&dma->ring_dma, GFP_KERNEL);
	dma->done = dmam_alloc_coherent(dma->device,
					asids * sizeof(*dma->done),
					&dma->done_dma, GFP_KERNEL);
	dma->table = dmam_alloc_coherent(dma->device, PAGE_SIZE,
					 &dma->table_dma, GFP_KERNEL);
	return dma->ring && dma->done && dma->table ? 0 : -ENOMEM;
}

/* Gives the device its addresses, and lets it go. */
static int start(struct dma *dma)
{
	writel(SECMMU_CTRL_RESET, dma->regs + SECMMU_REG_CTRL);
	writeq(dma->ring_dma, dma->regs + SECMMU_REG_EVENT_BASE);
	writel(dma->ring_order, dma->regs + SECMMU_REG_EVENT_ORDER);
	writeq(dma->done_dma, dma->regs + SECMMU_REG_DONE_BASE);
	writel(SECMMU_CTRL_ENABLE, dma->regs + SECMMU_REG_CTRL);
	if (readl(dma->regs + SECMMU_REG_STATUS) & SECMMU_STATUS_REG_ENABLED)
		return 0;
	dev_err(dma->device, "not enabled: error %#x\n",
		readl(dma->regs + SECMMU_REG_ERROR));
	return -EIO;
}

static u32 done(struct dma *dma, u32 asid)
{
	/* Acquire: what the device did before it wrote the number. */
	return le32_to_cpu(smp_load_acquire(&dma->done[asid]));
}

/* Is the number @now at or past @ticket? */
static bool is_past(u32 now, u32 ticket)
{
	return (s32)(now - ticket) >= 0;
}

static bool is_done(struct dma *dma, u32 ticket)
{
	return is_past(done(dma, ASID), ticket);
}

/* A hundred shootdowns: which of them are done? */
static void shoot(struct dma *dma)
{
	u32 ticket;

	/* The mode leaves OFF, and the device writes done[ASID] = 0. */
	dma->done[ASID] = cpu_to_le32(0xffff);
	writeq(dma->table_dma, dma->regs + asid_reg(ASID, SECMMU_REG_ASID_TABLE));
	writel(SECMMU_ASID_WALK, dma->regs + asid_reg(ASID, SECMMU_REG_ASID_MODE));

	/* The first has ticket 1. */
	for (ticket = 1; ticket <= 100; ticket++) {
		writeq(SECMMU_SHOOTDOWN(0, 1),
		       dma->regs + asid_reg(ASID, SECMMU_REG_ASID_SHOOTDOWN));
		if (ticket == 50 && !is_done(dma, ticket))
			dev_info(dma->device, "ticket 50 is not done\n");
	}
	dev_info(dma->device, "50: %d, 100: %d, 101: %d\n",
		 is_done(dma, 50), is_done(dma, 100), is_done(dma, 101));
	/* Numbers count on from 2^32 - 1 to 0. Then 2 is after 2^32 - 6. */
	dev_info(dma->device, "wrapped: %d %d\n",
		 is_past(2, U32_MAX - 5), is_past(U32_MAX - 5, 2));
}

static int dma_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct dma *dma;
	int ret;

	dma = devm_kzalloc(&pdev->dev, sizeof(*dma), GFP_KERNEL);
	if (!dma)
		return -ENOMEM;
	dma->device = &pdev->dev;
	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	ret = pcim_iomap_regions(pdev, BIT(SECMMU_BAR_CONTROL), "dma");
	if (ret)
		return ret;
	dma->regs = pcim_iomap_table(pdev)[SECMMU_BAR_CONTROL];
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(52));
	if (ret)
		return ret;
	ret = get_memory(dma);
	if (ret)
		return ret;
	pci_set_drvdata(pdev, dma);
	pci_set_master(pdev);
	ret = start(dma);
	if (!ret)
		shoot(dma);
	return ret;
}

/* Nothing may be given back while the device can still write to it. */
static void dma_remove(struct pci_dev *pdev)
{
	struct dma *dma = pci_get_drvdata(pdev);

	writel(SECMMU_CTRL_RESET, dma->regs + SECMMU_REG_CTRL);
	pci_clear_master(pdev);
}

static const struct pci_device_id dma_ids[] = {
	{ PCI_DEVICE(SECMMU_PCI_VENDOR, SECMMU_PCI_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, dma_ids);

static struct pci_driver dma_driver = {
	.name = "dma",
	.id_table = dma_ids,
	.probe = dma_probe,
	.remove = dma_remove,
};
module_pci_driver(dma_driver);

MODULE_DESCRIPTION("secmmu tutorial, chapter 4, solution");
MODULE_LICENSE("GPL");
