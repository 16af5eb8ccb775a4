/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu_bench: what its files share. bench.c takes samples, setup.c has what rows
 * begin with, rows.c and rows-jobs.c know what to measure. One thread.
 */
#ifndef SECMMU_BENCH_H
#define SECMMU_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <secmmu.h>

#define PAGE	4096ul
#define FAULT_PAGES	512
#define HUGE	(2ul << 20)
#ifndef MIB
#define MIB	(1ul << 20)
#endif

/**
 * struct bench_row - one line of the table
 * @name: of report's goals.
 * @run: takes that many samples of the subject and of its peer.
 */
struct bench_row {
	const char *name;
	void (*run)(unsigned int rounds);
};

/* rows.c; ended by a row without a name. */
extern const struct bench_row bench_rows[];

double now_ns(void);
/* A figure of "subject", "peer" or another column of the present row. */
void bench_sample(const char *who, double ns);

/* The device, between open_device() and close_device(). */
extern struct secmmu ctx;
extern struct secmmu_queue queue;

/* Ends the benchmark if @ret is a negative errno. */
void check(int ret, const char *what);
void open_device(void);
void close_device(void);
/* Untouched memory, 2 MiB aligned. */
unsigned char *memory(size_t len, bool huge);
/* Untouched again. */
void clear(unsigned char *p, size_t len);
void touch(unsigned char *p, size_t len);
/* One job that writes a word to each of FAULT_PAGES pages, in turn. */
void write_pages(unsigned char *p);
/* Runs @fn in a process that has never opened the device. */
double elsewhere(double (*fn)(void *arg), void *arg);
/* The kernel's HMM test driver. */
void hmm_open(void);
void hmm_close(void);
void hmm_read(void *to, void *from, size_t len);

/**
 * struct drop - memory to be given up
 * @p: its address.
 * @len: its length.
 * @step: bytes of each call.
 * @unmap: for good.
 */
struct drop {
	unsigned char *p;
	size_t len;
	size_t step;
	bool unmap;
};

/* rows.c: gives @arg, a struct drop, up; nanoseconds for a page. */
double drop_now(void *arg);
/* rows-jobs.c */
void one_page(unsigned int rounds);
void batches(unsigned int rounds);
void list_walk(unsigned int rounds);
void walk_faults(unsigned int rounds);
void sweep(unsigned int rounds);
void queues(unsigned int rounds);
void contexts(unsigned int rounds);
/* counts.c */
void fault_counts(unsigned int rounds);
/* edu.c */
void edu(unsigned int rounds);

#endif /* SECMMU_BENCH_H */
