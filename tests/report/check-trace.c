/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check-trace JSON: is the file what a viewer of the Trace Event Format wants?
 * Whatever it is about: each event whole and its process and thread named, times
 * that go on within a thread, spans that nest, arrows with two ends.
 *
 * What the trace says of the driver and the device, check-report looks at.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#define LINES	256	/* threads */
#define DEEP	16	/* spans within each other */
#define ARROWS	65536

/* A line of the picture. */
struct line {
	int64_t pid, tid;
	bool named;
	double last;		/* instant */
	double end[DEEP];	/* of the spans that are open, outermost first */
	unsigned int open;
};

static struct line lines[LINES];
static unsigned int nr_lines, errors;
static double begun[ARROWS];	/* an arrow's first end, 0: none */
static bool ended[ARROWS];

__attribute__((format(printf, 2, 3)))
static void wrong(struct json_object *event, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf(": %s\n", event ? json_object_to_json_string(event) : "");
	errors++;
}

static struct json_object *member(struct json_object *of, const char *name,
				  enum json_type type)
{
	struct json_object *value;

	if (!json_object_object_get_ex(of, name, &value) ||
	    (!json_object_is_type(value, type) &&
	     !(type == json_type_double &&
	       json_object_is_type(value, json_type_int)))) {
		wrong(of, "no %s, or another type", name);
		return NULL;
	}
	return value;
}

static struct line *line_of(int64_t pid, int64_t tid)
{
	for (unsigned int i = 0; i < nr_lines; i++)
		if (lines[i].pid == pid && lines[i].tid == tid)
			return &lines[i];
	if (nr_lines == LINES) {
		puts("too many threads");
		exit(1);
	}
	lines[nr_lines] = (struct line){ .pid = pid, .tid = tid };
	return &lines[nr_lines++];
}

/* Spans come in the order of their beginning, and end before those round them. */
static void span(struct json_object *event, struct line *line, double ts)
{
	struct json_object *dur = member(event, "dur", json_type_double);
	double end = ts + (dur ? json_object_get_double(dur) : 0);

	if (end < ts)
		wrong(event, "ends before it begins");
	/* Times have three digits: what touches does not overlap. */
	while (line->open && line->end[line->open - 1] <= ts + 0.002)
		line->open--;
	if (line->open && end > line->end[line->open - 1] + 0.002)
		wrong(event, "overlaps another span of its thread");
	if (line->open == DEEP)
		wrong(event, "too deep");
	else
		line->end[line->open++] = end;
}

static void arrow(struct json_object *event, bool first, double ts)
{
	struct json_object *value = member(event, "id", json_type_int);
	int64_t id = value ? json_object_get_int64(value) : -1;

	if (id < 0 || id >= ARROWS)
		wrong(event, "which arrow?");
	else if (first && begun[id] != 0)
		wrong(event, "begins twice");
	else if (first)
		begun[id] = ts;
	else if (begun[id] == 0 || ended[id])
		wrong(event, "an end without a beginning");
	else
		ended[id] = true;
}

static void look_at(struct json_object *event)
{
	struct json_object *ph = member(event, "ph", json_type_string);
	struct json_object *name = member(event, "name", json_type_string);
	struct json_object *pid = member(event, "pid", json_type_int);
	struct json_object *tid = member(event, "tid", json_type_int);
	struct json_object *ts = member(event, "ts", json_type_double);
	const char *what;
	struct line *line;
	double t;

	if (!ph || !name || !pid || !tid || !ts)
		return;
	line = line_of(json_object_get_int64(pid), json_object_get_int64(tid));
	what = json_object_get_string(ph);
	t = json_object_get_double(ts);
	if (t < 0)
		wrong(event, "before the first one");
	if (!strcmp(what, "M")) {
		struct json_object *args = member(event, "args",
						  json_type_object);

		if (!strcmp(json_object_get_string(name), "thread_name"))
			line->named = args && member(args, "name",
						     json_type_string);
		if (!strcmp(json_object_get_string(name), "process_name"))
			line_of(line->pid, -1)->named = true;
		return;
	}
	if (!line->named || !line_of(line->pid, -1)->named)
		wrong(event, "of a thread or a process without a name");
	if (!strcmp(what, "i")) {
		member(event, "s", json_type_string);
		if (t < line->last)
			wrong(event, "goes back in time");
		line->last = t;
	} else if (!strcmp(what, "X")) {
		span(event, line, t);
	} else if (!strcmp(what, "s") || !strcmp(what, "f")) {
		arrow(event, *what == 's', t);
	} else {
		wrong(event, "what kind is '%s'?", what);
	}
}

int main(int argc, char **argv)
{
	struct json_object *root, *events;
	unsigned int arrows = 0;

	if (argc != 2)
		return 2;
	root = json_object_from_file(argv[1]);
	if (!root) {
		printf("%s: %s\n", argv[1], json_util_get_last_err());
		return 1;
	}
	events = member(root, "traceEvents", json_type_array);
	for (size_t i = 0; events && i < json_object_array_length(events); i++)
		look_at(json_object_array_get_idx(events, i));
	for (unsigned int i = 0; i < ARROWS; i++) {
		arrows += ended[i];
		if (begun[i] != 0 && !ended[i])
			wrong(NULL, "arrow %u has no end", i);
	}
	if (!arrows || nr_lines < 8)
		wrong(NULL, "%u arrows, %u threads", arrows, nr_lines);
	printf("%u threads, %u arrows; %u errors\n", nr_lines, arrows, errors);
	json_object_put(root);
	return errors ? 1 : 0;
}
