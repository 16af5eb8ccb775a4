/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - a device that is broken on purpose.
 *
 * Lives here: what each "x-" property does, see SecmmuMisbehave. Not here: what
 * a sound device does; the core asks these functions only when one is set.
 */
#include "qemu/osdep.h"

#include "qemu/atomic.h"
#include "secmmu-front.h"

static bool lose_shootdown(void *opaque, unsigned asid)
{
    SecmmuMisbehave *m = secmmu_misbehave_of(opaque);

    uint32_t nr = qatomic_fetch_inc(&m->shootdowns) + 1;

    return nr == m->lose_shootdown ||
           (m->dead_shootdown && nr >= m->dead_shootdown);
}

static void delay_shootdown(void *opaque, unsigned asid)
{
    g_usleep(secmmu_misbehave_of(opaque)->delay_shootdown * 1000ul);
}

static bool fail_table(void *opaque, uint64_t addr)
{
    SecmmuMisbehave *m = secmmu_misbehave_of(opaque);

    return (qatomic_fetch_inc(&m->reads) + 1) % m->fail_table == 0;
}

static void hang_engine(void *opaque, unsigned engine)
{
    if (engine == 0) {
        g_usleep(secmmu_misbehave_of(opaque)->hang_engine * 1000ul);
    }
}

void secmmu_misbehave_init(SecmmuMisbehave *m, SecmmuCore *core)
{
    bool loses = m->lose_shootdown || m->dead_shootdown;

    if (!loses && !m->delay_shootdown && !m->fail_table && !m->hang_engine &&
        !m->repeat_event) {
        return;
    }
    m->inject = (SecmmuInject) {
        .lose_shootdown = loses ? lose_shootdown : NULL,
        .shootdown = m->delay_shootdown ? delay_shootdown : NULL,
        .table = m->fail_table ? fail_table : NULL,
        .window = m->hang_engine ? hang_engine : NULL,
        .repeat_event = m->repeat_event,
    };
    secmmu_core_inject(core, &m->inject);
}

void secmmu_misbehave_stop(SecmmuMisbehave *m)
{
    g_usleep(m->slow_stop * 1000ul);
}

bool secmmu_misbehave_loses_irq(SecmmuMisbehave *m)
{
    return m->lose_interrupt &&
           (qatomic_fetch_inc(&m->messages) + 1) % m->lose_interrupt == 0;
}

bool secmmu_misbehave_vanishes(SecmmuMisbehave *m, bool doorbell)
{
    if (m->vanish && doorbell && m->doorbells < m->vanish) {
        m->doorbells++;
    }
    return m->vanish && m->doorbells == m->vanish;
}

bool secmmu_misbehave_fails_start(SecmmuMisbehave *m)
{
    uint32_t before = qatomic_fetch_inc(&m->starts);

    return before > 0 && before <= m->fail_start;
}
