// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Chapter 11: read-only translations, and what makes them writable. Faults are
 * counted between two steps.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <secmmu.h>

#define PAGE	4096ul
#define PAGES	8
#define LEN	(PAGES * PAGE)

static struct secmmu_queue q;
static struct secmmu s;
static struct secmmu_stats last;

static void told(const char *what, int ret)
{
	struct secmmu_stats now;

	if (secmmu_stats(&s, &now))
		exit(1);
	printf("%-34s %-16s faults %llu, shootdowns %llu\n", what,
	       ret ? strerror(-ret) : "ok",
	       (unsigned long long)(now.faults - last.faults),
	       (unsigned long long)(now.shootdowns - last.shootdowns));
	last = now;
}

static uint64_t sum(void *p)
{
	uint64_t value = 0;

	secmmu_reduce_u64(&q, p, LEN / 8, &value);
	return value;
}

int main(void)
{
	char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int go[2], ret;
	pid_t child;
	char c = 0;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (p == MAP_FAILED || madvise(p, LEN, MADV_NOHUGEPAGE) || pipe(go) ||
	    secmmu_open(&s, NULL) || secmmu_queue_init(&q, &s, 4, 0))
		return 1;
	/* The queue's own memory is in the device before we count. */
	secmmu_fill(&q, &c, 0, 1);
	told("(the queue)", 0);

	sum(p);
	told("read of untouched memory", 0);
	ret = secmmu_fill(&q, p, 0x11, LEN);
	told("first write", ret);
	ret = secmmu_fill(&q, p, 0x11, LEN);
	told("second write", ret);

	child = fork();
	if (!child) {
		/* When the parent's device has written. */
		ret = read(go[0], &c, 1) == 1 && p[0] == 0x11 ? 0 : 1;
		_exit(ret);
	}
	told("fork", 0);
	ret = secmmu_fill(&q, p, 0x22, LEN);
	told("write of what the child shares", ret);
	if (write(go[1], &c, 1) != 1 || waitpid(child, &ret, 0) != child)
		return 1;
	printf("the child has seen the %s bytes\n", ret ? "NEW" : "old");

	mprotect(p, LEN, PROT_READ);
	told("mprotect to read-only", 0);
	sum(p);
	told("read", 0);
	ret = secmmu_fill(&q, p, 0x33, LEN);
	told("write", ret);
	secmmu_queue_exit(&q);
	secmmu_close(&s);
	return 0;
}
