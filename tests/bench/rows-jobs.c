// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * secmmu_bench: what is measured of jobs, under a memory limit, and of many queues
 * and contexts. Lives here: a function for each row, as in rows.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "guest.h"

static volatile uint64_t sink;

/* --------------------------------------------------------------------- jobs */

void one_page(unsigned int rounds)
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

void batches(unsigned int rounds)
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

#define WALK_PAGES	4096ul

struct node {
	struct node *next;
	uint64_t payload;
	uint64_t pad[6];
};

void list_walk(unsigned int rounds)
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

/*
 * A list with a node on each page, all of which the device has to fault in one
 * after the other; and as many pages' first touch by the CPU.
 */
void walk_faults(unsigned int rounds)
{
	unsigned char *p = memory(WALK_PAGES * PAGE, false);
	unsigned char *other = memory(WALK_PAGES * PAGE, false);
	uint64_t sum, count;

	for (size_t i = 0; i < WALK_PAGES; i++) {
		size_t at = i * 1237 % WALK_PAGES;
		size_t next = (i + 1) * 1237 % WALK_PAGES;
		struct node *n = (struct node *)(p + at * PAGE);

		n->payload = i;
		n->next = i + 1 < WALK_PAGES ?
			  (struct node *)(p + next * PAGE) : NULL;
	}
	while (rounds--) {
		double t;

		open_device();
		t = now_ns();
		check(secmmu_list_walk(&queue, p, offsetof(struct node, next),
				       offsetof(struct node, payload),
				       WALK_PAGES, &sum, &count), "list");
		bench_sample("subject", (now_ns() - t) / WALK_PAGES);
		close_device();
		clear(other, WALK_PAGES * PAGE);
		t = now_ns();
		touch(other, WALK_PAGES * PAGE);
		bench_sample("peer", (now_ns() - t) / WALK_PAGES);
	}
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
void sweep(unsigned int rounds)
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
void queues(unsigned int rounds)
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
void contexts(unsigned int rounds)
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
