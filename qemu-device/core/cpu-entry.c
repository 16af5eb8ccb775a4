/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - the entries of the CPUs' page tables, for audit.
 *
 * Lives here: what one entry says to a user program's access, for x86-64 and
 * for arm64 (VMSAv8-64, 4 KiB granule, 48 address bits: no LPA, no LPA2).
 * Not here: the walk (audit.c); other architectures, which the driver does not
 * ask an audit for.
 */
#include "internal.h"

#define X86_PRESENT             (1ull << 0)
#define X86_WRITE               (1ull << 1)
#define X86_USER                (1ull << 2)
#define X86_LARGE               (1ull << 7)
#define X86_ADDR                0x000ffffffffff000ull

#define ARM64_VALID             (1ull << 0)
#define ARM64_TABLE             (1ull << 1)     /* at level 0: a page */
#define ARM64_AP_EL0            (1ull << 6)
#define ARM64_AP_READ_ONLY      (1ull << 7)
#define ARM64_DBM               (1ull << 51)
#define ARM64_APTABLE_NO_EL0    (1ull << 61)
#define ARM64_APTABLE_READ_ONLY (1ull << 62)
#define ARM64_ADDR              0x0000fffffffff000ull

SecmmuCpuEntry secmmu_x86_entry(uint64_t e, int level)
{
    SecmmuCpuEntry entry = {
        .kind = SECMMU_CPU_TABLE,
        .writable = e & X86_WRITE,
        .addr = e & X86_ADDR,
    };

    if (!(e & X86_PRESENT) || !(e & X86_USER)) {
        entry.kind = SECMMU_CPU_NONE;
    } else if (level == 0 || (level <= 2 && (e & X86_LARGE))) {
        entry.kind = SECMMU_CPU_LEAF;
    }
    return entry;
}

/*
 * A page that may be written but is clean has DBM and is read-only: hardware
 * that manages the dirty state makes it writable by itself at the first write,
 * and on older hardware the kernel does, which keeps its own "writable" in that
 * bit. A table's permissions restrict those below it.
 */
SecmmuCpuEntry secmmu_arm64_entry(uint64_t e, int level)
{
    SecmmuCpuEntry entry = { .addr = e & ARM64_ADDR };

    if (!(e & ARM64_VALID)) {
        entry.kind = SECMMU_CPU_NONE;
    } else if (level > 0 && (e & ARM64_TABLE)) {
        entry.kind = e & ARM64_APTABLE_NO_EL0 ? SECMMU_CPU_NONE :
                                                SECMMU_CPU_TABLE;
        entry.writable = !(e & ARM64_APTABLE_READ_ONLY);
    } else {
        bool exists = level == 0 ? e & ARM64_TABLE : level <= 2;

        entry.kind = exists && (e & ARM64_AP_EL0) ? SECMMU_CPU_LEAF :
                                                    SECMMU_CPU_NONE;
        entry.writable = !(e & ARM64_AP_READ_ONLY) || (e & ARM64_DBM);
    }
    return entry;
}
