/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of `secmmuctl trace` share: recorded events, and what they come
 * to. trace.c records, trace-sum.c adds up, trace-show.c prints.
 */
#ifndef SECMMU_CTL_TRACE_H
#define SECMMU_CTL_TRACE_H

#include "ctl.h"

#define TRACE_NAME	16

/* Without the "secmmu_" that the kernel has before each. */
#define TRACE_TYPES(T) \
	T(fault) T(response) T(map) T(refill) T(dropin) T(range) T(zap) \
	T(shootdown) T(drained) T(resume) T(queue) T(wait) T(complete) T(age)

enum trace_type {
#define T(name) TRACE_##name,
	TRACE_TYPES(T)
#undef T
	/* Ours: whose an ASID is at this time. */
	TRACE_owner,
	TRACE_NR,
};

/**
 * struct trace_event - what was recorded
 * @ns: on the clock of CLOCK_MONOTONIC.
 * @type: which event; the fields are those that it has, else zero.
 * @pid: of the thread in which it came; TRACE_owner: of the process.
 * @id: seq of a fault or response, ticket of a shootdown.
 * @start, @end: addresses; a fault's is @start.
 * @value: response: the code. fault: the flags. map: pages. zap: entries.
 * @begins: range, queue: its begin.
 * @command: TRACE_owner, queue: the process's name.
 * @text: the line for --raw, or NULL.
 */
struct trace_event {
	uint64_t ns;
	enum trace_type type;
	pid_t pid;
	uint32_t asid, queue, id;
	uint64_t start, end, value;
	bool begins;
	char command[TRACE_NAME];
	char *text;
};

/* Some numbers of one kind, in nanoseconds, malloc'd. */
struct trace_times {
	uint64_t *ns;
	size_t nr;
};

/**
 * struct trace_process - who had an ASID
 * @pid: the process; zero: never known.
 * @guessed: only a thread of it is known, that made a queue.
 */
struct trace_process {
	pid_t pid;
	bool guessed;
	uint32_t asid;
	char command[TRACE_NAME];
	uint64_t faults, refused, ranges, shootdowns;
};

/* A page, and how often it was asked for. */
struct trace_page {
	uint64_t va;
	uint64_t faults;
	size_t process;
};

/**
 * struct trace_sum - what the events come to
 * @seconds: recorded. @events, @lost: taken, and those that no room was for.
 * @count: events by type.
 * @reads, @writes, @protects: faults by access.
 * @retries, @refused, @failed: responses.
 * @mapped: 4 KiB pages.
 * @fault_times: from the driver's taking a fault to its answer, if not BUSY.
 * @zap_times, @other_times: of ranges in which something was mapped, or not.
 * @drain_times: from the doorbell to the device's having let go.
 * @processes, @pages: by number of faults, most first; malloc'd.
 */
struct trace_sum {
	double seconds;
	uint64_t events, lost;
	uint64_t count[TRACE_NR];
	uint64_t reads, writes, protects, retries, refused, failed, mapped;
	struct trace_times fault_times, zap_times, other_times, drain_times;
	struct trace_process *processes;
	size_t nr_processes;
	struct trace_page *pages;
	size_t nr_pages;
};

/* Sorts @events by time and adds them up. */
void trace_sum(struct trace_sum *sum, struct trace_event *events, size_t nr);
void trace_sum_free(struct trace_sum *sum);

/* The time below which @percent of 100 lie; @times is sorted; 0 if empty. */
uint64_t trace_percentile(const struct trace_times *times, unsigned int percent);

void trace_text(const struct trace_sum *sum);
void trace_json(const struct trace_sum *sum);

#endif /* SECMMU_CTL_TRACE_H */
