/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of `secmmuctl top` share: a look at a device and its users, and
 * the difference of two. clients.c looks, top.c loops, top-show.c and
 * top-screen.c print.
 */
#ifndef SECMMU_CTL_TOP_H
#define SECMMU_CTL_TOP_H

#include "ctl.h"

#define TOP_NAME	16

/* What fdinfo counts, for an address space: C(name in fdinfo, field). */
#define TOP_COUNTERS(C) \
	C("secmmu-faults", faults) \
	C("secmmu-refused", refused) \
	C("secmmu-ranges", ranges) \
	C("secmmu-shootdowns", shootdowns) \
	C("secmmu-pages-mapped", mapped) \
	C("secmmu-pages-zapped", zapped)

/* What it shows as of now, in KiB. */
#define TOP_GAUGES(G) \
	G("drm-resident-memory", resident_kib) \
	G("secmmu-table", table_kib)

struct top_counters {
#define C(key, field) uint64_t field;
	TOP_COUNTERS(C)
#undef C
};

struct top_rates {
#define C(key, field) double field;
	TOP_COUNTERS(C)
#undef C
	double jobs;
};

/**
 * struct top_queue - a queue
 * @id: the device's number.
 * @state: idle, ready, running, faulted, refused, stopped, lost, ...
 * @head, @tail: jobs ended and submitted; both wrap.
 * @jobs: ended, per second.
 */
struct top_queue {
	unsigned int id;
	char state[TOP_NAME];
	uint32_t head, tail;
	double jobs;
};

/**
 * struct top_row - an address space that uses the device
 * @pid, @command: the process with the lowest number that has it open.
 * @client: the first of its contexts, by the driver's count.
 * @asid, @mode: walk or soft.
 * @lost: the device was lost under it.
 * @queues: @nr_queues of them, of all its contexts; malloc'd.
 */
struct top_row {
	pid_t pid;
	char command[TOP_NAME];
	unsigned long long client;
	unsigned int asid;
	char mode[TOP_NAME];
	bool lost;
	struct top_counters counters;
	struct top_rates rates;
#define G(key, field) uint64_t field;
	TOP_GAUGES(G)
#undef G
	struct top_queue *queues;
	unsigned int nr_queues;
};

/**
 * struct top_look - the device and its users at one moment
 * @time: of ctl_now().
 * @rows: @nr of them; malloc'd.
 * @stats: the device's counters are in it.
 * @lost: the device is, and @stats holds nothing.
 * @queues_used: of everybody; those of processes that the caller may not look
 *	at are in no row.
 */
struct top_look {
	double time;
	struct top_row *rows;
	unsigned int nr;
	struct secmmu_stats stats;
	bool lost;
	long long queues_used;
};

enum top_sort {
	TOP_SORT_JOBS, TOP_SORT_FAULTS, TOP_SORT_REFUSED, TOP_SORT_SHOOTDOWNS,
	TOP_SORT_RESIDENT, TOP_SORT_PID, TOP_SORT_NR,
};

/* Names for -s, keys and column headings, in the order of enum top_sort. */
extern const struct top_sort_key {
	const char *name;
	char key;
} top_sorts[TOP_SORT_NR];

/**
 * struct top - what is looked at, and how
 * @dev: the device. @engines, @queues: what it has.
 * @ctx: our own context, for the device's counters; fd -1 while it is lost.
 * @delay: seconds between two looks.
 * @now, @before: the last two looks.
 * @busy: engines at work, on average of @samples between the two.
 * @sort, @reverse, @show_queues: as the user wants it.
 */
struct top {
	struct ctl_device dev;
	long long engines, queues;
	struct secmmu ctx;
	double delay;
	struct top_look now, before;
	double busy;
	unsigned int samples;
	enum top_sort sort;
	bool reverse;
	bool show_queues;
};

/* clients.c: looks, at processes of every user whom the caller may look at. */
void top_look(struct top *top, struct top_look *look);
void top_look_free(struct top_look *look);

/* top.c: two looks, @delay apart, with samples of the engines between. */
void top_begin(struct top *top);
/* Samples once, if it is time; false when the next look is due. */
bool top_wait(struct top *top, double *sample_at);
/* The next look, its rates, sorted. */
void top_next(struct top *top);

/* Per second, since the look before; zero if there was none. */
double top_rate(const struct top *top, uint64_t now, uint64_t before);
/* Share of lookups that the TLB served, 0 to 1; negative if there were none. */
double top_hit_rate(const struct top *top);
/* Queues that no row has. */
long long top_hidden_queues(const struct top *top);

/* top-show.c */
const char *top_human(double value, char *text, size_t size);
const char *top_kib(uint64_t kib, char *text, size_t size);
/* The lines above the table, the table's heading, and a line of it. */
#define TOP_HEAD_LINES	5
void top_head_line(const struct top *top, int line, char *text, size_t size);
void top_heading(char *text, size_t size);
void top_row_line(const struct top_row *row, char *text, size_t size);
void top_queue_line(const struct top_queue *queue, char *text, size_t size);
void top_text(const struct top *top);
void top_json(const struct top *top);

/* top-screen.c: until the user quits. Returns an exit status. */
int top_screen(struct top *top);

#endif /* SECMMU_CTL_TOP_H */
