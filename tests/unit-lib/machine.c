/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - the real device core behind the fake driver. See machine.h.
 *
 * Tables, event ring and done words are ordinary memory of this process, and
 * an address of it is its own DMA address.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <linux/secmmu_hw.h>

#include "machine.h"
#include "secmmu-core.h"

#define PAGE    4096ull
#define ASID    1
#define BATCH   512             /* pages entered for one fault at most */

typedef struct Table {
    struct Table *next;
    uint64_t *entries;
} Table;

static struct {
    SecmmuCore *core;
    pthread_mutex_t lock;       /* all below, and the event ring's head */
    uint64_t *root;
    Table *tables;
    struct secmmu_event *events;
    unsigned order;
    uint32_t head;
    uint32_t fail_next;
    unsigned faults;
} m = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* --------------------------------------------------------------------- bus */

static void *bus_map(void *opaque, uint64_t addr, size_t len, bool write,
                     void **cookie)
{
    return (void *)(uintptr_t)addr;
}

static void bus_unmap(void *opaque, void *host, uint64_t addr, size_t len,
                      bool write, void *cookie)
{
}

static void raise_irq(void *opaque)
{
    /* Whoever waits looks at the ring again and again. */
}

static void guest_error(void *opaque, const char *msg)
{
    printf("# device: %s\n", msg);
}

static const SecmmuBusOps bus_ops = {
    .map = bus_map, .unmap = bus_unmap, .raise_irq = raise_irq,
    .guest_error = guest_error,
};

static void write64(uint64_t off, uint64_t val)
{
    secmmu_core_write(m.core, off, val, 8);
}

static void write32(uint64_t off, uint32_t val)
{
    secmmu_core_write(m.core, off, val, 4);
}

static uint32_t read32(uint64_t off)
{
    return secmmu_core_read(m.core, off, 4);
}

static uint64_t queue_reg(unsigned id, unsigned reg)
{
    return SECMMU_QUEUE_BLOCK + id * SECMMU_QUEUE_STRIDE + reg;
}

static uint64_t asid_reg(unsigned reg)
{
    return SECMMU_ASID_BLOCK + ASID * SECMMU_ASID_STRIDE + reg;
}

/* ---------------------------------------------------------- secondary table */

static void *page_alloc(size_t size)
{
    void *page = aligned_alloc(PAGE, size);

    CHECK(page);
    memset(page, 0, size);
    return page;
}

static uint64_t *table_alloc(void)
{
    Table *t = malloc(sizeof(*t));

    CHECK(t);
    t->entries = page_alloc(PAGE);
    t->next = m.tables;
    m.tables = t;
    return t->entries;
}

/* The level 0 entry of @va; NULL if there is none and none is to be made. */
static uint64_t *spte(uint64_t va, bool make)
{
    uint64_t *table = m.root;

    for (int level = SECMMU_LEVELS - 1; level; level--) {
        uint64_t *e = &table[(va >> SECMMU_LEVEL_SHIFT(level)) & 511];
        uint64_t val = le64toh(__atomic_load_n(e, __ATOMIC_ACQUIRE));

        if (!(val & SECMMU_SPTE_V)) {
            if (!make) {
                return NULL;
            }
            val = (uintptr_t)table_alloc() | SECMMU_SPTE_V;
            __atomic_store_n(e, htole64(val), __ATOMIC_RELEASE);
        }
        table = (uint64_t *)(uintptr_t)(val & SECMMU_SPTE_ADDR);
    }
    return &table[(va / PAGE) & 511];
}

/* What this process may do at @va, and up to where the same holds. */
static bool access_at(uint64_t va, bool *writable, uint64_t *end)
{
    FILE *f = fopen("/proc/self/maps", "r");
    bool found = false;
    char line[512];

    CHECK(f);
    while (!found && fgets(line, sizeof(line), f)) {
        uint64_t from, to;
        char r, w;

        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %c%c", &from, &to, &r,
                   &w) == 4 && va >= from && va < to) {
            found = r == 'r';
            *writable = w == 'w';
            *end = to;
        }
    }
    fclose(f);
    return found;
}

static void respond(const struct secmmu_event *ev, unsigned code,
                    unsigned status)
{
    write64(SECMMU_REG_RESPONSE,
            SECMMU_RESPONSE(le16toh(ev->queue), code, status,
                            le32toh(ev->seq)));
}

static void enter(uint64_t va, bool writable)
{
    uint64_t e = va | SECMMU_SPTE_V | SECMMU_SPTE_LEAF |
                 (writable ? SECMMU_SPTE_W : 0);

    __atomic_store_n(spte(va, true), htole64(e), __ATOMIC_RELEASE);
}

static void serve_fault(const struct secmmu_event *ev)
{
    uint64_t va = le64toh(ev->va), last = va + le64toh(ev->extent) - 1, end;
    bool writable;

    m.faults++;
    if (m.fail_next) {
        respond(ev, SECMMU_RESPONSE_FAIL, m.fail_next);
        m.fail_next = 0;
        return;
    }
    if (!access_at(va, &writable, &end) ||
        (ev->flags & SECMMU_FAULT_WRITE && !writable)) {
        respond(ev, SECMMU_RESPONSE_FAIL, SECMMU_STATUS_FAULT);
        return;
    }
    va &= -PAGE;
    for (unsigned i = 0; i < BATCH && va < end && va <= last; i++) {
        enter(va, writable);
        va += PAGE;
    }
    respond(ev, SECMMU_RESPONSE_RETRY, 0);
}

static void serve(void)
{
    for (;;) {
        struct secmmu_event *slot = &m.events[m.head & ((1u << m.order) - 1)];
        struct secmmu_event ev;

        if (le32toh(__atomic_load_n(&slot->stamp, __ATOMIC_ACQUIRE)) !=
            m.head + 1) {
            return;
        }
        ev = *slot;
        write32(SECMMU_REG_EVENT_HEAD, ++m.head);
        if (ev.type == SECMMU_EVENT_FAULT) {
            serve_fault(&ev);
        }
    }
}

/* ------------------------------------------------------- the fake's device */

static bool device_start(FakeQueue *q)
{
    write64(queue_reg(q->id, SECMMU_REG_QUEUE_RING), q->ring);
    write32(queue_reg(q->id, SECMMU_REG_QUEUE_ORDER), q->order);
    write32(queue_reg(q->id, SECMMU_REG_QUEUE_ASID), ASID);
    write32(queue_reg(q->id, SECMMU_REG_QUEUE_CTRL), SECMMU_QUEUE_CTRL_ENABLE);
    return (read32(queue_reg(q->id, SECMMU_REG_QUEUE_STATUS)) & 0xff) ==
           SECMMU_QUEUE_STATE_IDLE;
}

static void device_stop(FakeQueue *q)
{
    write32(queue_reg(q->id, SECMMU_REG_QUEUE_CTRL), 0);
}

static bool ring(unsigned id, uint32_t tail)
{
    uint32_t state = read32(queue_reg(id, SECMMU_REG_QUEUE_STATUS)) & 0xff;

    if (state == SECMMU_QUEUE_STATE_STOPPED) {
        return false;
    }
    if (tail != read32(queue_reg(id, SECMMU_REG_QUEUE_TAIL))) {
        secmmu_core_doorbell(m.core, id * SECMMU_DOORBELL_SIZE, tail, 4);
    }
    return true;
}

static void device_run(FakeQueue *q)
{
    time_t since = time(NULL);

    ring(q->id, q->tail);
    for (;;) {
        uint32_t status = read32(queue_reg(q->id, SECMMU_REG_QUEUE_STATUS));

        q->head = read32(queue_reg(q->id, SECMMU_REG_QUEUE_HEAD));
        if ((status & 0xff) == SECMMU_QUEUE_STATE_STOPPED) {
            q->error = status >> 8 & 0xff;
            q->error_addr = secmmu_core_read(m.core,
                queue_reg(q->id, SECMMU_REG_QUEUE_ERRVA), 8);
            return;
        }
        if (q->head == q->tail) {
            return;
        }
        machine_serve();
        sched_yield();
        CHECK(time(NULL) - since < 60);
    }
}

static void device_unmap(uintptr_t addr, size_t len)
{
    pthread_mutex_lock(&m.lock);
    for (uint64_t va = addr & -PAGE; va < addr + len; va += PAGE) {
        uint64_t *e = spte(va, false);

        if (e) {
            __atomic_store_n(e, 0, __ATOMIC_RELEASE);
        }
    }
    pthread_mutex_unlock(&m.lock);
    write64(asid_reg(SECMMU_REG_ASID_SHOOTDOWN),
            SECMMU_SHOOTDOWN(addr / PAGE, (len + PAGE - 1) / PAGE));
}

static int device_advise(struct secmmu_advise *arg)
{
    uint64_t va = arg->addr & -PAGE, end;
    bool writable;
    int err = 0;

    pthread_mutex_lock(&m.lock);
    for (; va < arg->addr + arg->len && !err; va += PAGE) {
        if (!access_at(va, &writable, &end) ||
            (arg->advice == SECMMU_ADVISE_WRITE && !writable)) {
            err = EFAULT;
        } else {
            enter(va, arg->advice == SECMMU_ADVISE_WRITE);
            arg->pages++;
        }
    }
    pthread_mutex_unlock(&m.lock);
    return err;
}

static const FakeDevice device = {
    .start = device_start, .stop = device_stop, .run = device_run,
    .unmap = device_unmap, .advise = device_advise,
};

/* ----------------------------------------------------------------- outside */

void machine_start(unsigned engines)
{
    SecmmuConfig config = { .engines = engines, .queues = FAKE_QUEUES };
    char *err = NULL;

    m.core = secmmu_core_new(&config, &bus_ops, NULL, &err);
    if (!m.core) {
        printf("# %s\n", err);
    }
    CHECK(m.core);
    m.root = page_alloc(PAGE);
    m.head = m.fail_next = m.faults = 0;
    for (m.order = 0; 1u << m.order < 3 * FAKE_QUEUES; m.order++) {
    }
    /* A ring is whole pages, as far as alignment goes. */
    m.events = page_alloc(((sizeof(*m.events) << m.order) + PAGE - 1) & -PAGE);
    secmmu_core_set_bus_master(m.core, true);
    write64(SECMMU_REG_EVENT_BASE, (uintptr_t)m.events);
    write32(SECMMU_REG_EVENT_ORDER, m.order);
    write32(SECMMU_REG_CTRL, SECMMU_CTRL_ENABLE);
    write64(asid_reg(SECMMU_REG_ASID_TABLE), (uintptr_t)m.root);
    write32(asid_reg(SECMMU_REG_ASID_MODE), SECMMU_ASID_WALK);
    CHECK_EQ(read32(asid_reg(SECMMU_REG_ASID_MODE)), SECMMU_ASID_WALK);
    fake.device = &device;
}

void machine_stop(void)
{
    secmmu_core_free(m.core);
    while (m.tables) {
        Table *t = m.tables;

        m.tables = t->next;
        free(t->entries);
        free(t);
    }
    free(m.root);
    free(m.events);
    fake.device = NULL;
}

bool machine_ring(unsigned id)
{
    return ring(id, fake_doorbell(id));
}

void machine_serve(void)
{
    pthread_mutex_lock(&m.lock);
    serve();
    pthread_mutex_unlock(&m.lock);
}

void machine_fail_next(uint32_t status)
{
    pthread_mutex_lock(&m.lock);
    m.fail_next = status;
    pthread_mutex_unlock(&m.lock);
}

unsigned machine_faults(void)
{
    unsigned n;

    pthread_mutex_lock(&m.lock);
    n = m.faults;
    pthread_mutex_unlock(&m.lock);
    return n;
}
