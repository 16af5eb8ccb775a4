/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - a driver inside the test program. See fake.h.
 *
 * Lives here: the calls that the linker's --wrap sends here, and the state of
 * the fake device file. A context is a memfd whose pages are the doorbells.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fake.h"

#define DEVICE  "/secmmu0"      /* in any folder */
#define MAPS    64

typedef struct FakeCtx {
    int fd;                     /* 0: free */
    pid_t pid;
    bool lost;
    volatile uint32_t *doorbells;       /* the fake's own view */
} FakeCtx;

typedef struct FakeMap {
    uintptr_t addr;             /* 0: free */
    size_t len;
} FakeMap;

Fake fake;
static FakeCtx ctxs[FAKE_CTXS];
static FakeMap maps[MAPS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int __real_open(const char *path, int flags, ...);
int __real_close(int fd);
int __real_dup3(int fd, int newfd, int flags);
int __real_ioctl(int fd, unsigned long request, ...);
void *__real_mmap(void *addr, size_t len, int prot, int flags, int fd,
                  off_t off);
int __real_munmap(void *addr, size_t len);
int __real_madvise(void *addr, size_t len, int advice);
int __real_clock_gettime(clockid_t id, struct timespec *ts);

/* ------------------------------------------------------------- bookkeeping */

/* The errno that this step is to end with, or 0. */
static int failing(FakeStep step)
{
    int err = fake.fail[step];

    fake.fail[step] = 0;
    return err;
}

static int fails(int err)
{
    errno = err;
    return -1;
}

static FakeCtx *ctx_of(int fd)
{
    for (unsigned i = 0; i < FAKE_CTXS && fd > 0; i++) {
        if (ctxs[i].fd == fd) {
            return &ctxs[i];
        }
    }
    return NULL;
}

static FakeQueue *queue_of(const FakeCtx *ctx, uint32_t id)
{
    FakeQueue *q = id < FAKE_QUEUES ? &fake.queue[id] : NULL;

    return q && q->live && q->ctx == (unsigned)(ctx - ctxs) ? q : NULL;
}

static void map_add(void *addr, size_t len)
{
    fake.mmaps++;
    for (unsigned i = 0; i < MAPS; i++) {
        if (!maps[i].addr) {
            maps[i] = (FakeMap) { (uintptr_t)addr, len };
            return;
        }
    }
    CHECK(!"more mappings than a test should have");
}

/* munmap() takes what mmap() gave, whole: the library has no other use. */
static void map_remove(void *addr, size_t len)
{
    for (unsigned i = 0; i < MAPS; i++) {
        if (maps[i].addr == (uintptr_t)addr && maps[i].addr) {
            CHECK_EQ(len, maps[i].len);
            maps[i].addr = 0;
            return;
        }
    }
    CHECK(!"munmap of something that is not mapped");
}

bool fake_is_clean(void)
{
    for (unsigned i = 0; i < FAKE_CTXS; i++) {
        if (ctxs[i].fd) {
            printf("# context %u is open\n", i);
            return false;
        }
    }
    for (unsigned i = 0; i < FAKE_QUEUES; i++) {
        if (fake.queue[i].live) {
            printf("# queue %u is alive\n", i);
            return false;
        }
    }
    for (unsigned i = 0; i < MAPS; i++) {
        if (maps[i].addr) {
            printf("# 0x%" PRIxPTR " is mapped\n", maps[i].addr);
            return false;
        }
    }
    return true;
}

void fake_reset(void)
{
    CHECK(fake_is_clean());
    memset(&fake, 0, sizeof(fake));
    fake.uapi_version = SECMMU_UAPI_VERSION;
    fake.max_queues = FAKE_QUEUES;
    fake.budget = UINT32_MAX;
}

/* ------------------------------------------------------------------ device */

static volatile uint32_t *doorbell_of(const FakeQueue *q)
{
    return ctxs[q->ctx].doorbells + q->id * (SECMMU_DOORBELL_SIZE / 4);
}

uint32_t fake_doorbell(unsigned id)
{
    CHECK(fake.queue[id].live);
    return *doorbell_of(&fake.queue[id]);
}

static struct secmmu_desc *slot_of(const FakeQueue *q, uint32_t count)
{
    uint32_t mask = (1u << q->order) - 1;

    return (struct secmmu_desc *)(uintptr_t)q->ring + (count & mask);
}

struct secmmu_desc fake_desc(unsigned id, uint32_t count)
{
    return *slot_of(&fake.queue[id], count);
}

/* As the device does it: descriptor once, status last. */
static void run_one(FakeQueue *q)
{
    struct secmmu_desc d = *slot_of(q, q->head);
    struct secmmu_completion c = {
        .status = SECMMU_STATUS_OK, .bytes = d.len, .user_data = d.user_data,
    };
    struct secmmu_completion *record = (void *)(uintptr_t)d.completion;

    if (fake.exec) {
        fake.exec(&d, &c);
    }
    if (record) {
        CHECK_EQ(d.completion % sizeof(*record), 0);
        CHECK_EQ(record->status, SECMMU_STATUS_PENDING);
        record->bytes = c.bytes;
        record->fault_addr = c.fault_addr;
        record->result = c.result;
        record->user_data = c.user_data;
        __atomic_store_n(&record->status, c.status, __ATOMIC_RELEASE);
    }
    q->head++;
    fake.jobs++;
}

static void run(FakeQueue *q)
{
    if (q->error) {
        return;
    }
    q->tail = *doorbell_of(q);
    if (fake.device) {
        fake.device->run(q);
        return;
    }
    if (q->tail - q->head > 1u << q->order) {
        q->error = SECMMU_QUEUE_BAD_DOORBELL;
        return;
    }
    while (q->head != q->tail && fake.budget) {
        run_one(q);
        if (fake.budget != UINT32_MAX) {
            fake.budget--;
        }
    }
}

void fake_run(unsigned id)
{
    pthread_mutex_lock(&lock);
    CHECK(fake.queue[id].live);
    run(&fake.queue[id]);
    pthread_mutex_unlock(&lock);
}

void fake_lose(void)
{
    pthread_mutex_lock(&lock);
    fake.gone = true;
    for (unsigned i = 0; i < FAKE_CTXS; i++) {
        ctxs[i].lost = ctxs[i].fd;
    }
    for (unsigned i = 0; i < FAKE_QUEUES; i++) {
        if (fake.queue[i].live) {
            fake.queue[i].error = SECMMU_QUEUE_DEVICE_LOST;
        }
    }
    pthread_mutex_unlock(&lock);
}

/* ------------------------------------------------------------------ ioctls */

/* The same for a call on a file whose device may be lost. */
static int failing_on(const FakeCtx *ctx, FakeStep step)
{
    int err = failing(step);

    return !err && ctx->lost ? ENODEV : err;
}

static int ioctl_info(FakeCtx *ctx, struct secmmu_info *info)
{
    int err = failing_on(ctx, FAKE_INFO);

    if (err) {
        return err;
    }
    *info = (struct secmmu_info) {
        .uapi_version = fake.uapi_version, .va_bits = 48, .engines = 2,
        .max_queues = fake.max_queues,
        .max_ring_order = SECMMU_MAX_RING_ORDER, .tlb_entries = 1024,
        .asid = 1,
    };
    return 0;
}

static int ioctl_create(FakeCtx *ctx, struct secmmu_queue_create *arg)
{
    int err = failing_on(ctx, FAKE_CREATE);
    unsigned mine = 0;
    FakeQueue *q = NULL;

    if (err) {
        return err;
    }
    if (arg->flags || arg->reserved || arg->ring_order > SECMMU_MAX_RING_ORDER ||
        arg->ring % sizeof(struct secmmu_desc) || arg->ring >> 48) {
        return EINVAL;
    }
    for (unsigned i = 0; i < FAKE_QUEUES; i++) {
        mine += queue_of(ctx, i) != NULL;
        if (!fake.queue[i].live && !q) {
            q = &fake.queue[i];
            q->id = i;
        }
    }
    if (!q || mine >= fake.max_queues) {
        return ENOSPC;
    }
    *q = (FakeQueue) {
        .live = true, .id = q->id, .ctx = ctx - ctxs, .ring = arg->ring,
        .order = arg->ring_order, .eventfd = -1,
    };
    *doorbell_of(q) = 0;
    if (fake.device && !fake.device->start(q)) {
        q->live = false;
        return EIO;
    }
    arg->queue = q->id;
    arg->doorbell = (uint64_t)q->id * SECMMU_DOORBELL_SIZE;
    return 0;
}

static void destroy(FakeQueue *q)
{
    if (fake.device) {
        fake.device->stop(q);
    }
    q->live = false;
}

static int ioctl_wait(FakeQueue *q, struct secmmu_queue_wait *arg)
{
    int err = failing(FAKE_WAIT);

    fake.waits++;
    if (!err && fake.on_wait) {
        err = fake.on_wait(q, arg);
    }
    if (err) {
        return err;             /* as in the driver: nothing filled in */
    }
    run(q);
    arg->completed = q->head;
    arg->error = q->error;
    arg->error_addr = q->error_addr;
    if ((int32_t)(q->head - arg->target) >= 0) {
        return 0;
    }
    if (q->error) {
        return EPIPE;
    }
    CHECK(arg->timeout_ns >= 0);        /* it would sleep for ever */
    return ETIME;
}

static int ioctl_arm(FakeQueue *q, struct secmmu_queue_arm *arg)
{
    if (arg->flags & ~SECMMU_ARM_OFF) {
        return EINVAL;
    }
    q->armed = !(arg->flags & SECMMU_ARM_OFF);
    q->target = arg->target;
    arg->completed = q->head;
    return 0;
}

static int ioctl_advise(FakeCtx *ctx, struct secmmu_advise *arg)
{
    int err = failing_on(ctx, FAKE_ADVISE);

    fake.advised = *arg;
    if (err || arg->advice >= SECMMU_ADVISE_NR || arg->flags) {
        return err ? err : EINVAL;
    }
    if (fake.device) {
        return fake.device->advise(arg);
    }
    arg->pages = fake.advice.pages;
    arg->writable = fake.advice.writable;
    return 0;
}

static int device_ioctl(FakeCtx *ctx, unsigned long request, void *arg)
{
    struct secmmu_queue_destroy *d = arg;
    struct secmmu_queue_eventfd *e = arg;
    struct secmmu_queue_wait *w = arg;
    struct secmmu_queue_arm *a = arg;
    FakeQueue *q;
    int err;

    fake.ioctls++;
    if (ctx->pid != getpid()) {
        return EPERM;
    }
    switch (request) {
    case SECMMU_IOC_INFO:
        return ioctl_info(ctx, arg);
    case SECMMU_IOC_QUEUE_CREATE:
        return ioctl_create(ctx, arg);
    case SECMMU_IOC_QUEUE_DESTROY:
        if (d->reserved) {
            return EINVAL;
        }
        q = queue_of(ctx, d->queue);
        if (q) {
            destroy(q);
        }
        return q ? 0 : ENOENT;
    case SECMMU_IOC_QUEUE_WAIT:
        q = queue_of(ctx, w->queue);
        return q ? ioctl_wait(q, w) : ENOENT;
    case SECMMU_IOC_QUEUE_EVENTFD:
        q = queue_of(ctx, e->queue);
        if (q) {
            q->eventfd = e->fd;
        }
        return q ? 0 : ENOENT;
    case SECMMU_IOC_QUEUE_ARM:
        q = queue_of(ctx, a->queue);
        return q ? ioctl_arm(q, a) : ENOENT;
    case SECMMU_IOC_ADVISE:
        return ioctl_advise(ctx, arg);
    case SECMMU_IOC_STATS:
        err = failing(FAKE_STATS);
        if (!err) {
            memset(arg, 0, sizeof(struct secmmu_stats));
            ((struct secmmu_stats *)arg)->jobs = fake.jobs;
        }
        return err;
    default:
        return ENOTTY;
    }
}

/* ------------------------------------------------------------------- calls */

static int device_open(const char *path, int flags)
{
    FakeCtx *ctx = NULL;
    int err = failing(FAKE_OPEN);
    void *view;

    fake.opens++;
    fake.open_flags = flags;
    if (!err && strcmp(strrchr(path, '/'), DEVICE)) {
        err = ENOENT;
    }
    if (!err && fake.gone) {
        err = ENODEV;
    }
    for (unsigned i = 0; i < FAKE_CTXS; i++) {
        if (!ctxs[i].fd) {
            ctx = &ctxs[i];
            break;
        }
    }
    CHECK(ctx);
    if (err) {
        return fails(err);
    }
    ctx->fd = memfd_create("secmmu", flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
    CHECK(ctx->fd > 0);
    CHECK(!ftruncate(ctx->fd, FAKE_QUEUES * SECMMU_DOORBELL_SIZE));
    view = __real_mmap(NULL, FAKE_QUEUES * SECMMU_DOORBELL_SIZE,
                       PROT_READ | PROT_WRITE, MAP_SHARED, ctx->fd, 0);
    CHECK(view != MAP_FAILED);
    ctx->doorbells = view;
    ctx->pid = getpid();
    ctx->lost = false;
    return ctx->fd;
}

/* The file behind @ctx is closed by its last user. */
static void device_release(FakeCtx *ctx)
{
    for (unsigned i = 0; i < FAKE_QUEUES; i++) {
        /* One that a parent still has open goes on. */
        if (queue_of(ctx, i) && ctx->pid == getpid()) {
            destroy(&fake.queue[i]);
        }
    }
    __real_munmap((void *)ctx->doorbells, FAKE_QUEUES * SECMMU_DOORBELL_SIZE);
    ctx->fd = 0;
}

int __wrap_open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    int fd;

    if (!strncmp(path, "/dev/secmmu", 11)) {
        pthread_mutex_lock(&lock);
        fd = device_open(path, flags);
        pthread_mutex_unlock(&lock);
        return fd;
    }
    if (flags & O_CREAT) {
        va_list ap;

        va_start(ap, flags);
        mode = va_arg(ap, mode_t);
        va_end(ap);
    }
    return __real_open(path, flags, mode);
}

int __wrap_close(int fd)
{
    FakeCtx *ctx;

    pthread_mutex_lock(&lock);
    ctx = ctx_of(fd);
    if (ctx) {
        device_release(ctx);
    }
    pthread_mutex_unlock(&lock);
    return __real_close(fd);
}

/* @newfd is closed, and becomes another number of what @fd is. */
int __wrap_dup3(int fd, int newfd, int flags)
{
    FakeCtx *old, *ctx;
    int ret;

    pthread_mutex_lock(&lock);
    old = ctx_of(newfd);
    ctx = ctx_of(fd);
    ret = __real_dup3(fd, newfd, flags);
    if (ret >= 0 && old) {
        device_release(old);
    }
    if (ret >= 0 && ctx) {
        ctx->fd = newfd;
    }
    pthread_mutex_unlock(&lock);
    return ret;
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
    FakeCtx *ctx;
    int err;

    pthread_mutex_lock(&lock);
    ctx = ctx_of(fd);
    if (!ctx) {
        pthread_mutex_unlock(&lock);
        return __real_ioctl(fd, request, arg);
    }
    err = device_ioctl(ctx, request, arg);
    pthread_mutex_unlock(&lock);
    return err ? fails(err) : 0;
}

static void *device_mmap(FakeCtx *ctx, size_t len, int prot, int flags,
                         off_t off)
{
    int err = failing(FAKE_DOORBELL);
    void *page;

    if (err) {
        errno = err;
        return MAP_FAILED;
    }
    if (ctx->pid != getpid()) {
        errno = EPERM;
        return MAP_FAILED;
    }
    if (len != SECMMU_DOORBELL_SIZE || !(flags & MAP_SHARED)) {
        errno = EINVAL;
        return MAP_FAILED;
    }
    if (off % SECMMU_DOORBELL_SIZE ||
        !queue_of(ctx, off / SECMMU_DOORBELL_SIZE)) {
        errno = ENOENT;
        return MAP_FAILED;
    }
    page = __real_mmap(NULL, len, prot, flags, ctx->fd, off);
    CHECK(page != MAP_FAILED);
    CHECK(!__real_madvise(page, len, MADV_DONTFORK));   /* VM_DONTCOPY */
    return page;
}

void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd,
                  off_t off)
{
    FakeCtx *ctx;
    void *at;
    int err;

    pthread_mutex_lock(&lock);
    ctx = ctx_of(fd);
    if (ctx) {
        at = device_mmap(ctx, len, prot, flags, off);
    } else {
        err = failing(FAKE_MMAP);
        at = err ? MAP_FAILED : __real_mmap(addr, len, prot, flags, fd, off);
        if (err) {
            errno = err;
        }
    }
    if (at != MAP_FAILED) {
        map_add(at, len);
    }
    pthread_mutex_unlock(&lock);
    return at;
}

int __wrap_munmap(void *addr, size_t len)
{
    int ret;

    pthread_mutex_lock(&lock);
    map_remove(addr, len);
    if (fake.device) {
        fake.device->unmap((uintptr_t)addr, len);
    }
    ret = __real_munmap(addr, len);
    pthread_mutex_unlock(&lock);
    return ret;
}

int __wrap_madvise(void *addr, size_t len, int advice)
{
    int err;

    pthread_mutex_lock(&lock);
    err = failing(FAKE_MADVISE);
    pthread_mutex_unlock(&lock);
    return err ? fails(err) : __real_madvise(addr, len, advice);
}

int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
    if (!fake.clock || id != CLOCK_MONOTONIC) {
        return __real_clock_gettime(id, ts);
    }
    *ts = (struct timespec) {
        .tv_sec = fake.clock / 1000000000, .tv_nsec = fake.clock % 1000000000,
    };
    return 0;
}
