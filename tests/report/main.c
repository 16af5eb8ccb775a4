// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * secmmu-report DRIVER DEVICE HTML JSON: makes a page and a Chrome/Perfetto trace
 * from what secmmu_story wrote and from the device's trace events.
 *
 * Exit status: 0; 1 if a log cannot be read or a file not written; 3 if both were
 * written, but a life has a step missing or out of order.
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
	struct lives lives;
	struct log log;
	FILE *file;

	if (argc != 5)
		bad("usage: secmmu-report DRIVER DEVICE HTML JSON");
	log_read(&log, argv[1], argv[2]);
	lives_find(&lives, &log);
	file = create(argv[3]);
	html_write(file, &log, &lives);
	finish(file, argv[3]);
	file = create(argv[4]);
	perfetto_write(file, &log, &lives);
	finish(file, argv[4]);
	printf("%u records, %u faults, %u ranges, %u jobs; %u incomplete, %u out of order\n",
	       log.records->len, lives.faults->len, lives.ranges->len,
	       lives.jobs->len, lives.incomplete, lives.disorder);
	return lives.incomplete || lives.disorder ? 3 : 0;
}
