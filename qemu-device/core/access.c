/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - access to user memory inside a window.
 *
 * Lives here: from a virtual address to host memory that can be read or
 * written, one piece of a page at a time.
 * Not here: translation (walk.c), what is done with the bytes (jobs*.c).
 */
#include <string.h>

#include "internal.h"

SecmmuAccess secmmu_span_open(SecmmuEngine *engine, SecmmuQueue *q,
                              SecmmuSpan *span, uint64_t va, uint64_t len,
                              bool write)
{
    SecmmuCore *core = engine->core;
    int64_t most;
    SecmmuXlate x;
    SecmmuAccess r;

    engine->budget -= SECMMU_COST_ACCESS;
    r = secmmu_translate(engine, q, va, write, &x);
    if (r != SECMMU_ACCESS_OK) {
        return r;
    }
    if (core->config.audit) {
        secmmu_audit(engine, q, va, write, &x);
    }
    most = engine->budget;
    if (most < (int64_t)SECMMU_PAGE_SIZE) {
        most = SECMMU_PAGE_SIZE;
    }
    len = MIN(len, x.left);
    len = MIN(len, (uint64_t)most);
    span->host = core->ops->map(core->opaque, x.addr, len, write,
                                &span->cookie);
    if (!span->host) {
        engine->fault.va = va;
        return SECMMU_ACCESS_BUS;
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

SecmmuAccess secmmu_read_user(SecmmuEngine *engine, SecmmuQueue *q,
                              uint64_t va, void *buf, size_t len)
{
    uint8_t *out = buf;

    while (len) {
        SecmmuSpan span = { 0 };
        SecmmuAccess r = secmmu_span_open(engine, q, &span, va, len, false);
        size_t n;

        if (r != SECMMU_ACCESS_OK) {
            return r;
        }
        n = span.left;
        memcpy(out, span.p, n);
        secmmu_span_close(engine, &span);
        secmmu_count(engine->count, SECMMU_CNT_BYTES_READ, n);
        out += n;
        va += n;
        len -= n;
    }
    return SECMMU_ACCESS_OK;
}
