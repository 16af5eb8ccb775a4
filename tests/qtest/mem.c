/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual memory for the device, see mem.h. */
#include <stdlib.h>
#include <string.h>

#include "mem.h"

#define LEFT_BEHIND 0xdb

void mem_init(struct mem *m, struct space *s, enum mem_mode mode)
{
    *m = (struct mem) { .s = s, .mode = mode, .seed = mode };
    memset(dev_alloc(s->dev, 1, PAGE, &m->spare), LEFT_BEHIND, PAGE);
    s->idle = mem_idle;
    s->idle_arg = m;
}

void mem_free(struct mem *m)
{
    for (unsigned i = 0; i < m->nr; i++) {
        free(m->region[i].frame);
    }
    m->s->idle = NULL;
}

void mem_alloc(struct mem *m, uint64_t va, uint64_t len, uint64_t flags)
{
    struct mem_region *r = &m->region[m->nr++];

    CHECK(m->nr <= MEM_REGIONS && va % PAGE == 0);
    r->va = va;
    r->pages = (len + PAGE - 1) / PAGE;
    r->flags = flags;
    r->frame = calloc(r->pages, sizeof(*r->frame));
    CHECK(r->frame);
    /* From the end, so that no two neighbours lie side by side. */
    for (uint64_t i = r->pages; i-- > 0; ) {
        dev_alloc(m->s->dev, 1, PAGE, &r->frame[i]);
        if (m->mode == MEM_MAPPED) {
            space_map(m->s, va + i * PAGE, r->frame[i], PAGE, flags);
        }
    }
}

static struct mem_region *find(struct mem *m, uint64_t va)
{
    for (unsigned i = 0; i < m->nr; i++) {
        struct mem_region *r = &m->region[i];

        if (va >= r->va && va - r->va < r->pages * PAGE) {
            return r;
        }
    }
    return NULL;
}

/* Where @va is, and in *@len how much of what follows. */
static uint8_t *at(struct mem *m, uint64_t va, uint64_t *len)
{
    struct mem_region *r = find(m, va);

    if (!r) {
        FAIL("the test has no memory at 0x%" PRIx64, va);
    }
    if (*len > PAGE - va % PAGE) {
        *len = PAGE - va % PAGE;
    }
    return (uint8_t *)dev_ptr(m->s->dev, r->frame[(va - r->va) / PAGE]) +
           va % PAGE;
}

void mem_write(struct mem *m, uint64_t va, const void *from, uint64_t len)
{
    for (uint64_t n; len; va += n, len -= n, from = (char *)from + n) {
        uint8_t *p;

        n = len;
        p = at(m, va, &n);
        memcpy(p, from, n);
    }
}

void mem_read(struct mem *m, uint64_t va, void *to, uint64_t len)
{
    for (uint64_t n; len; va += n, len -= n, to = (char *)to + n) {
        uint8_t *p;

        n = len;
        p = at(m, va, &n);
        memcpy(to, p, n);
    }
}

void mem_random(struct mem *m, uint64_t va, void *copy, uint64_t len)
{
    for (uint64_t i = 0; i < len; i += 8) {
        uint64_t val = random_u64(&m->seed);
        uint64_t n = len - i < 8 ? len - i : 8;

        mem_write(m, va + i, &val, n);
        if (copy) {
            memcpy((char *)copy + i, &val, n);
        }
    }
}

void mem_check(struct mem *m, uint64_t va, const void *want, uint64_t len)
{
    uint8_t *got = malloc(len + 1);

    CHECK(got);
    mem_read(m, va, got, len);
    for (uint64_t i = 0; i < len; i++) {
        if (got[i] != ((const uint8_t *)want)[i]) {
            FAIL("byte %" PRIu64 " of %" PRIu64 " at 0x%" PRIx64
                 " is 0x%02x, expected 0x%02x", i, len, va, got[i],
                 ((const uint8_t *)want)[i]);
        }
    }
    free(got);
}

/* One page to another frame, as migration does it. */
static void move_page(struct mem *m)
{
    struct mem_region *r = &m->region[random_u64(&m->seed) % m->nr];
    uint64_t i = random_u64(&m->seed) % r->pages, va = r->va + i * PAGE;
    uint8_t *spare = dev_ptr(m->s->dev, m->spare), *old;

    if (!(*space_spte(m->s, va, 0) & SECMMU_SPTE_V)) {
        return;
    }
    for (unsigned b = 0; b < PAGE; b++) {
        if (spare[b] != LEFT_BEHIND) {
            FAIL("a write to a frame that was given up, at byte %u", b);
        }
    }
    space_unmap(m->s, va);
    dev_shootdown(m->s->dev, m->s->asid, va, PAGE);
    old = dev_ptr(m->s->dev, r->frame[i]);
    memcpy(spare, old, PAGE);
    memset(old, LEFT_BEHIND, PAGE);
    /* Frame and spare change places. */
    r->frame[i] ^= m->spare;
    m->spare ^= r->frame[i];
    r->frame[i] ^= m->spare;
    m->moves++;
}

static void serve(struct mem *m, const struct secmmu_event *ev)
{
    struct mem_region *r = find(m, ev->va);
    bool write = ev->flags & SECMMU_FAULT_WRITE;
    uint64_t page = ev->va & -PAGE;

    CHECK_EQ(ev->asid, m->s->asid);
    CHECK(ev->extent >= 1);
    m->faults++;
    if (!r || (write && !(r->flags & SECMMU_SPTE_W))) {
        dev_respond(m->s->dev, ev, SECMMU_RESPONSE_FAIL,
                    SECMMU_STATUS_FAULT);
        return;
    }
    if (random_u64(&m->seed) % 4 == 0) {
        dev_respond(m->s->dev, ev, SECMMU_RESPONSE_BUSY, 0);
        m->resume = true;
        m->refusals++;
        return;
    }
    space_map(m->s, page, r->frame[(page - r->va) / PAGE], PAGE,
              write ? SECMMU_SPTE_W : 0);
    dev_respond(m->s->dev, ev, SECMMU_RESPONSE_RETRY, 0);
}

void mem_idle(void *mem)
{
    struct mem *m = mem;
    struct secmmu_event ev;

    if (m->mode == MEM_MAPPED) {
        return;
    }
    if (m->resume) {
        m->resume = false;
        dev_write32(m->s->dev, AREG(m->s->asid, ASID_RESUME), 1);
    }
    if (dev_event_peek(m->s->dev, &ev) && ev.type == SECMMU_EVENT_FAULT) {
        serve(m, &ev);
    }
    if (m->mode == MEM_MOVING && random_u64(&m->seed) % 4 == 0) {
        move_page(m);
    }
}
