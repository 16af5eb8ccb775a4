// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * secmmuctl trace: what recorded events come to. Lives here: pairing what belongs
 * together, by the numbers that the events carry. Not here: where they come from
 * (trace.c).
 */
#include <stdlib.h>
#include <string.h>

#include <linux/secmmu_hw.h>

#include "trace.h"

#define VA_END	(1ull << SECMMU_VA_BITS)

/* What has begun and not ended. */
struct open_range {
	uint64_t ns, start, end;
	uint32_t asid;
	bool zapped;
};

struct open_shootdown {
	uint64_t ns;
	uint32_t asid, ticket;
};

/**
 * struct state - along the way
 * @fault: by queue, the fault that waits for its answer; type TRACE_NR: none.
 * @owner: by ASID, the index of the process plus one.
 * @queues: by ASID, how many are known to be open.
 * @left: by ASID, its last queue has gone: the next may be another process's.
 */
struct state {
	struct trace_sum *sum;
	struct trace_event fault[SECMMU_MAX_QUEUES];
	size_t owner[SECMMU_MAX_ASIDS];
	unsigned int queues[SECMMU_MAX_ASIDS];
	bool left[SECMMU_MAX_ASIDS];
	struct open_range *ranges;
	size_t nr_ranges;
	struct open_shootdown *shootdowns;
	size_t nr_shootdowns;
};

/* Room for one more, twice as much each time. */
static void *room(void *array, size_t nr, size_t size)
{
	if (nr & (nr - 1))
		return array;
	array = realloc(array, (nr ? 2 * nr : 1) * size);
	if (!array)
		die_of(CTL_FAILED, "out of memory");
	return array;
}

static void add_time(struct trace_times *times, uint64_t ns)
{
	times->ns = room(times->ns, times->nr, sizeof(*times->ns));
	times->ns[times->nr++] = ns;
}

static size_t add_process(struct trace_sum *sum, uint32_t asid, pid_t pid,
			  const char *command)
{
	struct trace_process *p;

	sum->processes = room(sum->processes, sum->nr_processes,
			      sizeof(*sum->processes));
	p = &sum->processes[sum->nr_processes];
	memset(p, 0, sizeof(*p));
	p->pid = pid;
	p->asid = asid;
	memcpy(p->command, command, sizeof(p->command));
	return ++sum->nr_processes;
}

static struct trace_process *process(struct state *s, uint32_t asid)
{
	if (!s->owner[asid])
		s->owner[asid] = add_process(s->sum, asid, 0, (char[16]){ "?" });
	return &s->sum->processes[s->owner[asid] - 1];
}

static void on_owner(struct state *s, const struct trace_event *ev)
{
	struct trace_process *p = process(s, ev->asid);

	if (p->pid == ev->pid && !p->guessed)
		return;
	s->left[ev->asid] = false;
	if (p->pid && !p->guessed) {
		s->owner[ev->asid] = add_process(s->sum, ev->asid, ev->pid,
						 ev->command);
		return;
	}
	p->pid = ev->pid;
	p->guessed = false;
	/* Of one that ended before its name was read, the guess is the better. */
	if (strcmp(ev->command, "?"))
		memcpy(p->command, ev->command, sizeof(p->command));
}

/*
 * An ASID is given to another when its last user has gone; what it still does
 * to its memory after its last queue is its own.
 */
static void on_queue(struct state *s, const struct trace_event *ev)
{
	if (!ev->begins) {
		if (s->queues[ev->asid] && !--s->queues[ev->asid])
			s->left[ev->asid] = true;
		return;
	}
	s->queues[ev->asid]++;
	if (!s->owner[ev->asid] || (s->left[ev->asid] &&
				    process(s, ev->asid)->pid != ev->pid)) {
		s->owner[ev->asid] = add_process(s->sum, ev->asid, ev->pid,
						 ev->command);
		process(s, ev->asid)->guessed = true;
	}
	s->left[ev->asid] = false;
}

static void on_fault(struct state *s, const struct trace_event *ev)
{
	struct trace_sum *sum = s->sum;
	struct trace_process *p = process(s, ev->asid);
	uint64_t va = ev->start & ~0xfffull;

	if (ev->value & SECMMU_FAULT_PRESENT)
		sum->protects++;
	else if (ev->value & SECMMU_FAULT_WRITE)
		sum->writes++;
	else
		sum->reads++;
	p->faults++;
	s->fault[ev->queue] = *ev;
	sum->pages = room(sum->pages, sum->nr_pages, sizeof(*sum->pages));
	sum->pages[sum->nr_pages++] = (struct trace_page){
		.va = va, .faults = 1, .process = p - sum->processes,
	};
}

static void on_response(struct state *s, const struct trace_event *ev)
{
	struct trace_event *fault = &s->fault[ev->queue];
	struct trace_sum *sum = s->sum;

	switch (ev->value) {
	case SECMMU_RESPONSE_RETRY: sum->retries++; break;
	case SECMMU_RESPONSE_FAIL: sum->failed++; break;
	case SECMMU_RESPONSE_BUSY:
		sum->refused++;
		process(s, ev->asid)->refused++;
	}
	if (fault->type == TRACE_fault && fault->id == ev->id &&
	    ev->value != SECMMU_RESPONSE_BUSY)
		add_time(&sum->fault_times, ev->ns - fault->ns);
	fault->type = TRACE_NR;
}

static void on_range(struct state *s, const struct trace_event *ev)
{
	uint64_t end = ev->end < VA_END ? ev->end : VA_END;
	size_t i;

	if (ev->begins) {
		process(s, ev->asid)->ranges++;
		s->ranges = room(s->ranges, s->nr_ranges, sizeof(*s->ranges));
		s->ranges[s->nr_ranges++] = (struct open_range){
			.ns = ev->ns, .asid = ev->asid, .start = ev->start,
			.end = end,
		};
		return;
	}
	/* The newest that fits: ranges of one thread nest. */
	for (i = s->nr_ranges; i--;) {
		struct open_range *r = &s->ranges[i];

		if (r->asid != ev->asid || r->start != ev->start ||
		    r->end != end)
			continue;
		add_time(r->zapped ? &s->sum->zap_times : &s->sum->other_times,
			 ev->ns - r->ns);
		*r = s->ranges[--s->nr_ranges];
		return;
	}
}

static void on_zap(struct state *s, const struct trace_event *ev)
{
	for (size_t i = s->nr_ranges; i--;)
		if (s->ranges[i].asid == ev->asid &&
		    s->ranges[i].start == ev->start &&
		    s->ranges[i].end == ev->end) {
			s->ranges[i].zapped = true;
			return;
		}
}

static void on_shootdown(struct state *s, const struct trace_event *ev)
{
	process(s, ev->asid)->shootdowns++;
	s->shootdowns = room(s->shootdowns, s->nr_shootdowns,
			     sizeof(*s->shootdowns));
	s->shootdowns[s->nr_shootdowns++] = (struct open_shootdown){
		.ns = ev->ns, .asid = ev->asid, .ticket = ev->id,
	};
}

/* Tickets are a count; what was posted before is over too. */
static void on_drained(struct state *s, const struct trace_event *ev)
{
	for (size_t i = 0; i < s->nr_shootdowns;) {
		struct open_shootdown *shot = &s->shootdowns[i];

		if (shot->asid == ev->asid &&
		    (int32_t)(ev->id - shot->ticket) >= 0) {
			add_time(&s->sum->drain_times, ev->ns - shot->ns);
			*shot = s->shootdowns[--s->nr_shootdowns];
		} else {
			i++;
		}
	}
}

static void take(struct state *s, const struct trace_event *ev)
{
	s->sum->count[ev->type]++;
	if (ev->asid >= SECMMU_MAX_ASIDS || ev->queue >= SECMMU_MAX_QUEUES)
		return;
	switch (ev->type) {
	case TRACE_owner: on_owner(s, ev); break;
	case TRACE_queue: on_queue(s, ev); break;
	case TRACE_fault: on_fault(s, ev); break;
	case TRACE_response: on_response(s, ev); break;
	case TRACE_map: s->sum->mapped += ev->value; break;
	case TRACE_range: on_range(s, ev); break;
	case TRACE_zap: on_zap(s, ev); break;
	case TRACE_shootdown: on_shootdown(s, ev); break;
	case TRACE_drained: on_drained(s, ev); break;
	default: break;
	}
}

static int by_time(const void *a, const void *b)
{
	const struct trace_event *x = a, *y = b;

	return x->ns < y->ns ? -1 : x->ns > y->ns;
}

static int by_ns(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int by_page(const void *a, const void *b)
{
	const struct trace_page *x = a, *y = b;

	if (x->process != y->process)
		return x->process < y->process ? -1 : 1;
	return x->va < y->va ? -1 : x->va > y->va;
}

static int by_faults(const void *a, const void *b)
{
	const struct trace_page *x = a, *y = b;

	return x->faults > y->faults ? -1 : x->faults < y->faults;
}

static int by_process(const void *a, const void *b)
{
	const struct trace_process *x = a, *y = b;

	return x->faults > y->faults ? -1 : x->faults < y->faults;
}

static void sort(void *array, size_t nr, size_t size,
		 int (*order)(const void *, const void *))
{
	if (nr)
		qsort(array, nr, size, order);
}

/* One entry a page, most faults first. */
static void sum_pages(struct trace_sum *sum)
{
	size_t kept = 0;

	sort(sum->pages, sum->nr_pages, sizeof(*sum->pages), by_page);
	for (size_t i = 0; i < sum->nr_pages; i++) {
		if (kept && !by_page(&sum->pages[kept - 1], &sum->pages[i]))
			sum->pages[kept - 1].faults++;
		else
			sum->pages[kept++] = sum->pages[i];
	}
	sum->nr_pages = kept;
	sort(sum->pages, kept, sizeof(*sum->pages), by_faults);
}

/* The pages' processes are told by index, so those are sorted with care. */
static void sort_processes(struct trace_sum *sum)
{
	struct trace_process *old = sum->processes;
	size_t n = sum->nr_processes;

	if (!n)
		return;
	sum->processes = malloc(n * sizeof(*old));
	if (!sum->processes)
		die_of(CTL_FAILED, "out of memory");
	memcpy(sum->processes, old, n * sizeof(*old));
	sort(sum->processes, n, sizeof(*old), by_process);
	for (size_t i = 0; i < sum->nr_pages; i++)
		for (size_t j = 0; j < n; j++)
			if (!memcmp(&sum->processes[j],
				    &old[sum->pages[i].process],
				    sizeof(*old))) {
				sum->pages[i].process = j;
				break;
			}
	free(old);
}

void trace_sum(struct trace_sum *sum, struct trace_event *events, size_t nr)
{
	struct trace_times *times[] = { &sum->fault_times, &sum->zap_times,
					&sum->other_times, &sum->drain_times };
	struct state *s = calloc(1, sizeof(*s));

	if (!s)
		die_of(CTL_FAILED, "out of memory");
	s->sum = sum;
	for (size_t i = 0; i < SECMMU_MAX_QUEUES; i++)
		s->fault[i].type = TRACE_NR;
	sort(events, nr, sizeof(*events), by_time);
	for (size_t i = 0; i < nr; i++)
		take(s, &events[i]);
	sum->events = nr - sum->count[TRACE_owner];
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		sort(times[i]->ns, times[i]->nr, sizeof(*times[i]->ns), by_ns);
	sum_pages(sum);
	sort_processes(sum);
	free(s->ranges);
	free(s->shootdowns);
	free(s);
}

uint64_t trace_percentile(const struct trace_times *times, unsigned int percent)
{
	return times->nr ? times->ns[(times->nr - 1) * percent / 100] : 0;
}

void trace_sum_free(struct trace_sum *sum)
{
	free(sum->fault_times.ns);
	free(sum->zap_times.ns);
	free(sum->other_times.ns);
	free(sum->drain_times.ns);
	free(sum->processes);
	free(sum->pages);
}
