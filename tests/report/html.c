// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The page: what was recorded, act by act (or one moment of it), the lives in
 * tables, totals, and the clock. One file, with nothing to be fetched. Lives here: text and tables. Not
 * here: an act's picture (picture.c), looks and hovering (page.css, page.js).
 */
#include <inttypes.h>
#include <string.h>

#include "page.h"
#include "picture.h"
#include "report.h"

#define BAR	260

/* A part of a life, in a bar. */
struct part {
	const char *class;
	const char *what;
	const struct record *from, *to;
};

static void key(FILE *out)
{
	static const struct {
		const char *name, *what;
	} colors[] = {
		{ "job", "a job" },
		{ "wait", "its queue waits for the driver" },
		{ "refuse", "refused: waits for the range's end" },
		{ "fault", "the driver serves a fault" },
		{ "range", "a range is active (pale: nothing was mapped)" },
		{ "shoot", "shootdown, dropped entry" },
		{ "miss", "TLB miss" },
		{ "fill", "walk, fill, page entered" },
		{ "wrong", "an access that audit does not allow" },
		{ "mark", "anything else" },
	};

	fputs("<p class=\"key\">", out);
	for (size_t i = 0; i < G_N_ELEMENTS(colors); i++)
		fprintf(out, "<span><i style=\"background:var(--%s)\"></i>%s</span> ",
			colors[i].name, colors[i].what);
	fputs("</p>\n", out);
}

static double us(const struct record *from, const struct record *to)
{
	return (to->t - from->t) / 1e3;
}

/* The parts to scale; the whole bar is the whole life. Then its length. */
static void bar(FILE *out, const struct part *parts, size_t nr)
{
	const struct record *from = parts[0].from, *to = parts[nr - 1].to;
	double total;

	if (!from || !to) {
		fputs("<td colspan=\"2\">incomplete</td>", out);
		return;
	}
	total = MAX(us(from, to), 0.001);
	fprintf(out, "<td><svg width=\"%d\" height=\"14\">", BAR);
	for (size_t i = 0; i < nr; i++) {
		double x, width;

		if (!parts[i].from || !parts[i].to)
			continue;
		x = CLAMP(us(from, parts[i].from) / total, 0, 1) * BAR;
		width = CLAMP(us(parts[i].from, parts[i].to) / total, 0, 1) *
			BAR;
		fprintf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"1\" width=\"%.1f\""
			" height=\"12\" data-d=\"%s: %.1f us\"/>",
			parts[i].class, x, MAX(width, 1), parts[i].what,
			us(parts[i].from, parts[i].to));
	}
	fprintf(out, "</svg></td><td class=\"n\">%.1f</td>", total);
}

static void act_cell(FILE *out, const struct lives *lives, int64_t t)
{
	unsigned int act = lives_act(lives, t);

	if (act)
		fprintf(out, "<td class=\"n\">%u</td>", act);
	else
		fputs("<td class=\"n\">-</td>", out);
}

/* @all: also of what lies outside the acts. */
static void faults(FILE *out, const struct lives *lives, bool all)
{
	fputs("<h2>Faults, from miss to resume</h2>\n<p>Each bar is one life, "
	      "whatever it took: the device looks (yellow), the event is on its "
	      "way to the driver (orange), the driver looks the page up (brown), "
	      "the answer is on its way back (green), and a refused one waits for "
	      "the range's end (pink). The last column is the whole, in "
	      "microseconds.</p>\n<table id=\"faults\"><tr><th>act<th>queue"
	      "<th>seq<th>address<th>access<th>answer<th>miss to resume<th>us"
	      "</tr>\n", out);
	for (guint i = 0; i < lives->faults->len; i++) {
		const struct fault *f = g_ptr_array_index(lives->faults, i);
		const struct part parts[] = {
			{ "miss", "miss, walk, fault raised", f->miss,
			  f->raised },
			{ "wait", "the event reaches the driver", f->raised,
			  f->seen },
			{ "fault", "the driver serves it", f->seen,
			  f->answered },
			{ "fill", "the response reaches the device",
			  f->answered, f->told },
			{ "refuse", "refused, waits for RESUME", f->told,
			  f->resumed },
		};

		if (!all && !lives_act(lives, f->raised->t))
			continue;
		fputs("<tr>", out);
		act_cell(out, lives, f->raised->t);
		fprintf(out, "<td class=\"n\">%" PRIu64 "</td><td class=\"n\">%"
			PRIu64 "</td><td class=\"code\">%#" PRIx64
			"</td><td>%s</td><td>%s</td>", f->queue, f->seq, f->va,
			f->write ? "write" : "read", f->code);
		/* One that is not refused goes on when the device is told. */
		bar(out, parts, G_N_ELEMENTS(parts) -
		    (strcmp(f->code, "busy") ? 1 : 0));
		fputs("</tr>\n", out);
	}
	fputs("</table>\n", out);
}

static void ranges(FILE *out, const struct lives *lives, bool all)
{
	unsigned int bare = 0;

	fputs("<h2>Ranges, from start to end</h2>\n<p>Those of which something was "
	      "mapped in the device. The driver zaps its table (purple) and rings; "
	      "the device drops what it has (red) and drains: waits until no access "
	      "through that is under way (light red); then, and not before, "
	      "invalidate_range_start returns and the kernel may change the pages "
	      "(purple again).</p>\n<table id=\"ranges\"><tr><th>act<th>task"
	      "<th>from<th>to<th>entries dropped<th>accesses waited for"
	      "<th>faults refused<th>start to end<th>us</tr>\n", out);
	for (guint i = 0; i < lives->ranges->len; i++) {
		const struct range *g = g_ptr_array_index(lives->ranges, i);
		const struct part parts[] = {
			{ "range", "start, zap", g->begin, g->shootdown },
			{ "shoot", "shootdown: dropping", g->shootdown,
			  g->drained },
			{ "drain", "drain", g->drained, g->done },
			{ "range", "until the end", g->done, g->end },
		};

		if (!all && !lives_act(lives, g->begin->t))
			continue;
		if (range_is_bare(g)) {
			bare++;
			continue;
		}
		fputs("<tr>", out);
		act_cell(out, lives, g->begin->t);
		picture_text(out, "<td>", g->begin->task, "</td>");
		fprintf(out, "<td class=\"code\">%#" PRIx64
			"</td><td class=\"code\">%#" PRIx64
			"</td><td class=\"n\">%" PRIu64 "</td><td class=\"n\">%"
			PRIu64 "</td><td class=\"n\">%u</td>", g->start,
			g->stop, g->dropped, g->windows, g->refused);
		bar(out, parts, G_N_ELEMENTS(parts));
		fputs("</tr>\n", out);
	}
	fprintf(out, "</table>\n<p>Besides, %u ranges of which nothing was mapped: "
		"no doorbell was rung for them.</p>\n", bare);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void totals_of(FILE *out, const struct log *log, enum side side,
		      const char *title)
{
	GHashTable *counts = g_hash_table_new(g_str_hash, g_str_equal);
	GPtrArray *names = g_ptr_array_new();

	for (guint i = 0; i < log->records->len; i++) {
		const struct record *r = g_ptr_array_index(log->records, i);
		guint count;

		if (r->side != side)
			continue;
		count = GPOINTER_TO_UINT(g_hash_table_lookup(counts, r->name));
		if (!count)
			g_ptr_array_add(names, (gpointer)r->name);
		g_hash_table_insert(counts, (gpointer)r->name,
				    GUINT_TO_POINTER(count + 1));
	}
	g_ptr_array_sort(names, by_name);
	for (guint i = 0; i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);

		fprintf(out, "<tr><td>%s</td><td>%s</td><td class=\"n\">%u</td>"
			"</tr>\n", title, name,
			GPOINTER_TO_UINT(g_hash_table_lookup(counts, name)));
	}
	g_ptr_array_free(names, TRUE);
	g_hash_table_destroy(counts);
}

static void totals(FILE *out, const struct log *log)
{
	fputs("<h2>Totals</h2>\n<p>All that was recorded, also before, between and "
	      "after the acts.</p>\n<table id=\"totals\"><tr><th>side<th>event"
	      "<th>count</tr>\n", out);
	totals_of(out, log, SIDE_DRIVER, "driver");
	totals_of(out, log, SIDE_DEVICE, "device");
	fputs("</table>\n", out);
}

static void clocks(FILE *out, const struct log *log, const struct lives *lives,
		   bool judged)
{
	fprintf(out, "<h2>The clock</h2>\n<p>Everything is on the guest's monotonic "
		"clock. The device's own was read together with it %u times, and "
		"is taken to run evenly from one reading to the next. A reading is "
		"good to %.2f us, and none is further than %.2f us from the line "
		"through its neighbours; tracepoints have whole microseconds. So an "
		"effect may seem to come up to %.2f us before its cause", log->pairs,
		log->pair_error / 1e3, log->drift_error / 1e3, log->slack / 1e3);
	if (judged)
		fprintf(out, ", and does by more than that %u times in all faults "
			"and ranges. %u of them lack a step", lives->disorder,
			lives->incomplete);
	fputs(".</p>\n", out);
}

static const char about[] =
	"<p>What the CPU, the driver and the device did, each as it told of it "
	"itself, on one clock. Time runs to the right, and is drawn by the "
	"logarithm of the time from one event to the next, so that order and "
	"quick steps can be seen beside slow ones; the numbers on top are "
	"microseconds from the beginning. Point at anything for its details and "
	"the rest of its life.</p>\n";

void html_write(FILE *out, const struct log *log, const struct lives *lives,
		const struct moment *moment)
{
	char title[64];

	snprintf(title, sizeof(title), "secmmu: a story in %u acts",
		 lives->acts->len);
	if (moment)
		snprintf(title, sizeof(title), "secmmu: %s", moment->act.name);
	fprintf(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		"<meta name=\"viewport\" content=\"width=device-width\">"
		"<title>%s</title>\n<style>\n%s</style></head><body>\n"
		"<h1>%s</h1>\n%s", title, page_css, title, about);
	key(out);
	for (guint i = 0; i < lives->acts->len; i++) {
		const struct act *act = g_ptr_array_index(lives->acts, i);

		if (!moment) {
			fprintf(out, "<h2>%u. ", i + 1);
			picture_text(out, "", act->name, "</h2>\n");
		}
		picture_write(out, log, lives, act);
	}
	if (moment)
		moment_write(out, moment);
	faults(out, lives, !moment);
	ranges(out, lives, !moment);
	if (!moment)
		totals(out, log);
	clocks(out, log, lives, !moment);
	fprintf(out, "<div id=\"tip\"></div>\n<script>\n%s</script></body></html>\n",
		page_js);
}
