// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * secmmuctl selftest: does the device do what it should, for this user, on this
 * machine? Lives here: running the checks, telling. Not here: the checks
 * (selftest-jobs.c, selftest-memory.c).
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "selftest.h"

#define SHORT_LEN	(64ul << 10)
#define LONG_LEN	(1ul << 20)
#define LONG_ROUNDS	10
#define MAPS		16

static const char help[] =
"usage: secmmuctl selftest [OPTION...]\n\n"
"  -D, --device WHICH   not the first: secmmuN, N, or a PCI address\n"
"  -l, --long           larger operands, ten times over\n"
"  -h, --help           this\n\n"
"Runs every opcode against what the CPU computes, and what a process may do to its\n"
"memory meanwhile. One line for each check; the exit status is 1 if one failed.\n";

static const struct {
	const char *name;
	const char *what;
	bool (*run)(struct selftest *t);
} checks[] = {
#define SELFTEST_ENTRY_(name, what) { #name, what, selftest_##name },
	SELFTESTS(SELFTEST_ENTRY_)
};

#define NR_CHECKS (sizeof(checks) / sizeof(checks[0]))

bool selftest_fail(struct selftest *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(t->why, sizeof(t->why), fmt, args);
	va_end(args);
	return false;
}

static struct { void *p; size_t len; } maps[MAPS];
static unsigned int nr_maps;

void *selftest_map(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || nr_maps == MAPS)
		die_of(CTL_FAILED, "no memory: %zu bytes", len);
	maps[nr_maps].p = p;
	maps[nr_maps++].len = len;
	return p;
}

/* Parts of a map may be gone already. */
void selftest_unmap_all(void)
{
	while (nr_maps) {
		nr_maps--;
		munmap(maps[nr_maps].p, maps[nr_maps].len);
	}
}

uint32_t selftest_noise(struct selftest *t)
{
	t->seed ^= t->seed << 13;
	t->seed ^= t->seed >> 17;
	t->seed ^= t->seed << 5;
	return t->seed;
}

void selftest_data(struct selftest *t, void *p, size_t len)
{
	uint32_t *words = p;

	for (size_t i = 0; i < len / 4; i++)
		words[i] = selftest_noise(t);
}

bool selftest_run(struct selftest *t, const struct secmmu_desc *job,
		  struct secmmu_completion *done)
{
	struct secmmu_desc *desc = secmmu_get_desc(&t->q);
	uint64_t completion;

	EXPECT(t, desc, "no descriptor is free");
	completion = desc->completion;
	*desc = *job;
	desc->completion = completion;
	EXPECT(t, secmmu_submit(&t->q) == 1, "the job was not submitted");
	CALL(t, secmmu_wait_timeout(&t->q, done, 10000000000ll));
	return true;
}

static bool run_check(struct selftest *t, size_t i)
{
	bool ok = checks[i].run(t);

	selftest_unmap_all();
	if (ok)
		return true;
	/* What is still under way must not trouble the next check. */
	secmmu_queue_exit(&t->q);
	ctl_queue(&t->q, &t->s, 16);
	return false;
}

int cmd_selftest(int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'D' },
		{ "long", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct selftest t = { .len = SHORT_LEN };
	unsigned int rounds = 1, failed = 0, done = 0;
	const char *which = NULL;
	double began = ctl_now();
	struct ctl_device dev;
	int c;

	while ((c = getopt_long(argc, argv, "D:lh", options, NULL)) != -1)
		switch (c) {
		case 'D': which = optarg; break;
		case 'l': rounds = LONG_ROUNDS; t.len = LONG_LEN; break;
		case 'h': fputs(help, stdout); return CTL_OK;
		default: ctl_usage_error("selftest");
		}
	if (optind < argc) {
		warn_that("selftest takes no argument '%s'", argv[optind]);
		ctl_usage_error("selftest");
	}
	ctl_device(&dev, which, true);
	ctl_open(&t.s, &dev);
	ctl_queue(&t.q, &t.s, 16);
	for (size_t i = 0; i < NR_CHECKS; i++) {
		bool ok = true;

		for (unsigned int r = 0; r < rounds && ok; r++) {
			t.seed = 1 + r * NR_CHECKS + i;
			ok = run_check(&t, i);
			ctl_progress(began, (double)++done / rounds / NR_CHECKS);
		}
		done = (i + 1) * rounds;
		ctl_progress_end();
		printf("%-8s%-13s %s\n", ok ? "ok" : "FAILED", checks[i].name,
		       ok ? checks[i].what : t.why);
		fflush(stdout);
		failed += !ok;
	}
	secmmu_queue_exit(&t.q);
	secmmu_close(&t.s);
	printf("%zu of %zu checks passed on %s in %.1f s\n",
	       NR_CHECKS - failed, NR_CHECKS, dev.path, ctl_now() - began);
	return failed ? CTL_FAILED : CTL_OK;
}
