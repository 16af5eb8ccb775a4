/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What `secmmuctl info` knows of one device, however it came to know it. Lives
 * here: the facts. info.c finds them, info-show.c prints them.
 */
#ifndef SECMMU_CTL_INFO_H
#define SECMMU_CTL_INFO_H

#include "ctl.h"

#define INFO_BARS	6
#define INFO_CAPS	32

/**
 * struct info_cap - one of the PCI capabilities
 * @name: what lspci calls it.
 * @detail: what is in it, or empty.
 */
struct info_cap {
	char name[40];
	char detail[120];
};

/**
 * struct info - a device
 * @dev: where it is.
 * @revision, @class: as in configuration space.
 * @memory: it answers at its BARs.
 * @bus_master: it may access memory.
 * @bar: address and size of each BAR; size zero where there is none.
 * @caps_known: the capabilities could be read (the kernel shows them to root).
 * @nr_caps: how many in @caps.
 * @msix_vectors: in its table; zero without MSI-X. @msix_on: it is enabled.
 * @flr: it can be reset by itself.
 * @regs: where what follows comes from: "driver", "bar0", or NULL: unknown. A
 *	number that is not known is -1.
 * @why_no_regs: if @regs is NULL, why.
 * @status: CTL_OK, or what keeps the caller from using it, and @why.
 */
struct info {
	struct ctl_device dev;
	unsigned int revision, class;
	bool memory, bus_master;
	struct {
		uint64_t base, size;
		bool is_64bit, prefetch;
	} bar[INFO_BARS];
	bool caps_known;
	unsigned int nr_caps;
	struct info_cap caps[INFO_CAPS];
	unsigned int msix_vectors;
	bool msix_on;
	bool flr;

	const char *regs;
	const char *why_no_regs;
	long long hw_version, uapi_version;
	long long va_bits, page_sizes, asids, queues, engines;
	long long tlb_sets, tlb_ways, features;
	long long asids_used, queues_used, queues_running, recoveries;
	char state[16];

	enum ctl_status status;
	char why[256];
};

/* Prints to standard output. */
void info_text(const struct info *info);
/* @nr of them as one object. */
void info_json(const struct info *info, size_t nr);

/* "4 KiB", "2 MiB" for a power of two. */
const char *info_size(uint64_t bytes, char *text, size_t size);

#endif /* SECMMU_CTL_INFO_H */
