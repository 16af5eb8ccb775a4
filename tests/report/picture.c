// SPDX-License-Identifier: GPL-2.0-or-later
/* See picture.h. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "picture.h"

#define LEFT	150.0	/* of the time axis */
#define RIGHT	1230.0
#define TOP	22	/* above it: the numbers */
#define ROW	24
#define BAR	14
#define TICK	110.0	/* from number to number, at least */
#define LETTER	6.2	/* width of one in a bar */

/* Rows; each queue has one more. */
enum row {
	ROW_MARKS, ROW_MARKS_2, ROW_FAULTS, ROW_RANGES, ROW_RANGES_2, ROW_STEPS,
	ROW_LOOKUPS, ROW_SHOOTDOWNS, ROW_QUEUES,
};

static const struct {
	const char *lane, *row;
} rows[] = {
	[ROW_MARKS] = { "CPU", "the program" },
	[ROW_MARKS_2] = { NULL, "" },
	[ROW_FAULTS] = { "driver", "faults" },
	[ROW_RANGES] = { NULL, "ranges" },
	[ROW_RANGES_2] = { NULL, "" },
	[ROW_STEPS] = { NULL, "steps" },
	[ROW_LOOKUPS] = { "TLB, walker", "lookups" },
	[ROW_SHOOTDOWNS] = { NULL, "shootdowns" },
	[ROW_QUEUES] = { "engines", NULL },
};

/* The act that is being drawn. */
static FILE *out;
static const struct act *act;
static GArray *times;		/* of its records: int64_t */
static GArray *places;		/* where they are: double */
static GArray *queues;		/* that have something to show: uint64_t */
static GHashTable *life_of;	/* record -> the name of its life */

void picture_text(FILE *to, const char *before, const char *text,
		  const char *behind)
{
	char *escaped = g_markup_escape_text(text, -1);

	fprintf(to, "%s%s%s", before, escaped, behind);
	g_free(escaped);
}

static bool inside(const struct record *r)
{
	return r && r->t >= act->from && r->t <= act->to;
}

static void place_all(const struct log *log)
{
	double sum = 0, *place;

	for (guint i = 0; i < log->records->len; i++) {
		const struct record *r = g_ptr_array_index(log->records, i);
		int64_t last;

		if (!inside(r))
			continue;
		if (times->len) {
			last = g_array_index(times, int64_t, times->len - 1);
			sum += log2(1 + (r->t - last) / 1e3);
		}
		g_array_append_val(times, r->t);
		g_array_append_val(places, sum);
	}
	place = (double *)places->data;
	for (guint i = 0; i < places->len; i++)
		place[i] = LEFT + place[i] / MAX(sum, 1) * (RIGHT - LEFT);
}

/* What lies outside the act is put at its edge. */
static double x_of(int64_t t)
{
	guint low = 0, high = times->len - 1;

	while (low < high) {
		guint middle = (low + high) / 2;

		if (g_array_index(times, int64_t, middle) < t)
			low = middle + 1;
		else
			high = middle;
	}
	return g_array_index(places, double, low);
}

static double y_of(int row)
{
	return TOP + row * ROW;
}

static int queue_row(uint64_t queue)
{
	for (guint i = 0; i < queues->len; i++)
		if (g_array_index(queues, uint64_t, i) == queue)
			return ROW_QUEUES + i;
	g_array_append_val(queues, queue);
	return ROW_QUEUES + queues->len - 1;
}

static double since(int64_t t)
{
	return (t - act->from) / 1e3;
}

static void life_attribute(const char *life)
{
	if (life)
		fprintf(out, " data-l=\"%s\"", life);
}

static void frame(void)
{
	int nr = ROW_QUEUES + queues->len, lane = 0;
	double next = LEFT;

	/* In a narrow window the picture is pushed sideways, and not the page. */
	fprintf(out, "<div class=\"wide\"><svg width=\"1240\" height=\"%d\" "
		"role=\"img\"", TOP + nr * ROW + 6);
	picture_text(out, " aria-label=\"", act->name, "\">\n");
	for (int row = 0; row < nr; row++) {
		const char *name = row <= ROW_QUEUES ? rows[row].lane : NULL;

		if (name)
			lane++;
		if (lane & 1)
			fprintf(out, "<rect class=\"lane\" x=\"0\" y=\"%.0f\" "
				"width=\"1240\" height=\"%d\"/>", y_of(row),
				ROW);
		if (name)
			fprintf(out, "<text class=\"name\" x=\"6\" y=\"%.0f\">%s"
				"</text>", y_of(row) + 16, name);
		if (row < ROW_QUEUES)
			fprintf(out, "<text class=\"row\" x=\"86\" y=\"%.0f\">%s"
				"</text>\n", y_of(row) + 16, rows[row].row);
		else
			fprintf(out, "<text class=\"row\" x=\"86\" y=\"%.0f\">"
				"queue %" PRIu64 "</text>\n", y_of(row) + 16,
				g_array_index(queues, uint64_t,
					      row - ROW_QUEUES));
	}
	for (guint i = 0; i < times->len; i++) {
		double x = g_array_index(places, double, i);

		if (x < next || x > RIGHT - 60)
			continue;
		fprintf(out, "<path class=\"grid\" d=\"M%.1f %d V%.0f\"/>"
			"<text class=\"tick\" x=\"%.1f\" y=\"14\">%.1f</text>\n",
			x, TOP - 4, y_of(nr), x + 2,
			since(g_array_index(times, int64_t, i)));
		next = x + TICK;
	}
}

/* Does what is between them reach into the act? @to: NULL for what goes on. */
static bool reaches(const struct record *from, const struct record *to)
{
	return from->t <= act->to && (!to || to->t >= act->from);
}

/*
 * @to: NULL for what does not end in these records: drawn up to the act's edge.
 * @room: where the next thing is drawn over it, for the label; or NULL.
 */
static void span(int row, const char *class, const char *life,
		 const char *label, const struct record *from,
		 const struct record *to, const struct record *room,
		 const char *details)
{
	double x = x_of(from->t);
	double width = MAX((to ? x_of(to->t) : RIGHT) - x, 3);

	fprintf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" "
		"height=\"%d\"", class, x, y_of(row) + 5, width, BAR);
	life_attribute(life);
	fprintf(out, " data-d=\"%s&#10;", label);
	if (to)
		fprintf(out, "%.1f us, from %.1f to %.1f&#10;",
			(to->t - from->t) / 1e3, since(from->t), since(to->t));
	else
		fprintf(out, "from %.1f on&#10;", since(from->t));
	picture_text(out, "", details, "\"/>");
	if (room)
		width = MIN(width, x_of(room->t) - x);
	if (strlen(label) * LETTER < width - 4)
		fprintf(out, "<text class=\"in\" x=\"%.1f\" y=\"%.0f\">%s</text>",
			x + 4, y_of(row) + 16, label);
	fputc('\n', out);
}

static void arrow(const char *life, int from_row, const struct record *from,
		  int to_row, const struct record *to)
{
	if (!inside(from) || !inside(to))
		return;
	fprintf(out, "<path class=\"arrow\" d=\"M%.1f %.0f L%.1f %.0f\"",
		x_of(from->t), y_of(from_row) + 12, x_of(to->t),
		y_of(to_row) + 12);
	life_attribute(life);
	fputs("/>\n", out);
}

static void draw_marks(const struct log *log)
{
	double busy[2] = { 0, 0 };

	for (guint i = 0; i < log->records->len; i++) {
		const struct record *r = g_ptr_array_index(log->records, i);
		const char *text;
		double x, width;
		int line;

		if (r->side != SIDE_CPU || !inside(r))
			continue;
		text = r->t == act->from && g_str_has_prefix(r->text, "act ") ?
		       "begins" : r->text;
		x = x_of(r->t);
		width = strlen(text) * LETTER + 8;
		/* Under each other if there is no room; leftwards at the end. */
		if (x + width > RIGHT + 10)
			x -= width;
		line = x < busy[0] && busy[1] < busy[0];
		busy[line] = x + width;
		fprintf(out, "<rect class=\"mark\" x=\"%.1f\" y=\"%.0f\" "
			"width=\"2\" height=\"%d\" data-d=\"", x_of(r->t),
			y_of(line) + 5, BAR);
		picture_text(out, "", r->text, "&#10;");
		fprintf(out, "at %.1f us&#10;CPU %d, %s\"/>", since(r->t), r->cpu,
			r->task);
		fprintf(out, "<text class=\"say\" x=\"%.1f\" y=\"%.0f\">",
			x + 5, y_of(line) + 16);
		picture_text(out, "", text, "</text>\n");
	}
}

/* The rest of the records: a short stroke each, where and in what color. */
static const struct {
	enum side side;
	const char *name, *class;
	enum row row;
} strokes[] = {
	{ SIDE_DRIVER, "map", "map", ROW_STEPS },
	{ SIDE_DRIVER, "refill", "map", ROW_STEPS },
	{ SIDE_DRIVER, "dropin", "map", ROW_STEPS },
	{ SIDE_DRIVER, "zap", "drop", ROW_STEPS },
	{ SIDE_DRIVER, "shootdown", "shoot", ROW_STEPS },
	{ SIDE_DRIVER, "resume", "refuse", ROW_STEPS },
	{ SIDE_DRIVER, "age", "mark", ROW_STEPS },
	{ SIDE_DRIVER, "wait", "mark", ROW_STEPS },
	{ SIDE_DRIVER, "complete", "mark", ROW_STEPS },
	{ SIDE_DEVICE, "tlb_miss", "miss", ROW_LOOKUPS },
	{ SIDE_DEVICE, "walk", "fill", ROW_LOOKUPS },
	{ SIDE_DEVICE, "tlb_fill", "fill", ROW_LOOKUPS },
	{ SIDE_DEVICE, "tlb_drop", "drop", ROW_SHOOTDOWNS },
	{ SIDE_DEVICE, "drain", "drain", ROW_SHOOTDOWNS },
	{ SIDE_DEVICE, "audit", "wrong", ROW_LOOKUPS },
	{ SIDE_DEVICE, "doorbell", "mark", ROW_QUEUES },
	{ SIDE_DEVICE, "event", "mark", ROW_QUEUES },
};

static void draw_strokes(const struct log *log)
{
	for (guint i = 0; i < log->records->len; i++) {
		const struct record *r = g_ptr_array_index(log->records, i);
		size_t k = 0;
		uint64_t queue;
		int row;

		while (k < G_N_ELEMENTS(strokes) &&
		       !record_is(r, strokes[k].side, strokes[k].name))
			k++;
		if (k == G_N_ELEMENTS(strokes) || !inside(r))
			continue;
		row = strokes[k].row;
		if (row == ROW_QUEUES)
			row = queue_row(record_field(r, "queue", &queue) ?
					queue : 0);
		/* Under a queue's bars, so as not to be on their labels. */
		fprintf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.0f\" "
			"width=\"3\" height=\"%d\"", strokes[k].class,
			x_of(r->t), y_of(row) + (row < ROW_QUEUES ? 5 : 19),
			row < ROW_QUEUES ? BAR : 5);
		life_attribute(g_hash_table_lookup(life_of, r));
		fprintf(out, " data-d=\"%s&#10;at %.1f us&#10;%s&#10;", r->name,
			since(r->t), r->task);
		picture_text(out, "", r->text, "\"/>\n");
	}
}

static void draw_jobs(const struct lives *lives)
{
	for (guint i = 0; i < lives->jobs->len; i++) {
		const struct job *job = g_ptr_array_index(lives->jobs, i);

		const struct fault *first = NULL;

		if (!reaches(job->start, job->end))
			continue;
		for (guint j = 0; j < lives->faults->len && !first; j++) {
			first = g_ptr_array_index(lives->faults, j);
			if (first->queue != job->queue ||
			    first->raised->t < job->start->t)
				first = NULL;
		}
		span(queue_row(job->queue), "job", NULL, job_name(job->opcode),
		     job->start, job->end, first ? first->raised : NULL,
		     (job->end ? job->end : job->start)->text);
	}
}

static void draw_faults(const struct lives *lives)
{
	for (guint i = 0; i < lives->faults->len; i++) {
		const struct fault *f = g_ptr_array_index(lives->faults, i);
		int queue = queue_row(f->queue);
		char life[64], label[64];

		if (!inside(f->raised))
			continue;
		snprintf(life, sizeof(life), "f%" PRIu64 "-%" PRIu64 "-%" PRIu64,
			 f->asid, f->queue, f->seq);
		if (f->miss)
			g_hash_table_insert(life_of, (gpointer)f->miss,
					    g_strdup(life));
		snprintf(label, sizeof(label), "waits for fault %" PRIu64, f->seq);
		span(queue, "wait", life, label, f->raised, f->told,
		     NULL, f->raised->text);
		if (f->told && f->resumed != f->told)
			span(queue, "refuse", life, "refused", f->told,
			     f->resumed, NULL, f->told->text);
		if (!f->seen)
			continue;
		snprintf(label, sizeof(label), "%" PRIu64 ": %s", f->seq, f->code);
		span(ROW_FAULTS, "fault", life, label, f->seen, f->answered,
		     NULL, f->seen->text);
		arrow(life, queue, f->raised, ROW_FAULTS, f->seen);
		arrow(life, ROW_FAULTS, f->answered, queue, f->told);
	}
}

static void draw_ranges(const struct lives *lives)
{
	int64_t busy = 0;

	for (guint i = 0; i < lives->ranges->len; i++) {
		const struct range *g = g_ptr_array_index(lives->ranges, i);
		char life[32], details[160];
		int row = ROW_RANGES;

		if (!reaches(g->begin, g->end))
			continue;
		if (g->begin->t < busy)
			row = ROW_RANGES_2;
		busy = MAX(busy, g->end ? g->end->t : act->to);
		snprintf(life, sizeof(life), "r%u", i);
		snprintf(details, sizeof(details), "%s: %#" PRIx64 " to %#" PRIx64
			 ", %u faults refused meanwhile", g->begin->task, g->start,
			 g->stop, g->refused);
		span(row, range_is_bare(g) ? "range\" opacity=\".35" : "range",
		     life, "range", g->begin, g->end, NULL, details);
		if (!g->begun || !reaches(g->begun, g->done))
			continue;
		span(ROW_SHOOTDOWNS, "shoot\" opacity=\".6", life, "shootdown",
		     g->begun, g->done, g->begun,
		     (g->done ? g->done : g->begun)->text);
		g_hash_table_insert(life_of, (gpointer)g->shootdown,
				    g_strdup(life));
		arrow(life, ROW_STEPS, g->shootdown, ROW_SHOOTDOWNS, g->begun);
	}
}

static void find_queues(const struct log *log)
{
	for (guint i = 0; i < log->records->len; i++) {
		const struct record *r = g_ptr_array_index(log->records, i);
		uint64_t queue;

		if (inside(r) && r->side == SIDE_DEVICE &&
		    record_field(r, "queue", &queue))
			queue_row(queue);
	}
}

void picture_write(FILE *to, const struct log *log, const struct lives *lives,
		   const struct act *which)
{
	out = to;
	act = which;
	times = g_array_new(FALSE, FALSE, sizeof(int64_t));
	places = g_array_new(FALSE, FALSE, sizeof(double));
	queues = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	life_of = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	place_all(log);
	find_queues(log);
	frame();
	draw_marks(log);
	draw_jobs(lives);
	draw_faults(lives);
	draw_ranges(lives);
	draw_strokes(log);
	fputs("</svg></div>\n", out);
	g_hash_table_destroy(life_of);
	g_array_free(queues, TRUE);
	g_array_free(places, TRUE);
	g_array_free(times, TRUE);
}
