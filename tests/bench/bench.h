/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu_bench: between bench.c, which takes samples, and rows.c, which knows
 * what to measure. One thread.
 */
#ifndef SECMMU_BENCH_H
#define SECMMU_BENCH_H

#include <stdint.h>
#include <stdio.h>

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

#endif /* SECMMU_BENCH_H */
