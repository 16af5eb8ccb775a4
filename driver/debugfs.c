// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/secmmu/secmmuN/: the state of a device, for root. Lives here:
 * printing it. Nothing here changes anything, and nothing depends on its being
 * there.
 *
 *	asids		address spaces
 *	queues		queues, as the device sees them
 *	tables		what is mapped: runs of pages of one kind
 *	counters	the device's counters, and the driver's about the device
 *	clock		both clocks at one moment, to join both sides' traces
 */
#include <linux/debugfs.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

#include "secmmu.h"

/* Steps through a table before its lock is let go. */
#define DUMP_BUDGET	1024

static struct dentry *secmmu_debugfs;

static const char *mode_name(const struct secmmu_mm *smm)
{
	return smm->mode == SECMMU_MODE_SOFT ? "soft" : "walk";
}

static int asids_show(struct seq_file *m, void *unused)
{
	struct secmmu_device *dev = m->private;
	struct secmmu_mm *smm;
	int idx;

	seq_puts(m, "asid mode pid opens state active refused seq posted done pages table_kib\n");
	mutex_lock(&dev->mutex);
	list_for_each_entry(smm, &dev->mms, link) {
		u32 done = 0;

		if (secmmu_enter(dev, &idx)) {
			done = le32_to_cpu(READ_ONCE(*smm->done));
			secmmu_exit(dev, idx);
		}
		spin_lock(&smm->lock);
		seq_printf(m, "%u %s %d %u %s %lu %lu %lu %u %u %llu %llu\n",
			   smm->asid, mode_name(smm), smm->pid, smm->opens,
			   smm->dead ? "dead" : "live", smm->active,
			   smm->refused, smm->seq, smm->posted, done,
			   smm->stats.pages_resident,
			   smm->stats.table_bytes / SZ_1K);
		spin_unlock(&smm->lock);
	}
	mutex_unlock(&dev->mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(asids);

static void queue_show(struct seq_file *m, struct secmmu_queue *queue)
{
	struct secmmu_device *dev = queue->smm->dev;
	u32 status, head, tail;
	int idx;

	if (!secmmu_enter(dev, &idx)) {
		seq_printf(m, "%u %u lost\n", queue->id, queue->smm->asid);
		return;
	}
	status = secmmu_read32(dev, secmmu_queue_reg(queue->id,
						     SECMMU_REG_QUEUE_STATUS));
	head = secmmu_read32(dev, secmmu_queue_reg(queue->id,
						   SECMMU_REG_QUEUE_HEAD));
	tail = secmmu_read32(dev, secmmu_queue_reg(queue->id,
						   SECMMU_REG_QUEUE_TAIL));
	secmmu_exit(dev, idx);

	seq_printf(m, "%u %u %s %u %u %u", queue->id, queue->smm->asid,
		   queue->dead ? "lost" : secmmu_queue_state_name(status & 0xff),
		   head, tail, status >> 8 & 0xff);
	spin_lock_irq(&dev->queue_lock);
	seq_printf(m, " %u %#llx\n", le32_to_cpu(queue->fault.seq),
		   le64_to_cpu(queue->fault.va));
	spin_unlock_irq(&dev->queue_lock);
}

static int queues_show(struct seq_file *m, void *unused)
{
	struct secmmu_device *dev = m->private;
	struct secmmu_queue *queue;
	struct secmmu_ctx *ctx;

	seq_puts(m, "queue asid state head tail error fault_seq fault_va\n");
	mutex_lock(&dev->mutex);
	list_for_each_entry(ctx, &dev->ctxs, link)
		list_for_each_entry(queue, &ctx->queues, link)
			queue_show(m, queue);
	mutex_unlock(&dev->mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(queues);

/**
 * struct run - pages that follow each other and are mapped alike
 * @start: address of the first.
 * @end: address past the last.
 * @bits: their entries without the address.
 * @level: 1 for 2 MiB pages, 0 for 4 KiB.
 */
struct run {
	unsigned long start;
	unsigned long end;
	u64 bits;
	int level;
};

static void run_show(struct seq_file *m, const struct secmmu_mm *smm,
		     const struct run *run)
{
	unsigned long size = 1ul << SECMMU_LEVEL_SHIFT(run->level);

	if (run->start == run->end)
		return;
	seq_printf(m, "%u %#lx %#lx %lu %s r%c%c%c\n", smm->asid, run->start,
		   run->end, (run->end - run->start) / size,
		   run->level ? "2M" : "4K",
		   run->bits & SECMMU_SPTE_W ? 'w' : '-',
		   run->bits & SECMMU_SPTE_A ? 'a' : '-',
		   run->bits & SECMMU_SPTE_D ? 'd' : '-');
}

/* The table may change between two looks at it, not during one. */
static void table_show(struct seq_file *m, struct secmmu_mm *smm)
{
	struct run run = { 0 };
	unsigned long va = 0;

	while (va < SECMMU_VA_END) {
		unsigned int budget = DUMP_BUDGET;

		spin_lock(&smm->lock);
		while (smm->root && va < SECMMU_VA_END && budget--) {
			unsigned long size;
			u64 spte, bits;
			int level;

			spte = secmmu_table_leaf(smm, va, &level);
			bits = spte & ~SECMMU_SPTE_ADDR;
			size = 1ul << SECMMU_LEVEL_SHIFT(level);
			va &= ~(size - 1);
			if (spte && (run.end != va || run.bits != bits ||
				     run.level != level)) {
				run_show(m, smm, &run);
				run = (struct run){ va, va, bits, level };
			}
			va += size;
			if (spte)
				run.end = va;
		}
		if (!smm->root)
			va = SECMMU_VA_END;
		spin_unlock(&smm->lock);
		cond_resched();
	}
	run_show(m, smm, &run);
}

static int tables_show(struct seq_file *m, void *unused)
{
	struct secmmu_device *dev = m->private;
	struct secmmu_mm *smm;

	seq_puts(m, "asid start end pages size rights\n");
	mutex_lock(&dev->mutex);
	list_for_each_entry(smm, &dev->mms, link)
		table_show(m, smm);
	mutex_unlock(&dev->mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(tables);

/* All names, each with a space behind it. */
#define COUNTER_NAME(name) #name " "
static const char counter_names[] = SECMMU_COUNTERS(COUNTER_NAME);

static int counters_show(struct seq_file *m, void *unused)
{
	struct secmmu_device *dev = m->private;
	const char *name;
	unsigned int i;
	int idx, len;
	u64 count;

	seq_printf(m, "lost %u\nrecoveries %lu\nlost_interrupts %lu\nwatched %u\n",
		   READ_ONCE(dev->lost), READ_ONCE(dev->recoveries),
		   READ_ONCE(dev->lost_irqs), READ_ONCE(dev->watched));
	if (!secmmu_enter(dev, &idx))
		return 0;
	for (name = counter_names, i = 0; *name; name += len + 1, i++) {
		len = strcspn(name, " ");
		seq_printf(m, "%.*s %llu\n", len, name,
			   secmmu_counter(dev, i));
	}
	for (i = 0; i < SECMMU_OP_NR; i++) {
		count = secmmu_counter(dev, SECMMU_CNT_JOBS_BY_OPCODE + i);
		if (count)
			seq_printf(m, "JOBS_BY_OPCODE[%u] %llu\n", i, count);
	}
	for (i = 0; i < SECMMU_STATUS_NR; i++) {
		count = secmmu_counter(dev, SECMMU_CNT_JOBS_BY_STATUS + i);
		if (count)
			seq_printf(m, "JOBS_BY_STATUS[%u] %llu\n", i, count);
	}
	secmmu_exit(dev, idx);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counters);

/* The CPU was elsewhere during most of a reading that is slower than others. */
#define CLOCK_READINGS	16

/*
 * The device's clock, and the kernel's (ftrace's "mono") just before and just
 * after it was read.
 */
static int clock_show(struct seq_file *m, void *unused)
{
	struct secmmu_device *dev = m->private;
	u64 before, clock, after, best[3] = { 0, 0, U64_MAX };
	int i, idx;

	if (!secmmu_enter(dev, &idx))
		return -ENODEV;
	for (i = 0; i < CLOCK_READINGS; i++) {
		before = ktime_get_mono_fast_ns();
		clock = readq(dev->regs + SECMMU_REG_CLOCK);
		after = ktime_get_mono_fast_ns();
		if (after - before < best[2] - best[0]) {
			best[0] = before;
			best[1] = clock;
			best[2] = after;
		}
	}
	secmmu_exit(dev, idx);
	seq_puts(m, "before device after\n");
	seq_printf(m, "%llu %llu %llu\n", best[0], best[1], best[2]);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(clock);

/**
 * secmmu_debugfs_add - a folder for a device
 * @dev: the device.
 */
void secmmu_debugfs_add(struct secmmu_device *dev)
{
	struct dentry *dir = debugfs_create_dir(dev->misc.name,
						secmmu_debugfs);

	debugfs_create_file("asids", 0400, dir, dev, &asids_fops);
	debugfs_create_file("queues", 0400, dir, dev, &queues_fops);
	debugfs_create_file("tables", 0400, dir, dev, &tables_fops);
	debugfs_create_file("counters", 0400, dir, dev, &counters_fops);
	debugfs_create_file("clock", 0400, dir, dev, &clock_fops);
	dev->debugfs = dir;
}

/**
 * secmmu_debugfs_remove - take it away
 * @dev: the device.
 *
 * Waits for everybody who is reading.
 */
void secmmu_debugfs_remove(struct secmmu_device *dev)
{
	debugfs_remove(dev->debugfs);
}

/* The folder that the devices' ones lie in, as long as the module is loaded. */
void secmmu_debugfs_init(void)
{
	secmmu_debugfs = debugfs_create_dir("secmmu", NULL);
}

void secmmu_debugfs_exit(void)
{
	debugfs_remove(secmmu_debugfs);
}
