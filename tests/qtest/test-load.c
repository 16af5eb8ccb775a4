/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loading: into another QEMU than it was built for, with wrong properties.
 *
 * Lives here: what ends before there is a machine.
 * Not here: the device.
 */
#include <stdio.h>
#include <string.h>

#include "cases.h"
#include "dev.h"

static void check_one_line(const char *output)
{
    const char *end = strchr(output, '\n');

    if (!end) {
        FAIL("said nothing: '%s'", output);
    }
}

/* --file is a plugin built for a QEMU that nobody runs. */
void test_load_other_qemu(void)
{
    char output[4096];
    int status;

    CHECK(case_file);
    status = vm_run_to_end(case_file, NULL, output);
    CHECK_EQ(status, 1);
    check_one_line(output);
    if (!strstr(output, "secmmu") || !strstr(output, "0.0.1") ||
        !strstr(output, "but this is QEMU")) {
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
        if (vm_run_to_end(vm_plugin, bad[i], output) != 1) {
            FAIL("%s is taken: %s", bad[i], output);
        }
        if (!strstr(output, property)) {
            FAIL("%s: the message does not name it: %s", bad[i], output);
        }
    }
}

/* The extremes of what is allowed, and several devices in one machine. */
void test_load_extremes(void)
{
    static const char *const more[] = {
        "-device", "secmmu,engines=64,queues=1024,asids=4096,"
        "tlb-sets=65536,tlb-ways=64", NULL,
    };
    struct dev *dev = dev_bare_on("q35", "secmmu,addr=4,engines=1,queues=1,"
                                  "asids=1,tlb-sets=1,tlb-ways=1", more);
    struct space s;
    struct queue q;
    uint64_t *word;

    CHECK_EQ(dev->pci.bar_size[SECMMU_BAR_DOORBELL], SECMMU_DOORBELL_SIZE);
    CHECK_EQ(dev_read32(dev, SECMMU_REG_NR_QUEUES), 1);
    dev_init(dev);
    /* One entry of TLB: ring, data and record push each other out. */
    s = space_new(dev, 0);
    q = queue_new(&s, 0, 3);
    word = space_alloc(&s, 0x400000, PAGE, SECMMU_SPTE_W);
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
