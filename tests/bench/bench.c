// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * secmmu_bench: what the device costs beside its peers, in the guest. Lives
 * here: how a figure is taken, and main(). Not here: what is measured (rows.c,
 * rows-jobs.c), ratios and goals (report).
 *
 *	--out PATH	lines "row TAB who TAB nanoseconds" (default stdout)
 *	--rounds N	samples of each (default 7)
 *	--only ROW,...	these rows
 *
 * Subject and peer take turns, so that what disturbs the machine disturbs both.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

static FILE *out;
static const char *row_name;

double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

void bench_sample(const char *who, double ns)
{
	fprintf(out, "%s\t%s\t%.2f\n", row_name, who, ns);
	fflush(out);
}

/* Is @name in @list, whose names have commas between them? */
static bool listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; (at = strstr(at, name)); at += len)
		if ((at == list || at[-1] == ',') && (!at[len] || at[len] == ','))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const char *only = NULL;
	unsigned int rounds = 7;
	int status;
	pid_t child;

	out = stdout;
	for (int a = 1; a + 1 < argc; a += 2) {
		if (!strcmp(argv[a], "--out"))
			out = fopen(argv[a + 1], "we");
		else if (!strcmp(argv[a], "--rounds"))
			rounds = atoi(argv[a + 1]);
		else if (!strcmp(argv[a], "--only"))
			only = argv[a + 1];
	}
	if (!out || !rounds)
		return 2;
	for (const struct bench_row *row = bench_rows; row->name; row++) {
		double start = now_ns();

		if (only && !listed(only, row->name))
			continue;
		row_name = row->name;
		/* "profile" looks for this line and for the other. */
		printf("%s begins\n", row->name);
		fflush(stdout);
		/* A process for each: its memory and the device go with it. */
		child = fork();
		if (!child) {
			row->run(rounds);
			_exit(0);
		}
		if (child < 0 || waitpid(child, &status, 0) != child || status) {
			fprintf(stderr, "%s: failed\n", row->name);
			return 1;
		}
		printf("%s ends after %.1f s\n", row->name, (now_ns() - start) / 1e9);
		fflush(stdout);
	}
	return 0;
}
