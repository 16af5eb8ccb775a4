// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * secmmu_demo: the main job, step by step, on memory from malloc(). Each step
 * says what it did and checks it against the CPU; the first that finds a
 * byte wrong ends the program with status 1. The steps are in steps.c and
 * swap.c; here is the order, and the table at the end.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "demo.h"

void fact(const char *fmt, ...)
{
	va_list args;

	printf("     ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
}

static void row(const char *name, long long value, const char *note)
{
	printf("  %-26s %12lld  %s\n", name, value, note);
}

static void table(struct demo *demo)
{
	struct secmmu_stats now, *old = &demo->before;
	int ret = secmmu_stats(&demo->s, &now);

	if (ret)
		die("no statistics: %s", strerror(-ret));
	printf("\n  what the secondary MMU went through\n\n");
	row("jobs", now.jobs - old->jobs, "");
	row("bytes read", now.bytes_read - old->bytes_read, "");
	row("bytes written", now.bytes_written - old->bytes_written, "");
	row("TLB hits", now.tlb_hits - old->tlb_hits, "");
	row("TLB misses", now.tlb_misses - old->tlb_misses,
	    "each a walk of the secondary table");
	row("faults", now.faults, "served by the driver");
	row("refused faults", now.refused,
	    "came while a range was being invalidated");
	row("retried lookups", now.retries,
	    "a range came by between lookup and entry");
	row("pages mapped", now.pages_mapped, "4 KiB each");
	row("2 MiB entries", now.huge_mapped, "");
	row("pages zapped", now.pages_zapped, "");
	row("ranges invalidated", now.ranges, "invalidate_range_start calls");
	row("shootdowns", now.shootdowns, "doorbells rung for them");
	row("entries dropped", now.entries_dropped - old->entries_dropped,
	    "TLB entries, by shootdowns");
	row("drain waits", now.drain_waits - old->drain_waits,
	    "accesses in flight that a shootdown waited for");
	row("resumes", now.resumes, "after refused faults");
	row("mapped at one time", demo->swap.resident,
	    "pages, step 5: less than the limit");
	row("pages swapped out", demo->swap.swapped_out, "step 5");
	row("pages swapped in", demo->swap.swapped_in, "step 5");
	row("memory.max reached", demo->swap.limit_hits, "memory.events, times");
	row("OOM kills", demo->swap.oom_kills, "memory.events");
	row("VmPin", demo->swap.vm_pin, "kB: nothing is ever pinned");
	if (now.audit_checks != old->audit_checks) {
		row("audited accesses", now.audit_checks - old->audit_checks,
		    "compared with the CPU's page table");
		row("violations", now.audit_violations, "");
	}
	printf("\n");
	if (now.audit_violations)
		die("the device used a translation that the CPU did not have");
}

int main(void)
{
	static const struct {
		const char *title;
		void (*run)(struct demo *demo);
	} steps[] = {
		{ "arrays: copy, checksum, sum", step_arrays },
		{ "a linked list, by its pointers", step_list },
		{ "fork while the device works", step_fork },
		{ "memory taken away under a job", step_unmap },
		{ "256 MiB of data in 64 MiB of memory", step_swap },
	};
	static struct demo demo;
	int ret = secmmu_open(&demo.s, NULL);

	if (ret)
		die("/dev/secmmu0: %s", strerror(-ret));
	ret = secmmu_queue_init(&demo.q, &demo.s, 64, 0);
	if (ret)
		die("no queue: %s", strerror(-ret));
	ret = secmmu_stats(&demo.s, &demo.before);
	if (ret)
		die("no statistics: %s", strerror(-ret));
	printf("\nsecmmu: %u engines, a TLB of %u entries, ASID %u\n\n",
	       demo.s.info.engines, demo.s.info.tlb_entries, demo.s.info.asid);

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		double start = now();

		printf("  %zu. %s\n", i + 1, steps[i].title);
		fflush(stdout);
		steps[i].run(&demo);
		fact("done in %.1f s", now() - start);
	}
	table(&demo);
	secmmu_queue_exit(&demo.q);
	secmmu_close(&demo.s);
	printf("  All of it was checked against the CPU; nothing was lost.\n\n");
	return 0;
}
