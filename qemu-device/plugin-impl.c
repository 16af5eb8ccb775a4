/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - the first call into secmmu-device-impl.so.
 *
 * Lives here: what a device has to do by itself because it is loaded, and is
 * no part of QEMU: make its type and its trace events known, and switch these
 * on. QEMU reads its own -trace option before it loads us.
 * Not here: the check that QEMU is the right one (plugin.c), which is over.
 */
#include "qemu/osdep.h"

#include "secmmu-front.h"
#include "trace.h"
#include "trace/control.h"

#define TRACE_ALL "secmmu_*"

/* In what tracetool makes, without a header. */
extern TraceEvent *secmmu_trace_events[];

bool secmmu_plugin_start(int argc, char **argv)
{
    trace_event_register_group(secmmu_trace_events);
    for (int i = 0; i < argc; i++) {
        const char *pattern;

        if (!g_str_has_prefix(argv[i], "trace=")) {
            fprintf(stderr, "secmmu: the plugin knows trace=PATTERN, not %s\n",
                    argv[i]);
            return false;
        }
        pattern = argv[i] + strlen("trace=");
        trace_enable_events(strcmp(pattern, "on") ? pattern : TRACE_ALL);
    }
    secmmu_register_type();
    return true;
}
