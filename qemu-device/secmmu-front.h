/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - what the files of the QEMU front share.
 *
 * Lives here: the access to memory that secmmu-pci.c hands to the core, and
 * the registration that plugin.c calls.
 * Not here: what the device does (core/).
 */
#ifndef SECMMU_FRONT_H
#define SECMMU_FRONT_H

#include "qemu-compat.h"
#include "secmmu-core.h"

#define TYPE_SECMMU "secmmu"

typedef struct SecmmuWindows SecmmuWindows;

/**
 * SecmmuMem: one address space, seen as a few pieces of RAM.
 * @windows: the present pieces, replaced as a whole; read under RCU.
 * @sections: what @windows is built from; big lock.
 * @iommus: sections that translate; big lock.
 * @changed: @sections differs from @windows; big lock.
 *
 * init and fini: big lock. map and unmap: any thread that RCU knows, and each
 * map is undone by the same thread; neither takes a lock or waits.
 */
typedef struct SecmmuMem {
    AddressSpace *as;
    SecmmuCore *core;
    MemoryListener listener;
    SecmmuWindows *windows;
    GArray *sections;
    unsigned iommus;
    bool changed;
} SecmmuMem;

/* @core: drained when pieces have gone away. */
void secmmu_mem_init(SecmmuMem *mem, AddressSpace *as, SecmmuCore *core);
/* Nothing is mapped any more: call before secmmu_core_free(). */
void secmmu_mem_fini(SecmmuMem *mem);

/* As map and unmap of SecmmuBusOps. */
void *secmmu_mem_map(SecmmuMem *mem, uint64_t addr, size_t len, bool write,
                     void **cookie);
void secmmu_mem_unmap(SecmmuMem *mem, void *host, uint64_t addr, size_t len,
                      bool write, void *cookie);

/* Makes "-device secmmu" known. Once; plugin.c finds it by name. */
void secmmu_register_type(void) __attribute__((visibility("default")));

#endif /* SECMMU_FRONT_H */
