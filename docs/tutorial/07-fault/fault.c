// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Chapter 7: the device asks. Lives here: what chapters 5 and 6 had, and an answer
 * to each fault: FAIL, or, if the parameter "map" says so, a page and RETRY.
 */
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/secmmu.h>
#include <linux/secmmu_hw.h>

#define ASID	0
#define QUEUE	0

/* The device's addresses: those of the ring and the record are mapped. */
#define VA	0x7f0000000000ull
#define BUFFER	(VA + 2 * PAGE_SIZE)

enum { RING, RECORD, SPARE, PAGES };

static bool map_pages;
module_param_named(map, map_pages, bool, 0644);
MODULE_PARM_DESC(map, "answer a fault with a page, not with FAIL");

/* A page, as we see it and as the device does. */
struct page_of {
	void *cpu;
	dma_addr_t dma;
};

struct fault {
	struct device *device;
	void __iomem *regs;
	struct page_of events;
	u32 events_order;
	struct page_of table[SECMMU_LEVELS];	/* one for each level */
	struct page_of page[PAGES];
	void __iomem *doorbell;
	u32 head;		/* events taken */
	u32 tail;		/* jobs submitted */
};

static void __iomem *asid_reg(struct fault *f, u32 reg)
{
	return f->regs + SECMMU_ASID_BLOCK + ASID * SECMMU_ASID_STRIDE + reg;
}

static void __iomem *queue_reg(struct fault *f, u32 reg)
{
	return f->regs + SECMMU_QUEUE_BLOCK + QUEUE * SECMMU_QUEUE_STRIDE +
	       reg;
}

static int get(struct fault *f, struct page_of *page, size_t size)
{
	page->cpu = dmam_alloc_coherent(f->device, size, &page->dma,
					GFP_KERNEL);
	return page->cpu ? 0 : -ENOMEM;
}

static int get_memory(struct fault *f)
{
	u32 queues = readl(f->regs + SECMMU_REG_NR_QUEUES);
	int ret, i;

	f->events_order = order_base_2(3 * queues);
	ret = get(f, &f->events,
		  sizeof(struct secmmu_event) << f->events_order);
	for (i = 0; !ret && i < SECMMU_LEVELS; i++)
		ret = get(f, &f->table[i], PAGE_SIZE);
	for (i = 0; !ret && i < PAGES; i++)
		ret = get(f, &f->page[i], PAGE_SIZE);
	return ret;
}

/* The entry for @va in our only table of that level. */
static __le64 *entry_of(struct fault *f, u64 va, int level)
{
	__le64 *table = f->table[level].cpu;

	return &table[(va >> SECMMU_LEVEL_SHIFT(level)) & 511];
}

/* @va leads to the page at @dma, with the rights in @flags. */
static void map(struct fault *f, u64 va, dma_addr_t dma, u64 flags)
{
	int level;

	for (level = SECMMU_LEVELS - 1; level > 0; level--)
		WRITE_ONCE(*entry_of(f, va, level),
			   cpu_to_le64(f->table[level - 1].dma |
				       SECMMU_SPTE_V));
	WRITE_ONCE(*entry_of(f, va, 0),
		   cpu_to_le64(dma | SECMMU_SPTE_V | SECMMU_SPTE_LEAF | flags));
}

static void respond(struct fault *f, const struct secmmu_event *event, u32 code,
		    u32 status)
{
	writeq(SECMMU_RESPONSE(le16_to_cpu(event->queue), code, status,
			       le32_to_cpu(event->seq)),
	       f->regs + SECMMU_REG_RESPONSE);
}

static void serve(struct fault *f, const struct secmmu_event *event)
{
	u64 va = le64_to_cpu(event->va);
	bool give = READ_ONCE(map_pages) &&
		    ALIGN_DOWN(va, PAGE_SIZE) == BUFFER;

	dev_info(f->device, "fault %u: queue %u %s %#llx, %llu bytes to go: %s\n",
		 le32_to_cpu(event->seq), le16_to_cpu(event->queue),
		 event->flags & SECMMU_FAULT_WRITE ? "writes" : "reads", va,
		 le64_to_cpu(event->extent), give ? "RETRY" : "FAIL");
	if (give) {
		/* First the entry, then the answer. */
		map(f, BUFFER, f->page[SPARE].dma, SECMMU_SPTE_W);
		respond(f, event, SECMMU_RESPONSE_RETRY, 0);
	} else {
		respond(f, event, SECMMU_RESPONSE_FAIL, SECMMU_STATUS_FAULT);
	}
}

static struct secmmu_event *next_event(struct fault *f)
{
	struct secmmu_event *event = f->events.cpu;

	event += f->head & (BIT(f->events_order) - 1);
	/* Acquire: the stamp is written last. */
	if (le32_to_cpu(smp_load_acquire(&event->stamp)) != f->head + 1)
		return NULL;
	return event;
}

static irqreturn_t fault_irq(int irq, void *data)
{
	struct fault *f = data;
	irqreturn_t ret = IRQ_NONE;
	struct secmmu_event *slot;

	while ((slot = next_event(f))) {
		/* The slot is the device's again when the head is written. */
		struct secmmu_event event = *slot;

		f->head++;
		writel(f->head, f->regs + SECMMU_REG_EVENT_HEAD);
		if (event.type == SECMMU_EVENT_FAULT)
			serve(f, &event);
		ret = IRQ_HANDLED;
	}
	return ret;
}

/* One job: fill the buffer, for which there is no entry. */
static void run_fill(struct fault *f)
{
	struct secmmu_completion *record = f->page[RECORD].cpu;
	struct secmmu_desc *desc = f->page[RING].cpu;
	int tries = 1000;

	memset(record, 0, sizeof(*record));
	*desc = (struct secmmu_desc) {
		.opcode = SECMMU_OP_FILL,
		.dst = BUFFER,
		.len = PAGE_SIZE,
		.operand = { 0x7878787878787878ull },
		.completion = VA + RECORD * PAGE_SIZE,
	};
	writel(++f->tail, f->doorbell);
	/* Acquire: the rest of the record, and what the job wrote. */
	while (!smp_load_acquire(&record->status) && --tries)
		usleep_range(100, 200);
	dev_info(f->device, "fill: status %u, %u bytes, fault at %#llx\n",
		 record->status, record->bytes, record->fault_addr);
}

/* Writing to the file "run" does it, and takes no entry away. */
static ssize_t run_store(struct device *device, struct device_attribute *attr,
			 const char *buf, size_t len)
{
	struct fault *f = dev_get_drvdata(device);

	run_fill(f);
	dev_info(device, "queue status %#x, stale responses %llu\n",
		 readl(queue_reg(f, SECMMU_REG_QUEUE_STATUS)),
		 readq(f->regs + SECMMU_COUNTER_BLOCK +
		       8 * SECMMU_CNT_STALE_RESPONSES));
	return len;
}
static DEVICE_ATTR_WO(run);

static struct attribute *fault_attrs[] = {
	&dev_attr_run.attr,
	NULL
};
ATTRIBUTE_GROUPS(fault);

static int start(struct fault *f)
{
	writeq(f->events.dma, f->regs + SECMMU_REG_EVENT_BASE);
	writel(f->events_order, f->regs + SECMMU_REG_EVENT_ORDER);
	writel(SECMMU_CTRL_ENABLE, f->regs + SECMMU_REG_CTRL);

	map(f, VA + RING * PAGE_SIZE, f->page[RING].dma, 0);
	map(f, VA + RECORD * PAGE_SIZE, f->page[RECORD].dma, SECMMU_SPTE_W);
	writeq(f->table[SECMMU_LEVELS - 1].dma,
	       asid_reg(f, SECMMU_REG_ASID_TABLE));
	writel(SECMMU_ASID_WALK, asid_reg(f, SECMMU_REG_ASID_MODE));

	/* A ring of one descriptor. */
	writeq(VA + RING * PAGE_SIZE, queue_reg(f, SECMMU_REG_QUEUE_RING));
	writel(ASID, queue_reg(f, SECMMU_REG_QUEUE_ASID));
	writel(SECMMU_QUEUE_CTRL_ENABLE,
	       queue_reg(f, SECMMU_REG_QUEUE_CTRL));
	return readl(f->regs + SECMMU_REG_ERROR) ? -EIO : 0;
}

static void stop(void *data)
{
	struct pci_dev *pdev = data;
	struct fault *f = pci_get_drvdata(pdev);

	writel(SECMMU_CTRL_RESET, f->regs + SECMMU_REG_CTRL);
	pci_clear_master(pdev);
	free_irq(pci_irq_vector(pdev, 0), f);
	pci_free_irq_vectors(pdev);
}

static int get_interrupt(struct pci_dev *pdev, struct fault *f)
{
	int ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSIX);

	if (ret < 0)
		return ret;
	ret = request_irq(pci_irq_vector(pdev, 0), fault_irq, 0, "fault", f);
	if (ret) {
		pci_free_irq_vectors(pdev);
		return ret;
	}
	return devm_add_action_or_reset(&pdev->dev, stop, pdev);
}

static int fault_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	void __iomem * const *bars;
	struct fault *f;
	int ret;

	f = devm_kzalloc(&pdev->dev, sizeof(*f), GFP_KERNEL);
	if (!f)
		return -ENOMEM;
	f->device = &pdev->dev;
	pci_set_drvdata(pdev, f);
	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	ret = pcim_iomap_regions(pdev, BIT(SECMMU_BAR_CONTROL) |
				 BIT(SECMMU_BAR_DOORBELL), "fault");
	if (ret)
		return ret;
	bars = pcim_iomap_table(pdev);
	f->regs = bars[SECMMU_BAR_CONTROL];
	f->doorbell = bars[SECMMU_BAR_DOORBELL] + QUEUE * SECMMU_DOORBELL_SIZE;
	writel(SECMMU_CTRL_RESET, f->regs + SECMMU_REG_CTRL);
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(52));
	if (ret)
		return ret;
	ret = get_memory(f);
	if (ret)
		return ret;
	ret = get_interrupt(pdev, f);
	if (ret)
		return ret;
	pci_set_master(pdev);
	return start(f);
}

static const struct pci_device_id fault_ids[] = {
	{ PCI_DEVICE(SECMMU_PCI_VENDOR, SECMMU_PCI_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, fault_ids);

static struct pci_driver fault_driver = {
	.name = "fault",
	.id_table = fault_ids,
	.probe = fault_probe,
	.dev_groups = fault_groups,
};
module_pci_driver(fault_driver);

MODULE_DESCRIPTION("secmmu tutorial, chapter 7");
MODULE_LICENSE("GPL");
