/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - what differs between QEMU 7.2 and 10.x, and nothing else.
 *
 * Include after "qemu/osdep.h". Everything else in the front is written as if
 * there were one QEMU.
 */
#ifndef SECMMU_QEMU_COMPAT_H
#define SECMMU_QEMU_COMPAT_H

#define SECMMU_QEMU_AT_LEAST(major, minor)                                   \
    (QEMU_VERSION_MAJOR > (major) ||                                         \
     (QEMU_VERSION_MAJOR == (major) && QEMU_VERSION_MINOR >= (minor)))

#if __has_include("system/memory.h")
#include "system/memory.h"
#else
#include "exec/memory.h"
#endif
#if __has_include("system/address-spaces.h")
#include "system/address-spaces.h"
#else
#include "exec/address-spaces.h"
#endif
#include "qemu/main-loop.h"
#include "hw/pci/pci.h"
#if __has_include("hw/pci/pci_device.h")
#include "hw/pci/pci_device.h"
#endif
#if __has_include("system/runstate.h")
#include "system/runstate.h"
#else
#include "sysemu/runstate.h"
#endif
#if __has_include("hw/core/qdev-properties.h")
#include "hw/core/qdev-properties.h"
#else
#include "hw/qdev-properties.h"
#endif

/* The last parameter of class_init. */
#if SECMMU_QEMU_AT_LEAST(10, 1)
typedef const void SecmmuClassData;
#else
typedef void SecmmuClassData;
#endif

/* The fields of a VMStateDescription. */
#if SECMMU_QEMU_AT_LEAST(9, 0)
#define SecmmuVMStateField const VMStateField
#else
#define SecmmuVMStateField VMStateField
#endif

/* The end of an array of properties; device_class_set_props() counts now. */
#if SECMMU_QEMU_AT_LEAST(10, 0)
#define SECMMU_PROP_END
typedef const Property SecmmuProperty;
#else
#define SECMMU_PROP_END DEFINE_PROP_END_OF_LIST(),
typedef Property SecmmuProperty;
#endif

/* Whether a plain pointer may be used: RAM, and not of another device. */
static inline bool secmmu_is_direct(MemoryRegion *mr, bool write)
{
#if SECMMU_QEMU_AT_LEAST(10, 0)
    return memory_access_is_direct(mr, write, MEMTXATTRS_UNSPECIFIED);
#else
    return memory_access_is_direct(mr, write);
#endif
}

static inline bool secmmu_big_lock_held(void)
{
#if SECMMU_QEMU_AT_LEAST(9, 0)
    return bql_locked();
#else
    return qemu_mutex_iothread_locked();
#endif
}

static inline void secmmu_big_lock(void)
{
#if SECMMU_QEMU_AT_LEAST(9, 0)
    bql_lock();
#else
    qemu_mutex_lock_iothread();
#endif
}

static inline void secmmu_big_unlock(void)
{
#if SECMMU_QEMU_AT_LEAST(9, 0)
    bql_unlock();
#else
    qemu_mutex_unlock_iothread();
#endif
}

static inline VMChangeStateEntry *
secmmu_add_vm_change_state_handler(DeviceState *dev, VMChangeStateHandler *cb,
                                   void *opaque)
{
#if SECMMU_QEMU_AT_LEAST(10, 1)
    return qdev_add_vm_change_state_handler(dev, cb, NULL, opaque);
#else
    return qdev_add_vm_change_state_handler(dev, cb, opaque);
#endif
}

static inline void secmmu_class_set_reset(DeviceClass *dc,
                                          void (*reset)(DeviceState *dev))
{
#if SECMMU_QEMU_AT_LEAST(9, 2)
    device_class_set_legacy_reset(dc, reset);
#else
    dc->reset = reset;
#endif
}

#endif /* SECMMU_QEMU_COMPAT_H */
