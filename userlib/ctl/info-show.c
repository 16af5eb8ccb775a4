// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * secmmuctl info: printing, for people and for programs. Not here: where the
 * facts come from (info.c).
 */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include <linux/secmmu_hw.h>

#include "info.h"

static const char *const bar_use[INFO_BARS] = {
	[SECMMU_BAR_CONTROL] = "control",
	[SECMMU_BAR_DOORBELL] = "doorbells",
	[SECMMU_BAR_MSIX] = "MSI-X",
};

const char *info_size(uint64_t bytes, char *text, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	unsigned int unit = 0;

	while (unit < 4 && bytes >= 1024 && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	snprintf(text, size, "%llu %s", (unsigned long long)bytes, units[unit]);
	return text;
}

static void line(const char *name, const char *value)
{
	printf("  %-14s %s\n", name, value);
}

static void text_pci(const struct info *info)
{
	char text[256], size[32];

	snprintf(text, sizeof(text), "%04x:%04x class %04x revision %u%s%s",
		 SECMMU_PCI_VENDOR, SECMMU_PCI_DEVICE, info->class,
		 info->revision, info->memory ? "" : ", memory off",
		 info->bus_master ? ", bus master" : "");
	line("PCI function", text);
	for (int i = 0; i < INFO_BARS; i++) {
		char name[8];

		if (!info->bar[i].size)
			continue;
		snprintf(name, sizeof(name), "BAR%d", i);
		snprintf(text, sizeof(text), "%#llx, %s, %s%s%s",
			 (unsigned long long)info->bar[i].base,
			 info_size(info->bar[i].size, size, sizeof(size)),
			 info->bar[i].is_64bit ? "64-bit" : "32-bit",
			 info->bar[i].prefetch ? ", prefetchable" : "",
			 bar_use[i] ? "" : ", unknown use");
		if (bar_use[i])
			snprintf(text + strlen(text),
				 sizeof(text) - strlen(text), ": %s",
				 bar_use[i]);
		line(name, text);
	}
	if (!info->caps_known)
		line("capabilities", "only root may read them");
	for (unsigned int i = 0; i < info->nr_caps; i++) {
		snprintf(text, sizeof(text), "%s: %s", info->caps[i].name,
			 info->caps[i].detail);
		line("capability", text);
	}
}

static void text_pages(const struct info *info, char *text, size_t size)
{
	char one[32];

	*text = 0;
	for (int bit = 0; bit < 32; bit++)
		if (info->page_sizes >> bit & 1)
			snprintf(text + strlen(text), size - strlen(text),
				 "%s%s", *text ? ", " : "",
				 info_size(1ull << bit, one, sizeof(one)));
}

static void text_regs(const struct info *info)
{
	char text[256], pages[64];

	if (info->hw_version < 0) {
		line("registers", "cannot be read now");
		return;
	}
	snprintf(text, sizeof(text), "hardware %lld.%lld",
		 info->hw_version >> 16, info->hw_version & 0xffff);
	if (info->uapi_version >= 0)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 ", driver's interface %lld.%lld",
			 info->uapi_version >> 16, info->uapi_version & 0xffff);
	line("versions", text);
	snprintf(text, sizeof(text), "%lld", info->engines);
	if (info->queues_running >= 0)
		snprintf(text, sizeof(text), "%lld, %lld busy at this moment",
			 info->engines, info->queues_running);
	line("engines", text);
	snprintf(text, sizeof(text), "%lld entries: %lld sets of %lld ways",
		 info->tlb_sets * info->tlb_ways, info->tlb_sets,
		 info->tlb_ways);
	line("TLB", text);
	text_pages(info, pages, sizeof(pages));
	snprintf(text, sizeof(text), "%lld bits, pages of %s", info->va_bits,
		 pages);
	line("addresses", text);
	snprintf(text, sizeof(text), "walk%s%s",
		 info->features & SECMMU_FEATURE_SOFT ? ", soft-TLB" : "",
		 info->features & SECMMU_FEATURE_AUDIT ? "; audit is on" : "");
	line("modes", text);
	if (info->asids_used >= 0) {
		snprintf(text, sizeof(text), "%lld of %lld in use",
			 info->asids_used, info->asids);
		line("ASIDs", text);
		snprintf(text, sizeof(text), "%lld of %lld in use",
			 info->queues_used, info->queues);
		line("queues", text);
	} else {
		snprintf(text, sizeof(text), "%lld", info->asids);
		line("ASIDs", text);
		snprintf(text, sizeof(text), "%lld", info->queues);
		line("queues", text);
	}
}

void info_text(const struct info *info)
{
	char text[64];

	printf("%s%s%s\n", *info->dev.name ? info->dev.name : info->dev.slot,
	       *info->dev.name ? " at " : "",
	       *info->dev.name ? info->dev.slot : "");
	if (*info->dev.name) {
		line("node", info->dev.path);
		snprintf(text, sizeof(text), "%s, %lld recover%s", info->state,
			 info->recoveries,
			 info->recoveries == 1 ? "y" : "ies");
		line("state", text);
	} else {
		line("driver", *info->dev.driver ? info->dev.driver : "none");
	}
	text_pci(info);
	if (info->regs)
		text_regs(info);
	else
		line("registers", info->why_no_regs);
}

static void add_number(json_object *to, const char *name, long long value)
{
	json_object_object_add(to, name, value < 0 ? NULL :
					 json_object_new_int64(value));
}

static void add_text(json_object *to, const char *name, const char *value)
{
	json_object_object_add(to, name, value && *value ?
					 json_object_new_string(value) : NULL);
}

static void add_bool(json_object *to, const char *name, bool value)
{
	json_object_object_add(to, name, json_object_new_boolean(value));
}

static void add_version(json_object *to, const char *name, long long version)
{
	char text[32] = "";

	if (version >= 0)
		snprintf(text, sizeof(text), "%lld.%lld", version >> 16,
			 version & 0xffff);
	add_text(to, name, text);
}

static json_object *json_pci(const struct info *info)
{
	json_object *pci = json_object_new_object();
	json_object *bars = json_object_new_array();
	json_object *caps = json_object_new_array();

	add_text(pci, "slot", info->dev.slot);
	add_number(pci, "vendor", SECMMU_PCI_VENDOR);
	add_number(pci, "device", SECMMU_PCI_DEVICE);
	add_number(pci, "class", info->class);
	add_number(pci, "revision", info->revision);
	add_bool(pci, "memory", info->memory);
	add_bool(pci, "bus_master", info->bus_master);
	for (int i = 0; i < INFO_BARS; i++) {
		json_object *bar;

		if (!info->bar[i].size)
			continue;
		bar = json_object_new_object();
		add_number(bar, "number", i);
		add_number(bar, "address", info->bar[i].base);
		add_number(bar, "size", info->bar[i].size);
		add_text(bar, "use", bar_use[i]);
		json_object_array_add(bars, bar);
	}
	json_object_object_add(pci, "bars", bars);
	if (!info->caps_known) {
		json_object_put(caps);
		json_object_object_add(pci, "capabilities", NULL);
		return pci;
	}
	for (unsigned int i = 0; i < info->nr_caps; i++) {
		json_object *cap = json_object_new_object();

		add_text(cap, "name", info->caps[i].name);
		add_text(cap, "detail", info->caps[i].detail);
		json_object_array_add(caps, cap);
	}
	json_object_object_add(pci, "capabilities", caps);
	add_number(pci, "msix_vectors", info->msix_vectors);
	add_bool(pci, "msix_enabled", info->msix_on);
	add_bool(pci, "flr", info->flr);
	return pci;
}

static json_object *json_one(const struct info *info)
{
	json_object *dev = json_object_new_object();

	add_text(dev, "name", info->dev.name);
	add_text(dev, "node", info->dev.path);
	add_text(dev, "driver", info->dev.driver);
	add_text(dev, "state", info->state);
	json_object_object_add(dev, "pci", json_pci(info));
	add_text(dev, "source", info->regs);
	add_version(dev, "hw_version", info->hw_version);
	add_version(dev, "uapi_version", info->uapi_version);
	add_number(dev, "va_bits", info->va_bits);
	add_number(dev, "page_sizes", info->page_sizes);
	add_number(dev, "engines", info->engines);
	add_number(dev, "engines_busy", info->queues_running);
	add_number(dev, "tlb_sets", info->tlb_sets);
	add_number(dev, "tlb_ways", info->tlb_ways);
	if (info->features < 0) {
		json_object_object_add(dev, "soft", NULL);
		json_object_object_add(dev, "audit", NULL);
	} else {
		add_bool(dev, "soft", info->features & SECMMU_FEATURE_SOFT);
		add_bool(dev, "audit", info->features & SECMMU_FEATURE_AUDIT);
	}
	add_number(dev, "asids", info->asids);
	add_number(dev, "asids_used", info->asids_used);
	add_number(dev, "queues", info->queues);
	add_number(dev, "queues_used", info->queues_used);
	add_number(dev, "recoveries", info->recoveries);
	return dev;
}

void info_json(const struct info *info, size_t nr)
{
	json_object *top = json_object_new_object();
	json_object *devices = json_object_new_array();

	for (size_t i = 0; i < nr; i++)
		json_object_array_add(devices, json_one(&info[i]));
	json_object_object_add(top, "devices", devices);
	ctl_print_json(top);
}
