/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the cases about changing mappings share: one look from both sides, jobs
 * that run all the while, and what a kernel of this version can do. Lives
 * here: nothing that is about one kind of change.
 */
#ifndef GUEST_MAPS_H
#define GUEST_MAPS_H

#include <pthread.h>
#include <stdatomic.h>

#include "guest-test.h"

/* The device's view of one byte pattern: fills or reads @p as a whole. */
void device_fills(void *p, unsigned char c, size_t len);
void device_sees(const void *p, unsigned char c, size_t len);
/* The device and the CPU. */
void both_see(const void *p, unsigned char c, size_t len);
/* A read or write that must fault at @at exactly. */
void device_faults(const void *p, size_t len, bool write, const void *at);

/* Is this boot in soft-TLB mode? Evictions there are faults too. */
bool soft_mode(void);
/*
 * Is the device behind an IOMMU? There a table that a range leaves empty stays until
 * the next range, which may ring for it, and no huge page is mapped in its place.
 */
bool behind_iommu(void);

/* Is the running kernel MAJOR.MINOR or later? */
bool kernel_from(unsigned int major, unsigned int minor);
/*
 * For what @what needs a kernel from MAJOR.MINOR on: true if this is one, and
 * then a refusal is a failure. Otherwise the results say "not supported".
 */
bool supported_from(const char *what, unsigned int major, unsigned int minor);

/* What has come on the counters since @before; shootdowns: for ranges only. */
struct moved {
	unsigned long long faults, ranges, shootdowns, zapped, mapped;
};
struct moved moved_since(const struct secmmu_stats *before);

/*
 * Jobs under way through a whole change: a thread with a queue of its own that
 * adds 1 to a counter in each page, one ATOMIC job after the other, round
 * and round. The rule that holds however the pages move underneath: in the end
 * each counter is what it was, plus what the device was told it had added, plus
 * what the CPU has. A write that a change loses shows, and so does one
 * made twice.
 */
struct adder {
	unsigned char *p;
	size_t pages;
	/* May a job be refused the page (mprotect)? */
	bool may_fault;
	struct secmmu_queue queue;
	pthread_t thread;
	atomic_bool stop;
	atomic_ullong jobs;
	uint64_t *base, *added;
	unsigned long long refused;
};

/* Needs open_device(); @p is @len bytes, readable, a multiple of a page. */
void adder_start(struct adder *a, void *p, size_t len, bool may_fault);
/* The CPU's share: adds 1 to the counter in every page. */
void adder_cpu(struct adder *a);
/* Waits until the jobs have been all the way round once more. */
void adder_round(struct adder *a);
/* Stops the jobs and checks every counter. */
void adder_stop(struct adder *a);

/* Polls @done(@arg) for up to @seconds; false if it never came true. */
bool wait_until(bool (*done)(void *arg), void *arg, double seconds);

#endif /* GUEST_MAPS_H */
