/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libsecmmu with threads: one queue each, one context for all, and the device
 * core's engines beside them. Under the thread sanitizer this shows that a
 * result and the bytes that a job wrote are seen by acquire, and that queues
 * share nothing that is written.
 *
 * Not shown here: the order of descriptor and doorbell, which is a matter of
 * the store to the device; the fake driver takes the doorbell's value in the
 * submitting thread.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "machine.h"

#define THREADS 4
#define WORDS   1024            /* per thread: two pages */

static struct secmmu s;
static uint64_t counter;        /* added to by all devices and threads */

typedef struct Worker {
    pthread_t thread;
    unsigned nr;
    unsigned rounds;
} Worker;

/* Looks without a system call, so that nothing but the status orders. */
static void look(struct secmmu_queue *q, struct secmmu_completion *c)
{
    time_t since = time(NULL);
    int ret;

    while ((ret = secmmu_peek(q, c)) == -EAGAIN) {
        machine_serve();
        sched_yield();
        CHECK(time(NULL) - since < 60);
    }
    CHECK_EQ(ret, 0);
}

static void *worker(void *arg)
{
    Worker *w = arg;
    uint64_t *a = calloc(WORDS, 8), *b = calloc(WORDS, 8);
    struct secmmu_completion c;
    struct secmmu_queue q;
    uint64_t sum;

    CHECK(a && b);
    CHECK_EQ(secmmu_queue_init(&q, &s, 16, 0), 0);
    for (unsigned round = 1; round <= w->rounds; round++) {
        uint64_t value = (uint64_t)w->nr << 32 | round;

        for (unsigned i = 0; i < WORDS; i++) {
            a[i] = value + i;           /* the CPU writes, the device reads */
        }
        secmmu_prep_copy(secmmu_get_desc(&q), b, a, WORDS * 8);
        secmmu_prep_reduce(secmmu_get_desc(&q), b, WORDS * 8,
                           SECMMU_REDUCE_U64);
        secmmu_prep_atomic_add(secmmu_get_desc(&q), &counter, 8, 1);
        CHECK_EQ(secmmu_submit(&q), 3);
        CHECK(machine_ring(q.id));
        look(&q, &c);
        CHECK_EQ(c.status, SECMMU_STATUS_OK);
        for (unsigned i = 0; i < WORDS; i++) {
            CHECK_EQ(b[i], value + i);  /* and the other way round */
        }
        look(&q, &c);
        CHECK_EQ(c.status, SECMMU_STATUS_OK);
        CHECK_EQ(c.result, value * WORDS + WORDS * (WORDS - 1) / 2);
        look(&q, &c);
        CHECK_EQ(c.status, SECMMU_STATUS_OK);
        __atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED);
        if (round % 16 == 0) {
            /* Through the wait ioctl, and on a new queue. */
            CHECK_EQ(secmmu_reduce_u64(&q, a, WORDS, &sum), 0);
            CHECK_EQ(sum, value * WORDS + WORDS * (WORDS - 1) / 2);
            secmmu_queue_exit(&q);
            CHECK_EQ(secmmu_queue_init(&q, &s, 4 << round % 4, 0), 0);
        }
    }
    secmmu_queue_exit(&q);
    free(a);
    free(b);
    return NULL;
}

static void a_queue_each(void)
{
    Worker w[THREADS];

    fake_reset();
    counter = 0;
    machine_start(3);
    CHECK_EQ(secmmu_open(&s, NULL), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        w[i] = (Worker) { .nr = i, .rounds = 200 };
        CHECK(!pthread_create(&w[i].thread, NULL, worker, &w[i]));
    }
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK(!pthread_join(w[i].thread, NULL));
    }
    CHECK_EQ(counter, THREADS * 200 * 2);
    secmmu_close(&s);
    CHECK(fake_is_clean());
    machine_stop();
}

static struct secmmu_queue relay;
static pthread_mutex_t baton = PTHREAD_MUTEX_INITIALIZER;
static unsigned turns;

static void *relayed(void *arg)
{
    for (bool done = false; !done;) {
        struct secmmu_completion c;

        pthread_mutex_lock(&baton);
        done = turns == 1000;
        if (!done) {
            secmmu_prep_atomic_add(secmmu_get_desc(&relay), &counter, 8, 1);
            CHECK_EQ(secmmu_submit(&relay), 1);
            CHECK(machine_ring(relay.id));
            look(&relay, &c);
            CHECK_EQ(c.result, turns);
            turns++;
        }
        pthread_mutex_unlock(&baton);
    }
    return NULL;
}

/* A queue that goes from hand to hand: one thread at a time is enough. */
static void one_queue_relayed(void)
{
    pthread_t t[THREADS];

    fake_reset();
    machine_start(2);
    counter = turns = 0;
    CHECK_EQ(secmmu_open(&s, NULL), 0);
    CHECK_EQ(secmmu_queue_init(&relay, &s, 2, 0), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK(!pthread_create(&t[i], NULL, relayed, NULL));
    }
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK(!pthread_join(t[i], NULL));
    }
    CHECK_EQ(counter, 1000);
    secmmu_queue_exit(&relay);
    secmmu_close(&s);
    CHECK(fake_is_clean());
    machine_stop();
}

static const Case cases[] = {
    CASE(a_queue_each), CASE(one_queue_relayed),
};
TEST_MAIN(cases)
