/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device goes to another QEMU, or back to a snapshot, in the middle of
 * jobs: nothing is lost, nothing is done twice.
 *
 * Lives here: live migration over a socket, snapshots, stop and cont.
 * Not here: states that are refused (tests/unit/test-state.c).
 *
 * The machine runs in these tests, since engines stop with it; its firmware is
 * a halt. What the tests write into RAM goes past QEMU, which would not send
 * it again: so all of it is written before the migration begins, and only
 * doorbells are rung while it goes on. The rings' jobs are run again and again.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cases.h"
#include "jobs.h"

#define VA(q)    (0x7f0000000000ull + (q) * HUGE)
#define WORD(q)  (0x7e0000000000ull + (q) * PAGE)
#define ORDER    10
#define SLOTS    (1u << ORDER)
#define ADDS     8              /* one job in so many shows if it is done twice */
#define WORKERS  6              /* queues that work; two more wait */
#define FAULTED  6
#define REFUSED  7
#define MISSING  0x7d0000000000ull

struct world {
    struct dev *dev;
    struct space s;
    struct queue q[DEV_QUEUES];
    uint64_t *word[DEV_QUEUES];
    uint8_t *buf[DEV_QUEUES];
    uint32_t tail[DEV_QUEUES];  /* as rung */
    uint64_t spare;             /* a frame for MISSING */
};

/* Where the socket is, removed whatever happens. */
static char dir[32];
static char uri[64];

static void remove_dir(void)
{
    unlink(uri + strlen("unix:"));
    rmdir(dir);
}

/* A file without a name in any folder; *path is good for QEMU too. */
static int nameless(const char *name, char *path, size_t size)
{
    int fd = memfd_create(name, MFD_CLOEXEC);

    CHECK(fd >= 0);
    snprintf(path, size, "/proc/%d/fd/%d", (int)getpid(), fd);
    return fd;
}

/* Firmware that does nothing. */
static int halt_firmware(char *path, size_t size)
{
    static const uint8_t halt[] = { 0xfa, 0xf4, 0xeb, 0xfd };
    int fd = nameless("firmware", path, size);

    CHECK(ftruncate(fd, 65536) == 0 &&
          pwrite(fd, halt, sizeof(halt), 0xfff0) == sizeof(halt));
    return fd;
}

/* As dev_bare_on() for q35 with such firmware; not running yet. */
static struct dev *halted_machine(const char *properties, const char *option,
                                  const char *value)
{
    char bios[64];
    int fd = halt_firmware(bios, sizeof(bios));
    const char *extra[] = { "-bios", bios, option, value, NULL };
    struct dev *dev = dev_bare_on("q35", properties, extra);

    close(fd);
    return dev;
}

static void cont(struct dev *dev)
{
    vm_qmp_ok(dev->vm, "{\"execute\":\"cont\"}");
    vm_qmp_event(dev->vm, "RESUME");
}

static void hmp(struct dev *dev, const char *command)
{
    char line[256];
    const char *reply;

    snprintf(line, sizeof(line), "{\"execute\":\"human-monitor-command\","
             "\"arguments\":{\"command-line\":\"%s\"}}", command);
    reply = vm_qmp_ok(dev->vm, line);
    if (!strstr(reply, "\"return\": \"\"")) {
        FAIL("%s: %s", command, reply);
    }
}

/* Most jobs are long; the others count how often they are done. */
static void put_jobs(struct world *w, unsigned q)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        if (i % ADDS == ADDS - 1) {
            queue_put(&w->q[q], (struct secmmu_desc) {
                .opcode = SECMMU_OP_ATOMIC, .dst = WORD(q), .len = 8,
                .operand[0] = 1,
            });
        } else {
            queue_put(&w->q[q], (struct secmmu_desc) {
                .opcode = SECMMU_OP_FILL, .dst = VA(q), .len = HUGE,
                .operand[0] = (i + 1) * 0x0001000100010001ull,
            });
        }
    }
}

static struct secmmu_desc add_missing(void)
{
    return (struct secmmu_desc) {
        .opcode = SECMMU_OP_ATOMIC, .dst = MISSING, .len = 8,
        .operand[0] = 1,
    };
}

static void build(struct world *w, const char *option, const char *value)
{
    struct secmmu_event ev;

    w->dev = halted_machine(DEV_PROPERTIES, option, value);
    cont(w->dev);
    dev_init(w->dev);
    w->s = space_new(w->dev, 1);
    for (unsigned i = 0; i < WORKERS; i++) {
        uint64_t gpa;

        w->buf[i] = dev_alloc(w->dev, HUGE / PAGE, HUGE, &gpa);
        space_map_huge(&w->s, VA(i), gpa, SECMMU_SPTE_W);
        w->word[i] = space_alloc(&w->s, WORD(i), PAGE, SECMMU_SPTE_W);
        w->q[i] = queue_new(&w->s, i, ORDER);
        put_jobs(w, i);
    }
    /* The tables of MISSING are there, and a frame for later. */
    *space_spte(&w->s, MISSING, 0) = 0;
    dev_alloc(w->dev, 1, PAGE, &w->spare);
    w->q[REFUSED] = queue_new(&w->s, REFUSED, ORDER);
    queue_submit(&w->q[REFUSED], add_missing());
    ev = dev_event(w->dev, SECMMU_EVENT_FAULT, REFUSED);
    dev_respond(w->dev, &ev, SECMMU_RESPONSE_BUSY, 0);
    w->q[FAULTED] = queue_new(&w->s, FAULTED, ORDER);
    queue_submit(&w->q[FAULTED], add_missing());
    WAIT_FOR(queue_state(&w->q[FAULTED]) == SECMMU_QUEUE_STATE_FAULTED);
    WAIT_FOR(dev_take_msi(w->dev));
}

static uint32_t head_of(struct world *w, unsigned q)
{
    return dev_read32(w->dev, QREG(q, QUEUE_HEAD));
}

/* Fills the rings again. */
static void ring(struct world *w)
{
    for (unsigned i = 0; i < WORKERS; i++) {
        w->tail[i] = head_of(w, i) + SLOTS;
        dev_doorbell(w->dev, i, w->tail[i]);
    }
}

static uint64_t jobs_left(struct world *w)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < WORKERS; i++) {
        n += w->tail[i] - head_of(w, i);
    }
    return n;
}

/*
 * Pointers into @from's RAM become those into @to's. What was rung after the
 * state had been sent is not known there.
 */
static void move(struct world *w, struct dev *to)
{
    struct vm *from = w->dev->vm;
    ptrdiff_t by = to->vm->ram - from->ram;
    struct vm *vm = to->vm;

    *to = *w->dev;
    to->vm = vm;
    to->pci.vm = vm;
    to->ring = (void *)((uint8_t *)to->ring + by);
    to->done = (void *)((uint8_t *)to->done + by);
    to->msi = (void *)((uint8_t *)to->msi + by);
    w->s.dev = to;
    for (unsigned i = 0; i < DEV_QUEUES; i++) {
        w->q[i].dev = to;
        w->q[i].ring = (void *)((uint8_t *)w->q[i].ring + by);
        w->q[i].record = (void *)((uint8_t *)w->q[i].record + by);
        w->word[i] = (void *)((uint8_t *)w->word[i] + by);
        w->buf[i] += by;
    }
    w->dev = to;
    for (unsigned i = 0; i < WORKERS; i++) {
        w->tail[i] = dev_read32(to, QREG(i, QUEUE_TAIL));
    }
}

static void check_worker(struct world *w, unsigned q)
{
    uint32_t end = w->tail[q], fill = end - 1;

    CHECK_EQ(*w->word[q], end / ADDS);
    /* The last time that each slot was run. */
    for (uint32_t job = end - SLOTS; job != end; job++) {
        struct secmmu_completion *c = &w->q[q].record[job % SLOTS];

        CHECK_EQ(c->status, SECMMU_STATUS_OK);
        CHECK_EQ(c->user_data, USER_DATA(&w->q[q], job % SLOTS));
        if (job % ADDS == ADDS - 1) {
            CHECK_EQ(c->result, job / ADDS);
        }
    }
    while (fill % ADDS == ADDS - 1) {
        fill--;
    }
    for (unsigned at = 0; at < HUGE; at += 2) {
        CHECK_EQ(*(uint16_t *)(w->buf[q] + at), fill % SLOTS + 1);
    }
}

/* All is done, once, and what waited can be answered. */
static void finish(struct world *w)
{
    uint64_t jobs = 2;
    struct secmmu_event ev;

    WAIT_FOR(!jobs_left(w));
    for (unsigned i = 0; i < WORKERS; i++) {
        check_worker(w, i);
        jobs += w->tail[i];
    }
    ev = dev_event(w->dev, SECMMU_EVENT_FAULT, FAULTED);
    CHECK_EQ(ev.va, MISSING);
    space_map(&w->s, MISSING, w->spare, PAGE, SECMMU_SPTE_W);
    dev_respond(w->dev, &ev, SECMMU_RESPONSE_RETRY, 0);
    CHECK_EQ(queue_wait(&w->q[FAULTED], 0).status, SECMMU_STATUS_OK);
    CHECK_EQ(queue_state(&w->q[REFUSED]), SECMMU_QUEUE_STATE_REFUSED);
    dev_write32(w->dev, AREG(1, ASID_RESUME), 1);
    CHECK_EQ(queue_wait(&w->q[REFUSED], 0).status, SECMMU_STATUS_OK);
    CHECK_EQ(*(uint64_t *)dev_ptr(w->dev, w->spare), 2);
    /* A job is counted after its record. */
    WAIT_FOR(COUNTER(w->dev, JOBS) >= jobs);
    CHECK_EQ(COUNTER(w->dev, JOBS), jobs);
}

static void limits(struct dev *dev, unsigned mib_per_s, unsigned downtime_ms)
{
    char line[256];

    snprintf(line, sizeof(line), "{\"execute\":\"migrate-set-parameters\","
             "\"arguments\":{\"max-bandwidth\":%llu,\"downtime-limit\":%u}}",
             (unsigned long long)mib_per_s << 20, downtime_ms);
    vm_qmp_ok(dev->vm, line);
}

/* How often QEMU has looked for dirty pages so far. */
static unsigned passes(struct dev *dev)
{
    const char *reply = vm_qmp_ok(dev->vm, "{\"execute\":\"query-migrate\"}");
    const char *count = strstr(reply, "\"dirty-sync-count\": ");

    return count ? atoi(count + strlen("\"dirty-sync-count\": ")) : 0;
}

static bool migration_is(struct dev *dev, const char *status)
{
    char text[64];

    snprintf(text, sizeof(text), "\"status\": \"%s\"", status);
    return strstr(vm_qmp_ok(dev->vm, "{\"execute\":\"query-migrate\"}"), text);
}

/* Whether the source has sent all; kept at work until then. */
static bool sent(struct world *w)
{
    ring(w);
    return migration_is(w->dev, "completed");
}

void test_migrate_live(void)
{
    struct world w = { .dev = NULL };
    struct dev *source, *target;
    char line[128];

    build(&w, NULL, NULL);
    snprintf(dir, sizeof(dir), "/tmp/secmmu-XXXXXX");
    CHECK(mkdtemp(dir));
    snprintf(uri, sizeof(uri), "unix:%s/socket", dir);
    CHECK(atexit(remove_dir) == 0);
    {
        char bios[64];
        int fd = halt_firmware(bios, sizeof(bios));
        const char *extra[] = { "-bios", bios, "-incoming", uri, NULL };
        const char *args[DEV_EXTRA];

        target = calloc(1, sizeof(*target));
        CHECK(target);
        target->vm = vm_start("q35", DEV_PROPERTIES,
                              dev_extra(extra, args));
        close(fd);
    }
    source = w.dev;
    limits(source, 20, 1);
    snprintf(line, sizeof(line), "{\"execute\":\"migrate\","
             "\"arguments\":{\"uri\":\"%s\"}}", uri);
    vm_qmp_ok(source->vm, line);
    /* At this rate the engines write faster than QEMU sends. */
    ring(&w);
    while (passes(source) < 3) {
        ring(&w);
    }
    limits(source, 4096, 10000);
    WAIT_FOR(sent(&w));
    WAIT_FOR(migration_is(target, "completed"));
    move(&w, target);
    printf("# %u passes, %u jobs left\n", passes(source),
           (unsigned)jobs_left(&w));
    if (!jobs_left(&w)) {
        FAIL("nothing was left to do on the other side");
    }
    *target->msi = 0;
    cont(target);
    /* The event that nobody has read yet. */
    WAIT_FOR(dev_take_msi(target));
    finish(&w);
    vm_end(source->vm);
    free(source);
    dev_end(target);
}

/*
 * In the stream at @path, the address of queue 0's ring becomes another. Fields
 * are big-endian, and this one is nowhere else but in RAM, which comes first.
 */
static void spoil(const char *path)
{
    uint64_t ring = htobe64(RING_VA(0)), bad = htobe64(RING_VA(0) + 1);
    FILE *file = fopen(path, "r+");
    long size, at = -1;
    char *bytes;

    CHECK(file && fseek(file, 0, SEEK_END) == 0);
    size = ftell(file);
    bytes = malloc(size);
    CHECK(bytes && fseek(file, 0, SEEK_SET) == 0 &&
          fread(bytes, 1, size, file) == (size_t)size);
    for (long i = 0; i + 8 <= size; i++) {
        if (!memcmp(bytes + i, &ring, 8)) {
            at = i;
        }
    }
    CHECK(at >= 0 && fseek(file, at, SEEK_SET) == 0 &&
          fwrite(&bad, 8, 1, file) == 1 && fclose(file) == 0);
    free(bytes);
}

/* A QEMU with @properties does not take in what DEV_PROPERTIES has sent. */
static void refuse_incoming(const char *properties, bool spoilt,
                            const char *text)
{
    static const char object[] = "memory-backend-memfd,id=ram,size=128M";
    char command[128], path[64], bios[64], output[4096];
    struct world w = { .dev = NULL };
    int fd, stream = nameless("stream", path, sizeof(path));

    build(&w, NULL, NULL);
    snprintf(command, sizeof(command), "{\"execute\":\"migrate\","
             "\"arguments\":{\"uri\":\"exec:cat > %s\"}}", path);
    vm_qmp_ok(w.dev->vm, command);
    WAIT_FOR(migration_is(w.dev, "completed"));
    dev_end(w.dev);
    if (spoilt) {
        spoil(path);
    }
    snprintf(command, sizeof(command), "exec:cat %s", path);
    fd = halt_firmware(bios, sizeof(bios));
    {
        const char *extra[] = {
            "-bios", bios, "-m", "128M", "-object", object,
            "-machine", "memory-backend=ram", "-incoming", command, NULL,
        };
        const char *args[DEV_EXTRA];

        CHECK(vm_run_to_end(vm_plugin, properties,
                            dev_extra(extra, args), output) != 0);
    }
    close(fd);
    if (!strstr(output, text)) {
        FAIL("no \"%s\" in: %s", text, output);
    }
    close(stream);
}

void test_migrate_other_size(void)
{
    refuse_incoming("secmmu,addr=4,queues=16,asids=4,engines=2,tlb-sets=64,"
                    "tlb-ways=2", false, "property queues");
    refuse_incoming("secmmu,addr=4,queues=8,asids=4,engines=2,tlb-sets=64,"
                    "tlb-ways=2,audit=on", false, "property audit");
}

/* A field of the stream that the guest never set: QEMU says so and ends. */
void test_migrate_bad_stream(void)
{
    refuse_incoming(DEV_PROPERTIES, true, "ring not aligned");
}

/* Stops the machine. False, and it goes on, if queue 0 has little left. */
static bool stop_at_work(struct world *w, uint32_t *head)
{
    ring(w);
    hmp(w->dev, "stop");
    *head = head_of(w, 0);
    if (w->tail[0] - *head > 2 * ADDS) {
        return true;
    }
    cont(w->dev);
    return false;
}

/* Back to a snapshot: what was done since has never been. */
void test_snapshot(void)
{
    struct world w = { .dev = NULL };
    char command[160], drive[128], path[64];
    uint64_t words[WORKERS];
    uint32_t head;
    int disk = nameless("disk", path, sizeof(path));

    snprintf(command, sizeof(command),
             "qemu-img create -q -f qcow2 %s 64M", path);
    CHECK(system(command) == 0);
    snprintf(drive, sizeof(drive), "if=none,format=qcow2,file=%s", path);
    build(&w, "-drive", drive);
    WAIT_FOR(stop_at_work(&w, &head));
    hmp(w.dev, "savevm here");
    cont(w.dev);
    WAIT_FOR(head_of(&w, 0) - head > ADDS);
    /* Twice to the same moment, from different ones after it. */
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned q = 0; q < WORKERS; q++) {
            words[q] = *w.word[q];
        }
        hmp(w.dev, "stop");
        hmp(w.dev, "loadvm here");
        for (unsigned q = 0; q < WORKERS; q++) {
            CHECK(*w.word[q] <= words[q]);
        }
        CHECK_EQ(head_of(&w, 0), head);
        *w.dev->msi = 0;
        cont(w.dev);
        WAIT_FOR(dev_take_msi(w.dev));
        WAIT_FOR(!jobs_left(&w));
    }
    finish(&w);
    dev_end(w.dev);
    close(disk);
}

/* A machine that stands still has a device that does. */
void test_stop_and_cont(void)
{
    struct world w = { .dev = NULL };

    build(&w, NULL, NULL);
    ring(&w);
    for (unsigned i = 0; i < 20; i++) {
        uint32_t head;
        uint64_t word;

        sleep_ms(2);
        hmp(w.dev, "stop");
        head = head_of(&w, 0);
        word = *w.word[0];
        memset(w.buf[0], 0x5e, HUGE);
        sleep_ms(5);
        CHECK_EQ(head_of(&w, 0), head);
        CHECK_EQ(*w.word[0], word);
        for (unsigned at = 0; at < HUGE; at += 64) {
            CHECK_EQ(w.buf[0][at], 0x5e);
        }
        hmp(w.dev, "cont");
    }
    WAIT_FOR(!jobs_left(&w));
    CHECK_EQ(*w.word[0], SLOTS / ADDS);
    dev_end(w.dev);
}
