// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Descriptors as a hostile process writes them: the tables are sound, every
 * byte of the ring is the input's. Nothing outside what the tables map may
 * change, and every job ends.
 *
 * An input is a row of 65-byte records: a byte that says which fields are
 * folded into mapped memory (so that jobs get further than the first check),
 * then the descriptor.
 */
#include <string.h>

#include "machine.h"

static uint64_t fold(uint64_t addr)
{
	return VA_DATA + addr % (PAGES_DATA * 4096ull + 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machine m;
	uint32_t tail = 0;

	machine_init(&m);
	machine_map(&m);
	machine_start(&m);
	for (; size >= 65 && tail < 1u << RING_ORDER; data += 65, size -= 65) {
		struct secmmu_desc desc;

		memcpy(&desc, data + 1, sizeof(desc));
		if (data[0] & 1)
			desc.src = fold(desc.src);
		if (data[0] & 2)
			desc.dst = fold(desc.dst);
		if (data[0] & 4)
			desc.completion = fold(desc.completion) & ~31ull;
		/* Lists and matrices that never end only cost time. */
		if (data[0] & 8 || desc.opcode == SECMMU_OP_LIST_WALK ||
		    desc.opcode == SECMMU_OP_GEMM)
			desc.len &= 0xffff;
		if (data[0] & 16)
			desc.operand[0] = fold(desc.operand[0]);
		if (data[0] & 32)
			desc.reserved = 0;
		if (desc.opcode == SECMMU_OP_GEMM)
			desc.operand[1] &= 0x003f003f003full;
		memcpy(m.ram + PAGE_RING * 4096 + tail * sizeof(desc), &desc,
		       sizeof(desc));
		tail++;
	}
	machine_doorbell(&m, tail);
	machine_settle(&m);
	machine_check_guard(&m);
	machine_free(&m);
	return 0;
}
