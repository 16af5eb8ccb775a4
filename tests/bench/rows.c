// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * secmmu_bench: what is measured of memory. Lives here: the list of rows, and
 * those about copies, faults and invalidations. All figures are nanoseconds for
 * the unit that the row's goal names (a page of 4 KiB, a job, a node), so that
 * only ratios are left for the report. Not here: jobs, swap, scaling (rows-jobs.c).
 *
 * Peers: the guest's CPU, the same call in a process without the device, and
 * the kernel's own HMM test driver, whose READ gives the same bytes to the same
 * place (it copies them to the device's memory and from there to the caller).
 * Rows that "bench" runs once more with a driver that pins pages open the device
 * anew where that is the only way for its memory to be cold.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

#include "bench.h"

/* ------------------------------------------------------------------ copying */

static void copy(unsigned int rounds, bool huge)
{
	size_t len = 64 * MIB;
	unsigned char *a = memory(len, huge), *b = memory(len, huge);

	open_device();
	touch(a, len);
	touch(b, len);
	check(secmmu_copy(&queue, b, a, len), "copy");
	check(secmmu_copy(&queue, b, a, len), "copy");
	while (rounds--) {
		double t = now_ns();

		check(secmmu_copy(&queue, b, a, len), "copy");
		bench_sample("subject", (now_ns() - t) / (len / PAGE));
		t = now_ns();
		memcpy(b, a, len);
		bench_sample("cpu", (now_ns() - t) / (len / PAGE));
	}
	close_device();
}

static void copy_4k(unsigned int rounds)
{
	copy(rounds, false);
}

static void copy_2m(unsigned int rounds)
{
	copy(rounds, true);
}

/* ------------------------------------------------------------------- faults */

static void cold_read(unsigned int rounds)
{
	size_t len = 16 * MIB;
	unsigned char *to = memory(len, false), *from = memory(len, false);

	hmm_open();
	touch(to, len);
	while (rounds--) {
		double t;

		open_device();
		check(secmmu_fill(&queue, to, 0, len), "fill");
		clear(from, len);
		touch(from, len);
		t = now_ns();
		check(secmmu_copy(&queue, to, from, len), "copy");
		bench_sample("subject", (now_ns() - t) / (len / PAGE));
		close_device();
		clear(from, len);
		touch(from, len);
		t = now_ns();
		hmm_read(to, from, len);
		bench_sample("peer", (now_ns() - t) / (len / PAGE));
	}
	hmm_close();
}

static void cold_write(unsigned int rounds, bool huge)
{
	size_t len = 32 * MIB;
	unsigned char *p = memory(len, huge);

	open_device();
	while (rounds--) {
		double t;

		clear(p, len);
		t = now_ns();
		check(secmmu_fill(&queue, p, 1, len), "fill");
		bench_sample("subject", (now_ns() - t) / (len / PAGE));
		clear(p, len);
		t = now_ns();
		touch(p, len);
		bench_sample("peer", (now_ns() - t) / (len / PAGE));
	}
	close_device();
}

static void cold_write_4k(unsigned int rounds)
{
	cold_write(rounds, false);
}

static void cold_write_2m(unsigned int rounds)
{
	cold_write(rounds, true);
}

void write_pages(unsigned char *p)
{
	static uint64_t addrs[FAULT_PAGES], words[FAULT_PAGES];

	for (size_t i = 0; i < FAULT_PAGES; i++)
		addrs[i] = (uintptr_t)p + i * PAGE;
	check(secmmu_scatter(&queue, addrs, words, sizeof(*words), FAULT_PAGES),
	      "scatter");
}

static void fill_pages(unsigned char *p)
{
	for (size_t i = 0; i < FAULT_PAGES; i++)
		check(secmmu_fill(&queue, p + i * PAGE, 1, 8), "fill");
}

/* What untouched pages cost more than the same pages a second time. */
static double faults_of(void (*work)(unsigned char *p), unsigned char *p)
{
	double t, cold;

	clear(p, FAULT_PAGES * PAGE);
	t = now_ns();
	work(p);
	cold = now_ns() - t;
	t = now_ns();
	work(p);
	return (cold - (now_ns() - t)) / FAULT_PAGES;
}

/*
 * One page at a time, one fault outstanding: in one job that faults at each page,
 * in a job for each (whose end its process is woken for, too), and the CPU's own.
 */
static void one_fault(unsigned int rounds)
{
	unsigned char *p = memory(FAULT_PAGES * PAGE, false);

	open_device();
	while (rounds--) {
		double t;

		bench_sample("subject", faults_of(write_pages, p));
		bench_sample("own job", faults_of(fill_pages, p));
		clear(p, FAULT_PAGES * PAGE);
		t = now_ns();
		touch(p, FAULT_PAGES * PAGE);
		bench_sample("peer", (now_ns() - t) / FAULT_PAGES);
	}
	close_device();
}

/* ------------------------------------------------------------ invalidations */

double drop_now(void *arg)
{
	struct drop *d = arg;
	double t = now_ns();

	for (size_t at = 0; at < d->len; at += d->step) {
		if (d->unmap)
			munmap(d->p + at, d->step);
		else
			madvise(d->p + at, d->step, MADV_DONTNEED);
	}
	return (now_ns() - t) / (d->len / PAGE);
}

static double touch_and_drop(void *arg)
{
	struct drop *d = arg;

	touch(d->p, d->len);
	return drop_now(arg);
}

static void drop(unsigned int rounds, bool huge, size_t len, size_t step,
		 bool mapped)
{
	struct drop d = { .p = memory(len, huge), .len = len, .step = step };
	unsigned char *other = memory(PAGE, false);
	uint64_t sum;

	while (rounds--) {
		open_device();
		touch(d.p, len);
		if (mapped)
			check(secmmu_reduce_u64(&queue, (uint64_t *)d.p,
						len / 8, &sum), "sum");
		else
			check(secmmu_fill(&queue, other, 1, PAGE), "fill");
		bench_sample("subject", drop_now(&d));
		close_device();
		bench_sample("peer", elsewhere(touch_and_drop, &d));
	}
	munmap(d.p, len);
}

static void drop_4k(unsigned int rounds)
{
	drop(rounds, false, 64 * MIB, 64 * MIB, true);
}

static void drop_2m(unsigned int rounds)
{
	drop(rounds, true, 64 * MIB, 64 * MIB, true);
}

static void drop_pages(unsigned int rounds)
{
	drop(rounds, false, 16 * MIB, PAGE, true);
}

static void unmap(unsigned int rounds, bool huge)
{
	size_t len = 64 * MIB;
	uint64_t sum;

	while (rounds--) {
		struct drop d = { .p = memory(len, huge), .len = len,
				  .step = len, .unmap = true };
		double t;

		/* The other process first: it has a copy to unmap. */
		bench_sample("peer", elsewhere(touch_and_drop, &d));
		open_device();
		touch(d.p, len);
		check(secmmu_reduce_u64(&queue, (uint64_t *)d.p, len / 8, &sum),
		      "sum");
		t = now_ns();
		bench_sample("subject", drop_now(&d));
		/* Pages that are pinned are free only now. */
		close_device();
		bench_sample("freed", (now_ns() - t) / (len / PAGE));
	}
}

static void munmap_4k(unsigned int rounds)
{
	unmap(rounds, false);
}

static void munmap_2m(unsigned int rounds)
{
	unmap(rounds, true);
}

static void drop_unused(unsigned int rounds)
{
	drop(rounds, false, 64 * MIB, 64 * MIB, false);
}

const struct bench_row bench_rows[] = {
	{ "copy_4k", copy_4k },
	{ "copy_2m", copy_2m },
	{ "cold_read", cold_read },
	{ "cold_write_4k", cold_write_4k },
	{ "cold_write_2m", cold_write_2m },
	{ "drop_4k", drop_4k },
	{ "drop_2m", drop_2m },
	{ "munmap_4k", munmap_4k },
	{ "munmap_2m", munmap_2m },
	{ "drop_pages", drop_pages },
	{ "drop_unused", drop_unused },
	{ "one_page", one_page },
	{ "batches", batches },
	{ "one_fault", one_fault },
	{ "list_walk", list_walk },
	{ "walk_faults", walk_faults },
	{ "sweep", sweep },
	{ "queues", queues },
	{ "contexts", contexts },
	{ "fault_counts", fault_counts },
	{ "edu", edu },
	{ NULL, NULL },
};
