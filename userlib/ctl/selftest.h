/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the selftest's checks share. selftest.c runs them; selftest-jobs.c has
 * those of the opcodes, selftest-memory.c those of shared memory.
 */
#ifndef SECMMU_CTL_SELFTEST_H
#define SECMMU_CTL_SELFTEST_H

#include "ctl.h"

/**
 * struct selftest - what a check is given
 * @s: a context.
 * @q: an idle queue of it.
 * @why: what was wrong; a check that fails fills it in.
 * @seed: of the data; another in every round.
 * @len: bytes of the larger operands, a multiple of 4096.
 */
struct selftest {
	struct secmmu s;
	struct secmmu_queue q;
	char why[200];
	uint32_t seed;
	size_t len;
};

/* Says what was wrong in @t->why. Always false. */
bool selftest_fail(struct selftest *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Ends the check if @cond does not hold, or if the call does not return 0. */
#define EXPECT(t, cond, ...) \
	do { \
		if (!(cond)) \
			return selftest_fail(t, __VA_ARGS__); \
	} while (0)
#define CALL(t, call) \
	do { \
		int ret_ = (call); \
		if (ret_) \
			return selftest_fail(t, "%s: %s", #call, \
					     strerror(-ret_)); \
	} while (0)

/* Anonymous memory that is gone with selftest_unmap_all(); never NULL. */
void *selftest_map(size_t len);
void selftest_unmap_all(void);
uint32_t selftest_noise(struct selftest *t);
void selftest_data(struct selftest *t, void *p, size_t len);

/* Submits one job and waits for it. */
bool selftest_run(struct selftest *t, const struct secmmu_desc *job,
		  struct secmmu_completion *done);

#define SELFTESTS(S) \
	S(nop, "NOP") \
	S(fill, "FILL, against a loop") \
	S(copy, "COPY, also to overlapping places") \
	S(compare, "COMPARE, equal and at one byte") \
	S(crc32c, "CRC32C, whole and in parts") \
	S(reduce, "REDUCE, u64 and f32") \
	S(atomic, "ATOMIC add and cas, 4 and 8 bytes") \
	S(list_walk, "LIST_WALK, to its end and to its bound") \
	S(gather, "GATHER") \
	S(scatter, "SCATTER") \
	S(saxpy, "SAXPY") \
	S(gemm, "GEMM") \
	S(bad_opcode, "a job that is none is refused") \
	S(fork_cow, "after fork, parent and child have their own bytes") \
	S(fork_refused, "the child may not use the parent's context") \
	S(munmap, "a job in memory that is gone ends with its address") \
	S(mprotect, "no write where writing was taken away") \
	S(dontneed, "memory given back reads as zeros") \
	S(no_block, "a no-block job stops at a page not there, and goes on") \
	S(two_queues, "two queues at one time")

#define SELFTEST_DECLARE_(name, what) bool selftest_##name(struct selftest *t);
SELFTESTS(SELFTEST_DECLARE_)

#endif /* SECMMU_CTL_SELFTEST_H */
