// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * secmmuctl info: what devices there are. Lives here: finding it out, from
 * configuration space by libpci, from the driver's attributes, or without a
 * driver from the registers themselves. Nothing here opens the device node or
 * changes anything. Not here: printing (info-show.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pci/pci.h>

#include <linux/secmmu_hw.h>

#include "info.h"

static const char help[] =
"usage: secmmuctl info [OPTION...]\n\n"
"  -D, --device WHICH   only this one: secmmuN, N, or a PCI address\n"
"  -j, --json           for programs\n"
"  -h, --help           this\n\n"
"Shows each device: its PCI function, what the driver says of it, how much of it is\n"
"in use. Without the driver, root still sees what the registers say.\n";

static const char *cap_name(unsigned int id, bool extended)
{
	static const struct { unsigned int id; const char *name; } caps[] = {
		{ PCI_CAP_ID_PM, "Power Management" },
		{ PCI_CAP_ID_MSI, "MSI" },
		{ PCI_CAP_ID_VNDR, "Vendor Specific" },
		{ PCI_CAP_ID_EXP, "PCI Express" },
		{ PCI_CAP_ID_MSIX, "MSI-X" },
	}, ext[] = {
		{ PCI_EXT_CAP_ID_AER, "Advanced Error Reporting" },
		{ PCI_EXT_CAP_ID_DSN, "Device Serial Number" },
		{ PCI_EXT_CAP_ID_ARI, "Alternative Routing-ID" },
		{ PCI_EXT_CAP_ID_ATS, "Address Translation Services" },
		{ PCI_EXT_CAP_ID_PASID, "PASID" },
	};
	size_t n = extended ? sizeof(ext) / sizeof(ext[0]) :
			      sizeof(caps) / sizeof(caps[0]);

	for (size_t i = 0; i < n; i++)
		if ((extended ? ext : caps)[i].id == id)
			return (extended ? ext : caps)[i].name;
	return extended ? "Extended capability" : "Capability";
}

static void decode_msix(struct info *info, struct pci_dev *pci, int at,
			struct info_cap *out)
{
	unsigned int control = pci_read_word(pci, at + PCI_CAP_FLAGS);
	uint32_t table = pci_read_long(pci, at + PCI_MSIX_TABLE);
	uint32_t pba = pci_read_long(pci, at + PCI_MSIX_PBA);

	info->msix_vectors = (control & PCI_MSIX_TABSIZE) + 1;
	info->msix_on = control & PCI_MSIX_ENABLE;
	snprintf(out->detail, sizeof(out->detail),
		 "%u vector%s, %s%s, table in BAR%u at %#x, pending bits in BAR%u at %#x",
		 info->msix_vectors, info->msix_vectors > 1 ? "s" : "",
		 info->msix_on ? "enabled" : "off",
		 control & PCI_MSIX_MASK ? ", masked" : "",
		 table & PCI_MSIX_BIR, table & ~PCI_MSIX_BIR,
		 pba & PCI_MSIX_BIR, pba & ~PCI_MSIX_BIR);
}

static void decode_express(struct info *info, struct pci_dev *pci, int at,
			   struct info_cap *out)
{
	static const char *const types[16] = {
		[PCI_EXP_TYPE_ENDPOINT] = "endpoint",
		[PCI_EXP_TYPE_LEG_END] = "legacy endpoint",
		[PCI_EXP_TYPE_ROOT_INT_EP] = "root complex integrated endpoint",
	};
	unsigned int flags = pci_read_word(pci, at + PCI_EXP_FLAGS);
	uint32_t devcap = pci_read_long(pci, at + PCI_EXP_DEVCAP);
	const char *type = types[(flags & PCI_EXP_FLAGS_TYPE) >> 4];

	info->flr = devcap & PCI_EXP_DEVCAP_FLRESET;
	snprintf(out->detail, sizeof(out->detail), "version %u, %s, %s",
		 flags & PCI_EXP_FLAGS_VERS, type ? type : "other",
		 info->flr ? "function-level reset" : "no function-level reset");
}

static void decode_caps(struct info *info, struct pci_dev *pci)
{
	for (struct pci_cap *cap = pci->first_cap;
	     cap && info->nr_caps < INFO_CAPS; cap = cap->next) {
		struct info_cap *out = &info->caps[info->nr_caps++];
		bool extended = cap->type == PCI_CAP_EXTENDED;

		snprintf(out->name, sizeof(out->name), "%s",
			 cap_name(cap->id, extended));
		if (!extended && cap->id == PCI_CAP_ID_MSIX)
			decode_msix(info, pci, cap->addr, out);
		else if (!extended && cap->id == PCI_CAP_ID_EXP)
			decode_express(info, pci, cap->addr, out);
		else if (!extended && cap->id == PCI_CAP_ID_PM)
			snprintf(out->detail, sizeof(out->detail), "in D%u",
				 pci_read_word(pci, cap->addr + PCI_PM_CTRL) &
				 PCI_PM_CTRL_STATE_MASK);
		else
			snprintf(out->detail, sizeof(out->detail), "id %#x",
				 cap->id);
	}
}

static void decode_function(struct info *info, struct pci_dev *pci)
{
	unsigned int command, status;
	uint8_t beyond;

	pci_fill_info(pci, PCI_FILL_IDENT | PCI_FILL_BASES | PCI_FILL_SIZES |
			   PCI_FILL_CLASS);
	command = pci_read_word(pci, PCI_COMMAND);
	status = pci_read_word(pci, PCI_STATUS);
	info->revision = pci_read_byte(pci, PCI_REVISION_ID);
	info->class = pci->device_class;
	info->memory = command & PCI_COMMAND_MEMORY;
	info->bus_master = command & PCI_COMMAND_MASTER;
	for (int i = 0; i < INFO_BARS; i++) {
		/* The kernel gives the flags in the low bits. */
		uint64_t low = pci->base_addr[i] & 0xf;

		info->bar[i].base = pci->base_addr[i] & ~0xfull;
		info->bar[i].size = pci->size[i];
		info->bar[i].is_64bit = (low & PCI_BASE_ADDRESS_MEM_TYPE_MASK)
					== PCI_BASE_ADDRESS_MEM_TYPE_64;
		info->bar[i].prefetch = low & PCI_BASE_ADDRESS_MEM_PREFETCH;
	}
	/* The kernel shows the first 64 bytes to everybody, the rest to root. */
	info->caps_known = !(status & PCI_STATUS_CAP_LIST) ||
			   pci_read_block(pci, 64, &beyond, 1);
	if (info->caps_known) {
		pci_fill_info(pci, PCI_FILL_CAPS | PCI_FILL_EXT_CAPS);
		decode_caps(info, pci);
	}
}

/* The numbers that registers have, under the names of the attributes. */
#define REGISTERS(R) \
	R(hw_version, VERSION) R(va_bits, VA_BITS) R(page_sizes, PAGE_SIZES) \
	R(asids, NR_ASIDS) R(queues, NR_QUEUES) R(engines, NR_ENGINES) \
	R(tlb_sets, TLB_SETS) R(tlb_ways, TLB_WAYS) R(features, FEATURES)

static void from_driver(struct info *info)
{
	const struct ctl_device *dev = &info->dev;

#define R(name, reg) info->name = ctl_attr_number(dev, #name, -1);
	REGISTERS(R)
#undef R
	info->uapi_version = ctl_attr_number(dev, "uapi_version", -1);
	info->asids_used = ctl_attr_number(dev, "asids_used", -1);
	info->queues_used = ctl_attr_number(dev, "queues_used", -1);
	info->queues_running = ctl_attr_number(dev, "queues_running", -1);
	info->recoveries = ctl_attr_number(dev, "recoveries", -1);
	ctl_attr(dev, "state", info->state, sizeof(info->state));
	info->regs = "driver";
	info->status = ctl_may_open(dev, info->why, sizeof(info->why));
	if (!strcmp(info->state, "lost")) {
		info->status = CTL_LOST;
		snprintf(info->why, sizeof(info->why),
			 "%s: the device is lost", dev->path);
	} else if (info->uapi_version >> 16 != SECMMU_UAPI_VERSION >> 16) {
		info->status = CTL_WRONG_VERSION;
		snprintf(info->why, sizeof(info->why),
			 "wrong version: the driver of %s has interface %lld.%lld, this program speaks %u.x",
			 dev->path, info->uapi_version >> 16,
			 info->uapi_version & 0xffff, SECMMU_UAPI_VERSION >> 16);
	}
}

/* No driver looks after the registers: so we may look at them. */
static void from_bar(struct info *info)
{
	const volatile uint32_t *regs;
	char path[128];
	size_t size = 4096;
	int fd;

	if (!info->memory) {
		info->why_no_regs = "the function does not answer at its BARs (memory decoding is off)";
		return;
	}
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0",
		 info->dev.slot);
	fd = open(path, O_RDONLY | O_SYNC | O_CLOEXEC);
	if (fd < 0) {
		info->why_no_regs = errno == EACCES || errno == EPERM ?
				    "only root may read BAR0" :
				    "BAR0 cannot be read";
		return;
	}
	regs = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (regs == MAP_FAILED) {
		info->why_no_regs = "the kernel does not let BAR0 be mapped";
		return;
	}
	if (regs[SECMMU_REG_ID / 4] != SECMMU_ID_VALUE) {
		info->why_no_regs = "BAR0 does not have the ID that it should";
	} else {
#define R(name, reg) info->name = regs[SECMMU_REG_##reg / 4];
		REGISTERS(R)
#undef R
		info->regs = "bar0";
	}
	munmap((void *)regs, size);
	if (info->regs &&
	    info->hw_version >> 16 != SECMMU_HW_VERSION >> 16) {
		info->status = CTL_WRONG_VERSION;
		snprintf(info->why, sizeof(info->why),
			 "wrong version: the hardware at %s is version %lld.%lld, this program knows %u.x",
			 info->dev.slot, info->hw_version >> 16,
			 info->hw_version & 0xffff, SECMMU_HW_VERSION >> 16);
	}
}

static struct pci_dev *pci_function(struct pci_access *access, const char *slot)
{
	int domain, bus, dev, func;

	if (sscanf(slot, "%x:%x:%x.%d", &domain, &bus, &dev, &func) != 4)
		return NULL;
	for (struct pci_dev *p = access->devices; p; p = p->next)
		if (p->domain == domain && p->bus == bus && p->dev == dev &&
		    p->func == func)
			return p;
	return NULL;
}

static void gather(struct info *info, struct pci_access *access)
{
	struct pci_dev *pci = pci_function(access, info->dev.slot);

	info->hw_version = info->uapi_version = info->va_bits = -1;
	info->page_sizes = info->asids = info->queues = info->engines = -1;
	info->tlb_sets = info->tlb_ways = info->features = -1;
	info->asids_used = info->queues_used = info->queues_running = -1;
	info->recoveries = -1;
	if (pci)
		decode_function(info, pci);
	if (*info->dev.name)
		from_driver(info);
	else if (*info->dev.driver)
		info->why_no_regs = "another driver has it";
	else
		from_bar(info);
}

int cmd_info(int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'D' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	enum ctl_status status = CTL_OK;
	struct ctl_device one, *list;
	struct pci_access *access;
	const char *which = NULL;
	struct info *infos;
	bool json = false;
	size_t nr;
	int c;

	while ((c = getopt_long(argc, argv, "D:jh", options, NULL)) != -1)
		switch (c) {
		case 'D': which = optarg; break;
		case 'j': json = true; break;
		case 'h': fputs(help, stdout); return CTL_OK;
		default: ctl_usage_error("info");
		}
	if (optind < argc) {
		warn_that("info takes no argument '%s'", argv[optind]);
		ctl_usage_error("info");
	}
	/* Dies of there being none. */
	ctl_device(&one, which, false);
	nr = ctl_devices(&list);
	if (which) {
		nr = 1;
		list[0] = one;
	}

	infos = calloc(nr, sizeof(*infos));
	if (!infos)
		die_of(CTL_FAILED, "out of memory");
	access = pci_alloc();
	pci_init(access);
	pci_scan_bus(access);
	for (size_t i = 0; i < nr; i++) {
		infos[i].dev = list[i];
		gather(&infos[i], access);
	}
	pci_cleanup(access);

	if (json)
		info_json(infos, nr);
	for (size_t i = 0; i < nr; i++) {
		if (!json)
			info_text(&infos[i]);
		if (infos[i].status) {
			warn_that("%s", infos[i].why);
			if (!status)
				status = infos[i].status;
		}
	}
	free(infos);
	free(list);
	return status;
}
