// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The same records and lives in the Trace Event Format that chrome://tracing and
 * ui.perfetto.dev read: times in microseconds, a process for each lane. Arguments
 * that end in _ns are nanoseconds from the first record on.
 */
#include <inttypes.h>
#include <string.h>

#include "report.h"

/* Threads of the lane of lives, from which on: one for each queue, or slot. */
#define THREAD_FAULTS	1
#define THREAD_RANGES	1001
#define RANGE_SLOTS	16
#define THREAD_OFF	2001	/* of the engines' lane: queues that stop */

enum lane { LANE_CPU = 1, LANE_DRIVER, LANE_TLB, LANE_ENGINES, LANE_LIVES };

static const char *const lanes[] = {
	[LANE_CPU] = "CPU", [LANE_DRIVER] = "driver",
	[LANE_TLB] = "TLB and walker", [LANE_ENGINES] = "engines (by queue)",
	[LANE_LIVES] = "lives",
};

static int64_t origin, last;	/* of the records */
static const char *comma;

static void string(FILE *out, const char *s)
{
	fputc('"', out);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if ((unsigned char)*s < 0x20 || (unsigned char)*s > 0x7e)
			fprintf(out, "\\u%04x", (unsigned char)*s);
		else
			fputc(*s, out);
	}
	fputc('"', out);
}

static void begin(FILE *out, const char *phase, const char *name,
		  enum lane lane, int thread, int64_t t)
{
	fprintf(out, "%s\n{\"ph\":\"%s\",\"pid\":%d,\"tid\":%d,\"ts\":%.3f,\"name\":",
		comma, phase, lane, thread, (t - origin) / 1e3);
	comma = ",";
	string(out, name);
}

static enum lane lane_of(const struct record *r)
{
	if (r->side == SIDE_CPU)
		return LANE_CPU;
	if (r->side == SIDE_DRIVER)
		return LANE_DRIVER;
	if (g_str_has_prefix(r->name, "tlb") ||
	    g_str_has_prefix(r->name, "shootdown") ||
	    !strcmp(r->name, "walk") || !strcmp(r->name, "drain"))
		return LANE_TLB;
	return LANE_ENGINES;
}

static int thread_of(const struct record *r)
{
	uint64_t queue;

	if (r->cpu >= 0)
		return r->cpu;
	/* A reset tells so of each queue that there is, also of those unused. */
	if (!strcmp(r->name, "queue") && strstr(r->text, "state=off"))
		return THREAD_OFF;
	return lane_of(r) == LANE_ENGINES && record_field(r, "queue", &queue) ?
	       (int)queue : 0;
}

static void instant(FILE *out, const struct record *r)
{
	begin(out, "i", r->side == SIDE_CPU ? r->text : r->name, lane_of(r),
	      thread_of(r), r->t);
	fputs(",\"s\":\"t\",\"args\":{\"task\":", out);
	string(out, r->task);
	fputs(",\"fields\":", out);
	string(out, r->text);
	fputs("}}", out);
}

/* @to: NULL for what does not end in these records. */
static void span(FILE *out, const char *category, const char *name,
		 enum lane lane, int thread, const struct record *from,
		 const struct record *to)
{
	int64_t end = to ? to->t : last;

	begin(out, "X", name, lane, thread, from->t);
	fprintf(out, ",\"cat\":\"%s\",\"dur\":%.3f", category,
		MAX(end - from->t, 0) / 1e3);
}

/* A step of a life; null if it is missing. */
static void step(FILE *out, const char *name, const struct record *r)
{
	if (r)
		fprintf(out, ",\"%s_ns\":%" PRId64, name, r->t - origin);
	else
		fprintf(out, ",\"%s_ns\":null", name);
}

/* An arrow from a record to another. */
static void flow(FILE *out, const char *name, const struct record *from,
		 const struct record *to)
{
	static unsigned int id;

	if (!from || !to)
		return;
	begin(out, "s", name, lane_of(from), thread_of(from), from->t);
	fprintf(out, ",\"cat\":\"flow\",\"id\":%u}", ++id);
	begin(out, "f", name, lane_of(to), thread_of(to), to->t);
	fprintf(out, ",\"cat\":\"flow\",\"bp\":\"e\",\"id\":%u}", id);
}

static void fault_write(FILE *out, const struct lives *lives,
			const struct fault *f)
{
	char name[64];

	snprintf(name, sizeof(name), "fault %" PRIu64 " %s", f->seq, f->code);
	/* A queue has one at a time. */
	span(out, "fault", name, LANE_LIVES, THREAD_FAULTS + (int)f->queue,
	     f->miss ? f->miss : f->raised, f->resumed);
	fprintf(out, ",\"args\":{\"asid\":%" PRIu64 ",\"queue\":%" PRIu64
		",\"seq\":%" PRIu64 ",\"act\":%u,\"answer\":\"%s\"", f->asid,
		f->queue, f->seq, lives_act(lives, f->raised->t), f->code);
	step(out, "miss", f->miss);
	step(out, "raised", f->raised);
	step(out, "seen", f->seen);
	step(out, "answered", f->answered);
	step(out, "told", f->told);
	step(out, "resumed", f->resumed);
	fputs("}}", out);
	flow(out, "event", f->raised, f->seen);
	flow(out, "response", f->answered, f->told);
}

/*
 * Ranges overlap in any way, and what a viewer shows in one line must not: each
 * goes into the first slot that is free again.
 */
static int range_slot(const struct range *g)
{
	static int64_t busy[RANGE_SLOTS];
	int slot = 0;

	while (slot < RANGE_SLOTS - 1 && busy[slot] > g->begin->t)
		slot++;
	busy[slot] = g->end ? g->end->t : last;
	return slot;
}

static void range_write(FILE *out, const struct lives *lives,
			const struct range *g)
{
	char name[80];

	snprintf(name, sizeof(name), "range %#" PRIx64 "-%#" PRIx64, g->start,
		 g->stop);
	span(out, "range", name, LANE_LIVES, THREAD_RANGES + range_slot(g),
	     g->begin, g->end);
	fprintf(out, ",\"args\":{\"asid\":%" PRIu64 ",\"act\":%u,\"refused\":%u"
		",\"windows\":%" PRIu64 ",\"dropped\":%" PRIu64 ",\"bare\":%s",
		g->asid, lives_act(lives, g->begin->t), g->refused, g->windows,
		g->dropped, range_is_bare(g) ? "true" : "false");
	step(out, "start", g->begin);
	if (g->shootdown) {
		step(out, "shootdown", g->shootdown);
		step(out, "begun", g->begun);
		step(out, "drained", g->drained);
		step(out, "done", g->done);
	}
	step(out, "end", g->end);
	fputs("}}", out);
	flow(out, "shootdown", g->shootdown, g->begun);
}

/* Each thread of a lane has a name, told once. */
static void thread_name(FILE *out, GHashTable *named, enum lane lane, int thread,
			const char *what, int number)
{
	gpointer key = GINT_TO_POINTER(lane << 16 | thread);

	if (!g_hash_table_add(named, key))
		return;
	begin(out, "M", "thread_name", lane, thread, origin);
	if (number < 0)
		fprintf(out, ",\"args\":{\"name\":\"%s\"}}", what);
	else
		fprintf(out, ",\"args\":{\"name\":\"%s %d\"}}", what, number);
}

static void thread_names(FILE *out, const struct log *log,
			 const struct lives *lives)
{
	GHashTable *named = g_hash_table_new(NULL, NULL);

	for (guint i = 0; i < log->records->len; i++) {
		const struct record *r = g_ptr_array_index(log->records, i);
		enum lane lane = lane_of(r);
		int thread = thread_of(r);

		if (lane == LANE_ENGINES && thread == THREAD_OFF)
			thread_name(out, named, lane, thread, "queues that stop",
				    -1);
		else if (lane == LANE_ENGINES)
			thread_name(out, named, lane, thread, "queue", thread);
		else if (lane == LANE_TLB)
			thread_name(out, named, lane, thread, "all queues", -1);
		else
			thread_name(out, named, lane, thread, "CPU", thread);
	}
	for (guint i = 0; i < lives->faults->len; i++) {
		const struct fault *f = g_ptr_array_index(lives->faults, i);

		thread_name(out, named, LANE_LIVES,
			    THREAD_FAULTS + (int)f->queue, "faults of queue",
			    (int)f->queue);
	}
	for (int i = 0; i < RANGE_SLOTS; i++)
		thread_name(out, named, LANE_LIVES, THREAD_RANGES + i, "ranges",
			    i);
	thread_name(out, named, LANE_LIVES, 0, "acts", -1);
	g_hash_table_destroy(named);
}

void perfetto_write(FILE *out, const struct log *log, const struct lives *lives)
{
	const struct record *first = g_ptr_array_index(log->records, 0);
	const struct record *final = g_ptr_array_index(log->records,
						       log->records->len - 1);

	origin = first->t;
	last = final->t;
	comma = "";
	fprintf(out, "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"clock_pairs\":%u"
		",\"slack_ns\":%" PRId64 ",\"incomplete\":%u,\"out_of_order\":%u},"
		"\"traceEvents\":[", log->pairs, log->slack, lives->incomplete,
		lives->disorder);
	for (int lane = LANE_CPU; lane <= LANE_LIVES; lane++) {
		begin(out, "M", "process_name", lane, 0, origin);
		fprintf(out, ",\"args\":{\"name\":\"%s\"}}", lanes[lane]);
		begin(out, "M", "process_sort_index", lane, 0, origin);
		fprintf(out, ",\"args\":{\"sort_index\":%d}}", lane);
	}
	thread_names(out, log, lives);
	for (guint i = 0; i < log->records->len; i++)
		instant(out, g_ptr_array_index(log->records, i));
	for (guint i = 0; i < lives->acts->len; i++) {
		const struct act *act = g_ptr_array_index(lives->acts, i);

		begin(out, "X", act->name, LANE_LIVES, 0, act->from);
		fprintf(out, ",\"cat\":\"act\",\"dur\":%.3f}",
			(act->to - act->from) / 1e3);
	}
	for (guint i = 0; i < lives->jobs->len; i++) {
		const struct job *job = g_ptr_array_index(lives->jobs, i);

		span(out, "job", job_name(job->opcode), LANE_ENGINES,
		     job->queue, job->start, job->end);
		fputs("}", out);
	}
	for (guint i = 0; i < lives->faults->len; i++)
		fault_write(out, lives, g_ptr_array_index(lives->faults, i));
	for (guint i = 0; i < lives->ranges->len; i++)
		range_write(out, lives, g_ptr_array_index(lives->ranges, i));
	fputs("\n]}\n", out);
}
