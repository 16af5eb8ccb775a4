// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * secmmuctl top: numbers as words, lines, and the report of --once. Not here: the
 * terminal (top-screen.c).
 */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "top.h"

const char *top_human(double value, char *text, size_t size)
{
	static const char units[] = " kMGT";
	unsigned int unit = 0;

	while (value >= 9999.5 && unit < sizeof(units) - 2) {
		value /= 1000;
		unit++;
	}
	if (unit)
		snprintf(text, size, "%.0f%c", value, units[unit]);
	else
		snprintf(text, size, value < 99.95 ? "%.1f" : "%.0f", value);
	return text;
}

const char *top_kib(uint64_t kib, char *text, size_t size)
{
	static const char units[] = "KMGT";
	unsigned int unit = 0;
	double value = kib;

	while (value >= 9999.5 && unit < sizeof(units) - 2) {
		value /= 1024;
		unit++;
	}
	snprintf(text, size, "%.0f%c", value, units[unit]);
	return text;
}

static double sum(const struct top *top, size_t offset)
{
	double total = 0;

	for (unsigned int i = 0; i < top->now.nr; i++)
		total += *(double *)((char *)&top->now.rows[i].rates + offset);
	return total;
}

#define SUM(top, field) sum(top, offsetof(struct top_rates, field))

static uint64_t resident(const struct top *top)
{
	uint64_t kib = 0;

	for (unsigned int i = 0; i < top->now.nr; i++)
		kib += top->now.rows[i].resident_kib;
	return kib;
}

#define RATE(top, field) \
	top_rate(top, (top)->now.stats.field, (top)->before.stats.field)

static void device_line(const struct top *top, char *text, size_t size)
{
	long long hidden = top_hidden_queues(top);

	snprintf(text, size, "%s at %s: %s; %u address space%s, %lld of %lld queues",
		 top->dev.name, top->dev.slot, top->now.lost ? "lost" : "ok",
		 top->now.nr, top->now.nr == 1 ? "" : "s",
		 top->now.queues_used, top->queues);
	if (hidden)
		snprintf(text + strlen(text), size - strlen(text),
			 " (%lld others')", hidden);
}

void top_head_line(const struct top *top, int line, char *text, size_t size)
{
	enum { WIDTH = 20 };
	double hits = top_hit_rate(top), busy = top->busy;
	char a[16], b[16], c[16], d[16], share[16] = "-";
	int full = top->engines ? WIDTH * busy / top->engines + 0.5 : 0;

	switch (line) {
	case 0:
		device_line(top, text, size);
		break;
	case 1:
		if (full > WIDTH)
			full = WIDTH;
		snprintf(text, size, "Engines: %.1f of %lld busy [%.*s%*s]",
			 busy, top->engines, full, "||||||||||||||||||||",
			 WIDTH - full, "");
		break;
	case 2:
		snprintf(text, size, "Jobs:    %s/s, read %sB/s, written %sB/s",
			 top_human(RATE(top, jobs), a, sizeof(a)),
			 top_human(RATE(top, bytes_read), b, sizeof(b)),
			 top_human(RATE(top, bytes_written), c, sizeof(c)));
		break;
	case 3:
		if (hits >= 0)
			snprintf(share, sizeof(share), "%.1f%%", hits * 100);
		snprintf(text, size, "TLB:     %s hit, %s lookups/s, %s walks/s, %s entries dropped/s",
			 share, top_human(RATE(top, tlb_hits) +
					  RATE(top, tlb_misses), a, sizeof(a)),
			 top_human(RATE(top, walks), b, sizeof(b)),
			 top_human(RATE(top, entries_dropped), c, sizeof(c)));
		break;
	default:
		snprintf(text, size, "Memory:  %s faults/s, %s refused/s, %s shootdowns/s, %s resident",
			 top_human(SUM(top, faults), a, sizeof(a)),
			 top_human(SUM(top, refused), b, sizeof(b)),
			 top_human(SUM(top, shootdowns), c, sizeof(c)),
			 top_kib(resident(top), d, sizeof(d)));
	}
}

/* The widest line is that of a terminal, 80 characters. */
void top_heading(char *text, size_t size)
{
	snprintf(text, size, "%7s %-15s %4s %-4s %3s %6s %7s %7s %7s %5s %5s",
		 "PID", "COMMAND", "ASID", "MODE", "QS", "JOBS/s", "FAULT/s",
		 "REFUS/s", "SHOOT/s", "RES", "TABLE");
}

void top_row_line(const struct top_row *row, char *text, size_t size)
{
	const struct top_rates *rates = &row->rates;
	char a[16], b[16], c[16], d[16], e[16], f[16];

	snprintf(text, size, "%7d %-15s %4u %-4s %3u %6s %7s %7s %7s %5s %5s",
		 row->pid, row->command, row->asid,
		 row->lost ? "lost" : row->mode, row->nr_queues,
		 top_human(rates->jobs, a, sizeof(a)),
		 top_human(rates->faults, b, sizeof(b)),
		 top_human(rates->refused, c, sizeof(c)),
		 top_human(rates->shootdowns, d, sizeof(d)),
		 top_kib(row->resident_kib, e, sizeof(e)),
		 top_kib(row->table_kib, f, sizeof(f)));
}

void top_queue_line(const struct top_queue *queue, char *text, size_t size)
{
	char a[16];

	snprintf(text, size, "%4s queue %-3u %-8s %4u under way%6s", "",
		 queue->id, queue->state, queue->tail - queue->head,
		 top_human(queue->jobs, a, sizeof(a)));
}

void top_text(const struct top *top)
{
	char text[256];

	for (int i = 0; i < TOP_HEAD_LINES; i++) {
		top_head_line(top, i, text, sizeof(text));
		puts(text);
	}
	top_heading(text, sizeof(text));
	printf("\n%s\n", text);
	for (unsigned int i = 0; i < top->now.nr; i++) {
		const struct top_row *row = &top->now.rows[i];

		top_row_line(row, text, sizeof(text));
		puts(text);
		for (unsigned int q = 0; top->show_queues &&
		     q < row->nr_queues; q++) {
			top_queue_line(&row->queues[q], text, sizeof(text));
			puts(text);
		}
	}
}

static void add_double(json_object *to, const char *name, double value)
{
	char text[32];

	/* Three digits after the point are all that is measured. */
	snprintf(text, sizeof(text), "%.3f", value);
	json_object_object_add(to, name,
			       value < 0 ? NULL :
			       json_object_new_double_s(value, text));
}

static void add_count(json_object *to, const char *name, uint64_t value)
{
	json_object_object_add(to, name, json_object_new_int64(value));
}

static void add_string(json_object *to, const char *name, const char *value)
{
	json_object_object_add(to, name, json_object_new_string(value));
}

static json_object *json_row(const struct top_row *row)
{
	json_object *to = json_object_new_object();
	json_object *queues = json_object_new_array();

	add_count(to, "pid", row->pid);
	add_string(to, "command", row->command);
	add_count(to, "asid", row->asid);
	add_string(to, "mode", row->mode);
	json_object_object_add(to, "lost", json_object_new_boolean(row->lost));
	add_double(to, "jobs_per_s", row->rates.jobs);
#define C(key, field) \
	add_count(to, #field, row->counters.field); \
	add_double(to, #field "_per_s", row->rates.field);
	TOP_COUNTERS(C)
#undef C
#define G(key, field) add_count(to, #field, row->field);
	TOP_GAUGES(G)
#undef G
	for (unsigned int i = 0; i < row->nr_queues; i++) {
		const struct top_queue *queue = &row->queues[i];
		json_object *one = json_object_new_object();

		add_count(one, "queue", queue->id);
		add_string(one, "state", queue->state);
		add_count(one, "under_way", queue->tail - queue->head);
		add_double(one, "jobs_per_s", queue->jobs);
		json_object_array_add(queues, one);
	}
	json_object_object_add(to, "queues", queues);
	return to;
}

void top_json(const struct top *top)
{
	json_object *to = json_object_new_object();
	json_object *rows = json_object_new_array();

	add_string(to, "device", top->dev.name);
	add_string(to, "slot", top->dev.slot);
	add_string(to, "state", top->now.lost ? "lost" : "ok");
	add_double(to, "seconds", top->now.time - top->before.time);
	add_count(to, "engines", top->engines);
	add_double(to, "engines_busy", top->busy);
	add_count(to, "queues", top->queues);
	add_count(to, "queues_used", top->now.queues_used);
	add_count(to, "queues_not_shown", top_hidden_queues(top));
	add_double(to, "tlb_hit_rate", top_hit_rate(top));
	add_double(to, "tlb_lookups_per_s",
		   RATE(top, tlb_hits) + RATE(top, tlb_misses));
	add_double(to, "walks_per_s", RATE(top, walks));
	add_double(to, "entries_dropped_per_s", RATE(top, entries_dropped));
	add_double(to, "jobs_per_s", RATE(top, jobs));
	add_double(to, "read_bytes_per_s", RATE(top, bytes_read));
	add_double(to, "written_bytes_per_s", RATE(top, bytes_written));
	add_double(to, "faults_per_s", SUM(top, faults));
	add_double(to, "refused_per_s", SUM(top, refused));
	add_double(to, "shootdowns_per_s", SUM(top, shootdowns));
	add_count(to, "resident_kib", resident(top));
	for (unsigned int i = 0; i < top->now.nr; i++)
		json_object_array_add(rows, json_row(&top->now.rows[i]));
	json_object_object_add(to, "processes", rows);
	ctl_print_json(to);
}
