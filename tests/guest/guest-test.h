/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every case may use. A case is a function test_NAME(void) that is named in
 * cases.def; it runs in a process of its own, which CHECK() ends. It passes by
 * returning. The counters of an auditing device are looked at after each case.
 */
#ifndef GUEST_TEST_H
#define GUEST_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include <secmmu.h>

#include "guest.h"

#define PAGE		4096ul
#define MIB		(1ul << 20)
#define HUGE		(2 * MIB)

/* A line of diagnostics in the results. */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The case has failed: says so and ends its process. */
void fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), noreturn));

#define CHECK(cond) \
	do { \
		if (!(cond)) \
			fail(__FILE__, __LINE__, "%s", #cond); \
	} while (0)
#define CHECK_EQ(a, b) \
	do { \
		long long a_ = (long long)(a), b_ = (long long)(b); \
		if (a_ != b_) \
			fail(__FILE__, __LINE__, "%s is %lld (%#llx), not %s" \
			     ", %lld (%#llx)", #a, a_, a_, #b, b_, b_); \
	} while (0)

/* A context and a queue, opened by open_device(), closed by the exit. */
extern struct secmmu dev;
extern struct secmmu_queue queue;
void open_device(void);
void close_device(void);
struct secmmu_stats stats(void);

/* Anonymous private memory; dies if there is none. */
void *anon(size_t len);
/* ... aligned to 2 MiB, with (or expressly without) huge pages. */
void *anon_thp(size_t len, bool huge);

/* Submits a copy of @desc on @q and takes its result. */
struct secmmu_completion run(struct secmmu_queue *q,
			     const struct secmmu_desc *desc);

/*
 * The number after "secmmu.@name=" on the kernel's command line, or @otherwise:
 * how long a boot takes the cases that go round and round.
 */
unsigned long option(const char *name, unsigned long otherwise);

/* The number that a file begins with. */
long long read_number(const char *path);

/* As the device itself counts, which no driver can talk round. */
long long device_counter(const char *name);

/*
 * Kernel objects that the driver and an address space consist of: counted after
 * everything is closed, before and after what might leak them.
 */
struct footprint {
	long long mms;		/* struct mm_struct */
	long long small;	/* charged objects of 8 KiB and less */
	long long free;		/* KiB of memory that nobody uses... */
	long long with_cpus;	/* ... and of that, in CPUs' own lists */
};
struct footprint footprint(void);
/* KiB that are free but lie with a CPU, which MemFree leaves out. */
long long free_with_cpus(void);
/*
 * KiB fewer than @before that nobody uses. Looked at again, for 20 s, until it is
 * less than @enough: what is freed late is not lost.
 */
long long memory_lost(long long before, long long enough);
/* No address space, queue or open file is left, and no more of the above. */
void check_no_leak(const struct footprint *before, unsigned int rounds);

/*
 * On the debug kernel: any allocation may fail, of small objects and of pages, also
 * where the kernel would wait and reclaim; but only as told: of threads that have
 * said 1 to their make-it-fail, so many of 100.
 */
void failures_allowed(void);
void failure_rate(unsigned int percent);

/* Deterministic noise. */
uint32_t noise(uint32_t *state);
void fill_noise(void *p, size_t len, uint32_t seed);
bool all_are(const void *p, unsigned char c, size_t len);
/* CRC-32C by the CPU, bit by bit; @crc is 0, or that of what comes before. */
uint32_t cpu_crc32c(uint32_t crc, const unsigned char *p, size_t len);

/* Forks; in the child runs @fn and exits with what it returns. */
pid_t spawn(int (*fn)(void *arg), void *arg);
/* The child's exit status, or 128 + signal. */
int join(pid_t child);

/* Ends a case of which this kernel can do nothing. CTest shows it as skipped. */
_Noreturn void kernel_too_old(void);

/* The results' own descriptor, for the program's main(). */
struct guest_case {
	const char *boot;
	const char *name;
	const char *what;
	void (*run)(void);
};

#endif /* GUEST_TEST_H */
