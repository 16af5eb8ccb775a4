/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - a test program in one header.
 *
 * Lives here: CHECK macros, the list of cases, main().
 * Not here: anything of the device (rig.h).
 *
 * A failed check prints where and what and ends the program with status 1: the
 * first failure is the one to look at. With arguments only the cases named run.
 * The random seed is printed, and taken from SECMMU_SEED when set.
 */
#ifndef CHECK_H
#define CHECK_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Case {
    const char *name;
    void (*fn)(void);
} Case;

#define CASE(fn) { #fn, fn }

#define CHECK(cond) do {                                                \
        if (!(cond)) {                                                  \
            printf("not ok: %s:%d: %s: %s\n", __FILE__, __LINE__,       \
                   __func__, #cond);                                    \
            fflush(stdout);                                             \
            abort();                                                    \
        }                                                               \
    } while (0)

#define CHECK_EQ(got, want) do {                                        \
        uint64_t got_ = (uint64_t)(got), want_ = (uint64_t)(want);      \
        if (got_ != want_) {                                            \
            printf("not ok: %s:%d: %s: %s is %" PRIu64 " (0x%" PRIx64   \
                   "), not %" PRIu64 " (0x%" PRIx64 ")\n", __FILE__,    \
                   __LINE__, __func__, #got, got_, got_, want_, want_); \
            fflush(stdout);                                             \
            abort();                                                    \
        }                                                               \
    } while (0)

/* xorshift64*, so that a seed gives the same run everywhere. */
typedef struct Random {
    uint64_t state;
} Random;

static inline uint64_t random_next(Random *r)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return r->state * 0x2545f4914f6cdd1dull;
}

static inline uint64_t random_below(Random *r, uint64_t n)
{
    return (random_next(r) >> 16) % n;
}

static inline uint64_t test_seed(void)
{
    const char *env = getenv("SECMMU_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : 0x5ec35ec3;

    printf("# seed 0x%" PRIx64 "\n", seed);
    return seed ? seed : 1;
}

static inline int run_cases(const Case *cases, size_t n, int argc, char **argv)
{
    unsigned ran = 0;

    for (size_t i = 0; i < n; i++) {
        bool wanted = argc < 2;

        for (int a = 1; a < argc; a++) {
            wanted |= !strcmp(argv[a], cases[i].name);
        }
        if (!wanted) {
            continue;
        }
        cases[i].fn();
        printf("ok %u - %s\n", ++ran, cases[i].name);
        fflush(stdout);
    }
    if (!ran) {
        printf("not ok: no such case\n");
        return 1;
    }
    printf("1..%u\n", ran);
    return 0;
}

#define TEST_MAIN(cases)                                                \
    int main(int argc, char **argv)                                     \
    {                                                                   \
        return run_cases(cases, sizeof(cases) / sizeof(cases[0]), argc, \
                         argv);                                         \
    }

#endif /* CHECK_H */
