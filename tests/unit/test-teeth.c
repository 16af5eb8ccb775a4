/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - the stress notices what it is there for.
 *
 * Lives here: the stress of stress.h with one rule of the shootdown broken on
 * purpose. Each must be caught.
 * Not here: the stress on the device as it is (test-shootdown.c). No build with
 * the thread sanitizer: it would stop at the races made on purpose.
 */
#include "stress.h"

static void caught(StressConfig config, const SecmmuInject *inject)
{
    StressResult result = { 0 };

    config.engines = 3;
    config.queues = 6;
    config.seconds = 1;
    config.inject = inject;
    for (unsigned i = 0; i < 20 && !result.violations; i++) {
        result = stress_run(&config);
    }
    CHECK(result.violations > 0);
}

static void ignored_shootdown(void)
{
    static const SecmmuInject inject = { .ignore_shootdown = true };

    caught((StressConfig) { .slow_data = true }, &inject);
}

static void no_drain(void)
{
    static const SecmmuInject inject = { .no_drain = true };

    caught((StressConfig) { .slow_data = true }, &inject);
}

static void late_fill(void)
{
    static const SecmmuInject inject = { .late_fill = true };

    caught((StressConfig) { .slow_walk = true, .preset = true }, &inject);
}

static const Case cases[] = {
    CASE(ignored_shootdown), CASE(no_drain), CASE(late_fill),
};

TEST_MAIN(cases)
