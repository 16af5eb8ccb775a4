// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Of a long recording, the moment at which audit found the first violation: the
 * records round it, and what happened to the page before. Without a violation,
 * the end of the recording. Lives here: which records that are. Not here: their
 * picture (picture.c), the rest of the page (html.c).
 */
#include <inttypes.h>
#include <string.h>

#include "picture.h"
#include "report.h"

#define BEFORE	130	/* records in the picture, up to the moment... */
#define AFTER	30	/* ...and from it on */
/*
 * More, on both sides, for lives that reach into it: a range whose shootdown waits
 * for an access of a MiB, each page of which is a violation, has a thousand.
 */
#define MARGIN	4000
#define STEPS	40	/* of the page's life, in the table */
#define PAGE	4096ull

static struct record *at(const struct log *log, guint i)
{
	return g_ptr_array_index(log->records, i);
}

/*
 * The first violation of which the driver's side is there too: its ring keeps
 * the newest records, the device's log has all. If there is none, the last.
 */
static guint find(const struct log *log)
{
	guint found = log->records->len, told = 0;

	for (guint i = 0; i < log->records->len; i++) {
		if (at(log, i)->side == SIDE_DRIVER)
			told++;
		if (!record_is(at(log, i), SIDE_DEVICE, "audit"))
			continue;
		found = i;
		if (told > BEFORE / 4)
			break;
	}
	return found;
}

/* Is @page of that address space among what @r is about? */
static bool touches(const struct record *r, uint64_t asid, uint64_t page)
{
	uint64_t start, end, len, pages, value;

	if (!record_field(r, "asid", &value) || value != asid)
		return false;
	if (record_field(r, "start", &start) && record_field(r, "end", &end))
		return start < page + PAGE && page < end;
	if (!record_field(r, "va", &start) || !start)
		return false;
	if (record_field(r, "pages", &pages))
		len = pages * PAGE;
	else if (!record_field(r, "len", &len) &&
		 !record_field(r, "extent", &len))
		len = 1;
	/* A walk names the address; what it finds is aligned to its size. */
	if (len == PAGE || len == 512 * PAGE)
		start &= ~(len - 1);
	return start < page + PAGE && page < start + MAX(len, 1);
}

static GPtrArray *page_life(const struct log *log, guint until, uint64_t asid,
			    uint64_t page)
{
	GPtrArray *life = g_ptr_array_new();

	for (guint i = 0; i <= until; i++)
		if (touches(at(log, i), asid, page))
			g_ptr_array_add(life, at(log, i));
	if (life->len > STEPS)
		g_ptr_array_remove_range(life, 0, life->len - STEPS);
	return life;
}

static void cut(struct log *log, guint from, guint to)
{
	g_ptr_array_set_size(log->records, to);
	if (from)
		g_ptr_array_remove_range(log->records, 0, from);
}

void moment_find(struct moment *m, struct log *log)
{
	guint len = log->records->len, i = find(log), from, to;

	*m = (struct moment){ .life = g_ptr_array_new() };
	if (i < len) {
		m->audit = at(log, i);
		m->page = record_need(m->audit, "va") & ~(PAGE - 1);
		m->life = page_life(log, i, record_need(m->audit, "asid"),
				    m->page);
	} else {
		i = len - 1;
	}
	from = i > BEFORE ? i - BEFORE : 0;
	to = MIN(i + AFTER, len - 1);
	m->act.name = m->audit ? "the first violation" :
				 "the end of the recording";
	m->act.from = at(log, from)->t;
	m->act.to = at(log, to)->t;
	cut(log, from > MARGIN ? from - MARGIN : 0, MIN(to + MARGIN, len));
}

/* The device's fields begin with its clock and its name, which say nothing new. */
static const char *details(const struct record *r)
{
	const char *asid = strstr(r->text, "asid=");

	return asid ? asid : r->text;
}

static const char *who(const struct record *r)
{
	return r->side == SIDE_DEVICE ? "device" :
	       r->side == SIDE_DRIVER ? "driver" : "program";
}

void moment_write(FILE *out, const struct moment *m)
{
	uint64_t device = 0, cpu = 0;

	if (!m->audit) {
		fputs("<p>Audit found no access that the CPU's page table does not "
		      "allow. These are the last records.</p>\n", out);
		return;
	}
	record_field(m->audit, "entry", &device);
	record_field(m->audit, "cpu_entry", &cpu);
	fprintf(out, "<p>A job of queue %" PRIu64 " %s the page <b>%#" PRIx64
		"</b>. The translation that it used is <span class=\"code\">%#"
		PRIx64 "</span>; the CPU's page table has <span class=\"code\">%#"
		PRIx64 "</span> there%s. It is the red line in the picture.</p>\n",
		record_need(m->audit, "queue"),
		record_has(m->audit, "write") ? "wrote to" : "read", m->page,
		device, cpu, !(cpu & 1) ? ", which is not present" :
		record_has(m->audit, "write") && !(cpu & 2) ?
		", which may not be written" : "");
	fprintf(out, "<h2>The life of that page until then</h2>\n<p>What both sides "
		"told of it, the last %u records of them. The time is "
		"microseconds before the violation.</p>\n<table id=\"life\"><tr>"
		"<th>us<th>side<th>task<th>event<th>details</tr>\n",
		m->life->len);
	for (guint i = 0; i < m->life->len; i++) {
		const struct record *r = g_ptr_array_index(m->life, i);

		fprintf(out, "<tr%s><td class=\"n\">%.1f</td><td>%s</td>",
			r == m->audit ? " class=\"wrong\"" : "",
			(r->t - m->audit->t) / 1e3, who(r));
		picture_text(out, "<td>", r->task, "</td>");
		fprintf(out, "<td>%s</td>", r->name);
		picture_text(out, "<td class=\"code\">", details(r), "</td></tr>\n");
	}
	fputs("</table>\n", out);
}
