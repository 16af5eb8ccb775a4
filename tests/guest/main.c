// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * secmmu_guest_tests: runs the cases of one boot and writes KTAP. Each case has
 * a process and a time limit of its own, so that one that crashes or hangs is one
 * "not ok", and the others go on.
 *
 *	--boot NAME	the cases of that boot (default main)
 *	--case NAMES	only these, with commas between them
 *	--ktap PATH	where the results go (default standard output)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-test.h"

#define CASE_SECONDS	120	/* or secmmu.case= */

#define GUEST_CASE(boot, name, what) void test_##name(void);
#include "cases.def"
#undef GUEST_CASE
#define GUEST_CASE(boot, name, what) { #boot, #name, what, test_##name },
static const struct guest_case cases[] = {
#include "cases.def"
};
#undef GUEST_CASE

#define NR_CASES (sizeof(cases) / sizeof(cases[0]))

static FILE *results;

void note(const char *fmt, ...)
{
	va_list args;

	fprintf(results, "# ");
	va_start(args, fmt);
	vfprintf(results, fmt, args);
	va_end(args);
	fprintf(results, "\n");
	fflush(results);
}

void fail(const char *file, int line, const char *fmt, ...)
{
	va_list args;

	fprintf(results, "# %s:%d: ", strrchr(file, '/') ?
		strrchr(file, '/') + 1 : file, line);
	va_start(args, fmt);
	vfprintf(results, fmt, args);
	va_end(args);
	fprintf(results, "\n");
	fflush(results);
	_exit(1);
}

#define TOO_OLD	77	/* a case's exit status */

void kernel_too_old(void)
{
	_exit(TOO_OLD);
}

/* Accesses that an auditing device has compared, of all cases. */
static unsigned long long audited;

/* What an auditing device has found so far; zero for any other. */
static struct secmmu_stats audit(void)
{
	struct secmmu_stats s = { 0 };
	struct secmmu ctx;

	if (!secmmu_open(&ctx, NULL)) {
		secmmu_stats(&ctx, &s);
		secmmu_close(&ctx);
	}
	return s;
}

/* Is @name one of the words of @list? No list has all. */
static bool is_listed(const char *name, const char *list)
{
	size_t len = strlen(name);

	if (!list)
		return true;
	for (; list; list = strchr(list, ','), list += !!list)
		if (!strncmp(list, name, len) &&
		    (list[len] == ',' || !list[len]))
			return true;
	return false;
}

static int run_case(const struct guest_case *c)
{
	struct secmmu_stats before = audit(), after;
	int seconds = option("case", CASE_SECONDS);
	int status, waited = 0;
	pid_t child = fork();

	if (child == 0) {
		/* Its children go with it, whatever becomes of it. */
		setpgid(0, 0);
		c->run();
		close_device();
		_exit(0);
	}
	while (waitpid(child, &status, WNOHANG) == 0) {
		if (waited++ > seconds * 50) {
			note("%s: not over after %d s", c->name, seconds);
			kill(-child, SIGKILL);
			kill(child, SIGKILL);
			waitpid(child, &status, 0);
			return 1;
		}
		usleep(20000);
	}
	kill(-child, SIGKILL);
	/* The module may have been loaded anew: then it counts from zero. */
	after = audit();
	if (after.audit_checks < before.audit_checks)
		memset(&before, 0, sizeof(before));
	audited += after.audit_checks - before.audit_checks;
	if (WIFSIGNALED(status)) {
		note("%s: died of signal %d", c->name, WTERMSIG(status));
		return 1;
	}
	if (after.audit_violations > before.audit_violations) {
		note("%s: audit: %llu accesses through a translation that the CPU does not have",
		     c->name, (unsigned long long)(after.audit_violations -
						   before.audit_violations));
		return 1;
	}
	return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	const char *boot = "main", *only = NULL;
	unsigned int nr = 0, failed = 0, i;

	results = stdout;
	for (int a = 1; a + 1 < argc; a += 2) {
		if (!strcmp(argv[a], "--boot"))
			boot = argv[a + 1];
		else if (!strcmp(argv[a], "--case"))
			only = argv[a + 1];
		else if (!strcmp(argv[a], "--ktap"))
			results = fopen(argv[a + 1], "we");
	}
	if (!results)
		die("no results file: %s", strerror(errno));
	for (i = 0; i < NR_CASES; i++)
		nr += !strcmp(cases[i].boot, boot) &&
		      is_listed(cases[i].name, only);
	if (!nr)
		die("no case %s of boot %s", only ? only : "", boot);

	/* Orphans of a case come to us and are reaped. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	fprintf(results, "KTAP version 1\n1..%u\n", nr);
	fflush(results);
	nr = 0;
	for (i = 0; i < NR_CASES; i++) {
		double start = now();
		int ret;

		if (strcmp(cases[i].boot, boot) ||
		    !is_listed(cases[i].name, only))
			continue;
		ret = run_case(&cases[i]);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		note("%s, %.2f s", cases[i].what, now() - start);
		fprintf(results, "%sok %u %s%s\n",
			ret && ret != TOO_OLD ? "not " : "", ++nr, cases[i].name,
			ret == TOO_OLD ? " # SKIP kernel too old" : "");
		fflush(results);
		failed += ret && ret != TOO_OLD;
	}
	if (audited)
		note("audit: %llu accesses compared", audited);
	return failed != 0;
}
