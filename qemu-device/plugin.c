/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - how a stock QEMU gets the device: as a "plugin".
 *
 * Lives here: what "-plugin file=./secmmu-device.so" loads, and the check that
 * the QEMU around us is the one that the device was compiled for.
 * Not here: the device. No instruction of the guest is instrumented.
 *
 * QEMU's structures have no stable layout, so in another version the device
 * would corrupt memory. Often it could not even be loaded, for want of some
 * function, and the dynamic linker's message about that helps nobody.
 * Therefore the device is a file of its own, secmmu-device-impl.so beside this
 * one, which is opened after the check. This file uses only what all versions
 * have.
 */
#include "qemu/osdep.h"

#include <dlfcn.h>

#include "qemu/qemu-plugin.h"
#include "qapi/qapi-commands-control.h"

#define IMPL_FILE "secmmu-device-impl.so"

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

static bool version_fits;

/*
 * QEMU compares qemu_plugin_version before it calls us, and would not get to
 * our better message: so the check is made as soon as this file is loaded.
 */
static void __attribute__((constructor)) check_version(void)
{
    VersionInfo *version = qmp_query_version(NULL);
    char *running = g_strdup_printf("%" PRId64 ".%" PRId64 ".%" PRId64,
                                    version->qemu->major,
                                    version->qemu->minor,
                                    version->qemu->micro);

    version_fits = strcmp(running, SECMMU_QEMU_VERSION) == 0;
    if (!version_fits) {
        fprintf(stderr, "secmmu: this device was built for QEMU %s, but this "
                "is QEMU %s: build it again on this machine\n",
                SECMMU_QEMU_VERSION, running);
    }
    g_free(running);
    qapi_free_VersionInfo(version);
}

/* The file of that name in the directory that we come from. */
static char *beside_us(const char *name)
{
    Dl_info self;
    char *dir, *path;

    if (!dladdr(&version_fits, &self) || !self.dli_fname) {
        return g_strdup(name);
    }
    dir = g_path_get_dirname(self.dli_fname);
    path = g_build_filename(dir, name, NULL);
    g_free(dir);
    return path;
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id,
                                           const qemu_info_t *info, int argc,
                                           char **argv)
{
    bool (*start)(int argc, char **argv) = NULL;
    char *path;
    void *impl;

    if (!version_fits) {
        return -1;
    }
    if (!info->system_emulation) {
        fprintf(stderr, "secmmu: this is for the emulation of whole systems\n");
        return -1;
    }
    path = beside_us(IMPL_FILE);
    impl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    g_free(path);
    if (impl) {
        *(void **)&start = dlsym(impl, "secmmu_plugin_start");
    }
    if (!start) {
        fprintf(stderr, "secmmu: %s\n", dlerror());
        return -1;
    }
    return start(argc, argv) ? 0 : -1;
}
