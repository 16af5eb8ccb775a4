/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI configuration, see pci.h. */
#include <linux/pci_regs.h>

#include "check.h"
#include "pci.h"

#define BAR_WINDOW 0xe0000000u

static void select_word(struct pci *pci, unsigned off)
{
    vm_outl(pci->vm, 0xcf8, 0x80000000u | (uint32_t)pci->bus << 16 |
            (uint32_t)pci->devfn << 8 | (off & 0xfc));
}

uint32_t pci_read32(struct pci *pci, unsigned off)
{
    select_word(pci, off);
    return vm_inl(pci->vm, 0xcfc);
}

uint16_t pci_read16(struct pci *pci, unsigned off)
{
    return pci_read32(pci, off) >> (off & 2) * 8;
}

uint8_t pci_read8(struct pci *pci, unsigned off)
{
    return pci_read32(pci, off) >> (off & 3) * 8;
}

void pci_write32(struct pci *pci, unsigned off, uint32_t val)
{
    select_word(pci, off);
    vm_outl(pci->vm, 0xcfc, val);
}

void pci_write16(struct pci *pci, unsigned off, uint16_t val)
{
    uint32_t word = pci_read32(pci, off);
    unsigned shift = (off & 2) * 8;

    /* The neighbour of COMMAND is STATUS, of which written ones clear. */
    if ((off & ~3u) == PCI_COMMAND) {
        word &= 0xffff;
    }
    word = (word & ~(0xffffu << shift)) | (uint32_t)val << shift;
    pci_write32(pci, off, word);
}

void pci_command(struct pci *pci, uint16_t on, uint16_t off)
{
    uint16_t old = pci_read16(pci, PCI_COMMAND);

    pci_write16(pci, PCI_COMMAND, (old & ~off) | on);
}

static void assign_from(struct pci *pci, uint64_t next)
{
    for (unsigned i = 0; i < 6; i++) {
        unsigned off = PCI_BASE_ADDRESS_0 + 4 * i, me = i;
        uint64_t mask;
        uint32_t type;

        pci_write32(pci, off, ~0u);
        mask = pci_read32(pci, off);
        if (!mask) {
            continue;
        }
        type = mask & 0xf;
        CHECK(!(type & PCI_BASE_ADDRESS_SPACE_IO));
        mask &= ~0xfull;
        if (type & PCI_BASE_ADDRESS_MEM_TYPE_64) {
            i++;
            pci_write32(pci, off + 4, ~0u);
            mask |= (uint64_t)pci_read32(pci, off + 4) << 32;
        } else {
            mask |= 0xffffffffull << 32;
        }
        pci->bar_size[me] = ~mask + 1;
        next = (next + pci->bar_size[me] - 1) & mask;
        pci->bar[me] = next;
        next += pci->bar_size[me];
    }
    CHECK(next <= 0xfe000000u);
    pci_restore(pci);
}

void pci_assign(struct pci *pci)
{
    assign_from(pci, BAR_WINDOW);
}

void pci_assign_after(struct pci *pci, const struct pci *other)
{
    uint64_t end = BAR_WINDOW;

    for (unsigned i = 0; i < 6; i++) {
        if (other->bar_size[i] && other->bar[i] + other->bar_size[i] > end) {
            end = other->bar[i] + other->bar_size[i];
        }
    }
    assign_from(pci, end);
}

void pci_restore(struct pci *pci)
{
    for (unsigned i = 0; i < 6; i++) {
        unsigned off = PCI_BASE_ADDRESS_0 + 4 * i;

        if (!pci->bar_size[i]) {
            continue;
        }
        pci_write32(pci, off, pci->bar[i]);
        if (pci_read32(pci, off) & PCI_BASE_ADDRESS_MEM_TYPE_64) {
            pci_write32(pci, off + 4, 0);
        }
    }
}

unsigned pci_find_cap(struct pci *pci, uint8_t id)
{
    unsigned off = pci_read8(pci, PCI_CAPABILITY_LIST);

    for (unsigned n = 0; off && n < 48; n++) {
        if (pci_read8(pci, off) == id) {
            return off;
        }
        off = pci_read8(pci, off + 1);
    }
    return 0;
}
