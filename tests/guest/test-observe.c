// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What can be seen from outside: fdinfo, debugfs and tracepoints, read while jobs
 * run and memory changes under them.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest-test.h"

#define LEN		(1 * MIB)
#define DEBUGFS		"/sys/kernel/debug/secmmu/secmmu0/"
#define TRACING		"/sys/kernel/tracing/"

static char text[1 << 20];

static const char *slurp(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		fail(__FILE__, __LINE__, "%s does not open", path);
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	CHECK_EQ(n, 0);
	text[len] = 0;
	close(fd);
	return text;
}

/* The number after @key at the start of a line, or -1. */
static long long number(const char *in, const char *key)
{
	size_t len = strlen(key);
	long long value;

	for (; in; in = strchr(in, '\n')) {
		in += *in == '\n';
		if (!strncmp(in, key, len) &&
		    sscanf(in + len, "%lld", &value) == 1)
			return value;
	}
	return -1;
}

/* Jobs, and memory that goes and comes, for as long as others look. */
static volatile bool stop;

static void *worker(void *arg)
{
	unsigned char *p = anon(LEN);
	struct secmmu_queue q;

	CHECK_EQ(secmmu_queue_init(&q, &dev, 8, 0), 0);
	for (int i = 0; !stop; i++) {
		CHECK_EQ(secmmu_fill(&q, p, i, LEN), 0);
		CHECK_EQ(madvise(p, LEN / 2, MADV_DONTNEED), 0);
	}
	secmmu_queue_exit(&q);
	return NULL;
}

static const char *fdinfo(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", dev.fd);
	return slurp(path);
}

/* One key and one value in each line, as drm-usage-stats has it. */
static void check_grammar(const char *in)
{
	/* The kernel's own lines come first. */
	in = strstr(in, "drm-driver:");
	CHECK(in);
	while (*in) {
		size_t key = strcspn(in, ":\n"), end = strcspn(in, "\n");

		CHECK(in[key] == ':' && in[end] == '\n');
		CHECK(!strncmp(in, "drm-", 4) || !strncmp(in, "secmmu-", 7));
		for (size_t i = 0; i < key; i++)
			CHECK(!isspace(in[i]));
		CHECK(isspace(in[key + 1]));
		CHECK(end > key + 2);
		in += end + 1;
	}
}

void test_observe_fdinfo(void)
{
	unsigned char *p = anon_thp(LEN, false);
	long long faults = 0, client;
	struct secmmu other;
	pthread_t thread;
	char path[64];

	open_device();
	CHECK_EQ(secmmu_fill(&queue, p, 1, LEN), 0);
	check_grammar(fdinfo());
	CHECK(strstr(text, "drm-driver:\tsecmmu\n"));
	CHECK(strstr(text, "drm-pdev:\t0000:"));
	CHECK(strstr(text, " KiB\n"));
	CHECK_EQ(number(text, "secmmu-asid:"), dev.info.asid);
	CHECK_EQ(number(text, "secmmu-queues:"), 1);
	CHECK(number(text, "drm-resident-memory:") >= (long long)LEN / 1024);
	CHECK_EQ(number(text, "secmmu-faults:"), stats().faults);
	CHECK_EQ(number(text, "secmmu-pages-mapped:"), stats().pages_mapped);
	client = number(text, "drm-client-id:");

	/* Another open is another client. */
	CHECK_EQ(secmmu_open(&other, NULL), 0);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", other.fd);
	CHECK(number(slurp(path), "drm-client-id:") > client);
	secmmu_close(&other);

	CHECK_EQ(pthread_create(&thread, NULL, worker, NULL), 0);
	for (int i = 0; i < 300; i++) {
		long long last = faults;

		check_grammar(fdinfo());
		faults = number(text, "secmmu-faults:");
		CHECK(faults >= last);
	}
	stop = true;
	pthread_join(thread, NULL);
	CHECK_EQ(number(fdinfo(), "drm-client-id:"), client);
	/* What is gone is not resident. */
	CHECK_EQ(munmap(p, LEN), 0);
	CHECK(number(fdinfo(), "drm-resident-memory:") <
	      2 * (long long)LEN / 1024);
}

/* Looks for the runs of [start, end) in the dump, and adds them up. */
static size_t mapped(unsigned long start, unsigned long end, const char *rights)
{
	const char *line = slurp(DEBUGFS "tables");
	size_t sum = 0;

	while ((line = strchr(line, '\n')) && *++line) {
		unsigned long from, to, pages;
		char size[4], r[8];
		unsigned int asid;

		if (sscanf(line, "%u %lx %lx %lu %3s %7s", &asid, &from, &to,
			   &pages, size, r) != 6)
			fail(__FILE__, __LINE__, "not a line: %.60s", line);
		CHECK_EQ(to - from, pages * (size[0] == '2' ? HUGE : PAGE));
		if (asid == dev.info.asid && from < end && to > start &&
		    !strncmp(r, rights, strlen(rights)))
			sum += (to < end ? to : end) -
			       (from > start ? from : start);
	}
	return sum;
}

void test_observe_debugfs(void)
{
	unsigned long p = (unsigned long)anon_thp(LEN, false);
	volatile unsigned long *word = (unsigned long *)p;
	pthread_t thread[2];
	long long clock[2][3];
	char line[64];
	uint64_t sum;
	int rounds;

	open_device();
	CHECK_EQ(mapped(p, p + LEN, "r"), 0);
	for (size_t i = 0; i < LEN / 8; i += PAGE / 8)
		word[i] = 1;
	CHECK_EQ(secmmu_reduce_u64(&queue, (void *)p, LEN / 8, &sum), 0);
	CHECK_EQ(mapped(p, p + LEN, "r-a-"), LEN);
	CHECK_EQ(secmmu_fill(&queue, (void *)p, 1, LEN / 2), 0);
	CHECK_EQ(mapped(p, p + LEN / 2, "rwad"), LEN / 2);
	CHECK_EQ(mapped(p + LEN / 2, p + LEN, "r-a-"), LEN / 2);
	CHECK_EQ(madvise((void *)p, LEN / 4, MADV_DONTNEED), 0);
	CHECK_EQ(mapped(p, p + LEN, "r"), LEN - LEN / 4);

	snprintf(line, sizeof(line), "\n%u %s %d 1 live 0 0 ", dev.info.asid,
		 stats().dropins ? "soft" : "walk", getpid());
	if (!strstr(slurp(DEBUGFS "asids"), line))
		fail(__FILE__, __LINE__, "no '%s' in %s", line + 1, text);
	snprintf(line, sizeof(line), "\n%u %u idle 2 2 0 ", queue.id,
		 dev.info.asid);
	if (!strstr(slurp(DEBUGFS "queues"), line))
		fail(__FILE__, __LINE__, "no '%s' in %s", line + 1, text);
	slurp(DEBUGFS "counters");
	CHECK_EQ(number(text, "lost "), 0);
	CHECK(number(text, "JOBS ") >= 2);
	CHECK_EQ(number(text, "AUDIT_VIOLATIONS "), 0);

	/* Both clocks run, at one rate but for what a reading takes. */
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(sscanf(slurp(DEBUGFS "clock"),
				"before device after %lld %lld %lld",
				&clock[i][0], &clock[i][1], &clock[i][2]), 3);
		CHECK(clock[i][0] <= clock[i][2]);
		usleep(20000);
	}
	CHECK(clock[1][0] - clock[0][2] > 10000000);
	CHECK(llabs((clock[1][1] - clock[0][1]) -
		    (clock[1][0] - clock[0][0])) < 5000000);

	for (int i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&thread[i], NULL, worker, NULL), 0);
	for (rounds = 0; rounds < 100; rounds++) {
		CHECK(mapped(p, p + LEN, "r") <= LEN);
		slurp(DEBUGFS "asids");
		slurp(DEBUGFS "queues");
		CHECK(number(slurp(DEBUGFS "counters"), "JOBS ") > 0);
	}
	stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
}

/* Begins a watch, and sees it: on a slow machine it may be over by then. */
static void job_is_watched(void *p)
{
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(secmmu_fill(&queue, p, i, PAGE), 0);
		if (number(slurp(DEBUGFS "counters"), "watched ") == 1)
			return;
	}
	fail(__FILE__, __LINE__, "nobody watches a device at work");
}

/*
 * A device that has been quiet for a second is not looked at any more; the next
 * doorbell begins a new watch.
 */
void test_observe_rest(void)
{
	void *p = anon(PAGE);

	open_device();
	job_is_watched(p);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 500 && number(slurp(DEBUGFS "counters"),
						  "watched "); i++)
			usleep(20000);
		CHECK_EQ(number(text, "watched "), 0);
		job_is_watched(p);
	}
}

/* The line of @event with all of @what in it, or NULL. */
static const char *traced(const char *event, const char *what)
{
	static char line[256];
	const char *at = text;

	while ((at = strstr(at, event))) {
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"),
			 at);
		if (strstr(line, what))
			return line;
		at += strlen(event);
	}
	return NULL;
}

/* One fault and one invalidation leave all their steps, joined by their ids. */
void test_observe_trace(void)
{
	unsigned long p = (unsigned long)anon_thp(LEN, false);
	char what[96];
	const char *line;
	unsigned int seq;

	open_device();
	write_file(TRACING "trace", "");
	write_file(TRACING "events/secmmu/enable", "1");
	CHECK_EQ(secmmu_fill(&queue, (void *)p, 1, PAGE), 0);
	CHECK_EQ(madvise((void *)p, PAGE, MADV_DONTNEED), 0);
	close_device();
	write_file(TRACING "events/secmmu/enable", "0");
	slurp(TRACING "trace");

	snprintf(what, sizeof(what), "va=%#lx extent=%lu write", p, PAGE);
	line = traced("secmmu_fault:", what);
	if (!line)
		fail(__FILE__, __LINE__, "no fault with %s", what);
	CHECK(strstr(line, "seq="));
	seq = atoi(strstr(line, "seq=") + 4);
	snprintf(what, sizeof(what), "asid=%u queue=%u seq=%u retry",
		 dev.info.asid, queue.id, seq);
	CHECK(traced("secmmu_response:", what));
	snprintf(what, sizeof(what), "asid=%u va=%#lx pages=1 write",
		 dev.info.asid, p);
	CHECK(traced("secmmu_map:", what));
	snprintf(what, sizeof(what), "asid=%u start start=%#lx end=%#lx",
		 dev.info.asid, p, p + PAGE);
	CHECK(traced("secmmu_range:", what));
	snprintf(what, sizeof(what), "asid=%u start=%#lx end=%#lx entries=1",
		 dev.info.asid, p, p + PAGE);
	CHECK(traced("secmmu_zap:", what));
	snprintf(what, sizeof(what), "asid=%u start=%#lx end=%#lx ticket=",
		 dev.info.asid, p, p + PAGE);
	CHECK(traced("secmmu_shootdown:", what));
	snprintf(what, sizeof(what), "asid=%u queue=%u destroy", dev.info.asid,
		 queue.id);
	CHECK(traced("secmmu_queue:", what));
	/* Whoever sleeps for it has it announced. */
	CHECK(!traced("secmmu_wait:", "") ||
	      traced("secmmu_complete:", "completed=1 error=0"));
}
