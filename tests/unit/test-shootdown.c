/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - after a shootdown, no write lands.
 *
 * Lives here: the stress of stress.h in several shapes. Under the thread
 * sanitizer it also shows reads that come too late: they race with the poison.
 * Not here: proof that it can fail (test-teeth.c).
 */
#include "stress.h"

static void run(StressConfig config)
{
    StressResult result;

    config.seconds = 2;
    result = stress_run(&config);
    CHECK(result.zaps > 50);
    CHECK_EQ(result.violations, 0);
}

static void small_pages(void)
{
    run((StressConfig) { .engines = 3, .queues = 6 });
}

static void small_pages_slow(void)
{
    run((StressConfig) { .engines = 3, .queues = 6, .slow_data = true });
}

static void slow_walks(void)
{
    run((StressConfig) { .engines = 2, .queues = 4, .slow_walk = true,
                         .preset = true });
}

static void tiny_tlb(void)
{
    run((StressConfig) { .engines = 2, .queues = 4, .sets = 1, .ways = 1 });
}

static void huge_pages(void)
{
    run((StressConfig) { .engines = 3, .queues = 6, .huge = true });
}

static void huge_pages_slow(void)
{
    run((StressConfig) { .engines = 2, .queues = 4, .huge = true,
                         .slow_walk = true });
}

static const Case cases[] = {
    CASE(small_pages), CASE(small_pages_slow), CASE(slow_walks),
    CASE(tiny_tlb), CASE(huge_pages), CASE(huge_pages_slow),
};

TEST_MAIN(cases)
