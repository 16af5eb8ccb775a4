/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu-report: both sides' logs of one run, joined. What the parts hand to
 * each other: records (log.c), lives (lives.c), the moment of a violation
 * (moment.c), and the two ways to show them (html.c, perfetto.c).
 *
 * All times are nanoseconds on the guest's monotonic clock. Everything is made
 * once and lives until the program ends.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <glib.h>

enum side { SIDE_CPU, SIDE_DRIVER, SIDE_DEVICE };

/**
 * struct record - one line of a log
 * @t: when. The driver's are in whole microseconds.
 * @side: a marker of the story's program, a tracepoint, or the device.
 * @cpu: the CPU that it was on; -1 for the device.
 * @task: name and number of the task; "device" for the device.
 * @name: of the event, without "secmmu_".
 * @text: its fields, as printed.
 */
struct record {
	int64_t t;
	enum side side;
	int cpu;
	const char *task;
	const char *name;
	const char *text;
};

/**
 * struct log - everything that was recorded
 * @records: struct record, in order of time; those of one side, as written.
 * @pair_error: half the longest time that a reading of both clocks took.
 * @drift_error: largest distance of a reading from the line through the two
 *	beside it.
 * @slack: how much later than its effect a cause may seem to be: both errors,
 *	and the tracepoints' microsecond.
 */
struct log {
	GPtrArray *records;
	unsigned int pairs;
	int64_t pair_error;
	int64_t drift_error;
	int64_t slack;
};

/* Reads both logs, or says what is wrong with them and ends the program. */
void log_read(struct log *log, const char *driver, const char *device);

/* The number after "@key=" in @r. False if there is none. */
bool record_field(const struct record *r, const char *key, uint64_t *value);
/* The same where there has to be one: ends the program if not. */
uint64_t record_need(const struct record *r, const char *key);
/* Is @word one of the words of @r? */
bool record_has(const struct record *r, const char *word);
bool record_is(const struct record *r, enum side side, const char *name);

/**
 * struct fault - from a miss until the queue may go on
 * @miss: the TLB has no translation.
 * @raised: the walk found none; the queue waits.
 * @seen: the driver has the event.
 * @answered: the driver writes its response.
 * @told: the device has it.
 * @resumed: the queue may go on: @told, or if the fault was refused, the
 *	RESUME that came later.
 * @code: "retry", "busy" or "fail"; "none" if the records end before.
 */
struct fault {
	uint64_t asid, queue, seq, va;
	bool write;
	const char *code;
	const struct record *miss, *raised, *seen, *answered, *told, *resumed;
};

/**
 * struct range - from invalidate_range_start to the end
 * @zap: entries of the table went; NULL if nothing was mapped there.
 * @shootdown: the driver rings; NULL if nothing was mapped there.
 * @begun: the device starts with it.
 * @drained: no access through what was dropped is under way.
 * @done: the device has said so.
 * @end: invalidate_range_end; NULL if the records end before.
 * @windows: accesses that had to be waited for.
 * @dropped: entries of the TLB and the walk cache.
 * @refused: faults that were answered BUSY meanwhile, of this address space.
 */
struct range {
	uint64_t asid, start, stop;
	const struct record *begin, *zap, *shootdown, *begun, *drained, *done, *end;
	uint64_t windows, dropped;
	unsigned int refused;
};

/* Was nothing mapped there? Of a range that goes on nobody can say it yet. */
static inline bool range_is_bare(const struct range *g)
{
	return g->end && !g->shootdown;
}

/**
 * struct job - from the descriptor's reading to its record
 * @end: NULL if the records end before.
 */
struct job {
	uint64_t asid, queue, opcode;
	const struct record *start, *end;
};

/* An act of the story. */
struct act {
	const char *name;
	int64_t from, to;
};

/**
 * struct moment - where a long recording is looked at
 * @audit: the violation; NULL if there is none.
 * @page: that it is about.
 * @life: struct record, what happened to that page until then.
 * @act: the records round it.
 */
struct moment {
	const struct record *audit;
	uint64_t page;
	GPtrArray *life;
	struct act act;
};

/* Finds it, and takes what is far from it out of @log. */
void moment_find(struct moment *m, struct log *log);
void moment_write(FILE *out, const struct moment *m);

/**
 * struct lives - what the records tell
 * @incomplete: faults and ranges of which a step is missing.
 * @disorder: steps that come before what caused them, by more than the slack.
 */
struct lives {
	GPtrArray *faults, *ranges, *jobs, *acts;
	unsigned int incomplete;
	unsigned int disorder;
};

/*
 * @moment: the only act; lives that reach out of it are not judged. Or NULL: the
 * acts that the story's markers name.
 */
void lives_find(struct lives *lives, const struct log *log,
		struct moment *moment);
/* Number of the act at @t, from 1; 0 for none. */
unsigned int lives_act(const struct lives *lives, int64_t t);
const char *job_name(uint64_t opcode);

/* @moment: or NULL. */
void html_write(FILE *out, const struct log *log, const struct lives *lives,
		const struct moment *moment);
void perfetto_write(FILE *out, const struct log *log,
		    const struct lives *lives);

/* Prints what is wrong and exits with status 1. */
void bad(const char *fmt, ...) G_GNUC_PRINTF(1, 2) G_GNUC_NORETURN;

#endif /* REPORT_H */
