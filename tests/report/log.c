// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The two logs, and the one clock. Lives here: the grammar of a line of each, and
 * the way from the device's clock to the guest's. Not here: what events mean.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

/* Both clocks at one moment. */
struct pair {
	int64_t device;
	int64_t guest;
};

bool record_field(const struct record *r, const char *key, uint64_t *value)
{
	size_t len = strlen(key);

	for (const char *p = r->text; p; p = strchr(p, ' ')) {
		p += *p == ' ';
		if (!strncmp(p, key, len) && p[len] == '=') {
			*value = strtoull(p + len + 1, NULL, 0);
			return true;
		}
	}
	return false;
}

uint64_t record_need(const struct record *r, const char *key)
{
	uint64_t value;

	if (!record_field(r, key, &value))
		bad("%s without %s: %s", r->name, key, r->text);
	return value;
}

bool record_has(const struct record *r, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = r->text; p; p = strchr(p, ' ')) {
		p += *p == ' ';
		if (!strncmp(p, word, len) && (!p[len] || p[len] == ' '))
			return true;
	}
	return false;
}

bool record_is(const struct record *r, enum side side, const char *name)
{
	return r->side == side && !strcmp(r->name, name);
}

static char **lines_of(const char *path)
{
	GError *error = NULL;
	char *text;

	if (!g_file_get_contents(path, &text, NULL, &error))
		bad("%s", error->message);
	return g_strsplit(text, "\n", -1);
}

/*
 *	task-pid  [cpu] flags  seconds.micros: event: fields
 *
 * A task's name may have anything in it, so the line is taken apart from the
 * bracket on. False for what is not an event.
 */
static bool parse_driver(const char *line, struct record *r)
{
	const char *bracket = line, *name, *colon;
	int64_t seconds, micros;
	char flags[16];
	int cpu, used;

	while ((bracket = strstr(bracket, " ["))) {
		used = 0;
		if (sscanf(bracket, " [%d] %15s %" SCNd64 ".%6" SCNd64 ": %n",
			   &cpu, flags, &seconds, &micros, &used) == 4 && used)
			break;
		bracket++;
	}
	if (!bracket)
		return false;
	name = bracket + used;
	colon = strstr(name, ": ");
	if (!colon)
		return false;
	r->cpu = cpu;
	r->t = (seconds * 1000000 + micros) * 1000;
	r->task = g_strstrip(g_strndup(line, bracket - line));
	r->text = g_strchomp(g_strdup(colon + 2));
	r->side = SIDE_DRIVER;
	if (g_str_has_prefix(name, "secmmu_")) {
		name += strlen("secmmu_");
		r->name = g_strndup(name, colon - name);
	} else {
		/* trace_marker; the name of the function differs by kernel. */
		r->side = SIDE_CPU;
		r->name = "mark";
	}
	return true;
}

static void read_driver(struct log *log, GArray *pairs, const char *path)
{
	char **lines = lines_of(path);

	for (char **line = lines; *line; line++) {
		int64_t before, device, after;
		struct record r;

		if (sscanf(*line, "clock %" SCNd64 " %" SCNd64 " %" SCNd64,
			   &before, &device, &after) == 3) {
			struct pair pair = {
				.device = device,
				.guest = (before + after) / 2,
			};

			g_array_append_val(pairs, pair);
			log->pair_error = MAX(log->pair_error,
					      (after - before + 1) / 2);
		} else if (parse_driver(*line, &r)) {
			g_ptr_array_add(log->records,
					g_memdup2(&r, sizeof(r)));
		}
	}
	g_strfreev(lines);
}

static int64_t between(const struct pair *a, const struct pair *b,
		       int64_t device)
{
	double rate = (double)(b->guest - a->guest) / (b->device - a->device);

	return a->guest + (int64_t)((device - a->device) * rate);
}

/* Times outside all readings continue the nearest two. */
static int64_t to_guest(const GArray *pairs, int64_t device)
{
	const struct pair *p = (const struct pair *)pairs->data;
	unsigned int i = 0;

	while (i + 2 < pairs->len && device > p[i + 1].device)
		i++;
	return between(&p[i], &p[i + 1], device);
}

static void read_device(struct log *log, const GArray *pairs, const char *path)
{
	char **lines = lines_of(path);

	for (char **line = lines; *line; line++) {
		const char *space = strchr(*line, ' ');
		struct record r = {
			.side = SIDE_DEVICE, .cpu = -1, .task = "device",
		};
		int64_t t;

		if (!g_str_has_prefix(*line, "secmmu_") || !space ||
		    sscanf(space, " t=%" SCNd64, &t) != 1)
			continue;
		r.t = to_guest(pairs, t);
		r.name = g_strndup(*line + strlen("secmmu_"),
				   space - *line - strlen("secmmu_"));
		r.text = g_strdup(space + 1);
		g_ptr_array_add(log->records, g_memdup2(&r, sizeof(r)));
	}
	g_strfreev(lines);
}

static gint by_time(gconstpointer a, gconstpointer b)
{
	const struct record *x = *(const struct record *const *)a;
	const struct record *y = *(const struct record *const *)b;

	return x->t < y->t ? -1 : x->t > y->t;
}

void log_read(struct log *log, const char *driver, const char *device)
{
	GArray *pairs = g_array_new(FALSE, FALSE, sizeof(struct pair));
	const struct pair *p;
	guint from_driver;

	*log = (struct log){ .records = g_ptr_array_new() };
	read_driver(log, pairs, driver);
	if (pairs->len < 2)
		bad("%s: fewer than two readings of both clocks", driver);
	p = (const struct pair *)pairs->data;
	for (guint i = 1; i < pairs->len; i++)
		if (p[i].device <= p[i - 1].device ||
		    p[i].guest <= p[i - 1].guest)
			bad("%s: a clock stands still or goes back", driver);
	for (guint i = 1; i + 1 < pairs->len; i++)
		log->drift_error = MAX(log->drift_error,
			llabs(p[i].guest - between(&p[i - 1], &p[i + 1],
						   p[i].device)));
	log->pairs = pairs->len;
	log->slack = 1000 + log->pair_error + log->drift_error;

	from_driver = log->records->len;
	if (!from_driver)
		bad("%s: no tracepoints", driver);
	read_device(log, pairs, device);
	if (log->records->len == from_driver)
		bad("%s: no trace events", device);
	/* A merge sort: equal times stay as they are. */
	g_ptr_array_sort(log->records, by_time);
	g_array_free(pairs, TRUE);
}
