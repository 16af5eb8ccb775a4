/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - access to user memory inside a window.
 *
 * Lives here: from a virtual address to host memory that can be read or
 * written, one piece at a time: of a page, or of pages that lie in a row.
 * Not here: translation (walk.c), what is done with the bytes (jobs*.c).
 */
#include <string.h>

#include "internal.h"

SecmmuAccess secmmu_span_open(SecmmuEngine *engine, SecmmuQueue *q,
                              SecmmuSpan *span, uint64_t va, uint64_t len,
                              bool write)
{
    SecmmuCore *core = engine->core;
    uint64_t small = SECMMU_PAGE_SIZE - (va & (SECMMU_PAGE_SIZE - 1));
    int64_t most;
    SecmmuXlate x;
    SecmmuAccess r;

    engine->budget -= SECMMU_COST_ACCESS;
    r = secmmu_translate(engine, q, va, write, &x);
    if (r != SECMMU_ACCESS_OK) {
        return r;
    }
    if (core->config.audit) {
        /* The CPU's page may be smaller than ours: page by page, then. */
        len = MIN(len, small);
    }
    /* In whole elements of any kind, so that none is cut by the budget. */
    most = engine->budget & ~63ll;
    if (most < (int64_t)SECMMU_PAGE_SIZE) {
        most = SECMMU_PAGE_SIZE;
    }
    len = MIN(len, x.left);
    len = MIN(len, (uint64_t)most);
    span->cookie = NULL;
    span->host = core->ops->map(core->opaque, x.addr, len, write,
                                &span->cookie);
    if (!span->host && span->cookie != SECMMU_MAP_LATER && len > small) {
        /* Behind an IOMMU what lies in a row may be made of scattered pages. */
        len = small;
        span->host = core->ops->map(core->opaque, x.addr, len, write,
                                    &span->cookie);
    }
    if (!span->host) {
        engine->fault.va = va;
        return secmmu_map_failed(span->cookie);
    }
    if (core->config.audit) {
        secmmu_audit(engine, q, va, write, &x, span->host);
    }
    span->addr = x.addr;
    span->len = len;
    span->write = write;
    span->p = span->host;
    span->left = len;
    return SECMMU_ACCESS_OK;
}

void secmmu_span_close(SecmmuEngine *engine, SecmmuSpan *span)
{
    SecmmuCore *core = engine->core;

    if (span->len) {
        core->ops->unmap(core->opaque, span->host, span->addr, span->len,
                         span->write, span->cookie);
        span->len = 0;
        span->left = 0;
    }
}

SecmmuAccess secmmu_page_at(SecmmuEngine *engine, SecmmuQueue *q,
                            SecmmuPage *page, uint64_t va, bool write,
                            uint8_t **p, size_t *left)
{
    uint64_t offset = va & (SECMMU_PAGE_SIZE - 1);

    if (!page->span.len || page->va != va - offset) {
        SecmmuAccess r;

        secmmu_span_close(engine, &page->span);
        r = secmmu_span_open(engine, q, &page->span, va - offset,
                             SECMMU_PAGE_SIZE, write);
        if (r != SECMMU_ACCESS_OK) {
            engine->fault.va = va;
            return r;
        }
        page->va = va - offset;
    }
    *p = page->span.p + offset;
    *left = SECMMU_PAGE_SIZE - offset;
    return SECMMU_ACCESS_OK;
}

void secmmu_page_close(SecmmuEngine *engine, SecmmuPage *page)
{
    secmmu_span_close(engine, &page->span);
}

SecmmuAccess secmmu_page_read(SecmmuEngine *engine, SecmmuQueue *q,
                              SecmmuPage *page, uint64_t va, void *buf,
                              size_t len)
{
    uint8_t *out = buf;

    secmmu_count(engine->count, SECMMU_CNT_BYTES_READ, len);
    while (len) {
        uint8_t *p;
        size_t left, n;
        SecmmuAccess r = secmmu_page_at(engine, q, page, va, false, &p, &left);

        if (r != SECMMU_ACCESS_OK) {
            return r;
        }
        n = MIN(left, len);
        memcpy(out, p, n);
        out += n;
        va += n;
        len -= n;
    }
    return SECMMU_ACCESS_OK;
}
