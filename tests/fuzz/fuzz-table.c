// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Page tables as a broken or hostile kernel writes them, changing while the
 * device walks. The device may end any job with any status, but it ends them,
 * and it works again after a reset.
 *
 * An input is a row of 11-byte records: table page (2 bits) and index, entry.
 * Half of them are applied before the jobs start, half while they run.
 */
#include <string.h>

#include "machine.h"

static void jobs(struct machine *m)
{
	static const struct secmmu_desc desc[] = {
		{ .opcode = SECMMU_OP_COPY, .src = VA_DATA,
		  .dst = VA_DATA + 40000, .len = 30000,
		  .completion = VA_DATA + 200 * 1024 },
		{ .opcode = SECMMU_OP_FILL, .dst = VA_DATA, .len = 65536,
		  .completion = VA_DATA + 200 * 1024 + 32 },
		{ .opcode = SECMMU_OP_CRC32C, .src = VA_DATA, .len = 200000,
		  .completion = VA_DATA + 200 * 1024 + 64 },
		{ .opcode = SECMMU_OP_ATOMIC, .dst = VA_DATA + 8, .len = 8,
		  .operand[0] = 1, .completion = VA_DATA + 200 * 1024 + 96 },
	};

	memcpy(m->ram + PAGE_RING * 4096, desc, sizeof(desc));
	machine_doorbell(m, sizeof(desc) / sizeof(desc[0]));
}

static void apply(struct machine *m, const uint8_t *record)
{
	unsigned page = record[0] & 3;
	unsigned idx = (record[1] | record[2] << 8) & 511;
	uint64_t val, *entry;

	memcpy(&val, record + 3, 8);
	/* Near the paths that the jobs take more often than not. */
	if (record[0] & 4)
		idx = page == 3 ? idx % 96 :
		      (VA_BASE >> SECMMU_LEVEL_SHIFT(3 - page)) & 511;
	if (record[0] & 8)
		val = (val & ~SECMMU_SPTE_ADDR) | (val >> 12 & 0x1ff) << 12;
	if (record[0] & 16)
		val &= ~SECMMU_SPTE_RESERVED;
	entry = (uint64_t *)(m->ram + (PAGE_ROOT + page) * 4096) + idx;
	__atomic_store_n(entry, val, __ATOMIC_RELEASE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t records = size / 11, i;
	struct machine m;

	machine_init(&m);
	machine_map(&m);
	machine_start(&m);
	for (i = 0; i < records / 2; i++)
		apply(&m, data + 11 * i);
	jobs(&m);
	for (; i < records; i++) {
		apply(&m, data + 11 * i);
		machine_write(&m, SECMMU_ASID_BLOCK + SECMMU_ASID_STRIDE +
			      SECMMU_REG_ASID_SHOOTDOWN,
			      SECMMU_SHOOTDOWN(0, SECMMU_SHOOTDOWN_ALL), 8);
	}
	machine_settle(&m);
	machine_check_alive(&m);
	machine_free(&m);
	return 0;
}
