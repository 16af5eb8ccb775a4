// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * secmmuctl trace: printing the sums, for people and for programs.
 */
#include <stdio.h>

#include <json-c/json.h>

#include "trace.h"

/* So many processes and pages are shown. */
#define TOP	8

static const unsigned int percents[] = { 50, 90, 99, 100 };

#define NR_PERCENTS	(sizeof(percents) / sizeof(percents[0]))

static void text_times(const char *name, const struct trace_times *times)
{
	printf("  %-22s", name);
	if (!times->nr)
		printf(" none");
	for (size_t i = 0; times->nr && i < NR_PERCENTS; i++) {
		double us = trace_percentile(times, percents[i]) / 1e3;

		if (percents[i] == 100)
			printf("  most %.1f us", us);
		else
			printf("  %u%% %.1f us", percents[i], us);
	}
	putchar('\n');
}

static unsigned long long number(uint64_t value)
{
	return value;
}

void trace_text(const struct trace_sum *sum)
{
	printf("%.2f s, %llu events, %llu lost\n\n", sum->seconds,
	       number(sum->events), number(sum->lost));
	printf("Faults      %llu: %llu reads, %llu writes, %llu writes to what is read-only\n",
	       number(sum->count[TRACE_fault]), number(sum->reads),
	       number(sum->writes), number(sum->protects));
	printf("  %-22s retry %llu, refused %llu, fail %llu\n", "answers",
	       number(sum->retries), number(sum->refused),
	       number(sum->failed));
	text_times("fault to answer", &sum->fault_times);
	printf("  %-22s %llu pages; %llu refills, %llu drop-ins\n", "mapped",
	       number(sum->mapped), number(sum->count[TRACE_refill]),
	       number(sum->count[TRACE_dropin]));
	printf("Ranges      %zu: %zu had something mapped\n",
	       sum->zap_times.nr + sum->other_times.nr, sum->zap_times.nr);
	text_times("with something", &sum->zap_times);
	text_times("with nothing", &sum->other_times);
	printf("Shootdowns  %llu\n", number(sum->count[TRACE_shootdown]));
	text_times("doorbell to drained", &sum->drain_times);
	printf("Besides     %llu resumes, %llu waits, %llu completions, %llu ageings\n",
	       number(sum->count[TRACE_resume]), number(sum->count[TRACE_wait]),
	       number(sum->count[TRACE_complete]),
	       number(sum->count[TRACE_age]));
	if (sum->nr_processes)
		printf("\n%8s %-16s %5s %8s %8s %8s %10s\n", "PID", "COMMAND",
		       "ASID", "FAULTS", "REFUSED", "RANGES", "SHOOTDOWNS");
	for (size_t i = 0; i < sum->nr_processes && i < TOP; i++) {
		const struct trace_process *p = &sum->processes[i];

		printf("%8d %-16s %5u %8llu %8llu %8llu %10llu\n", p->pid,
		       p->command, p->asid, number(p->faults),
		       number(p->refused), number(p->ranges),
		       number(p->shootdowns));
	}
	if (sum->nr_pages)
		printf("\n%18s %8s  %s\n", "PAGE", "FAULTS", "OF");
	for (size_t i = 0; i < sum->nr_pages && i < TOP; i++)
		printf("%#18llx %8llu  %s\n", number(sum->pages[i].va),
		       number(sum->pages[i].faults),
		       sum->processes[sum->pages[i].process].command);
}

static void add(json_object *to, const char *name, uint64_t value)
{
	json_object_object_add(to, name, json_object_new_int64(value));
}

static void json_times(json_object *to, const char *name,
		       const struct trace_times *times)
{
	json_object *all = json_object_new_object();
	char key[16];

	add(all, "count", times->nr);
	for (size_t i = 0; i < NR_PERCENTS; i++) {
		snprintf(key, sizeof(key), "p%u", percents[i]);
		add(all, key, trace_percentile(times, percents[i]));
	}
	json_object_object_add(to, name, all);
}

void trace_json(const struct trace_sum *sum)
{
	static const char *const names[] = {
#define T(name) #name,
		TRACE_TYPES(T)
#undef T
	};
	json_object *to = json_object_new_object();
	json_object *count = json_object_new_object();
	json_object *processes = json_object_new_array();
	json_object *pages = json_object_new_array();
	char text[32];

	snprintf(text, sizeof(text), "%.3f", sum->seconds);
	json_object_object_add(to, "seconds",
			       json_object_new_double_s(sum->seconds, text));
	add(to, "events", sum->events);
	add(to, "lost", sum->lost);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		add(count, names[i], sum->count[i]);
	json_object_object_add(to, "count", count);
	add(to, "faults_read", sum->reads);
	add(to, "faults_write", sum->writes);
	add(to, "faults_protect", sum->protects);
	add(to, "retries", sum->retries);
	add(to, "refused", sum->refused);
	add(to, "failed", sum->failed);
	add(to, "pages_mapped", sum->mapped);
	json_times(to, "fault_ns", &sum->fault_times);
	json_times(to, "range_zapped_ns", &sum->zap_times);
	json_times(to, "range_other_ns", &sum->other_times);
	json_times(to, "shootdown_ns", &sum->drain_times);
	for (size_t i = 0; i < sum->nr_processes; i++) {
		const struct trace_process *p = &sum->processes[i];
		json_object *one = json_object_new_object();

		add(one, "pid", p->pid);
		json_object_object_add(one, "command",
				       json_object_new_string(p->command));
		add(one, "asid", p->asid);
		add(one, "faults", p->faults);
		add(one, "refused", p->refused);
		add(one, "ranges", p->ranges);
		add(one, "shootdowns", p->shootdowns);
		json_object_array_add(processes, one);
	}
	json_object_object_add(to, "processes", processes);
	for (size_t i = 0; i < sum->nr_pages && i < TOP; i++) {
		json_object *one = json_object_new_object();

		add(one, "page", sum->pages[i].va);
		add(one, "faults", sum->pages[i].faults);
		add(one, "pid", sum->processes[sum->pages[i].process].pid);
		json_object_array_add(pages, one);
	}
	json_object_object_add(to, "pages", pages);
	ctl_print_json(to);
}
