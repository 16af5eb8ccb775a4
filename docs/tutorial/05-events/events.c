// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Chapter 5: the device has something to say. Lives here: the event ring, the
 * interrupt that says "look at it", and a file "arm" in sysfs that makes the
 * device write an event.
 */
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/secmmu_hw.h>

#define ASID	0
#define QUEUES	4

struct events {
	struct device *device;
	void __iomem *regs;
	struct secmmu_event *ring;
	dma_addr_t ring_dma;
	u32 ring_order;
	u32 head;		/* events taken; the handler's own */
	void *table;
	dma_addr_t table_dma;
};

static void __iomem *asid_reg(struct events *events, u32 reg)
{
	return events->regs + SECMMU_ASID_BLOCK + ASID * SECMMU_ASID_STRIDE + reg;
}

static void __iomem *queue_reg(struct events *events, u32 queue, u32 reg)
{
	return events->regs + SECMMU_QUEUE_BLOCK +
	       queue * SECMMU_QUEUE_STRIDE + reg;
}

/* The next event, or NULL if the device has not written it yet. */
static struct secmmu_event *next_event(struct events *events)
{
	struct secmmu_event *event;

	event = &events->ring[events->head & (BIT(events->ring_order) - 1)];
	/* Acquire: the stamp is written last. */
	if (le32_to_cpu(smp_load_acquire(&event->stamp)) != events->head + 1)
		return NULL;
	return event;
}

static irqreturn_t events_irq(int irq, void *data)
{
	struct events *events = data;
	irqreturn_t ret = IRQ_NONE;
	struct secmmu_event *event;

	while ((event = next_event(events))) {
		dev_info(events->device, "event %u: type %u, queue %u\n",
			 events->head, event->type, le16_to_cpu(event->queue));
		events->head++;
		writel(events->head, events->regs + SECMMU_REG_EVENT_HEAD);
		ret = IRQ_HANDLED;
	}
	return ret;
}

/* A COMPLETION event of that queue, please, at once: no job has to end. */
static ssize_t arm_store(struct device *device, struct device_attribute *attr,
			 const char *buf, size_t len)
{
	struct events *events = dev_get_drvdata(device);
	u32 queue;

	if (kstrtou32(buf, 0, &queue) || queue >= QUEUES)
		return -EINVAL;
	writel(0, queue_reg(events, queue, SECMMU_REG_QUEUE_ARM));
	return len;
}
static DEVICE_ATTR_WO(arm);

static struct attribute *events_attrs[] = {
	&dev_attr_arm.attr,
	NULL
};
ATTRIBUTE_GROUPS(events);

static int get_memory(struct events *events)
{
	u32 queues = readl(events->regs + SECMMU_REG_NR_QUEUES);

	events->ring_order = order_base_2(3 * queues);
	events->ring = dmam_alloc_coherent(events->device,
					   sizeof(*events->ring)
					   << events->ring_order,
					   &events->ring_dma, GFP_KERNEL);
	events->table = dmam_alloc_coherent(events->device, PAGE_SIZE,
					    &events->table_dma, GFP_KERNEL);
	return events->ring && events->table ? 0 : -ENOMEM;
}

static int start(struct events *events)
{
	u32 queue;

	writeq(events->ring_dma, events->regs + SECMMU_REG_EVENT_BASE);
	writel(events->ring_order, events->regs + SECMMU_REG_EVENT_ORDER);
	writel(SECMMU_CTRL_ENABLE, events->regs + SECMMU_REG_CTRL);

	/* Queues, of an address space in which there is nothing. */
	writeq(events->table_dma, asid_reg(events, SECMMU_REG_ASID_TABLE));
	writel(SECMMU_ASID_WALK, asid_reg(events, SECMMU_REG_ASID_MODE));
	for (queue = 0; queue < QUEUES; queue++) {
		writeq(0x10000,
		       queue_reg(events, queue, SECMMU_REG_QUEUE_RING));
		writel(ASID, queue_reg(events, queue, SECMMU_REG_QUEUE_ASID));
		writel(SECMMU_QUEUE_CTRL_ENABLE,
		       queue_reg(events, queue, SECMMU_REG_QUEUE_CTRL));
	}
	return readl(events->regs + SECMMU_REG_ERROR) ? -EIO : 0;
}

static void stop(void *data)
{
	struct pci_dev *pdev = data;
	struct events *events = pci_get_drvdata(pdev);

	writel(SECMMU_CTRL_RESET, events->regs + SECMMU_REG_CTRL);
	pci_clear_master(pdev);
	free_irq(pci_irq_vector(pdev, 0), events);
	pci_free_irq_vectors(pdev);
}

static int get_interrupt(struct pci_dev *pdev, struct events *events)
{
	int ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSIX);

	if (ret < 0)
		return ret;
	ret = request_irq(pci_irq_vector(pdev, 0), events_irq, 0, "events",
			  events);
	if (ret) {
		pci_free_irq_vectors(pdev);
		return ret;
	}
	/* What devm_ functions got so far is given back after stop(). */
	return devm_add_action_or_reset(&pdev->dev, stop, pdev);
}

static int events_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct events *events;
	int ret;

	events = devm_kzalloc(&pdev->dev, sizeof(*events), GFP_KERNEL);
	if (!events)
		return -ENOMEM;
	events->device = &pdev->dev;
	pci_set_drvdata(pdev, events);
	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	ret = pcim_iomap_regions(pdev, BIT(SECMMU_BAR_CONTROL), "events");
	if (ret)
		return ret;
	events->regs = pcim_iomap_table(pdev)[SECMMU_BAR_CONTROL];
	writel(SECMMU_CTRL_RESET, events->regs + SECMMU_REG_CTRL);
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(52));
	if (ret)
		return ret;
	ret = get_memory(events);
	if (ret)
		return ret;
	ret = get_interrupt(pdev, events);
	if (ret)
		return ret;
	pci_set_master(pdev);
	return start(events);
}

static const struct pci_device_id events_ids[] = {
	{ PCI_DEVICE(SECMMU_PCI_VENDOR, SECMMU_PCI_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, events_ids);

static struct pci_driver events_driver = {
	.name = "events",
	.id_table = events_ids,
	.probe = events_probe,
	.dev_groups = events_groups,
};
module_pci_driver(events_driver);

MODULE_DESCRIPTION("secmmu tutorial, chapter 5");
MODULE_LICENSE("GPL");
