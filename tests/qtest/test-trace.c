/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trace events: switched on and off in a running QEMU and from its start, the
 * lines they write, and the clock in them.
 *
 * Lives here: events as a user sees them, in QEMU's log.
 * Not here: that the core tells of each change, once (tests/unit/test-trace.c).
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "dev.h"

#define VA 0x7f0000000000ull

static void trace_set(struct dev *dev, const char *pattern, bool on)
{
    char command[256];

    snprintf(command, sizeof(command), "{\"execute\":\"human-monitor-command\","
             "\"arguments\":{\"command-line\":\"trace-event %s %s\"}}",
             pattern, on ? "on" : "off");
    CHECK(strstr(vm_qmp_ok(dev->vm, command), "\"return\": \"\""));
}

/* Looks for "NAME t=T dev=secmmuREST"; T to *t. */
static bool find(struct dev *dev, const char *name, const char *rest,
                 uint64_t *t)
{
    char *log = vm_log_text(dev->vm), *line = log, start[64], end[320];
    bool found = false;

    snprintf(start, sizeof(start), "%s t=", name);
    snprintf(end, sizeof(end), " dev=secmmu%s\n", rest);
    while (!found && (line = strstr(line, start)) != NULL) {
        char *after;

        line += strlen(start);
        *t = strtoull(line, &after, 10);
        found = !strncmp(after, end, strlen(end));
    }
    free(log);
    return found;
}

/* Waits for an event with exactly these fields; its time. */
static uint64_t traced(struct dev *dev, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static uint64_t traced(struct dev *dev, const char *name, const char *fmt, ...)
{
    uint64_t end = now_ms() + PATIENCE_MS, t;
    char rest[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(rest, sizeof(rest), fmt, ap);
    va_end(ap);
    while (!find(dev, name, rest, &t)) {
        if (now_ms() > end) {
            FAIL("not traced: %s ...%s", name, rest);
        }
        a_moment();
    }
    return t;
}

static void done(struct dev *dev)
{
    CHECK_EQ(dev_read32(dev, SECMMU_REG_ERROR), 0);
    dev_end_dirty(dev);
}

/* A job from its doorbell to its end, in the device's time; then silence. */
void test_trace_jobs(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 1);
    struct queue q = queue_new(&s, 2, 4);
    unsigned long long id = USER_DATA(&q, 0), record = RECORD_VA(2);
    uint64_t before, t[4], spte;
    off_t size;

    CHECK_EQ(vm_log_size(dev->vm), 0);
    trace_set(dev, "secmmu_*", true);
    before = dev_read64(dev, SECMMU_REG_CLOCK);
    queue_run(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_NOP, .flags = SECMMU_DESC_INTERRUPT,
    });
    t[0] = traced(dev, "secmmu_doorbell", " asid=1 queue=2 tail=1 head=0");
    traced(dev, "secmmu_tlb_miss", " asid=1 queue=2 va=0x%llx read "
           "user_data=0x0", RING_VA(2));
    t[1] = traced(dev, "secmmu_job_start", " asid=1 queue=2 user_data=0x%llx "
                  "opcode=%u len=0 descriptor=0x%llx", id, SECMMU_OP_NOP,
                  RING_VA(2));
    traced(dev, "secmmu_tlb_miss", " asid=1 queue=2 va=0x%llx write "
           "user_data=0x%llx", record, id);
    spte = *space_spte(&s, record, 0);
    CHECK(spte & SECMMU_SPTE_D);
    t[2] = traced(dev, "secmmu_walk", " asid=1 queue=2 va=0x%llx len=4096 "
                  "entry=0x%llx user_data=0x%llx", record,
                  (unsigned long long)spte, id);
    traced(dev, "secmmu_tlb_fill", " asid=1 queue=2 va=0x%llx len=4096 "
           "entry=0x%llx", record, (unsigned long long)spte);
    t[3] = traced(dev, "secmmu_job_end", " asid=1 queue=2 user_data=0x%llx "
                  "status=%u bytes=0 va=0x0", id, SECMMU_STATUS_OK);
    traced(dev, "secmmu_event", " asid=1 queue=2 type=completion position=0 "
           "va=0x%llx", id);
    CHECK(before <= t[0]);
    for (unsigned i = 1; i < 4; i++) {
        CHECK(t[i - 1] <= t[i]);
    }
    CHECK(t[3] <= dev_read64(dev, SECMMU_REG_CLOCK));

    trace_set(dev, "secmmu_*", false);
    size = vm_log_size(dev->vm);
    queue_run(&q, (struct secmmu_desc) { .opcode = SECMMU_OP_NOP });
    /* Another's events, which the device's must not come along with. */
    trace_set(dev, "pci_cfg_read", true);
    queue_run(&q, (struct secmmu_desc) { .opcode = SECMMU_OP_NOP });
    dev_shootdown(dev, 1, VA, PAGE);
    CHECK_EQ(vm_log_size(dev->vm), size);
    done(dev);
}

void test_trace_faults(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 1);
    struct queue q = queue_new(&s, 2, 4);
    unsigned long long id = USER_DATA(&q, 0);
    struct secmmu_event ev;
    uint64_t dma;
    uint32_t job;

    trace_set(dev, "secmmu_*", true);
    job = queue_submit(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_FILL, .dst = VA + 8, .len = 16,
    });
    ev = dev_event(dev, SECMMU_EVENT_FAULT, 2);
    traced(dev, "secmmu_walk", " asid=1 queue=2 va=0x%llx len=0 entry=0x0 "
           "user_data=0x%llx", VA + 8, id);
    traced(dev, "secmmu_fault", " asid=1 queue=2 seq=%u va=0x%llx extent=16 "
           "write user_data=0x%llx", ev.seq, VA + 8, id);
    traced(dev, "secmmu_queue", " asid=1 queue=2 state=faulted error=0");
    traced(dev, "secmmu_event", " asid=1 queue=2 type=fault position=0 "
           "va=0x%llx", VA + 8);
    dev_respond(dev, &ev, SECMMU_RESPONSE_BUSY, 0);
    traced(dev, "secmmu_response", " asid=1 queue=2 seq=%u busy status=0 "
           "va=0x%llx user_data=0x%llx", ev.seq, VA + 8, id);
    traced(dev, "secmmu_queue", " asid=1 queue=2 state=refused error=0");
    dev_alloc(dev, 1, PAGE, &dma);
    space_map(&s, VA, dma, PAGE, 0);
    dev_write32(dev, AREG(1, ASID_RESUME), 0);
    traced(dev, "secmmu_resume", " asid=1 queues=1");
    ev = dev_event(dev, SECMMU_EVENT_FAULT, 2);
    traced(dev, "secmmu_fault", " asid=1 queue=2 seq=%u va=0x%llx extent=16 "
           "write protect user_data=0x%llx", ev.seq, VA + 8, id);
    space_map(&s, VA, dma, PAGE, SECMMU_SPTE_W);
    dev_respond(dev, &ev, SECMMU_RESPONSE_RETRY, 0);
    traced(dev, "secmmu_response", " asid=1 queue=2 seq=%u retry status=0 "
           "va=0x%llx user_data=0x%llx", ev.seq, VA + 8, id);
    CHECK_EQ(queue_wait(&q, job).status, SECMMU_STATUS_OK);
    traced(dev, "secmmu_job_end", " asid=1 queue=2 user_data=0x%llx status=%u "
           "bytes=16 va=0x0", id, SECMMU_STATUS_OK);

    job = queue_submit(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_REDUCE, .src = VA + PAGE, .len = 8,
    });
    ev = dev_event(dev, SECMMU_EVENT_FAULT, 2);
    traced(dev, "secmmu_fault", " asid=1 queue=2 seq=%u va=0x%llx extent=8 "
           "read user_data=0x%llx", ev.seq, VA + PAGE, id + 1);
    dev_respond(dev, &ev, SECMMU_RESPONSE_FAIL, SECMMU_STATUS_FAULT);
    traced(dev, "secmmu_response", " asid=1 queue=2 seq=%u fail status=%u "
           "va=0x%llx user_data=0x%llx", ev.seq, SECMMU_STATUS_FAULT,
           VA + PAGE, id + 1);
    CHECK_EQ(queue_wait(&q, job).status, SECMMU_STATUS_FAULT);
    done(dev);
}

void test_trace_shootdown(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 3);
    struct queue q = queue_new(&s, 0, 4);
    uint64_t begin, drain, end;
    unsigned long long spte;

    space_alloc(&s, VA, PAGE, SECMMU_SPTE_W);
    CHECK_EQ(queue_run(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_REDUCE, .src = VA, .len = 8,
    }).status, SECMMU_STATUS_OK);
    /* Until then its window may be open, and the shootdown would wait. */
    WAIT_FOR(queue_state(&q) == SECMMU_QUEUE_STATE_IDLE);
    trace_set(dev, "secmmu_*", true);
    spte = space_unmap(&s, VA);
    dev_shootdown(dev, 3, VA, 2 * PAGE);
    begin = traced(dev, "secmmu_shootdown_begin", " asid=3 start=0x%llx "
                   "end=0x%llx ticket=1", VA, VA + 2 * PAGE);
    traced(dev, "secmmu_tlb_drop", " asid=3 va=0x%llx len=4096 entry=0x%llx",
           VA, spte);
    drain = traced(dev, "secmmu_drain", " asid=3 windows=0");
    end = traced(dev, "secmmu_shootdown_end", " asid=3 start=0x%llx "
                 "end=0x%llx ticket=1 dropped=1", VA, VA + 2 * PAGE);
    CHECK(begin <= drain && drain <= end);
    done(dev);
}

void test_trace_device(void)
{
    struct dev *dev = dev_bare(DEV_PROPERTIES);
    struct space s;
    struct queue q;

    trace_set(dev, "secmmu_*", true);
    dev_init(dev);
    traced(dev, "secmmu_dma", " on");
    s = space_new(dev, 1);
    traced(dev, "secmmu_asid", " asid=1 mode=walk table=0x%llx",
           (unsigned long long)s.root);
    q = queue_new(&s, 2, 4);
    traced(dev, "secmmu_queue", " asid=1 queue=2 state=idle error=0");
    dev_write32(dev, AREG(1, ASID_MODE), SECMMU_ASID_OFF);
    traced(dev, "secmmu_queue", " asid=1 queue=2 state=stopped error=%u",
           SECMMU_QUEUE_MM_GONE);
    traced(dev, "secmmu_event", " asid=1 queue=2 type=error position=0 "
           "va=0x0");
    traced(dev, "secmmu_asid", " asid=1 mode=off table=0x%llx",
           (unsigned long long)s.root);
    dev_write32(dev, AREG(1, ASID_MODE), SECMMU_ASID_SOFT);
    traced(dev, "secmmu_asid", " asid=1 mode=soft table=0x%llx",
           (unsigned long long)s.root);
    dev_write32(dev, QREG(q.index, QUEUE_CTRL), 0);
    traced(dev, "secmmu_queue", " asid=1 queue=2 state=off error=0");
    dev_write32(dev, SECMMU_REG_CTRL, SECMMU_CTRL_RESET);
    traced(dev, "secmmu_dma", " off");
    traced(dev, "secmmu_reset", "%s", "");
    done(dev);
}

void test_trace_audit(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES ",audit=on");
    struct space s = space_new(dev, 1);
    struct queue q = queue_new(&s, 2, 4);
    unsigned long long spte;
    uint64_t root;

    /* A root with nothing below it. */
    dev_alloc(dev, 1, PAGE, &root);
    dev_write64(dev, AREG(1, ASID_AUDIT), root | SECMMU_AUDIT_ON);
    trace_set(dev, "secmmu_audit", true);
    queue_run(&q, (struct secmmu_desc) { .opcode = SECMMU_OP_NOP });
    spte = *space_spte(&s, RECORD_VA(2), 0);
    traced(dev, "secmmu_audit", " asid=1 queue=2 va=0x%llx write "
           "entry=0x%llx cpu_entry=0x0", RECORD_VA(2), spte);
    CHECK(vm_log_has(dev->vm, "audit: the CPU maps nothing there"));
    /* Only what was asked for. */
    CHECK(!vm_log_has(dev->vm, "secmmu_job_end"));
    done(dev);
}

/* The plugin's own option: the device's first moments are traced as well. */
static void from_start(const char *option, bool all)
{
    static const char *const extra[] = { "-device", "secmmu,id=second", NULL };
    struct dev *dev;
    struct space s;
    struct queue q;

    vm_plugin_option = option;
    dev = dev_bare_on("q35", DEV_PROPERTIES, extra);
    vm_plugin_option = "";
    CHECK_EQ(vm_log_has(dev->vm, "dev=second"), all);
    dev_init(dev);
    s = space_new(dev, 1);
    q = queue_new(&s, 2, 4);
    queue_run(&q, (struct secmmu_desc) { .opcode = SECMMU_OP_NOP });
    traced(dev, "secmmu_doorbell", " asid=1 queue=2 tail=1 head=0");
    CHECK_EQ(vm_log_has(dev->vm, "secmmu_walk"), all);
    done(dev);
}

void test_trace_from_start(void)
{
    from_start(",trace=on", true);
    from_start(",trace=secmmu_d*", false);
    from_start(",trace=secmmu_*,trace=-secmmu_d*,trace=secmmu_doorbell", true);
}

void test_trace_bad_argument(void)
{
    char output[4096];

    vm_plugin_option = ",trase=on";
    CHECK_EQ(vm_run_to_end(vm_plugin, "secmmu", NULL, output), 1);
    vm_plugin_option = "";
    if (!strstr(output, "trase=on")) {
        FAIL("no word about it: %s", output);
    }
}
