/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libsecmmu after fork: a child has the structs but not the device, is told
 * so by every call, and takes nothing away from its parent.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake.h"

static struct secmmu s;
static struct secmmu_queue q;

static void begin(void)
{
    fake_reset();
    fake_open(&s, &q, 8);
}

static void end(void)
{
    fake_close(&s, &q);
}

static void nop(uint64_t data)
{
    struct secmmu_desc *d = secmmu_get_desc(&q);

    CHECK(d);
    secmmu_prep_nop(d);
    secmmu_desc_set_data(d, data);
}

/* Runs @fn in a child; it must end well. */
static void in_child(void (*fn)(void))
{
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    CHECK(pid >= 0);
    if (!pid) {
        fn();
        fflush(stdout);
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        printf("# the child died of signal %d\n", WTERMSIG(status));
    }
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
}

static void every_call(void)
{
    uint64_t word = 5, sum = 5;
    struct secmmu_desc job = { .opcode = SECMMU_OP_FILL };
    struct secmmu_completion c = { 0 };
    struct secmmu_stats stats;
    struct secmmu_queue other;
    uint32_t crc = 5, error;
    double dsum = 5;
    size_t diff = 5;
    float f[4] = { 0 };

    CHECK_EQ(secmmu_submit(&q), -EPERM);
    CHECK_EQ(secmmu_peek(&q, &c), -EPERM);
    CHECK_EQ(secmmu_wait(&q, &c), -EPERM);
    CHECK_EQ(secmmu_wait_timeout(&q, &c, 1000), -EPERM);
    CHECK_EQ(secmmu_peek_nr(&q, &c, 1), -EPERM);
    CHECK(!secmmu_done_at(&q, 0));
    CHECK_EQ(secmmu_wait_ready(&q, 1, 0), -EPERM);
    CHECK_EQ(secmmu_wait_nr(&q, &c, 1, 0), -EPERM);
    CHECK_EQ(secmmu_submit_and_wait(&q, 1, 0), -EPERM);
    CHECK_EQ(secmmu_arm(&q, 1), -EPERM);
    CHECK_EQ(secmmu_eventfd(&q, -1), -EPERM);
    CHECK_EQ(secmmu_set_mode(&s, SECMMU_MODE_SOFT), -EPERM);
    CHECK_EQ(secmmu_recover(&s, 0), -EPERM);
    CHECK_EQ(secmmu_queue_reset(&q, NULL, 0), -EPERM);
    CHECK_EQ(secmmu_prefetch(&s, &word, 8, 1), -EPERM);
    CHECK_EQ(secmmu_drop(&s, &word, 8), -EPERM);
    CHECK_EQ(secmmu_resident(&s, &word, 8, NULL), -EPERM);
    c.status = SECMMU_STATUS_PARTIAL;
    CHECK_EQ(secmmu_finish(&q, &job, &c), -EPERM);
    CHECK_EQ(secmmu_queue_status(&q, &error, NULL), -EPERM);
    CHECK_EQ(secmmu_stats(&s, &stats), -EPERM);
    CHECK_EQ(secmmu_queue_init(&other, &s, 8, 0), -EPERM);
    secmmu_queue_exit(&other);
    CHECK_EQ(secmmu_fill(&q, &word, 1, 8), -EPERM);
    CHECK_EQ(secmmu_copy(&q, &word, &sum, 8), -EPERM);
    CHECK_EQ(secmmu_compare(&q, &word, &sum, 8, &diff), -EPERM);
    CHECK_EQ(secmmu_crc32c(&q, &word, 8, &crc), -EPERM);
    CHECK_EQ(secmmu_reduce_u64(&q, &word, 1, &sum), -EPERM);
    CHECK_EQ(secmmu_reduce_f32(&q, f, 1, &dsum), -EPERM);
    CHECK_EQ(secmmu_atomic_add(&q, &word, 8, 1, &sum), -EPERM);
    CHECK_EQ(secmmu_atomic_cas(&q, &word, 8, 1, 2, &sum), -EPERM);
    CHECK_EQ(secmmu_list_walk(&q, &word, 0, 0, 8, &sum, NULL), -EPERM);
    CHECK_EQ(secmmu_gather(&q, &word, &sum, 8, 1), -EPERM);
    CHECK_EQ(secmmu_scatter(&q, &sum, &word, 8, 1), -EPERM);
    CHECK_EQ(secmmu_saxpy(&q, f, 1, f + 2, 2), -EPERM);
    CHECK_EQ(secmmu_gemm(&q, f, f + 1, f + 2, 1, 1, 1), -EPERM);
    CHECK_EQ(word, 5);
    CHECK_EQ(sum, 5);
    CHECK_EQ(crc, 5);
    CHECK_EQ(diff, 5);
}

static void calls_are_refused(void)
{
    struct secmmu_completion c;

    begin();
    in_child(every_call);
    /* Also with jobs under way, and with results that wait. */
    nop(1);
    nop(2);
    CHECK_EQ(secmmu_submit(&q), 2);
    in_child(every_call);
    fake_run(0);
    in_child(every_call);
    CHECK_EQ(secmmu_wait(&q, &c), 0);
    CHECK_EQ(c.user_data, 1);
    CHECK_EQ(secmmu_wait(&q, &c), 0);
    CHECK_EQ(c.user_data, 2);
    end();
}

static void submits(void)
{
    nop(7);
    CHECK_EQ(secmmu_submit(&q), -EPERM);
    /* Whatever lies where the doorbell was is not to be written to. */
    CHECK(mmap((void *)q.doorbell, SECMMU_DOORBELL_SIZE, PROT_NONE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
          (void *)q.doorbell);
    CHECK_EQ(secmmu_submit(&q), -EPERM);
}

static void doorbell_is_left_alone(void)
{
    struct secmmu_completion c;

    begin();
    nop(1);
    in_child(submits);
    CHECK_EQ(fake_doorbell(0), 0);
    CHECK_EQ(secmmu_submit(&q), 1);
    CHECK_EQ(fake_doorbell(0), 1);
    in_child(submits);
    CHECK_EQ(fake_doorbell(0), 1);
    CHECK_EQ(secmmu_wait(&q, &c), 0);
    CHECK_EQ(c.user_data, 1);
    end();
}

static bool is_mapped(const void *p)
{
    unsigned char vec;

    return !mincore((void *)((uintptr_t)p & -4096), 1, &vec);
}

static void gives_back(void)
{
    const void *ring = q.ring, *guard = (const void *)s.guard;
    int fd = s.fd;

    CHECK(is_mapped(ring));
    secmmu_queue_exit(&q);
    CHECK(!is_mapped(ring));
    secmmu_close(&s);
    CHECK(!is_mapped(guard));
    CHECK_EQ(close(fd), -1);
    CHECK_EQ(errno, EBADF);
}

static void child_gives_back_its_own(void)
{
    struct secmmu_completion c;

    begin();
    nop(1);
    CHECK_EQ(secmmu_submit(&q), 1);
    in_child(gives_back);
    CHECK(fake.queue[0].live);
    CHECK_EQ(secmmu_wait(&q, &c), 0);
    CHECK_EQ(secmmu_atomic_add(&q, &c, 8, 1, NULL), 0);
    end();
}

static void opens_again(void)
{
    struct secmmu_completion c;

    secmmu_queue_exit(&q);
    secmmu_close(&s);
    fake_open(&s, &q, 8);
    nop(5);
    CHECK_EQ(secmmu_submit(&q), 1);
    CHECK_EQ(secmmu_wait(&q, &c), 0);
    CHECK_EQ(c.user_data, 5);
    in_child(every_call);
    secmmu_queue_exit(&q);
    secmmu_close(&s);
}

static void child_has_its_own(void)
{
    begin();
    in_child(opens_again);
    CHECK_EQ(fake_doorbell(0), 0);
    CHECK(fake.queue[0].live);
    end();
}

static const Case cases[] = {
    CASE(calls_are_refused), CASE(doorbell_is_left_alone),
    CASE(child_gives_back_its_own), CASE(child_has_its_own),
};
TEST_MAIN(cases)
