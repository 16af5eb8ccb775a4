/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - naps at the locks, to be preloaded into a test of the core.
 *
 * Whoever takes a mutex, gives one back or yields sleeps now and then, up to
 * NAP_US; the rarer the longer it has been at it, since some tests go round
 * many thousand times. So an engine may stand still right before it posts an
 * event, and the test right before it looks for one: what the one takes to be
 * done by the other, because on an idle machine it always is, is not.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <time.h>

#define ONE_IN  40              /* at first */
#define RARER   1000            /* after so many times, one in one more */
#define NAP_US  1500

static void nap(void)
{
    static __thread uint64_t state, times;
    struct timespec ts;

    if (!state) {
        clock_gettime(CLOCK_MONOTONIC, &ts);
        state = ts.tv_nsec ^ (uintptr_t)&state ^ 1;
    }
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    if (state % (ONE_IN + times++ / RARER) == 0) {
        ts = (struct timespec) { .tv_nsec = (state >> 32) % NAP_US * 1000 };
        nanosleep(&ts, NULL);
    }
}

typedef int MutexCall(pthread_mutex_t *mutex);

static int between_naps(MutexCall *_Atomic *real, const char *name,
                        pthread_mutex_t *mutex)
{
    int ret;

    if (!*real) {
        *real = (MutexCall *)dlsym(RTLD_NEXT, name);
    }
    nap();
    ret = (*real)(mutex);
    nap();
    return ret;
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    static MutexCall *_Atomic real;

    return between_naps(&real, __func__, mutex);
}

int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    static MutexCall *_Atomic real;

    return between_naps(&real, __func__, mutex);
}

int sched_yield(void)
{
    nap();
    return 0;
}
