/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A QEMU under test: a process with a qtest and a QMP connection.
 *
 * Lives here: start and end of QEMU, guest memory and ports, QMP, the log.
 * Not here: PCI (pci.h), the device (dev.h).
 *
 * The vCPU never runs (-S): the test is the guest. Guest RAM is a memfd that
 * both processes map, so that a test sees the device's writes as a CPU would.
 * All failures end the test; nothing returns an error. One thread.
 */
#ifndef SECMMU_QTEST_VM_H
#define SECMMU_QTEST_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define VM_RAM_SIZE (128ull << 20)

/**
 * struct vm: one running QEMU.
 * @ram: guest RAM; guest-physical address 0 is ram[0]. Little-endian contents.
 */
struct vm {
    uint8_t *ram;
    pid_t pid;
    int qtest;
    int qmp;
    int ram_fd;
    int log_fd;
    char *qmp_buf;
    size_t qmp_len;
    char event[16][128];        /* QMP events nobody has asked for yet */
    unsigned nr_events;
    struct vm *next;
};

/* Where the plugin and QEMU are; main() sets them from the command line. */
extern const char *vm_qemu;
extern const char *vm_plugin;
/* For the plugin, beginning with a comma; "" unless a test sets it. */
extern const char *vm_plugin_option;

/**
 * vm_start: QEMU with the plugin, stopped before its first instruction.
 * @machine: as for -M, for example "q35".
 * @device: as for -device, or NULL for none.
 * @extra: further arguments, ended by NULL; may be NULL.
 */
struct vm *vm_start(const char *machine, const char *device,
                    const char *const *extra);
/* Ends QEMU; it must be alive still and end by itself when told to. */
void vm_end(struct vm *vm);
/* Of all QEMUs that are left, without any check; for the way out. */
void vm_kill_all(void);

/**
 * vm_run_to_end: a QEMU that is expected to give up by itself.
 * @plugin: file to load instead of vm_plugin.
 * @extra: as for vm_start().
 * @output: at least 4096 bytes, gets stderr as a string.
 * Returns the exit status; a signal or more than 20 s fail the test.
 */
int vm_run_to_end(const char *plugin, const char *device,
                  const char *const *extra, char *output);

uint8_t vm_readb(struct vm *vm, uint64_t addr);
uint16_t vm_readw(struct vm *vm, uint64_t addr);
uint32_t vm_readl(struct vm *vm, uint64_t addr);
uint64_t vm_readq(struct vm *vm, uint64_t addr);
void vm_writeb(struct vm *vm, uint64_t addr, uint8_t val);
void vm_writew(struct vm *vm, uint64_t addr, uint16_t val);
void vm_writel(struct vm *vm, uint64_t addr, uint32_t val);
void vm_writeq(struct vm *vm, uint64_t addr, uint64_t val);
uint32_t vm_inl(struct vm *vm, uint16_t port);
void vm_outl(struct vm *vm, uint16_t port, uint32_t val);

/**
 * vm_qmp: one command, as JSON. Returns the reply line (with "return" or
 * "error"), valid up to the next call.
 */
const char *vm_qmp(struct vm *vm, const char *command);
/* The same, and an "error" fails the test. */
const char *vm_qmp_ok(struct vm *vm, const char *command);
/* Waits for an event of that name; events seen during commands count. */
void vm_qmp_event(struct vm *vm, const char *name);

/* Whether QEMU's log (-d guest_errors) holds this text. */
bool vm_log_has(struct vm *vm, const char *text);
/* All of it, as a string; the caller frees it. */
char *vm_log_text(struct vm *vm);
/* Nothing has been logged so far. */
void vm_log_forget(struct vm *vm);
/* Bytes logged so far. */
off_t vm_log_size(struct vm *vm);

#endif
