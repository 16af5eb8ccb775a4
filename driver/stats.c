// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a process may know of its own context: SECMMU_IOC_STATS and
 * /proc/PID/fdinfo/FD. Lives here: collecting and printing. Not here: what root
 * may know of the whole device (debugfs.c).
 */
#include <linux/fs.h>
#include <linux/seq_file.h>

#include "secmmu.h"

/**
 * secmmu_counter - one of the device's counters
 * @dev: the device, inside secmmu_enter().
 * @nr: which.
 */
u64 secmmu_counter(struct secmmu_device *dev, unsigned int nr)
{
	return readq(dev->regs + SECMMU_COUNTER_BLOCK + nr * sizeof(u64));
}

/**
 * secmmu_mm_stats - the driver's counters of an address space
 * @smm: the address space.
 * @stats: filled in; what the device counts stays zero.
 */
void secmmu_mm_stats(struct secmmu_mm *smm, struct secmmu_stats *stats)
{
	spin_lock(&smm->lock);
	*stats = smm->stats;
	spin_unlock(&smm->lock);
}

/**
 * secmmu_device_stats - add the device's counters
 * @dev: the device.
 * @stats: filled in.
 *
 * Return: 0 or -ENODEV.
 */
int secmmu_device_stats(struct secmmu_device *dev, struct secmmu_stats *stats)
{
	int idx;

	if (!secmmu_enter(dev, &idx))
		return -ENODEV;
	stats->tlb_hits = secmmu_counter(dev, SECMMU_CNT_TLB_HITS);
	stats->tlb_misses = secmmu_counter(dev, SECMMU_CNT_TLB_MISSES);
	stats->walks = secmmu_counter(dev, SECMMU_CNT_WALKS);
	stats->entries_dropped = secmmu_counter(dev,
						SECMMU_CNT_ENTRIES_DROPPED);
	stats->drain_waits = secmmu_counter(dev, SECMMU_CNT_DRAIN_WAITS);
	stats->jobs = secmmu_counter(dev, SECMMU_CNT_JOBS);
	stats->bytes_read = secmmu_counter(dev, SECMMU_CNT_BYTES_READ);
	stats->bytes_written = secmmu_counter(dev, SECMMU_CNT_BYTES_WRITTEN);
	stats->audit_checks = secmmu_counter(dev, SECMMU_CNT_AUDIT_CHECKS);
	stats->audit_violations = secmmu_counter(dev,
						 SECMMU_CNT_AUDIT_VIOLATIONS);
	secmmu_exit(dev, idx);
	return 0;
}

/* Names in fdinfo, and where they are in struct secmmu_stats. */
static const struct {
	const char *name;
	size_t offset;
} fdinfo_counters[] = {
	{ "faults", offsetof(struct secmmu_stats, faults) },
	{ "refused", offsetof(struct secmmu_stats, refused) },
	{ "retries", offsetof(struct secmmu_stats, retries) },
	{ "refills", offsetof(struct secmmu_stats, refills) },
	{ "failed", offsetof(struct secmmu_stats, failed) },
	{ "pages-mapped", offsetof(struct secmmu_stats, pages_mapped) },
	{ "prefetched", offsetof(struct secmmu_stats, prefetched) },
	{ "huge-mapped", offsetof(struct secmmu_stats, huge_mapped) },
	{ "pages-zapped", offsetof(struct secmmu_stats, pages_zapped) },
	{ "ranges", offsetof(struct secmmu_stats, ranges) },
	{ "shootdowns", offsetof(struct secmmu_stats, shootdowns) },
	{ "age-shootdowns", offsetof(struct secmmu_stats, age_shootdowns) },
	{ "split-shootdowns", offsetof(struct secmmu_stats, split_shootdowns) },
	{ "dropins", offsetof(struct secmmu_stats, dropins) },
	{ "resumes", offsetof(struct secmmu_stats, resumes) },
	{ "aged", offsetof(struct secmmu_stats, aged) },
};

/* State, jobs ended and jobs submitted of each queue; counts wrap at 2^32. */
static void show_queues(struct seq_file *m, struct secmmu_ctx *ctx)
{
	struct secmmu_queue *queue;
	int idx;

	mutex_lock(&ctx->doorbell_mutex);
	list_for_each_entry(queue, &ctx->queues, link) {
		struct secmmu_device *dev = ctx->dev;
		u32 state, head, tail;

		if (ctx->lost || !secmmu_enter(dev, &idx)) {
			seq_printf(m, "secmmu-queue-%u:\tlost\n", queue->id);
			continue;
		}
		state = secmmu_queue_state(queue);
		head = secmmu_read32(dev, secmmu_queue_reg(queue->id,
							   SECMMU_REG_QUEUE_HEAD));
		tail = secmmu_read32(dev, secmmu_queue_reg(queue->id,
							   SECMMU_REG_QUEUE_TAIL));
		secmmu_exit(dev, idx);
		seq_printf(m, "secmmu-queue-%u:\t%s %u %u\n", queue->id,
			   secmmu_queue_state_name(state), head, tail);
	}
	mutex_unlock(&ctx->doorbell_mutex);
}

/**
 * secmmu_show_fdinfo - /proc/PID/fdinfo/FD
 * @m: where it goes.
 * @file: an open context.
 *
 * The grammar and the keys with drm- are those of the kernel's
 * Documentation/gpu/drm-usage-stats.rst, so that one parser serves; what is
 * this driver's own begins with its name. Counters and memory are those of the
 * address space: contexts of one process and mode show the same.
 */
void secmmu_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct secmmu_ctx *ctx = file->private_data;
	struct secmmu_mm *smm = secmmu_ctx_mm(ctx);
	struct secmmu_stats stats;
	unsigned int i;

	secmmu_mm_stats(smm, &stats);
	seq_puts(m, "drm-driver:\tsecmmu\n");
	/* The name outlives the binding, as the context does. */
	seq_printf(m, "drm-pdev:\t%s\n", ctx->dev->pdev_name);
	seq_printf(m, "drm-client-id:\t%llu\n", ctx->client);
	seq_printf(m, "drm-resident-memory:\t%llu KiB\n",
		   stats.pages_resident * (PAGE_SIZE / SZ_1K));
	seq_printf(m, "secmmu-table:\t%llu KiB\n", stats.table_bytes / SZ_1K);
	seq_printf(m, "secmmu-mode:\t%s\n",
		   smm->mode == SECMMU_MODE_SOFT ? "soft" : "walk");
	seq_printf(m, "secmmu-asid:\t%u\n", smm->asid);
	seq_printf(m, "secmmu-queues:\t%u\n", READ_ONCE(ctx->nr_queues));
	seq_printf(m, "secmmu-lost:\t%u\n", READ_ONCE(ctx->lost));
	for (i = 0; i < ARRAY_SIZE(fdinfo_counters); i++)
		seq_printf(m, "secmmu-%s:\t%llu\n", fdinfo_counters[i].name,
			   *(u64 *)((char *)&stats +
				    fdinfo_counters[i].offset));
	show_queues(m, ctx);
	secmmu_mm_put(smm);
}
