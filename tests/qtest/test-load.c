/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loading: into another QEMU than it was built for, with wrong properties.
 *
 * Lives here: what ends before there is a machine.
 * Not here: the device.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cases.h"
#include "dev.h"

/* --file is a plugin built for a QEMU that nobody runs. */
void test_load_other_qemu(void)
{
    char output[4096];
    int status;

    CHECK(case_file);
    status = vm_run_to_end(case_file, NULL, NULL, output);
    CHECK_EQ(status, 1);
    /* The first line says all; QEMU may add that it could not load it. */
    output[strcspn(output, "\n")] = 0;
    if (strncmp(output, "secmmu: ", 8) || !strstr(output, "0.0.1") ||
        !strstr(output, "but this is QEMU")) {
        FAIL("not a clear line: %s", output);
    }
}

/* The plugin without the other half that belongs beside it. */
void test_load_incomplete(void)
{
    char path[64], text[4096], output[4096];
    int from = vm_plugin ? open(vm_plugin, O_RDONLY) : -1;
    int to = memfd_create("plugin", 0);
    ssize_t n;

    CHECK(from >= 0 && to >= 0);
    while ((n = read(from, text, sizeof(text))) > 0) {
        CHECK(write(to, text, n) == n);
    }
    CHECK(n == 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", to);
    CHECK_EQ(vm_run_to_end(path, NULL, NULL, output), 1);
    close(from);
    close(to);
    if (strncmp(output, "secmmu: ", 8) ||
        !strstr(output, "secmmu-device-impl.so")) {
        FAIL("not a clear line: %s", output);
    }
}

void test_load_bad_properties(void)
{
    static const char *const bad[] = {
        "secmmu,engines=0", "secmmu,engines=65", "secmmu,queues=0",
        "secmmu,queues=1025", "secmmu,asids=0", "secmmu,asids=4097",
        "secmmu,tlb-sets=0", "secmmu,tlb-sets=3", "secmmu,tlb-sets=131072",
        "secmmu,tlb-ways=0", "secmmu,tlb-ways=65", "secmmu,engines=-1",
        "secmmu,nonsense=1", "secmmu,audit=maybe",
    };
    char output[4096];

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *name = strchr(bad[i], ',') + 1;
        char property[32];

        snprintf(property, sizeof(property), "%.*s",
                 (int)strcspn(name, "="), name);
        if (vm_run_to_end(vm_plugin, bad[i], NULL, output) != 1) {
            FAIL("%s is taken: %s", bad[i], output);
        }
        if (!strstr(output, property)) {
            FAIL("%s: the message does not name it: %s", bad[i], output);
        }
    }
}

/* One of everything. */
void test_load_smallest(void)
{
    struct dev *dev = dev_start("secmmu,addr=4,engines=1,queues=1,asids=1,"
                                "tlb-sets=1,tlb-ways=1");
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 3);
    uint64_t *word = space_alloc(&s, 0x400000, PAGE, SECMMU_SPTE_W);

    CHECK_EQ(dev->pci.bar_size[SECMMU_BAR_DOORBELL], SECMMU_DOORBELL_SIZE);
    CHECK_EQ(dev_read32(dev, SECMMU_REG_NR_QUEUES), 1);
    /* One entry of TLB: ring, data and record push each other out. */
    for (unsigned i = 0; i < 50; i++) {
        CHECK_EQ(queue_run(&q, (struct secmmu_desc) {
            .opcode = SECMMU_OP_ATOMIC, .variant = SECMMU_ATOMIC_ADD,
            .dst = 0x400000, .len = 8, .operand[0] = 2,
        }).result, 2 * i);
    }
    CHECK_EQ(*word, 100);
    CHECK(COUNTER(dev, TLB_EVICTIONS) > 50);
    dev_end(dev);
}

/* The most of everything, and the last of each. */
void test_load_largest(void)
{
    struct dev *dev = dev_start("secmmu,addr=4,engines=64,queues=1024,"
                                "asids=4096,tlb-sets=65536,tlb-ways=64");
    struct space s = space_new(dev, SECMMU_MAX_ASIDS - 1);
    struct queue q = queue_new(&s, SECMMU_MAX_QUEUES - 1, 3);
    struct secmmu_event ev;

    CHECK_EQ(dev_read32(dev, SECMMU_REG_NR_ENGINES), 64);
    queue_run(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_NOP, .flags = SECMMU_DESC_INTERRUPT,
    });
    ev = dev_event(dev, SECMMU_EVENT_COMPLETION, SECMMU_MAX_QUEUES - 1);
    CHECK_EQ(ev.asid, SECMMU_MAX_ASIDS - 1);
    dev_shootdown(dev, SECMMU_MAX_ASIDS - 1, 0, 1ull << SECMMU_VA_BITS);
    dev_end(dev);
}

/* Several in one machine do not know of each other. */
void test_load_two_devices(void)
{
    static const char *const second[] = {
        "-device", "secmmu,addr=5,queues=2,asids=2", NULL,
    };
    struct dev *a = dev_bare_on("q35", DEV_PROPERTIES, second), b = *a;
    struct space sa, sb;
    struct queue qa, qb;

    b.pci.devfn = 5 << 3;
    pci_assign_after(&b.pci, &a->pci);
    pci_command(&b.pci, PCI_COMMAND_MEMORY, 0);
    dev_init(a);
    b.free = 32 << 20;
    dev_init(&b);
    CHECK_EQ(dev_read32(&b, SECMMU_REG_NR_QUEUES), 2);
    sa = space_new(a, 1);
    sb = space_new(&b, 1);
    qa = queue_new(&sa, 0, 2);
    qb = queue_new(&sb, 0, 2);
    *(uint64_t *)space_alloc(&sa, 0x400000, PAGE, 0) = 1;
    *(uint64_t *)space_alloc(&sb, 0x400000, PAGE, 0) = 2;
    for (unsigned i = 0; i < 3; i++) {
        const struct secmmu_desc sum = {
            .opcode = SECMMU_OP_REDUCE, .src = 0x400000, .len = 8,
            .flags = SECMMU_DESC_INTERRUPT,
        };

        CHECK_EQ(queue_run(&qa, sum).result, 1);
        CHECK_EQ(queue_run(&qb, sum).result, 2);
        dev_event(a, SECMMU_EVENT_COMPLETION, 0);
        dev_event(&b, SECMMU_EVENT_COMPLETION, 0);
        WAIT_FOR(dev_take_msi(a));
        WAIT_FOR(dev_take_msi(&b));
    }
    dev_write32(a, SECMMU_REG_CTRL, SECMMU_CTRL_RESET);
    CHECK_EQ(queue_run(&qb, (struct secmmu_desc) {
        .opcode = SECMMU_OP_NOP }).status, SECMMU_STATUS_OK);
    CHECK_EQ(dev_read32(&b, SECMMU_REG_ERROR), 0);
    dev_end(a);
}

/* What cannot travel says so, instead of arriving half. */
