/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a test case says: checks that end it, and patience.
 *
 * Lives here: CHECK*, deadlines.
 * Not here: anything about QEMU.
 */
#ifndef SECMMU_QTEST_CHECK_H
#define SECMMU_QTEST_CHECK_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>

/* Longest wait for anything that is expected to happen at once. */
#define PATIENCE_MS 180000

_Noreturn void fail(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define FAIL(...) fail(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(cond)                                                     \
    do {                                                                \
        if (!(cond)) {                                                  \
            FAIL("not so: %s", #cond);                                  \
        }                                                               \
    } while (0)

/* Values of up to 64 bits, shown in hex. */
#define CHECK_EQ(got, want)                                             \
    do {                                                                \
        uint64_t got_ = (got), want_ = (want);                          \
        if (got_ != want_) {                                            \
            FAIL("%s is 0x%" PRIx64 ", expected 0x%" PRIx64 " (%s)",    \
                 #got, got_, want_, #want);                             \
        }                                                               \
    } while (0)

/* Milliseconds of a clock that only goes forward. */
uint64_t now_ms(void);

/* Waits until cond is true, a little at a time. */
#define WAIT_FOR(cond)                                                  \
    do {                                                                \
        uint64_t end_ = now_ms() + PATIENCE_MS;                         \
        while (!(cond)) {                                               \
            if (now_ms() > end_) {                                      \
                FAIL("waited in vain for: %s", #cond);                  \
            }                                                           \
            a_moment();                                                 \
        }                                                               \
    } while (0)

/* Gives the processor away for about 50 microseconds. */
void a_moment(void);
void sleep_ms(unsigned ms);

/* A repeatable sequence of numbers (splitmix64). */
uint64_t random_u64(uint64_t *state);

#endif
