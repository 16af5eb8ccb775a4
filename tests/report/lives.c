// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From records to lives: which belong together, whether a step is missing, and
 * whether causes come before effects. A fault is (asid, queue, seq) on both
 * sides, a shootdown (asid, ticket). One device.
 */
#include <inttypes.h>
#include <string.h>

#include <linux/secmmu.h>

#include "report.h"

#define PAGE_MASK	(~4095ull)

static const struct record *at(const struct log *log, guint i)
{
	return g_ptr_array_index(log->records, i);
}

/* The first record from @i on that has the same @keys as @like. */
static const struct record *after(const struct log *log, guint i,
				  enum side side, const char *name,
				  const struct record *like,
				  const char *const *keys)
{
	for (; i < log->records->len; i++) {
		const struct record *r = at(log, i);
		bool same = record_is(r, side, name);

		for (const char *const *key = keys; same && *key; key++)
			same = record_need(r, *key) == record_need(like, *key);
		if (same)
			return r;
	}
	return NULL;
}

/*
 * Index of the first record that may be an effect of one at @t: a little before
 * it, since both clocks are one only up to the slack.
 */
static guint not_before(const struct log *log, int64_t t)
{
	guint i = 0;

	while (i < log->records->len && at(log, i)->t < t - log->slack)
		i++;
	return i;
}

static const char *const fault_keys[] = { "asid", "queue", "seq", NULL };
static const char *const ticket_keys[] = { "asid", "ticket", NULL };
static const char *const asid_keys[] = { "asid", NULL };
static const char *const queue_keys[] = { "asid", "queue", NULL };

static void find_fault(struct lives *lives, const struct log *log, guint i)
{
	struct fault *f = g_new0(struct fault, 1);
	const struct record *r = at(log, i), *release;

	f->raised = r;
	f->asid = record_need(r, "asid");
	f->queue = record_need(r, "queue");
	f->seq = record_need(r, "seq");
	f->va = record_need(r, "va");
	f->write = record_has(r, "write");
	for (guint j = i; j-- && !f->miss;) {
		const struct record *m = at(log, j);

		if (record_is(m, SIDE_DEVICE, "tlb_miss") &&
		    record_need(m, "queue") == f->queue &&
		    !((record_need(m, "va") ^ f->va) & PAGE_MASK))
			f->miss = m;
	}
	i = not_before(log, r->t);
	f->seen = after(log, i, SIDE_DRIVER, "fault", r, fault_keys);
	f->answered = after(log, i, SIDE_DRIVER, "response", r, fault_keys);
	f->told = after(log, i, SIDE_DEVICE, "response", r, fault_keys);
	f->resumed = f->told;
	f->code = "none";
	if (f->told) {
		f->code = record_has(f->told, "busy") ? "busy" :
			  record_has(f->told, "fail") ? "fail" : "retry";
		if (!strcmp(f->code, "busy")) {
			/* Both sides have to have said it. */
			release = after(log, not_before(log, f->answered ?
							f->answered->t : r->t),
					SIDE_DRIVER, "resume", r, asid_keys);
			f->resumed = release ?
				after(log, not_before(log, release->t),
				      SIDE_DEVICE, "resume", r, asid_keys) :
				NULL;
		}
	}
	g_ptr_array_add(lives->faults, f);
}

static void find_range(struct lives *lives, const struct log *log, guint i)
{
	struct range *g = g_new0(struct range, 1);
	const struct record *last = NULL;
	unsigned int inner = 0;

	g->begin = at(log, i);
	g->asid = record_need(g->begin, "asid");
	g->start = record_need(g->begin, "start");
	g->stop = record_need(g->begin, "end");
	/* Ranges of one task lie in each other; those of others do not count. */
	for (guint j = i + 1; j < log->records->len && !g->end; j++) {
		const struct record *r = at(log, j);

		if (r->side != SIDE_DRIVER ||
		    record_need(r, "asid") != g->asid)
			continue;
		if (!strcmp(r->name, "response") && record_has(r, "busy"))
			g->refused++;
		if (strcmp(r->task, g->begin->task))
			continue;
		if (!strcmp(r->name, "range") && record_has(r, "start")) {
			inner++;
		} else if (!strcmp(r->name, "range")) {
			if (!inner)
				g->end = r;
			else
				inner--;
		} else if (!strcmp(r->name, "zap") && !inner) {
			g->zap = r;
		} else if (!strcmp(r->name, "shootdown") && !inner) {
			if (!g->shootdown)
				g->shootdown = r;
			last = r;
		}
	}
	if (last) {
		g->begun = after(log, not_before(log, g->shootdown->t),
				 SIDE_DEVICE, "shootdown_begin", g->shootdown,
				 ticket_keys);
		g->done = after(log, not_before(log, last->t), SIDE_DEVICE,
				"shootdown_end", last, ticket_keys);
	}
	if (g->begun) {
		g->drained = after(log, not_before(log, g->begun->t),
				   SIDE_DEVICE, "drain", g->begun, asid_keys);
		if (g->drained)
			g->windows = record_need(g->drained, "windows");
	}
	if (g->done)
		g->dropped = record_need(g->done, "dropped");
	g_ptr_array_add(lives->ranges, g);
}

static void find_job(struct lives *lives, const struct log *log, guint i)
{
	struct job *job = g_new0(struct job, 1);

	job->start = at(log, i);
	job->asid = record_need(job->start, "asid");
	job->queue = record_need(job->start, "queue");
	job->opcode = record_need(job->start, "opcode");
	/* A queue does one job at a time. */
	job->end = after(log, i + 1, SIDE_DEVICE, "job_end", job->start,
			 queue_keys);
	g_ptr_array_add(lives->jobs, job);
}

static void find_acts(struct lives *lives, const struct log *log)
{
	struct act *act = NULL;

	for (guint i = 0; i < log->records->len; i++) {
		const struct record *r = at(log, i);

		if (r->side != SIDE_CPU)
			continue;
		if (g_str_has_prefix(r->text, "act ")) {
			act = g_new0(struct act, 1);
			act->name = r->text + strlen("act ");
			act->from = r->t;
			act->to = r->t;
			g_ptr_array_add(lives->acts, act);
		} else if (act && !strcmp(r->text, "end")) {
			act->to = r->t;
			act = NULL;
		}
	}
}

/*
 * One life: @steps in the order in which they must have come. What is missing or
 * out of order is counted, and told.
 */
static void judge(struct lives *lives, const struct log *log, const char *what,
		  uint64_t id, const struct record *const *steps, size_t nr)
{
	bool missing = false, late = false;

	for (size_t i = 0; i < nr; i++) {
		if (!steps[i])
			missing = true;
		else if (i && steps[i - 1] &&
			 steps[i]->t < steps[i - 1]->t - log->slack)
			late = true;
	}
	if (missing)
		fprintf(stderr, "a step is missing: %s %#" PRIx64 "\n", what, id);
	if (late)
		fprintf(stderr, "an effect before its cause: %s %#" PRIx64 "\n",
			what, id);
	lives->incomplete += missing;
	lives->disorder += late;
}

void lives_find(struct lives *lives, const struct log *log,
		struct moment *moment)
{
	*lives = (struct lives){
		.faults = g_ptr_array_new(), .ranges = g_ptr_array_new(),
		.jobs = g_ptr_array_new(), .acts = g_ptr_array_new(),
	};
	if (moment)
		g_ptr_array_add(lives->acts, &moment->act);
	else
		find_acts(lives, log);
	for (guint i = 0; i < log->records->len; i++) {
		const struct record *r = at(log, i);

		if (record_is(r, SIDE_DEVICE, "fault"))
			find_fault(lives, log, i);
		else if (record_is(r, SIDE_DEVICE, "job_start"))
			find_job(lives, log, i);
		else if (record_is(r, SIDE_DRIVER, "range") &&
			 record_has(r, "start"))
			find_range(lives, log, i);
	}
	if (moment)
		return;
	for (guint i = 0; i < lives->faults->len; i++) {
		const struct fault *f = g_ptr_array_index(lives->faults, i);
		const struct record *steps[] = {
			f->miss, f->raised, f->seen, f->answered, f->told,
			f->resumed,
		};

		judge(lives, log, "fault", f->seq, steps, G_N_ELEMENTS(steps));
	}
	for (guint i = 0; i < lives->ranges->len; i++) {
		const struct range *g = g_ptr_array_index(lives->ranges, i);
		const struct record *all[] = {
			g->begin, g->shootdown, g->begun, g->drained, g->done,
			g->end,
		};
		const struct record *bare[] = { g->begin, g->end };

		/* What was zapped has to be shot down before the end. */
		if (g->shootdown || g->zap)
			judge(lives, log, "range", g->start, all,
			      G_N_ELEMENTS(all));
		else
			judge(lives, log, "range", g->start, bare,
			      G_N_ELEMENTS(bare));
	}
}

unsigned int lives_act(const struct lives *lives, int64_t t)
{
	for (guint i = 0; i < lives->acts->len; i++) {
		const struct act *act = g_ptr_array_index(lives->acts, i);

		if (t >= act->from && t <= act->to)
			return i + 1;
	}
	return 0;
}

const char *job_name(uint64_t opcode)
{
	static const char *const names[] = {
		[SECMMU_OP_NOP] = "NOP", [SECMMU_OP_FILL] = "FILL",
		[SECMMU_OP_COPY] = "COPY", [SECMMU_OP_COMPARE] = "COMPARE",
		[SECMMU_OP_CRC32C] = "CRC32C", [SECMMU_OP_REDUCE] = "REDUCE",
		[SECMMU_OP_ATOMIC] = "ATOMIC",
		[SECMMU_OP_LIST_WALK] = "LIST_WALK",
		[SECMMU_OP_GATHER] = "GATHER", [SECMMU_OP_SCATTER] = "SCATTER",
		[SECMMU_OP_SAXPY] = "SAXPY", [SECMMU_OP_GEMM] = "GEMM",
	};

	return opcode < G_N_ELEMENTS(names) && names[opcode] ? names[opcode] :
	       "job";
}
