// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * secmmuctl top: who uses a device, and how. Lives here: options, two looks and
 * their difference. Not here: looking (clients.c), printing (top-show.c), the
 * terminal (top-screen.c).
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "top.h"

/* Samples of the engines between two looks, at most, and not more often. */
#define SAMPLES		40
#define SAMPLE_SECONDS	0.025

static const char help[] =
"usage: secmmuctl top [OPTION...]\n\n"
"  -d, --delay SECONDS  between two looks (2; with --once 1)\n"
"  -s, --sort NAME      jobs, faults, refused, shootdowns, resident or pid\n"
"  -H, --queues         a line for each queue too\n"
"  -o, --once           one report to standard output\n"
"  -j, --json           the same for programs\n"
"  -D, --device WHICH   not the first: secmmuN, N, or a PCI address\n"
"  -h, --help           this\n\n"
"Keys: q quits, h tells the others. Root sees the processes of all users.\n";

const struct top_sort_key top_sorts[TOP_SORT_NR] = {
	[TOP_SORT_JOBS] = { "jobs", 'P' },
	[TOP_SORT_FAULTS] = { "faults", 'F' },
	[TOP_SORT_REFUSED] = { "refused", 'U' },
	[TOP_SORT_SHOOTDOWNS] = { "shootdowns", 'S' },
	[TOP_SORT_RESIDENT] = { "resident", 'M' },
	[TOP_SORT_PID] = { "pid", 'N' },
};

double top_rate(const struct top *top, uint64_t now, uint64_t before)
{
	double seconds = top->now.time - top->before.time;

	/* Counters begin anew with the device. */
	if (!top->before.time || seconds <= 0)
		return 0;
	return (now >= before ? now - before : now) / seconds;
}

double top_hit_rate(const struct top *top)
{
	const struct secmmu_stats *now = &top->now.stats;
	const struct secmmu_stats *before = &top->before.stats;
	double hits = top_rate(top, now->tlb_hits, before->tlb_hits);
	double misses = top_rate(top, now->tlb_misses, before->tlb_misses);

	return hits + misses > 0 ? hits / (hits + misses) : -1;
}

long long top_hidden_queues(const struct top *top)
{
	long long shown = 0;

	for (unsigned int i = 0; i < top->now.nr; i++)
		shown += top->now.rows[i].nr_queues;
	/* The two were not read at one moment. */
	return top->now.queues_used > shown ? top->now.queues_used - shown : 0;
}

static void rate_queues(const struct top *top, struct top_row *now,
			const struct top_row *before)
{
	for (unsigned int i = 0; i < now->nr_queues; i++) {
		struct top_queue *queue = &now->queues[i];
		uint32_t head = 0;

		for (unsigned int j = 0; before && j < before->nr_queues; j++)
			if (before->queues[j].id == queue->id)
				head = before->queues[j].head;
		queue->jobs = top_rate(top, (uint32_t)(queue->head - head), 0);
		now->rates.jobs += queue->jobs;
	}
}

static void rate_rows(struct top *top)
{
	static const struct top_row nothing;

	for (unsigned int i = 0; i < top->now.nr; i++) {
		struct top_row *now = &top->now.rows[i];
		const struct top_row *before = NULL;

		for (unsigned int j = 0; j < top->before.nr; j++)
			if (top->before.rows[j].client == now->client &&
			    top->before.rows[j].asid == now->asid)
				before = &top->before.rows[j];
		rate_queues(top, now, before);
		/* What is new has done all it did since the look before. */
		if (!before)
			before = &nothing;
#define C(key, field) \
		now->rates.field = top_rate(top, now->counters.field, \
					    before->counters.field);
		TOP_COUNTERS(C)
#undef C
	}
}

static double sort_value(const struct top_row *row, enum top_sort sort)
{
	switch (sort) {
	case TOP_SORT_JOBS: return row->rates.jobs;
	case TOP_SORT_FAULTS: return row->rates.faults;
	case TOP_SORT_REFUSED: return row->rates.refused;
	case TOP_SORT_SHOOTDOWNS: return row->rates.shootdowns;
	case TOP_SORT_RESIDENT: return row->resident_kib;
	default: return row->pid;
	}
}

/* qsort() takes no argument for it. */
static const struct top *sorted;

static int by_sort(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;
	double one = sort_value(x, sorted->sort);
	double two = sort_value(y, sorted->sort);

	if (one == two)
		return x->pid - y->pid;
	return (one < two) != sorted->reverse ? 1 : -1;
}

void top_begin(struct top *top)
{
	ctl_device(&top->dev, *top->dev.slot ? top->dev.slot : NULL, true);
	ctl_check_version(&top->dev);
	ctl_open(&top->ctx, &top->dev);
	top->engines = ctl_attr_number(&top->dev, "engines", 0);
	top->queues = ctl_attr_number(&top->dev, "queues", 0);
	top_look(top, &top->now);
}

bool top_wait(struct top *top, double *sample_at)
{
	double now = ctl_now(), step = top->delay / SAMPLES;

	if (now >= *sample_at) {
		long long running = ctl_attr_number(&top->dev,
						    "queues_running", 0);

		top->busy = (top->busy * top->samples + running) /
			    (top->samples + 1);
		top->samples++;
		if (step < SAMPLE_SECONDS)
			step = SAMPLE_SECONDS;
		*sample_at = now + step;
	}
	return now < top->now.time + top->delay;
}

void top_next(struct top *top)
{
	top_look_free(&top->before);
	top->before = top->now;
	top_look(top, &top->now);
	rate_rows(top);
	sorted = top;
	if (top->now.nr)
		qsort(top->now.rows, top->now.nr, sizeof(*top->now.rows),
		      by_sort);
}

static int once(struct top *top, bool json)
{
	const struct timespec step = { .tv_nsec = SAMPLE_SECONDS * 1e9 / 2 };
	double sample_at = 0, began = ctl_now();

	top_begin(top);
	while (top_wait(top, &sample_at)) {
		nanosleep(&step, NULL);
		ctl_progress(began, (ctl_now() - began) / top->delay);
	}
	ctl_progress_end();
	top_next(top);
	if (json)
		top_json(top);
	else
		top_text(top);
	if (!top->now.lost)
		return CTL_OK;
	warn_that("%s: the device is lost", top->dev.path);
	return CTL_LOST;
}

static enum top_sort sort_of(const char *name)
{
	for (int i = 0; i < TOP_SORT_NR; i++)
		if (!strcmp(name, top_sorts[i].name))
			return i;
	warn_that("--sort: there is no '%s'", name);
	ctl_usage_error("top");
}

int cmd_top(int argc, char **argv)
{
	static const struct option options[] = {
		{ "delay", required_argument, NULL, 'd' },
		{ "sort", required_argument, NULL, 's' },
		{ "queues", no_argument, NULL, 'H' },
		{ "once", no_argument, NULL, 'o' },
		{ "json", no_argument, NULL, 'j' },
		{ "device", required_argument, NULL, 'D' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct top top = { .ctx.fd = -1, .busy = 0 };
	bool is_once = false, json = false;
	const char *which = NULL;
	int c, status;

	while ((c = getopt_long(argc, argv, "d:s:HojD:h", options,
				NULL)) != -1)
		switch (c) {
		case 'd':
			top.delay = ctl_number("--delay", optarg, 0.1, 3600);
			break;
		case 's': top.sort = sort_of(optarg); break;
		case 'H': top.show_queues = true; break;
		case 'o': is_once = true; break;
		case 'j': json = true; break;
		case 'D': which = optarg; break;
		case 'h': fputs(help, stdout); return CTL_OK;
		default: ctl_usage_error("top");
		}
	if (optind < argc || (json && !is_once)) {
		if (optind < argc)
			warn_that("top takes no argument '%s'", argv[optind]);
		else
			warn_that("--json goes with --once");
		ctl_usage_error("top");
	}
	if (!top.delay)
		top.delay = is_once ? 1 : 2;
	ctl_device(&top.dev, which, true);
	status = is_once ? once(&top, json) : top_screen(&top);
	secmmu_close(&top.ctx);
	top_look_free(&top.now);
	top_look_free(&top.before);
	return status;
}
