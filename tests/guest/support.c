// SPDX-License-Identifier: GPL-2.0-or-later
/* What the cases share; see guest-test.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-test.h"

struct secmmu dev = { .fd = -1 };
struct secmmu_queue queue;

void open_device(void)
{
	CHECK_EQ(secmmu_open(&dev, NULL), 0);
	CHECK_EQ(secmmu_queue_init(&queue, &dev, 64, 0), 0);
}

void close_device(void)
{
	secmmu_queue_exit(&queue);
	secmmu_close(&dev);
}

struct secmmu_stats stats(void)
{
	struct secmmu_stats s;

	CHECK_EQ(secmmu_stats(&dev, &s), 0);
	return s;
}

void *anon(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

void *anon_thp(size_t len, bool huge)
{
	uintptr_t p = (uintptr_t)anon(len + HUGE);

	p = (p + HUGE - 1) & ~(HUGE - 1);
	CHECK_EQ(madvise((void *)p, len, huge ? MADV_HUGEPAGE :
			 MADV_NOHUGEPAGE), 0);
	return (void *)p;
}

struct secmmu_completion run(struct secmmu_queue *q,
			     const struct secmmu_desc *desc)
{
	struct secmmu_desc *slot = secmmu_get_desc(q);
	struct secmmu_completion done;
	uint64_t completion;

	CHECK(slot);
	completion = slot->completion;
	*slot = *desc;
	slot->completion = completion;
	CHECK_EQ(secmmu_submit(q), 1);
	CHECK_EQ(secmmu_wait(q, &done), 0);
	return done;
}

uint32_t noise(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

void fill_noise(void *p, size_t len, uint32_t seed)
{
	unsigned char *c = p;
	uint32_t state = seed | 1;

	while (len--)
		*c++ = noise(&state) >> 9;
}

bool all_are(const void *p, unsigned char c, size_t len)
{
	const unsigned char *b = p;

	return !len || (*b == c && !memcmp(b, b + 1, len - 1));
}

pid_t spawn(int (*fn)(void *arg), void *arg)
{
	pid_t child = fork();

	CHECK(child >= 0);
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(fn(arg));
	}
	return child;
}

int join(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		CHECK_EQ(errno, EINTR);
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   128 + WTERMSIG(status);
}
