// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/class/misc/secmmuN/: what anybody may know of a device without opening
 * it: its capabilities, its state, how much of it is in use. Lives here: one
 * value a file. Not here: anything about one process (stats.c) or about memory
 * (debugfs.c).
 */
#include <linux/device.h>
#include <linux/sysfs.h>

#include "secmmu.h"

static struct secmmu_device *to_secmmu(struct device *device)
{
	struct miscdevice *misc = dev_get_drvdata(device);

	return container_of(misc, struct secmmu_device, misc);
}

/**
 * struct reg_attribute - a file that shows a register
 * @attr: the file.
 * @reg: the register.
 * @fmt: for its value.
 */
struct reg_attribute {
	struct device_attribute attr;
	u32 reg;
	const char *fmt;
};

static ssize_t reg_show(struct device *device, struct device_attribute *attr,
			char *buf)
{
	struct reg_attribute *ra = container_of(attr, struct reg_attribute,
						attr);
	struct secmmu_device *dev = to_secmmu(device);
	u32 value;
	int idx;

	if (!secmmu_enter(dev, &idx))
		return -ENODEV;
	value = secmmu_read32(dev, ra->reg);
	secmmu_exit(dev, idx);
	return sysfs_emit(buf, ra->fmt, value);
}

#define REG_ATTR(_name, _reg, _fmt) { \
		.attr = __ATTR(_name, 0444, reg_show, NULL), \
		.reg = SECMMU_REG_##_reg, \
		.fmt = _fmt "\n", \
	}

static struct reg_attribute hw_version = REG_ATTR(hw_version, VERSION, "%#x");
static struct reg_attribute va_bits = REG_ATTR(va_bits, VA_BITS, "%u");
static struct reg_attribute page_sizes =
	REG_ATTR(page_sizes, PAGE_SIZES, "%#x");
static struct reg_attribute asids = REG_ATTR(asids, NR_ASIDS, "%u");
static struct reg_attribute queues = REG_ATTR(queues, NR_QUEUES, "%u");
static struct reg_attribute engines = REG_ATTR(engines, NR_ENGINES, "%u");
static struct reg_attribute tlb_sets = REG_ATTR(tlb_sets, TLB_SETS, "%u");
static struct reg_attribute tlb_ways = REG_ATTR(tlb_ways, TLB_WAYS, "%u");
static struct reg_attribute features = REG_ATTR(features, FEATURES, "%#x");

static ssize_t uapi_version_show(struct device *device,
				 struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%#x\n", SECMMU_UAPI_VERSION);
}
static DEVICE_ATTR_RO(uapi_version);

static ssize_t state_show(struct device *device, struct device_attribute *attr,
			  char *buf)
{
	struct secmmu_device *dev = to_secmmu(device);

	return sysfs_emit(buf, "%s\n", READ_ONCE(dev->lost) ? "lost" : "ok");
}
static DEVICE_ATTR_RO(state);

static ssize_t recoveries_show(struct device *device,
			       struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n", READ_ONCE(to_secmmu(device)->recoveries));
}
static DEVICE_ATTR_RO(recoveries);

static ssize_t asids_used_show(struct device *device,
			       struct device_attribute *attr, char *buf)
{
	struct secmmu_device *dev = to_secmmu(device);
	struct secmmu_mm *smm;
	unsigned int nr = 0;

	mutex_lock(&dev->mutex);
	list_for_each_entry(smm, &dev->mms, link)
		nr++;
	mutex_unlock(&dev->mutex);
	return sysfs_emit(buf, "%u\n", nr);
}
static DEVICE_ATTR_RO(asids_used);

static ssize_t queues_used_show(struct device *device,
				struct device_attribute *attr, char *buf)
{
	struct secmmu_device *dev = to_secmmu(device);
	struct secmmu_ctx *ctx;
	unsigned int nr = 0;

	mutex_lock(&dev->mutex);
	list_for_each_entry(ctx, &dev->ctxs, link)
		nr += ctx->nr_queues;
	mutex_unlock(&dev->mutex);
	return sysfs_emit(buf, "%u\n", nr);
}
static DEVICE_ATTR_RO(queues_used);

/* Queues that an engine works on at this moment: so many engines are busy. */
static ssize_t queues_running_show(struct device *device,
				   struct device_attribute *attr, char *buf)
{
	struct secmmu_device *dev = to_secmmu(device);
	struct secmmu_queue *queue;
	struct secmmu_ctx *ctx;
	unsigned int nr = 0;
	int idx;

	mutex_lock(&dev->mutex);
	if (secmmu_enter(dev, &idx)) {
		list_for_each_entry(ctx, &dev->ctxs, link)
			list_for_each_entry(queue, &ctx->queues, link)
				nr += secmmu_queue_state(queue) ==
				      SECMMU_QUEUE_STATE_RUNNING;
		secmmu_exit(dev, idx);
	}
	mutex_unlock(&dev->mutex);
	return sysfs_emit(buf, "%u\n", nr);
}
static DEVICE_ATTR_RO(queues_running);

static struct attribute *secmmu_attrs[] = {
	&hw_version.attr.attr,
	&va_bits.attr.attr,
	&page_sizes.attr.attr,
	&asids.attr.attr,
	&queues.attr.attr,
	&engines.attr.attr,
	&tlb_sets.attr.attr,
	&tlb_ways.attr.attr,
	&features.attr.attr,
	&dev_attr_uapi_version.attr,
	&dev_attr_state.attr,
	&dev_attr_recoveries.attr,
	&dev_attr_asids_used.attr,
	&dev_attr_queues_used.attr,
	&dev_attr_queues_running.attr,
	NULL
};

static const struct attribute_group secmmu_group = {
	.attrs = secmmu_attrs,
};

const struct attribute_group *secmmu_groups[] = {
	&secmmu_group,
	NULL
};
