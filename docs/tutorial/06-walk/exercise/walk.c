// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Exercise of chapter 6: a job fills 2 MiB that map_huge() should have mapped.
 * Map them by one entry: see "The secondary page table" in docs/hardware.md.
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

enum { RING, RECORD, PAGES };

/* A region of 2 MiB, to be mapped by one entry. */
#define HUGE_VA		0x7f0000200000ull
#define HUGE_SIZE	0x200000

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
	struct page_of huge;
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
	/* The kernel gives a power of two that is aligned to its size. */
	return ret ?: get(walk, &walk->huge, HUGE_SIZE);
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

/* @va leads to the 2 MiB at @dma, writable. Both are multiples of 2 MiB. */
static void map_huge(struct walk *walk, u64 va, dma_addr_t dma)
{
}

static int start(struct walk *walk)
{
	writeq(walk->events.dma, walk->regs + SECMMU_REG_EVENT_BASE);
	writel(walk->events_order, walk->regs + SECMMU_REG_EVENT_ORDER);
	writel(SECMMU_CTRL_ENABLE, walk->regs + SECMMU_REG_CTRL);

	map(walk, VA + RING * PAGE_SIZE, walk->page[RING].dma, 0);
	map(walk, VA + RECORD * PAGE_SIZE, walk->page[RECORD].dma, SECMMU_SPTE_W);
	map_huge(walk, HUGE_VA, walk->huge.dma);
	writeq(walk->table[SECMMU_LEVELS - 1].dma,
	       asid_reg(walk, SECMMU_REG_ASID_TABLE));
	writel(SECMMU_ASID_WALK, asid_reg(walk, SECMMU_REG_ASID_MODE));

	writeq(VA + RING * PAGE_SIZE, queue_reg(walk, SECMMU_REG_QUEUE_RING));
	writel(ASID, queue_reg(walk, SECMMU_REG_QUEUE_ASID));
	writel(SECMMU_QUEUE_CTRL_ENABLE,
	       queue_reg(walk, SECMMU_REG_QUEUE_CTRL));
	return readl(walk->regs + SECMMU_REG_ERROR) ? -EIO : 0;
}

static u64 counter(struct walk *walk, u32 index)
{
	return readq(walk->regs + SECMMU_COUNTER_BLOCK + 8 * index);
}

/* One job: the region is filled. */
static void run_fill(struct walk *walk, void __iomem *doorbell)
{
	struct secmmu_completion *record = walk->page[RECORD].cpu;
	struct secmmu_desc *desc = walk->page[RING].cpu;
	int tries = 1000;

	*desc = (struct secmmu_desc) {
		.opcode = SECMMU_OP_FILL,
		.dst = HUGE_VA,
		.len = HUGE_SIZE,
		.operand = { 0x7878787878787878ull },
		.completion = VA + RECORD * PAGE_SIZE,
	};
	writel(1, doorbell);
	/* Acquire: the rest of the record, and what the job wrote. */
	while (!smp_load_acquire(&record->status) && --tries)
		usleep_range(100, 200);
	dev_info(walk->device, "fill: status %u, %u bytes, last %#x\n",
		 record->status, record->bytes,
		 ((u8 *)walk->huge.cpu)[HUGE_SIZE - 1]);
	dev_info(walk->device, "TLB fills %llu, faults %llu, error %#x\n",
		 counter(walk, SECMMU_CNT_TLB_FILLS),
		 counter(walk, SECMMU_CNT_FAULTS_WRITE),
		 readl(walk->regs + SECMMU_REG_ERROR));
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
	run_fill(walk, bars[SECMMU_BAR_DOORBELL] + QUEUE * SECMMU_DOORBELL_SIZE);
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

MODULE_DESCRIPTION("secmmu tutorial, chapter 6, exercise");
MODULE_LICENSE("GPL");
