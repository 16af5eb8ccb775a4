// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Chapter 8: what a driver sees that keeps a page, while the process changes
 * what is mapped at its address; and what the device of this project sees.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <secmmu.h>

#define PAGE	4096

static volatile uint64_t *p;
static struct secmmu_queue queue;
static int keep;

static void look(const char *when)
{
	uint64_t kept = 0, device = 0;

	if (read(keep, &kept, sizeof(kept)) != sizeof(kept) ||
	    secmmu_reduce_u64(&queue, (uint64_t *)p, 1, &device))
		exit(1);
	printf("%-22s CPU %llu, kept page %llu, device %llu\n", when,
	       (unsigned long long)*p, (unsigned long long)kept,
	       (unsigned long long)device);
}

int main(void)
{
	struct secmmu s;
	uint64_t va;
	pid_t child;

	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	keep = open("/dev/keep", O_RDWR);
	va = (uintptr_t)p;
	if (p == MAP_FAILED || secmmu_open(&s, NULL) ||
	    secmmu_queue_init(&queue, &s, 4, 0))
		return 1;

	*p = 1;
	if (write(keep, &va, sizeof(va)) != sizeof(va))
		return 1;
	look("looked up");

	/* The page goes back to the kernel; a write brings another one. */
	madvise((void *)p, PAGE, MADV_DONTNEED);
	*p = 2;
	look("after MADV_DONTNEED");

	/* The child shares the page, so the parent's write makes a copy. */
	if (write(keep, &va, sizeof(va)) != sizeof(va))
		return 1;
	child = fork();
	if (!child) {
		pause();
		_exit(0);
	}
	*p = 3;
	look("after fork and a write");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);

	secmmu_queue_exit(&queue);
	secmmu_close(&s);
	return 0;
}
