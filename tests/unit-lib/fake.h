/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - a driver inside the test program, for tests of libsecmmu.
 *
 * Lives here: what the tests may set and see. The test programs are linked
 * with --wrap, so that open(), ioctl(), mmap(), munmap(), madvise(), close(),
 * dup3() and clock_gettime() of library and test come to fake.c, which plays
 * /dev/secmmu0 as driver/file.c and driver/queue.c would and lets everything
 * else through.
 * Not here: tests. The device core behind the fake driver (machine.h).
 *
 * Jobs run only when somebody asks for it: fake_run(), or a wait ioctl. What
 * runs them is fake.exec, which touches no operand, or the device core.
 *
 * Threads: library calls of several threads at a time are fine; the fields of
 * fake are set while no other thread runs.
 */
#ifndef FAKE_H
#define FAKE_H

#include "check.h"
#include "secmmu.h"

#define FAKE_CTXS       4
#define FAKE_QUEUES     16

/* Calls that can be made to fail. */
typedef enum FakeStep {
    FAKE_OPEN,
    FAKE_MMAP,                  /* of memory */
    FAKE_MADVISE,
    FAKE_INFO,
    FAKE_STATS,
    FAKE_CREATE,
    FAKE_DOORBELL,              /* mmap of the doorbell */
    FAKE_WAIT,
    FAKE_ADVISE,
    FAKE_STEPS,
} FakeStep;

typedef struct FakeQueue {
    bool live;
    unsigned id;
    unsigned ctx;
    uint64_t ring;
    unsigned order;
    uint32_t head, tail;        /* jobs ended, last tail seen */
    uint32_t error;             /* enum secmmu_queue_error */
    uint64_t error_addr;
    int eventfd;                /* as registered; -1: none */
    uint32_t target;            /* as armed... */
    bool armed;                 /* ...and not taken off */
} FakeQueue;

/* What a device behind the fake driver does; all with the fake's lock held. */
typedef struct FakeDevice {
    bool (*start)(FakeQueue *q);
    void (*stop)(FakeQueue *q);
    /* Brings @q to q->tail as far as it goes; fills in head and error. */
    void (*run)(FakeQueue *q);
    /* [addr, addr + len) is about to be unmapped. */
    void (*unmap)(uintptr_t addr, size_t len);
    /* Prefetch, as the ioctl; an errno, or 0 with pages filled in. */
    int (*advise)(struct secmmu_advise *arg);
} FakeDevice;

typedef struct Fake {
    /* errno of the next call of the kind; cleared by that call */
    int fail[FAKE_STEPS];
    uint32_t uapi_version;
    unsigned max_queues;
    /* jobs that may still run; UINT32_MAX: any number */
    uint32_t budget;
    /* outcome of a job; *c is preset to OK, all bytes done */
    void (*exec)(const struct secmmu_desc *d, struct secmmu_completion *c);
    /* called in each wait ioctl before jobs run; an errno ends it, 0: go on */
    int (*on_wait)(FakeQueue *q, struct secmmu_queue_wait *arg);
    /* what advice is answered with, where there is no device */
    struct secmmu_advise advice;
    const FakeDevice *device;   /* NULL: exec */
    bool gone;                  /* open() gives -ENODEV */
    int64_t clock;              /* what the time is, unless zero */

    /* seen */
    int open_flags;
    unsigned opens, ioctls, waits, mmaps;
    struct secmmu_advise advised;       /* last of them */
    uint32_t jobs;
    FakeQueue queue[FAKE_QUEUES];
} Fake;

extern Fake fake;

/* Defaults; aborts if something is still open, mapped or alive. */
void fake_reset(void);
/* Nothing open, mapped or alive? */
bool fake_is_clean(void);
/* Opens the device, with a queue. */
static inline void fake_open(struct secmmu *s, struct secmmu_queue *q,
                             unsigned entries)
{
    CHECK_EQ(secmmu_open(s, NULL), 0);
    CHECK_EQ(secmmu_queue_init(q, s, entries, 0), 0);
}
/* Closes both; then nothing is left. */
static inline void fake_close(struct secmmu *s, struct secmmu_queue *q)
{
    secmmu_queue_exit(q);
    secmmu_close(s);
    CHECK(fake_is_clean());
}
/* What the doorbell page of queue @id holds now. */
uint32_t fake_doorbell(unsigned id);
/* Lets the device run what has been submitted to queue @id. */
void fake_run(unsigned id);
/* The device is lost to those who have it open, and gone. */
void fake_lose(void);
/* The descriptor that queue @id has at @count. */
struct secmmu_desc fake_desc(unsigned id, uint32_t count);

#endif /* FAKE_H */
