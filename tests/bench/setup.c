// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * secmmu_bench: what the rows begin with. Lives here: the device opened, memory
 * to work on, and the peers that need more than a loop. Not here: what is
 * measured (rows.c, rows-jobs.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "guest.h"
#include "test_hmm_uapi.h"

struct secmmu ctx;
struct secmmu_queue queue;

void check(int ret, const char *what)
{
	if (ret < 0)
		die("%s: %s", what, strerror(-ret));
}

void open_device(void)
{
	check(secmmu_open(&ctx, NULL), "open");
	check(secmmu_queue_init(&queue, &ctx, 256, 0), "queue");
}

void close_device(void)
{
	secmmu_queue_exit(&queue);
	secmmu_close(&ctx);
}

unsigned char *memory(size_t len, bool huge)
{
	unsigned char *p = mmap(NULL, len + HUGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap of %zu bytes", len);
	p = (unsigned char *)(((uintptr_t)p + HUGE - 1) & -HUGE);
	madvise(p, len, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	return p;
}

void clear(unsigned char *p, size_t len)
{
	madvise(p, len, MADV_DONTNEED);
}

void touch(unsigned char *p, size_t len)
{
	for (size_t at = 0; at < len; at += PAGE)
		p[at] = 1;
}

double elsewhere(double (*fn)(void *arg), void *arg)
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

void hmm_open(void)
{
	hmm_fd = open("/dev/hmm_dmirror0", O_RDWR | O_CLOEXEC);
	if (hmm_fd < 0)
		die("/dev/hmm_dmirror0: %s", strerror(errno));
}

void hmm_close(void)
{
	close(hmm_fd);
	hmm_fd = -1;
}

void hmm_read(void *to, void *from, size_t len)
{
	struct hmm_dmirror_cmd cmd = {
		.addr = (uintptr_t)from, .ptr = (uintptr_t)to,
		.npages = len / PAGE,
	};

	if (ioctl(hmm_fd, HMM_DMIRROR_READ, &cmd) || cmd.cpages != len / PAGE)
		die("HMM_DMIRROR_READ: %s", strerror(errno));
}
