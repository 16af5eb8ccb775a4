// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * secmmu-report [--moment] DRIVER DEVICE HTML JSON: makes a page and a
 * Chrome/Perfetto trace from what secmmu_story wrote and from the device's trace
 * events. With --moment, of any recording (boot --record), round the first
 * violation that audit found.
 *
 * Exit status: 0; 1 if a log cannot be read or a file not written; 3 if both were
 * written, but a life has a step missing or out of order, or if there is no
 * violation for --moment to show.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

void bad(const char *fmt, ...)
{
	va_list args;

	fputs("secmmu-report: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static FILE *create(const char *path)
{
	FILE *file = fopen(path, "we");

	if (!file)
		bad("%s: %s", path, strerror(errno));
	return file;
}

static void finish(FILE *file, const char *path)
{
	if (ferror(file) | fclose(file))
		bad("%s: cannot be written", path);
}

int main(int argc, char **argv)
{
	bool at_moment = argc > 1 && !strcmp(argv[1], "--moment");
	struct moment moment, *which = NULL;
	struct lives lives;
	struct log log;
	FILE *file;

	argc -= at_moment;
	argv += at_moment;
	if (argc != 5)
		bad("usage: secmmu-report [--moment] DRIVER DEVICE HTML JSON");
	log_read(&log, argv[1], argv[2]);
	if (at_moment) {
		moment_find(&moment, &log);
		which = &moment;
	}
	lives_find(&lives, &log, which);
	file = create(argv[3]);
	html_write(file, &log, &lives, which);
	finish(file, argv[3]);
	file = create(argv[4]);
	perfetto_write(file, &log, &lives);
	finish(file, argv[4]);
	if (which) {
		printf("%u records about %s\n", log.records->len,
		       moment.act.name);
		return moment.audit ? 0 : 3;
	}
	printf("%u records, %u faults, %u ranges, %u jobs; %u incomplete, %u out of order\n",
	       log.records->len, lives.faults->len, lives.ranges->len,
	       lives.jobs->len, lives.incomplete, lives.disorder);
	return lives.incomplete || lives.disorder ? 3 : 0;
}
