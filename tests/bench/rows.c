// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * secmmu_bench: what is measured. Lives here: a function for each row. All
 * figures are nanoseconds for the unit that the row's goal names (a page of
 * 4 KiB, a job, a node), so that only ratios are left for the report.
 *
 * Peers: the guest's CPU, the same call in a process without the device, and
 * the kernel's own HMM test driver, whose READ gives the same bytes to the same
 * place (it copies them to the device's memory and from there to the caller).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <secmmu.h>

#include "bench.h"
#include "guest.h"
#include "test_hmm_uapi.h"

#define PAGE	4096ul
#define HUGE	(2ul << 20)
#ifndef MIB
#define MIB	(1ul << 20)
#endif

static struct secmmu ctx;
static struct secmmu_queue queue;
static volatile uint64_t sink;

static void check(int ret, const char *what)
{
	if (ret < 0)
		die("%s: %s", what, strerror(-ret));
}

static void open_device(void)
{
	check(secmmu_open(&ctx, NULL), "open");
	check(secmmu_queue_init(&queue, &ctx, 256, 0), "queue");
}

static void close_device(void)
{
	secmmu_queue_exit(&queue);
	secmmu_close(&ctx);
}

/* Untouched memory, 2 MiB aligned. */
static unsigned char *memory(size_t len, bool huge)
{
	unsigned char *p = mmap(NULL, len + HUGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap of %zu bytes", len);
	p = (unsigned char *)(((uintptr_t)p + HUGE - 1) & -HUGE);
	madvise(p, len, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	return p;
}

/* Untouched again. */
static void clear(unsigned char *p, size_t len)
{
	madvise(p, len, MADV_DONTNEED);
}

static void touch(unsigned char *p, size_t len)
{
	for (size_t at = 0; at < len; at += PAGE)
		p[at] = 1;
}

/* Runs @fn in a process that has never opened the device. */
static double elsewhere(double (*fn)(void *arg), void *arg)
{
	double *result = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = -1;
	pid_t child;
	double ns;

	if (result == MAP_FAILED)
		die("mmap");
	child = fork();
	if (!child) {
		*result = fn(arg);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status)
		die("a process of the benchmark failed");
	ns = *result;
	munmap(result, PAGE);
	return ns;
}

/* ------------------------------------------------------- the HMM test driver */

static int hmm_fd = -1;

static void hmm_open(void)
{
	hmm_fd = open("/dev/hmm_dmirror0", O_RDWR | O_CLOEXEC);
	if (hmm_fd < 0)
		die("/dev/hmm_dmirror0: %s", strerror(errno));
}

static void hmm_close(void)
{
	close(hmm_fd);
	hmm_fd = -1;
}

static void hmm_read(void *to, void *from, size_t len)
{
	struct hmm_dmirror_cmd cmd = {
		.addr = (uintptr_t)from, .ptr = (uintptr_t)to,
		.npages = len / PAGE,
	};

	if (ioctl(hmm_fd, HMM_DMIRROR_READ, &cmd) || cmd.cpages != len / PAGE)
		die("HMM_DMIRROR_READ: %s", strerror(errno));
}

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

	open_device();
	hmm_open();
	touch(to, len);
	check(secmmu_fill(&queue, to, 0, len), "fill");
	while (rounds--) {
		double t;

		clear(from, len);
		touch(from, len);
		t = now_ns();
		check(secmmu_copy(&queue, to, from, len), "copy");
		bench_sample("subject", (now_ns() - t) / (len / PAGE));
		clear(from, len);
		touch(from, len);
		t = now_ns();
		hmm_read(to, from, len);
		bench_sample("peer", (now_ns() - t) / (len / PAGE));
	}
	hmm_close();
	close_device();
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

/* One page at a time: what a job takes more for a fault, and the CPU's own. */
static void one_fault(unsigned int rounds)
{
	size_t pages = 512;
	unsigned char *p = memory(pages * PAGE, false);

	open_device();
	while (rounds--) {
		double t, warm;

		clear(p, pages * PAGE);
		t = now_ns();
		for (size_t i = 0; i < pages; i++)
			check(secmmu_fill(&queue, p + i * PAGE, 1, 8), "fill");
		t = now_ns() - t;
		warm = now_ns();
		for (size_t i = 0; i < pages; i++)
			check(secmmu_fill(&queue, p + i * PAGE, 1, 8), "fill");
		warm = now_ns() - warm;
		bench_sample("subject", (t - warm) / pages);
		clear(p, pages * PAGE);
		t = now_ns();
		touch(p, pages * PAGE);
		bench_sample("peer", (now_ns() - t) / pages);
	}
	close_device();
}

/* ------------------------------------------------------------ invalidations */

struct drop {
	unsigned char *p;
	size_t len;
	size_t step;		/* bytes of each call */
	bool unmap;		/* for good */
};

static double drop_now(void *arg)
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

		/* The other process first: it has a copy to unmap. */
		bench_sample("peer", elsewhere(touch_and_drop, &d));
		open_device();
		touch(d.p, len);
		check(secmmu_reduce_u64(&queue, (uint64_t *)d.p, len / 8, &sum),
		      "sum");
		bench_sample("subject", drop_now(&d));
		close_device();
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

/* --------------------------------------------------------------------- jobs */

static void one_page(unsigned int rounds)
{
	unsigned char *p = memory(2 * PAGE, false);
	unsigned int n = 2000;

	open_device();
	hmm_open();
	touch(p, 2 * PAGE);
	while (rounds--) {
		double t;

		check(secmmu_copy(&queue, p + PAGE, p, PAGE), "copy");
		t = now_ns();
		for (unsigned int i = 0; i < n; i++)
			check(secmmu_copy(&queue, p + PAGE, p, PAGE), "copy");
		bench_sample("subject", (now_ns() - t) / n);
		hmm_read(p + PAGE, p, PAGE);
		t = now_ns();
		for (unsigned int i = 0; i < n; i++)
			hmm_read(p + PAGE, p, PAGE);
		bench_sample("peer", (now_ns() - t) / n);
	}
	hmm_close();
	close_device();
}

static void batches(unsigned int rounds)
{
	unsigned char *p = memory(65 * PAGE, false);
	unsigned int n = 50, batch = 64;
	struct secmmu_completion done;

	open_device();
	hmm_open();
	touch(p, 65 * PAGE);
	while (rounds--) {
		double t = now_ns();

		for (unsigned int i = 0; i < n; i++) {
			for (unsigned int j = 0; j < batch; j++)
				secmmu_prep_copy(secmmu_get_desc(&queue),
						 p + (j + 1) * PAGE, p, PAGE);
			check(secmmu_submit(&queue), "submit");
			for (unsigned int j = 0; j < batch; j++)
				check(secmmu_wait(&queue, &done), "wait");
		}
		bench_sample("subject", (now_ns() - t) / (n * batch));
		t = now_ns();
		for (unsigned int i = 0; i < n * 8; i++)
			hmm_read(p + PAGE, p, PAGE);
		bench_sample("peer", (now_ns() - t) / (n * 8));
	}
	hmm_close();
	close_device();
}

struct node {
	struct node *next;
	uint64_t payload;
	uint64_t pad[6];
};

static void list_walk(unsigned int rounds)
{
	size_t nr = 1 << 20;
	struct node *nodes = (struct node *)memory(nr * sizeof(*nodes), true);
	uint64_t sum, count;

	/* An order that jumps from page to page. */
	for (size_t i = 0; i < nr; i++) {
		size_t at = i * 40503 % nr, next = (i + 1) * 40503 % nr;

		nodes[at].payload = i;
		nodes[at].next = i + 1 < nr ? &nodes[next] : NULL;
	}
	open_device();
	check(secmmu_list_walk(&queue, nodes, offsetof(struct node, next),
			       offsetof(struct node, payload), nr, &sum,
			       &count), "list");
	while (rounds--) {
		double t = now_ns();

		check(secmmu_list_walk(&queue, nodes,
				       offsetof(struct node, next),
				       offsetof(struct node, payload), nr,
				       &sum, &count), "list");
		bench_sample("subject", (now_ns() - t) / nr);
		t = now_ns();
		sum = 0;
		for (struct node *n = nodes; n; n = n->next)
			sum += n->payload;
		sink = sum;
		bench_sample("peer", (now_ns() - t) / nr);
	}
	close_device();
}

/* --------------------------------------------------------------------- swap */

static double sweep_cpu(void *arg)
{
	struct drop *d = arg;
	double t = now_ns();

	touch(d->p, d->len);
	return (now_ns() - t) / (d->len / PAGE);
}

static double sweep_device(void *arg)
{
	struct drop *d = arg;
	double t;

	open_device();
	t = now_ns();
	for (size_t at = 0; at < d->len; at += MIB)
		check(secmmu_fill(&queue, d->p + at, 1, MIB), "fill");
	t = (now_ns() - t) / (d->len / PAGE);
	close_device();
	return t;
}

/* 256 MiB under 64: both times all of it is in swap when the sweep begins. */
static void sweep(unsigned int rounds)
{
	struct drop d = { .len = 256 * MIB };

	swap_on_zram(512 * MIB);
	cgroup_enter("secmmu-bench", 64 * MIB);
	d.p = memory(d.len, false);
	touch(d.p, d.len);
	while (rounds--) {
		bench_sample("subject", sweep_device(&d));
		bench_sample("peer", sweep_cpu(&d));
	}
	munmap(d.p, d.len);
	cgroup_leave("secmmu-bench");
}

/* ------------------------------------------------------------------ scaling */

/* The same work over more and more queues, by one thread. */
static void queues(unsigned int rounds)
{
	static const unsigned int numbers[] = { 1, 2, 8, 64 };
	static struct secmmu_queue many[64];
	size_t len = MIB;
	unsigned char *p = memory(2 * len, true);
	struct secmmu_completion done;

	check(secmmu_open(&ctx, NULL), "open");
	touch(p, 2 * len);
	/* As many as a context may have. */
	for (unsigned int i = 0; i < 64; i++)
		check(secmmu_queue_init(&many[i], &ctx, 16, 0), "queue");
	for (unsigned int r = 0; r < rounds; r++) {
		for (unsigned int k = 0; k < 4; k++) {
			unsigned int nr = numbers[k], jobs = 128 / nr;
			char who[24];
			double t;

			snprintf(who, sizeof(who), "%u queues", nr);
			t = now_ns();
			for (unsigned int done_jobs = 0; done_jobs < jobs;) {
				unsigned int n = jobs - done_jobs;

				n = n > 16 ? 16 : n;
				for (unsigned int q = 0; q < nr; q++) {
					for (unsigned int j = 0; j < n; j++)
						secmmu_prep_copy(
							secmmu_get_desc(&many[q]),
							p + len, p, len);
					check(secmmu_submit(&many[q]), "submit");
				}
				for (unsigned int q = 0; q < nr; q++)
					for (unsigned int j = 0; j < n; j++)
						check(secmmu_wait(&many[q], &done),
						      "wait");
				done_jobs += n;
			}
			bench_sample(who, (now_ns() - t) / (jobs * nr * (len / PAGE)));
		}
	}
	for (unsigned int i = 0; i < 64; i++)
		secmmu_queue_exit(&many[i]);
	secmmu_close(&ctx);
}

/* A shootdown of one page, while so many other processes have the device open. */
static void contexts(unsigned int rounds)
{
	static const unsigned int numbers[] = { 1, 100, 1000 };
	unsigned char *p = memory(PAGE * 256, false);
	unsigned int nr = 1;
	int hold[2], ready[2], status;
	char c;

	if (pipe(hold) || pipe(ready))
		die("pipe");
	for (unsigned int k = 0; k < 3; k++) {
		char who[24];

		for (; nr < numbers[k]; nr++) {
			pid_t child = fork();

			if (child < 0)
				die("fork: %s", strerror(errno));
			if (!child) {
				struct secmmu other;

				close(hold[1]);
				close(ready[0]);
				check(secmmu_open(&other, NULL), "open");
				if (write(ready[1], "", 1) != 1)
					_exit(1);
				_exit(read(hold[0], &c, 1) != 0);
			}
			if (read(ready[0], &c, 1) != 1)
				die("a process has not opened the device");
		}
		open_device();
		snprintf(who, sizeof(who), "%u contexts", nr);
		for (unsigned int r = 0; r < rounds; r++) {
			struct drop d = { .p = p, .len = 256 * PAGE, .step = PAGE };

			touch(p, d.len);
			check(secmmu_fill(&queue, p, 1, d.len), "fill");
			bench_sample(who, drop_now(&d));
		}
		close_device();
	}
	close(hold[0]);
	close(hold[1]);
	while (wait(&status) > 0)
		if (status)
			die("a process with the device open has failed");
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
	{ "sweep", sweep },
	{ "queues", queues },
	{ "contexts", contexts },
	{ NULL, NULL },
};
