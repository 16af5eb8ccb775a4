/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An emulated IOMMU between the device and RAM, for any test.
 *
 * Lives here: how to have one. Not here: its tests (test-iommu.c).
 */
#ifndef SECMMU_QTEST_IOMMU_H
#define SECMMU_QTEST_IOMMU_H

#include "dev.h"

/* Device addresses of RAM begin here, far beyond its end. */
#define IOMMU_OFFSET 0x40000000ull

/* For dev_bare_on(). */
extern const char *const iommu_args[];

/* Switches translation on, unless it is; before dev_init(). */
void iommu_start(struct dev *dev);

#endif
