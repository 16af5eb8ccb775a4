/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI configuration, as firmware and an operating system would do it.
 *
 * Lives here: configuration space by ports 0xcf8/0xcfc, BARs, capabilities.
 * Not here: anything of secmmu.
 */
#ifndef SECMMU_QTEST_PCI_H
#define SECMMU_QTEST_PCI_H

#include "vm.h"

/**
 * struct pci: one function.
 * @bus, @devfn: where it is.
 * @bar, @bar_size: of each BAR after pci_assign(); 0: none.
 */
struct pci {
    struct vm *vm;
    uint8_t bus;
    uint8_t devfn;
    uint64_t bar[6];
    uint64_t bar_size[6];
};

/* @off: any; the access must lie in one aligned 32-bit word. */
uint32_t pci_read32(struct pci *pci, unsigned off);
uint16_t pci_read16(struct pci *pci, unsigned off);
uint8_t pci_read8(struct pci *pci, unsigned off);
void pci_write32(struct pci *pci, unsigned off, uint32_t val);
void pci_write16(struct pci *pci, unsigned off, uint16_t val);

/* Sizes the BARs and gives them addresses from 3.5 GiB on. */
void pci_assign(struct pci *pci);
/* The same, from the end of another function's BARs on. */
void pci_assign_after(struct pci *pci, const struct pci *other);
/* Writes the addresses of pci_assign() again, after a reset. */
void pci_restore(struct pci *pci);
/* Sets the bits of the command register and clears those of @off. */
void pci_command(struct pci *pci, uint16_t on, uint16_t off);
/* Offset of a capability, 0 if there is none. */
unsigned pci_find_cap(struct pci *pci, uint8_t id);

#endif
