// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whose an address space was, where secmmuctl trace could not read all of it: the
 * events of such moments, which no load brings about at will. What is recorded of
 * real ones is secmmu_tools_tests'.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

void die_of(enum ctl_status status, const char *fmt, ...)
{
	fprintf(stderr, "%s\n", fmt);
	exit(status);
}

/* One event after the other; the process that comes of it. */
static void is(const char *what, struct trace_event *events, size_t nr,
	       pid_t pid, const char *command)
{
	struct trace_sum sum;

	for (size_t i = 0; i < nr; i++)
		events[i].ns = i + 1;
	memset(&sum, 0, sizeof(sum));
	trace_sum(&sum, events, nr);
	if (sum.nr_processes != 1 || sum.processes[0].pid != pid ||
	    strcmp(sum.processes[0].command, command)) {
		fprintf(stderr, "%s: %zu processes, the first '%s' (%d)\n", what,
			sum.nr_processes, sum.processes[0].command,
			sum.processes[0].pid);
		exit(1);
	}
	trace_sum_free(&sum);
}

int main(void)
{
	struct trace_event queue = {
		.type = TRACE_queue, .asid = 3, .begins = true, .pid = 71,
		.command = "thread",
	}, owner = {
		.type = TRACE_owner, .asid = 3, .pid = 70, .command = "program",
	}, gone = {
		.type = TRACE_owner, .asid = 3, .pid = 70, .command = "?",
	}, fault = { .type = TRACE_fault, .asid = 3 };

	is("thread", (struct trace_event[]){ queue, fault }, 2, 71, "thread");
	is("program", (struct trace_event[]){ queue, owner }, 2, 70, "program");
	is("gone", (struct trace_event[]){ queue, gone }, 2, 70, "thread");
	is("read, gone", (struct trace_event[]){ owner, gone }, 2, 70, "program");
	is("unknown", (struct trace_event[]){ fault, gone }, 2, 70, "?");
	is("nobody", (struct trace_event[]){ fault }, 1, 0, "?");
	return 0;
}
