// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Chapter 6: a secondary page table made by hand. Lives here: four tables, four
 * pages that they map, and one job whose every pointer is translated by them.
 */
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/secmmu.h>
#include <linux/secmmu_hw.h>

#define ASID	0
#define QUEUE	0

/* The device's addresses of four pages: any would do. */
#define VA	0x7f0000000000ull

enum { RING, RECORD, SOURCE, TARGET, PAGES };

/* A page, as we see it and as the device does. */
struct page_of {
	void *cpu;
	dma_addr_t dma;
};

struct walk {
	struct device *device;
	void __iomem *regs;
	struct page_of events;
	u32 events_order;
	struct page_of table[SECMMU_LEVELS];	/* one for each level */
	struct page_of page[PAGES];
};

static void __iomem *asid_reg(struct walk *walk, u32 reg)
{
	return walk->regs + SECMMU_ASID_BLOCK + ASID * SECMMU_ASID_STRIDE + reg;
}

static void __iomem *queue_reg(struct walk *walk, u32 reg)
{
	return walk->regs + SECMMU_QUEUE_BLOCK + QUEUE * SECMMU_QUEUE_STRIDE +
	       reg;
}

static int get(struct walk *walk, struct page_of *page, size_t size)
{
	page->cpu = dmam_alloc_coherent(walk->device, size, &page->dma,
					GFP_KERNEL);
	return page->cpu ? 0 : -ENOMEM;
}

static int get_memory(struct walk *walk)
{
	u32 queues = readl(walk->regs + SECMMU_REG_NR_QUEUES);
	int ret, i;

	walk->events_order = order_base_2(3 * queues);
	ret = get(walk, &walk->events,
		  sizeof(struct secmmu_event) << walk->events_order);
	for (i = 0; !ret && i < SECMMU_LEVELS; i++)
		ret = get(walk, &walk->table[i], PAGE_SIZE);
	for (i = 0; !ret && i < PAGES; i++)
		ret = get(walk, &walk->page[i], PAGE_SIZE);
	return ret;
}

/* The entry for @va in our only table of that level. */
static __le64 *entry_of(struct walk *walk, u64 va, int level)
{
	__le64 *table = walk->table[level].cpu;

	return &table[(va >> SECMMU_LEVEL_SHIFT(level)) & 511];
}

/* @va leads to the page at @dma, with the rights in @flags. */
static void map(struct walk *walk, u64 va, dma_addr_t dma, u64 flags)
{
	int level;

	for (level = SECMMU_LEVELS - 1; level > 0; level--)
		WRITE_ONCE(*entry_of(walk, va, level),
			   cpu_to_le64(walk->table[level - 1].dma |
				       SECMMU_SPTE_V));
	WRITE_ONCE(*entry_of(walk, va, 0),
		   cpu_to_le64(dma | SECMMU_SPTE_V | SECMMU_SPTE_LEAF | flags));
}

static int start(struct walk *walk)
{
	writeq(walk->events.dma, walk->regs + SECMMU_REG_EVENT_BASE);
	writel(walk->events_order, walk->regs + SECMMU_REG_EVENT_ORDER);
	writel(SECMMU_CTRL_ENABLE, walk->regs + SECMMU_REG_CTRL);

	map(walk, VA + RING * PAGE_SIZE, walk->page[RING].dma, 0);
	map(walk, VA + RECORD * PAGE_SIZE, walk->page[RECORD].dma, SECMMU_SPTE_W);
	map(walk, VA + SOURCE * PAGE_SIZE, walk->page[SOURCE].dma, 0);
	map(walk, VA + TARGET * PAGE_SIZE, walk->page[TARGET].dma, SECMMU_SPTE_W);
	writeq(walk->table[SECMMU_LEVELS - 1].dma,
	       asid_reg(walk, SECMMU_REG_ASID_TABLE));
	writel(SECMMU_ASID_WALK, asid_reg(walk, SECMMU_REG_ASID_MODE));

	writeq(VA + RING * PAGE_SIZE, queue_reg(walk, SECMMU_REG_QUEUE_RING));
	writel(ASID, queue_reg(walk, SECMMU_REG_QUEUE_ASID));
	writel(SECMMU_QUEUE_CTRL_ENABLE,
	       queue_reg(walk, SECMMU_REG_QUEUE_CTRL));
	return readl(walk->regs + SECMMU_REG_ERROR) ? -EIO : 0;
}

/* One job: copy a page. Every address in it is one of the device's. */
static void run_copy(struct walk *walk, void __iomem *doorbell)
{
	struct secmmu_completion *record = walk->page[RECORD].cpu;
	struct secmmu_desc *desc = walk->page[RING].cpu;
	int tries = 1000;

	memset(walk->page[SOURCE].cpu, 'x', PAGE_SIZE);
	*desc = (struct secmmu_desc) {
		.opcode = SECMMU_OP_COPY,
		.src = VA + SOURCE * PAGE_SIZE,
		.dst = VA + TARGET * PAGE_SIZE,
		.len = PAGE_SIZE,
		.completion = VA + RECORD * PAGE_SIZE,
	};
	/* writel() comes after all that was written to memory before it. */
	writel(1, doorbell);
	/* Acquire: the rest of the record, and what the job wrote. */
	while (!smp_load_acquire(&record->status) && --tries)
		usleep_range(100, 200);
	dev_info(walk->device, "copy: status %u, %u bytes, %s\n",
		 record->status, record->bytes,
		 memcmp(walk->page[SOURCE].cpu, walk->page[TARGET].cpu,
			PAGE_SIZE) ? "other bytes" : "the same bytes");
}

static void tell(struct walk *walk)
{
	static const char * const names[] = {
		"ring", "record", "source", "target"
	};
	int i;

	for (i = 0; i < PAGES; i++) {
		u64 entry = le64_to_cpu(*entry_of(walk, VA + i * PAGE_SIZE, 0));

		dev_info(walk->device, "%-6s va %#llx: r%c%c%c\n", names[i],
			 VA + i * PAGE_SIZE, entry & SECMMU_SPTE_W ? 'w' : '-',
			 entry & SECMMU_SPTE_A ? 'a' : '-',
			 entry & SECMMU_SPTE_D ? 'd' : '-');
	}
	dev_info(walk->device, "error register %#x, queue status %#x\n",
		 readl(walk->regs + SECMMU_REG_ERROR),
		 readl(queue_reg(walk, SECMMU_REG_QUEUE_STATUS)));
}

static int walk_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	void __iomem * const *bars;
	struct walk *walk;
	int ret;

	walk = devm_kzalloc(&pdev->dev, sizeof(*walk), GFP_KERNEL);
	if (!walk)
		return -ENOMEM;
	walk->device = &pdev->dev;
	pci_set_drvdata(pdev, walk);
	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	ret = pcim_iomap_regions(pdev, BIT(SECMMU_BAR_CONTROL) |
				 BIT(SECMMU_BAR_DOORBELL), "walk");
	if (ret)
		return ret;
	bars = pcim_iomap_table(pdev);
	walk->regs = bars[SECMMU_BAR_CONTROL];
	writel(SECMMU_CTRL_RESET, walk->regs + SECMMU_REG_CTRL);
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(52));
	if (ret)
		return ret;
	ret = get_memory(walk);
	if (ret)
		return ret;
	pci_set_master(pdev);
	ret = start(walk);
	if (ret) {
		writel(SECMMU_CTRL_RESET, walk->regs + SECMMU_REG_CTRL);
		return ret;
	}
	run_copy(walk, bars[SECMMU_BAR_DOORBELL] + QUEUE * SECMMU_DOORBELL_SIZE);
	tell(walk);
	return 0;
}

static void walk_remove(struct pci_dev *pdev)
{
	struct walk *walk = pci_get_drvdata(pdev);

	writel(SECMMU_CTRL_RESET, walk->regs + SECMMU_REG_CTRL);
	pci_clear_master(pdev);
}

static const struct pci_device_id walk_ids[] = {
	{ PCI_DEVICE(SECMMU_PCI_VENDOR, SECMMU_PCI_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, walk_ids);

static struct pci_driver walk_driver = {
	.name = "walk",
	.id_table = walk_ids,
	.probe = walk_probe,
	.remove = walk_remove,
};
module_pci_driver(walk_driver);

MODULE_DESCRIPTION("secmmu tutorial, chapter 6");
MODULE_LICENSE("GPL");
