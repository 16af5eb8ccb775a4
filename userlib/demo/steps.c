// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Steps 1 to 4 of the demo. Each allocates what it needs with malloc(), hands
 * the device the pointers as they are, and compares with the CPU.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo.h"

static void *need(size_t bytes)
{
	void *p = malloc(bytes);

	if (!p)
		die("no memory: %zu bytes", bytes);
	return p;
}

static void ok(int ret, const char *what)
{
	if (ret)
		die("%s: %s", what, strerror(-ret));
}

static uint32_t xorshift(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* The CPU's CRC-32C, four bits at a time: slow, short, and not the device's. */
static uint32_t cpu_crc32c(const unsigned char *p, size_t len)
{
	uint32_t table[16], crc = ~0u;

	for (uint32_t i = 0; i < 16; i++) {
		uint32_t c = i;

		for (int bit = 0; bit < 4; bit++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
		table[i] = c;
	}
	while (len--) {
		crc ^= *p++;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

/* 1: large arrays. */
void step_arrays(struct demo *demo)
{
	size_t len = 64 * MIB, n = len / sizeof(uint64_t), part = 4 * MIB;
	uint64_t *a = need(len), *b = need(len), sum = 0, device_sum;
	uint32_t crc = 0, seed = 1;
	double t;

	for (size_t i = 0; i < n; i++) {
		a[i] = (uint64_t)xorshift(&seed) << 20 ^ i;
		sum += a[i];
	}

	t = now();
	ok(secmmu_copy(&demo->q, b, a, len), "copy");
	fact("copied 64 MiB of malloc'd memory into memory never touched: %.0f ms",
	     (now() - t) * 1e3);
	if (memcmp(a, b, len))
		die("copy: the bytes differ");
	t = now();
	ok(secmmu_copy(&demo->q, b, a, len), "copy");
	fact("and once more, now that the device knows the pages: %.0f ms",
	     (now() - t) * 1e3);

	ok(secmmu_reduce_u64(&demo->q, b, n, &device_sum), "sum");
	if (device_sum != sum)
		die("sum: device %llx, CPU %llx",
		    (unsigned long long)device_sum, (unsigned long long)sum);
	fact("sum of 8 million numbers: %#llx, the CPU's too",
	     (unsigned long long)sum);

	/* The CPU's own check is slow: a part of the array, at an odd place. */
	ok(secmmu_crc32c(&demo->q, (char *)b + 12345, part, &crc), "CRC-32C");
	if (crc != cpu_crc32c((unsigned char *)b + 12345, part))
		die("CRC-32C: device %#x, CPU another", crc);
	fact("CRC-32C of 4 MiB from an odd address: %#x, the CPU's too", crc);
	free(a);
	free(b);
}

struct node {
	struct node *next;
	uint64_t payload;
};

/* 2: a list of a million nodes, each its own malloc(), in a shuffled order. */
void step_list(struct demo *demo)
{
	size_t n = 1000000;
	struct node **nodes = need(n * sizeof(*nodes)), *head, *next;
	uint64_t sum = 0, device_sum, visited;
	uint32_t seed = 7;
	double t;

	for (size_t i = 0; i < n; i++) {
		nodes[i] = need(sizeof(**nodes));
		nodes[i]->payload = i * i;
		sum += i * i;
	}
	for (size_t i = n - 1; i > 0; i--) {
		size_t j = xorshift(&seed) % (i + 1);
		struct node *swap = nodes[i];

		nodes[i] = nodes[j];
		nodes[j] = swap;
	}
	for (size_t i = 0; i < n; i++)
		nodes[i]->next = i + 1 < n ? nodes[i + 1] : NULL;
	head = nodes[0];
	free(nodes);

	t = now();
	ok(secmmu_list_walk(&demo->q, head, offsetof(struct node, next),
			    offsetof(struct node, payload), 2 * n,
			    &device_sum, &visited), "list walk");
	t = now() - t;
	if (visited != n || device_sum != sum)
		die("list walk: %llu nodes, sum %#llx, expected %zu, %#llx",
		    (unsigned long long)visited,
		    (unsigned long long)device_sum, n,
		    (unsigned long long)sum);
	fact("%zu nodes followed by their pointers in %.0f ms, sum right", n,
	     t * 1e3);
	for (; head; head = next) {
		next = head->next;
		free(head);
	}
}

static int all_are(const unsigned char *p, unsigned char c, size_t len)
{
	return *p == c && !memcmp(p, p + 1, len - 1);
}

/* 3: the child must see the memory as it was at the fork, the parent not. */
void step_fork(struct demo *demo)
{
	size_t len = 16 * MIB;
	struct secmmu_completion done;
	unsigned char *p = need(len);
	int status, rounds = 4;

	for (int round = 1; round <= rounds; round++) {
		unsigned char old = 0x10 + round, new = 0x20 + round;
		struct secmmu_desc *desc;
		pid_t child;

		memset(p, old, len);
		/* The device rewrites the first half while we fork... */
		desc = secmmu_get_desc(&demo->q);
		secmmu_prep_fill(desc, p, 0x0101010101010101ull * new,
				 len / 2);
		secmmu_submit(&demo->q);
		child = fork();
		if (child < 0)
			die("fork: %s", strerror(errno));
		if (child == 0) {
			/*
			 * ...so here each byte of it is old or new, but after
			 * the fork it must not change any more, and the
			 * other half is old.
			 */
			unsigned char *copy = need(len / 2);

			memcpy(copy, p, len / 2);
			usleep(100000);
			_exit(memcmp(copy, p, len / 2) ||
			      !all_are(p + len / 2, old, len / 2));
		}
		ok(secmmu_wait(&demo->q, &done), "wait");
		/* And the second half while the child looks. */
		ok(secmmu_fill(&demo->q, p + len / 2,
			       0x0101010101010101ull * new, len / 2), "fill");
		if (waitpid(child, &status, 0) != child || status)
			die("fork: the child saw the parent's device write");
		if (done.status != SECMMU_STATUS_OK || !all_are(p, new, len))
			die("fork: the parent lost what its device wrote");
	}
	fact("%d forks in the middle of a 16 MiB rewrite: the parent has the new bytes,",
	     rounds);
	fact("each child kept the old ones");
	free(p);
}

#define HOLE_LEN	(64 * 1024ul)
#define HOLE_JOBS	32

/*
 * Takes HOLE_LEN bytes at @p + @hole away with @take while the device fills
 * all of @p again and again. Returns 0 if it was done before that.
 */
static int under_a_job(struct demo *demo, const char *what, unsigned char *p,
		       size_t len, size_t hole,
		       int (*take)(void *addr, size_t len))
{
	uint64_t first = (uintptr_t)p + hole;
	struct secmmu_completion done, fault = { 0 };
	struct secmmu_desc *desc;
	uint64_t last = HOLE_JOBS;

	for (uint64_t i = 1; i <= HOLE_JOBS; i++) {
		desc = secmmu_get_desc(&demo->q);
		secmmu_prep_fill(desc, p, i, len);
		secmmu_desc_set_data(desc, i);
	}
	secmmu_submit(&demo->q);
	/* When the first has ended, the others are running. */
	ok(secmmu_wait(&demo->q, &done), what);
	if (done.status != SECMMU_STATUS_OK)
		die("%s: %s before it", what, secmmu_strstatus(done.status));
	if (take(p + hole, HOLE_LEN))
		die("%s: %s", what, strerror(errno));

	while (!secmmu_wait(&demo->q, &done)) {
		if (done.status == SECMMU_STATUS_OK && !fault.status)
			continue;
		if (!fault.status)
			fault = done;
		/* The one under way is past the hole's start, or before it. */
		if (done.status != SECMMU_STATUS_FAULT ||
		    done.fault_addr < first ||
		    done.fault_addr >= first + HOLE_LEN ||
		    (done.user_data != fault.user_data &&
		     done.fault_addr != first))
			die("%s: job %llu: \"%s\" at %#llx, expected a fault at %#llx",
			    what, (unsigned long long)done.user_data,
			    secmmu_strstatus(done.status),
			    (unsigned long long)done.fault_addr,
			    (unsigned long long)first);
	}
	if (!fault.status)
		return 0;
	if (memcmp(p, &last, sizeof(last)) ||
	    memcmp(p + hole - sizeof(last), &last, sizeof(last)))
		die("%s: what lies before the hole was not written", what);
	fact("%s under job %llu of %d: \"%s\" at %#llx, which is right, after %u bytes",
	     what, (unsigned long long)fault.user_data, HOLE_JOBS,
	     secmmu_strstatus(fault.status),
	     (unsigned long long)fault.fault_addr, fault.bytes);
	return 1;
}

static int make_read_only(void *addr, size_t len)
{
	return mprotect(addr, len, PROT_READ);
}

/* 4: the process lives, and is told which address it was. */
void step_unmap(struct demo *demo)
{
	static const struct {
		const char *name;
		int (*take)(void *addr, size_t len);
		size_t hole;
	} ways[] = {
		{ "munmap", munmap, 20 * MIB },
		{ "mprotect", make_read_only, 8 * MIB },
	};
	size_t len = 32 * MIB;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		int hit = 0;

		/* A busy machine may keep us from it until all is done. */
		for (int tries = 0; !hit && tries < 20; tries++) {
			unsigned char *p = mmap(NULL, len,
						PROT_READ | PROT_WRITE,
						MAP_PRIVATE | MAP_ANONYMOUS,
						-1, 0);

			if (p == MAP_FAILED)
				die("mmap: %s", strerror(errno));
			hit = under_a_job(demo, ways[i].name, p, len,
					  ways[i].hole, ways[i].take);
			munmap(p, len);
		}
		if (!hit)
			die("%s: never while a job was running", ways[i].name);
	}
	ok(secmmu_fill(&demo->q, &len, 0, sizeof(len)), "afterwards");
	fact("the queue goes on, the process lives");
}
