/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - making the core misbehave, for tests.
 *
 * Lives here: the faults that a test or a device property can inject. The
 * guest's registers do not show them.
 * Not here: what a front can do by itself (lose or repeat an interrupt).
 */
#ifndef SECMMU_INJECT_H
#define SECMMU_INJECT_H

#include "secmmu-core.h"

/**
 * SecmmuInject: any member may be zero. The functions are called from engine
 * threads inside a window, but for the shootdowns', and get the opaque of the core.
 */
typedef struct SecmmuInject {
    /* True: this access faults, as if nothing was mapped there. */
    bool (*access)(void *opaque, unsigned queue, uint64_t va, bool write);
    /* True: reading this table entry finds no RAM. */
    bool (*table)(void *opaque, uint64_t addr);
    /* An engine has opened a window: may wait, to hang or slow it. */
    void (*window)(void *opaque, unsigned engine);
    /* The control call of a shootdown begins: may wait, to delay it. */
    void (*shootdown)(void *opaque, unsigned asid);
    /* True: this shootdown never happens, and its number is not counted. */
    bool (*lose_shootdown)(void *opaque, unsigned asid);
    /* Shootdowns say that they are done and have done nothing. */
    bool ignore_shootdown;
    /* Shootdowns drop but do not wait for the accesses in flight. */
    bool no_drain;
    /* Walks fill the TLB even if a shootdown came by meanwhile. */
    bool late_fill;
    /* Each event is written twice, one after the other. */
    bool repeat_event;
} SecmmuInject;

/* @inject (NULL: none) must stay valid. Drains before it returns. */
void secmmu_core_inject(SecmmuCore *core, const SecmmuInject *inject);

#endif /* SECMMU_INJECT_H */
