// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * check-report JSON DRIVER DEVICE: is the exported trace what the logs say, and the
 * story complete? Looks at the steps again by itself, and does not take the
 * report's word for it.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#define ACTS		6
/* More, and "in order" would say little. A shootdown takes tens of microseconds. */
#define SLACK_MAX_NS	20000

static unsigned int errors;

__attribute__((format(printf, 1, 2)))
static void wrong(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	errors++;
}

static struct json_object *member(struct json_object *of, const char *name)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(of, name, &value);
	return value;
}

static int64_t number(struct json_object *of, const char *name)
{
	return json_object_get_int64(member(of, name));
}

static const char *string(struct json_object *of, const char *name)
{
	const char *s = json_object_get_string(member(of, name));

	return s ? s : "";
}

/* Lines of @path with both texts in them. */
static unsigned int count(const char *path, const char *a, const char *b)
{
	FILE *file = fopen(path, "re");
	unsigned int lines = 0;
	char line[1024];

	if (!file) {
		perror(path);
		exit(1);
	}
	while (fgets(line, sizeof(line), file))
		lines += strstr(line, a) && strstr(line, b);
	fclose(file);
	return lines;
}

static void in_order(struct json_object *args, const char *const *steps,
		     int64_t slack)
{
	int64_t last = INT64_MIN;

	for (; *steps; steps++) {
		char name[32];
		int64_t t;

		snprintf(name, sizeof(name), "%s_ns", *steps);
		if (!member(args, name)) {
			wrong("no %s: %s", name, json_object_get_string(args));
			return;
		}
		t = number(args, name);
		if (last != INT64_MIN && t < last - slack)
			wrong("%s is too early: %s", name,
			      json_object_get_string(args));
		last = t;
	}
}

/* What each act is about, as far as faults and ranges show it. */
struct seen {
	unsigned int retries, refused, failed, shootdowns;
	unsigned int counted_refusals;
};

int main(int argc, char **argv)
{
	static const char *const fault_steps[] = {
		"miss", "raised", "seen", "answered", "told", "resumed", NULL,
	};
	static const char *const range_steps[] = {
		"start", "shootdown", "begun", "drained", "done", "end", NULL,
	};
	static const char *const bare_steps[] = { "start", "end", NULL };
	unsigned int faults = 0, ranges = 0, bare = 0, acts = 0;
	unsigned int posted;
	struct json_object *root, *events;
	struct seen seen[ACTS + 1] = { 0 };
	int64_t slack;

	if (argc != 4)
		return 2;
	root = json_object_from_file(argv[1]);
	if (!root) {
		printf("%s: %s\n", argv[1], json_util_get_last_err());
		return 1;
	}
	slack = number(member(root, "otherData"), "slack_ns");
	if (slack <= 0 || slack > SLACK_MAX_NS)
		wrong("the clocks agree to %" PRId64 " ns only", slack);
	events = member(root, "traceEvents");
	for (size_t i = 0; i < json_object_array_length(events); i++) {
		struct json_object *event = json_object_array_get_idx(events, i);
		struct json_object *args = member(event, "args");
		const char *cat = string(event, "cat");
		int64_t act = number(args, "act");
		struct seen *s = &seen[act < 0 || act > ACTS ? 0 : act];

		acts += !strcmp(cat, "act");
		if (!strcmp(cat, "fault")) {
			const char *answer = string(args, "answer");

			faults++;
			in_order(args, fault_steps, slack);
			s->retries += !strcmp(answer, "retry");
			s->refused += !strcmp(answer, "busy");
			s->failed += !strcmp(answer, "fail");
		} else if (!strcmp(cat, "range")) {
			bool is_bare = json_object_get_boolean(member(args, "bare"));

			ranges++;
			bare += is_bare;
			s->shootdowns += !is_bare;
			s->counted_refusals += number(args, "refused");
			in_order(args, is_bare ? bare_steps : range_steps,
				 slack);
		}
	}

	if (faults != count(argv[3], "secmmu_fault ", "seq=") ||
	    faults != count(argv[2], " secmmu_fault: ", "seq="))
		wrong("%u faults, but %u at the device and %u at the driver",
		      faults, count(argv[3], "secmmu_fault ", "seq="),
		      count(argv[2], " secmmu_fault: ", "seq="));
	if (ranges != count(argv[2], " secmmu_range: ", " start start="))
		wrong("%u ranges, but %u in the log", ranges,
		      count(argv[2], " secmmu_range: ", " start start="));
	posted = count(argv[2], " secmmu_shootdown: ", "ticket=");
	if (posted != count(argv[3], "secmmu_shootdown_begin ", "ticket=") ||
	    posted != count(argv[3], "secmmu_shootdown_end ", "ticket="))
		wrong("%u shootdowns posted, but not as many done", posted);
	/* Ageing may post some too. */
	if (ranges - bare < count(argv[2], " secmmu_zap: ", "entries=") ||
	    ranges - bare > posted)
		wrong("%u ranges with a shootdown, of %u", ranges - bare,
		      posted);
	if (acts != ACTS)
		wrong("%u acts", acts);
	if (!seen[1].retries)
		wrong("act 1: no fault was served");
	if (!seen[2].retries || !seen[2].shootdowns)
		wrong("act 2: the zero page was not replaced");
	if (!seen[3].shootdowns || !seen[3].retries)
		wrong("act 3: fork took nothing away, or nothing was copied");
	if (!seen[4].shootdowns || !seen[4].failed)
		wrong("act 4: the job did not fail for the unmapped page");
	if (!seen[5].refused || !seen[5].counted_refusals)
		wrong("act 5: no fault was refused in a range");
	if (!seen[6].shootdowns || seen[6].retries < 2)
		wrong("act 6: the page did not go and come back");
	printf("%u faults, %u ranges (%u with nothing mapped), %u acts; %u errors\n",
	       faults, ranges, bare, acts, errors);
	json_object_put(root);
	return errors ? 1 : 0;
}
