// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Register sequences as a hostile guest kernel writes them. Whatever was
 * programmed, nothing crashes, no call hangs, and after a reset the device
 * works.
 *
 * An input is a row of 12-byte records: kind, which register, which instance,
 * width, value.
 */
#include <string.h>

#include "machine.h"

#define OFFSET_(name, offset, width, reset, access) { offset, width },
static const struct { uint16_t offset, width; } global_regs[] = {
	SECMMU_GLOBAL_REGS(OFFSET_)
}, queue_regs[] = {
	SECMMU_QUEUE_REGS(OFFSET_)
}, asid_regs[] = {
	SECMMU_ASID_REGS(OFFSET_)
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void step(struct machine *m, const uint8_t *r)
{
	unsigned instance = r[2] % 6, width = r[3] & 1 ? 8 : 4, i;
	uint64_t val, off;

	memcpy(&val, r + 4, 8);
	switch (r[0] % 12) {
	case 0:
		off = val >> 40;	/* anywhere, any width */
		machine_write(m, off % SECMMU_CONTROL_SIZE, val, 1u << (r[3] & 3));
		break;
	case 1:
		secmmu_core_read(m->core, val % SECMMU_CONTROL_SIZE,
				 1u << (r[3] & 3));
		break;
	case 2:
		secmmu_core_doorbell(m->core, instance * 4096ull + (r[3] & 8),
				     val & 0xff, 4);
		break;
	case 3:
		secmmu_core_set_bus_master(m->core, r[3] & 1);
		break;
	case 4:
		secmmu_core_reset(m->core);
		break;
	case 5:
		machine_map(m);
		machine_start(m);
		break;
	case 6:		/* RAM, where descriptors, tables and events lie */
		memcpy(m->ram + val % (PAGE_GUARD * 4096 - 8), r + 4, 8);
		break;
	case 7: case 8:
		i = r[1] % COUNT(global_regs);
		machine_write(m, global_regs[i].offset, val,
			      r[3] & 2 ? width : global_regs[i].width);
		break;
	case 9: case 10:
		i = r[1] % COUNT(queue_regs);
		machine_write(m, SECMMU_QUEUE_BLOCK +
			      instance * SECMMU_QUEUE_STRIDE +
			      queue_regs[i].offset, val, queue_regs[i].width);
		break;
	default:
		i = r[1] % COUNT(asid_regs);
		machine_write(m, SECMMU_ASID_BLOCK +
			      instance * SECMMU_ASID_STRIDE +
			      asid_regs[i].offset, val, asid_regs[i].width);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machine m;

	machine_init(&m);
	for (; size >= 12; data += 12, size -= 12)
		step(&m, data);
	machine_check_alive(&m);
	machine_free(&m);
	return 0;
}
