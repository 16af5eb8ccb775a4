/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - how a stock QEMU gets the device: as a "plugin".
 *
 * Lives here: the entry point of "-plugin file=./secmmu-device.so" and the
 * check that the QEMU around us is the one we were compiled for.
 * Not here: the device. No instruction of the guest is instrumented.
 *
 * QEMU's structures have no stable layout, so with another version the device
 * would corrupt memory; it says so and does not load.
 */
#include "qemu/osdep.h"

#include "qemu/qemu-plugin.h"
#include "qapi/qapi-commands-control.h"
#include "secmmu-front.h"

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id,
                                           const qemu_info_t *info, int argc,
                                           char **argv)
{
    VersionInfo *version;
    char *running;
    bool same;

    if (!info->system_emulation) {
        fprintf(stderr, "secmmu: this is for qemu-system-x86_64\n");
        return -1;
    }
    version = qmp_query_version(NULL);
    running = g_strdup_printf("%" PRId64 ".%" PRId64 ".%" PRId64,
                              version->qemu->major, version->qemu->minor,
                              version->qemu->micro);
    same = strcmp(running, SECMMU_QEMU_VERSION) == 0;
    if (!same) {
        fprintf(stderr, "secmmu: this device was built for QEMU "
                SECMMU_QEMU_VERSION ", but this is QEMU %s: build it again\n",
                running);
    }
    g_free(running);
    qapi_free_VersionInfo(version);
    if (!same) {
        return -1;
    }
    secmmu_register_type();
    return 0;
}
