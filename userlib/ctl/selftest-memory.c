// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * secmmuctl selftest: what a process does to its memory, the device sees. Not
 * here: results of jobs as such (selftest-jobs.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "selftest.h"

#define PAGE	4096ul

/* The exit status of @child, or -1. */
static int join(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/*
 * The child was born with the page and keeps its bytes, although the device
 * writes to the parent's. It looks when it is told to.
 */
bool selftest_fork_cow(struct selftest *t)
{
	volatile uint64_t *p = selftest_map(t->len);
	int pipes[2];
	pid_t child;
	char go = 1;

	p[0] = p[t->len / 8 - 1] = 1;
	CALL(t, secmmu_fill(&t->q, (void *)p, 11, t->len));
	EXPECT(t, !pipe(pipes), "pipe: %s", strerror(errno));
	child = fork();
	if (child == 0) {
		close(pipes[1]);
		if (read(pipes[0], &go, 1) != 1)
			_exit(2);
		for (size_t i = 0; i < t->len / 8; i++)
			if (p[i] != 11)
				_exit(1);
		_exit(0);
	}
	close(pipes[0]);
	if (child > 0 && !secmmu_fill(&t->q, (void *)p, 22, t->len) &&
	    write(pipes[1], &go, 1) != 1)
		go = 0;
	close(pipes[1]);
	EXPECT(t, child > 0, "fork: %s", strerror(errno));
	switch (join(child)) {
	case 0: break;
	case 1: return selftest_fail(t, "the child sees the parent's new bytes");
	default: return selftest_fail(t, "the device could not write, or the child ended");
	}
	for (size_t i = 0; i < t->len / 8; i++)
		EXPECT(t, p[i] == 22, "word %zu is %llu, not 22", i,
		       (unsigned long long)p[i]);
	return true;
}

bool selftest_fork_refused(struct selftest *t)
{
	struct secmmu_stats stats;
	pid_t child = fork();

	if (child == 0)
		_exit(secmmu_stats(&t->s, &stats) == -EPERM &&
		      secmmu_submit(&t->q) == -EPERM ? 0 : 1);
	EXPECT(t, child > 0, "fork: %s", strerror(errno));
	EXPECT(t, join(child) == 0, "the child was not told -EPERM");
	return true;
}

bool selftest_munmap(struct selftest *t)
{
	char *p = selftest_map(t->len);
	size_t hole = t->len / 2;
	struct secmmu_desc job = { 0 };
	struct secmmu_completion done;

	CALL(t, secmmu_fill(&t->q, p, 1, t->len));
	EXPECT(t, !munmap(p + hole, PAGE), "munmap: %s", strerror(errno));
	secmmu_prep_fill(&job, p, 2, t->len);
	if (!selftest_run(t, &job, &done))
		return false;
	EXPECT(t, done.status == SECMMU_STATUS_FAULT, "status %s",
	       secmmu_strstatus(done.status));
	EXPECT(t, done.fault_addr == (uintptr_t)p + hole,
	       "fault at %#llx, not at %p", (unsigned long long)done.fault_addr,
	       (void *)(p + hole));
	EXPECT(t, done.bytes == hole, "%u bytes done, not %zu", done.bytes,
	       hole);
	return true;
}

bool selftest_mprotect(struct selftest *t)
{
	volatile uint64_t *p = selftest_map(t->len);
	struct secmmu_desc job = { 0 };
	struct secmmu_completion done;
	uint64_t sum;

	CALL(t, secmmu_fill(&t->q, (void *)p, 3, t->len));
	EXPECT(t, !mprotect((void *)p, t->len, PROT_READ), "mprotect: %s",
	       strerror(errno));
	secmmu_prep_fill(&job, (void *)p, 4, t->len);
	if (!selftest_run(t, &job, &done))
		return false;
	EXPECT(t, done.status == SECMMU_STATUS_FAULT && !done.bytes &&
	       done.fault_addr == (uintptr_t)p, "status %s, %u bytes",
	       secmmu_strstatus(done.status), done.bytes);
	CALL(t, secmmu_reduce_u64(&t->q, (void *)p, t->len / 8, &sum));
	EXPECT(t, sum == 3 * (t->len / 8), "it cannot be read, or has changed");
	EXPECT(t, !mprotect((void *)p, t->len, PROT_READ | PROT_WRITE),
	       "mprotect: %s", strerror(errno));
	CALL(t, secmmu_fill(&t->q, (void *)p, 4, t->len));
	EXPECT(t, p[0] == 4, "writing was given back, and it does not write");
	return true;
}

bool selftest_dontneed(struct selftest *t)
{
	uint64_t *p = selftest_map(t->len), sum;

	CALL(t, secmmu_fill(&t->q, p, ~0ull, t->len));
	EXPECT(t, !madvise(p, t->len, MADV_DONTNEED), "madvise: %s",
	       strerror(errno));
	CALL(t, secmmu_reduce_u64(&t->q, p, t->len / 8, &sum));
	EXPECT(t, sum == 0, "the device reads old bytes (sum %#llx)",
	       (unsigned long long)sum);
	return true;
}

bool selftest_no_block(struct selftest *t)
{
	char *p = selftest_map(t->len);
	struct secmmu_completion done = { 0 };
	size_t at = 0, stops = 0;

	for (;;) {
		struct secmmu_desc job = { 0 };

		secmmu_prep_fill(&job, p + at, 0x0101010101010101ull,
				 t->len - at);
		secmmu_desc_set_flags(&job, SECMMU_DESC_NO_BLOCK);
		if (!selftest_run(t, &job, &done))
			return false;
		at += done.bytes;
		if (done.status != SECMMU_STATUS_PARTIAL)
			break;
		EXPECT(t, done.fault_addr == (uintptr_t)p + at,
		       "stopped at %#llx with %zu bytes done",
		       (unsigned long long)done.fault_addr, at);
		EXPECT(t, stops++ < t->len / PAGE, "it does not get on");
		/* What the program does: touch it, as a job that may block. */
		CALL(t, secmmu_fill(&t->q, p + at, 0, 1));
	}
	EXPECT(t, done.status == SECMMU_STATUS_OK && at == t->len,
	       "status %s after %zu bytes", secmmu_strstatus(done.status), at);
	EXPECT(t, stops, "it never stopped, in memory never touched");
	EXPECT(t, p[0] == 1 && !memcmp(p, p + 1, t->len - 1),
	       "a byte was left out");
	return true;
}

bool selftest_two_queues(struct selftest *t)
{
	char *p = selftest_map(2 * t->len);
	struct secmmu_queue other, *q[2] = { &t->q, &other };
	struct secmmu_completion done;
	unsigned int bad = 0;

	CALL(t, secmmu_queue_init(&other, &t->s, 8, 0));
	for (int i = 0; i < 16; i++) {
		struct secmmu_desc *job = secmmu_get_desc(q[i & 1]);

		if (!job)
			break;
		secmmu_prep_fill(job, p + (i & 1) * t->len, i, t->len);
		bad += secmmu_submit(q[i & 1]) != 1;
	}
	for (int i = 0; i < 16; i++)
		bad += secmmu_wait_timeout(q[i & 1], &done, 10000000000ll) ||
		       done.status != SECMMU_STATUS_OK;
	secmmu_queue_exit(&other);
	EXPECT(t, !bad, "%u of 16 jobs did not end well", bad);
	EXPECT(t, p[0] == 14 && p[t->len] == 15,
	       "the last job of a queue was not its last: %d and %d", p[0],
	       p[t->len]);
	return true;
}
