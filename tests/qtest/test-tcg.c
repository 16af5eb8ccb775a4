/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one test in which the vCPU runs: the device overwrites code that QEMU
 * has translated, and the new code is what runs from then on.
 *
 * Lives here: that writes by the device have all the effects of a write to
 * guest memory.
 * Not here: anything that can be tested with the vCPU stopped.
 */
#define _GNU_SOURCE
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cases.h"
#include "jobs.h"

#define LOAD   0x100000u    /* where the program is */
#define WORD   0x300000u    /* what it writes to */
#define VA     0x7f0000000000ull

/* A multiboot image: writes a constant, for ever. */
static const uint32_t header[] = {
    0x1badb002, 0x00010000, -(0x1badb002 + 0x00010000),
    LOAD, LOAD, LOAD + 64, LOAD + 64, LOAD + 32,
};

static const uint8_t program[] = {
    0xb8, 0x11, 0x11, 0x11, 0x11,                       /* mov eax, imm32 */
    0xa3, WORD & 0xff, WORD >> 8 & 0xff, WORD >> 16 & 0xff, WORD >> 24,
    0xeb, 0xf4,                                         /* jmp back */
};

#define IMMEDIATE (LOAD + 32 + 1)

void test_tcg_code_is_retranslated(void)
{
    int fd = memfd_create("program", 0);
    char path[64];
    const char *extra[] = { "-kernel", path, NULL };
    uint32_t *word;
    struct dev *dev;
    struct space s;
    struct queue q;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    CHECK(fd >= 0 && write(fd, header, sizeof(header)) == sizeof(header) &&
          write(fd, program, sizeof(program)) == sizeof(program) &&
          ftruncate(fd, 64) == 0);
    dev = dev_bare_on("q35", DEV_PROPERTIES, extra);
    close(fd);
    word = (uint32_t *)(dev->vm->ram + WORD);
    vm_qmp_ok(dev->vm, "{\"execute\":\"cont\"}");
    WAIT_FOR(__atomic_load_n(word, __ATOMIC_RELAXED) == 0x11111111);
    /* The firmware has had its own ideas about BARs. */
    pci_command(&dev->pci, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    pci_assign(&dev->pci);
    pci_command(&dev->pci, PCI_COMMAND_MEMORY, 0);
    dev->free = 16 << 20;
    dev_init(dev);
    s = space_new(dev, 0);
    q = queue_new(&s, 0, 4);
    space_map(&s, VA, LOAD, PAGE, SECMMU_SPTE_W);
    for (uint32_t i = 0; i < 200; i++) {
        uint32_t val = 0x22222222 + i;

        jobs_ok(&q, (struct secmmu_desc) {
            .opcode = SECMMU_OP_FILL, .dst = VA + (IMMEDIATE - LOAD),
            .len = 4, .operand[0] = val,
        });
        WAIT_FOR(__atomic_load_n(word, __ATOMIC_RELAXED) == val);
    }
    dev_end(dev);
}
