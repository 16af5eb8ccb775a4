// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * secmmu_bench: what one fault is made of. Lives here: single faults counted
 * instead of timed, by the device's counters and by probes in the kernel. Not
 * here: how long one takes (rows.c).
 *
 * A figure is the count for a page that was not there, less that for the same
 * job when it is there: a job's own doorbell is in neither.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "guest.h"

#define COUNTERS	"/sys/kernel/debug/secmmu/secmmu0/counters"
#define TRACING		"/sys/kernel/tracing/"

/*
 * By the sum of @from, names in COUNTERS or of @probe. A page-table lock is taken
 * once in each of the two functions: to find the page, and to enter one.
 */
static const struct count {
	const char *name;
	const char *from[8];
} counts[] = {
	{ "events", { "EVENTS" } },
	{ "interrupts", { "INTERRUPTS" } },
	{ "exits", { "DOORBELLS", "EVENT_HEADS", "RETRIED", "REFUSED", "FAILED",
		     "SHOOTDOWNS", "RESUMES" } },
	{ "walks", { "WALKS" } },
	{ "page-table locks", { "follow_page_pte", "handle_mm_fault" } },
};
#define NR	(sizeof(counts) / sizeof(counts[0]))

static const char *const probes[] = { "follow_page_pte", "handle_mm_fault" };
#define NR_PROBES	(sizeof(probes) / sizeof(probes[0]))

/* Adds up what the lines "NAME NUMBER" of @path have for each count. */
static void read_counts(const char *path, double *sums)
{
	char name[64], line[128];
	FILE *f = fopen(path, "re");
	double n;

	if (!f)
		die("%s", path);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %lf", name, &n) != 2)
			continue;
		for (size_t i = 0; i < NR; i++)
			for (size_t k = 0; k < 8 && counts[i].from[k]; k++)
				if (!strcmp(name, counts[i].from[k]))
					sums[i] += n;
	}
	fclose(f);
}

static void take_counts(double *sums)
{
	memset(sums, 0, NR * sizeof(*sums));
	read_counts(COUNTERS, sums);
	read_counts(TRACING "kprobe_profile", sums);
}

void fault_counts(unsigned int rounds)
{
	double before[NR], between[NR], after[NR];
	unsigned char *p = memory(FAULT_PAGES * PAGE, false);
	char line[128];

	for (size_t i = 0; i < NR_PROBES; i++) {
		snprintf(line, sizeof(line), "p:bench/%s %s", probes[i],
			 probes[i]);
		write_file(TRACING "kprobe_events", line);
	}
	write_file(TRACING "events/bench/enable", "1");
	open_device();
	while (rounds--) {
		clear(p, FAULT_PAGES * PAGE);
		take_counts(before);
		write_pages(p);
		take_counts(between);
		write_pages(p);
		take_counts(after);
		for (size_t i = 0; i < NR; i++)
			bench_sample(counts[i].name,
				     (2 * between[i] - before[i] - after[i]) /
				     FAULT_PAGES);
	}
	close_device();
	write_file(TRACING "events/bench/enable", "0");
}
