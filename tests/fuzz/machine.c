// SPDX-License-Identifier: GPL-2.0-or-later
/* See machine.h. Every promise that is broken ends in abort(), with a line. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "machine.h"

#define GUARD_BYTE	0xa5
#define SETTLE_SECONDS	20

static void die(const char *what)
{
	fprintf(stderr, "fuzz: %s\n", what);
	abort();
}

static void *map(void *opaque, uint64_t addr, size_t len, bool write,
		 void **cookie)
{
	struct machine *m = opaque;

	if ((addr ^ (addr + len - 1)) >> 21)
		die("a mapping crosses a 2 MiB boundary");
	if (addr >= RAM_SIZE || len > RAM_SIZE - addr)
		return NULL;
	return m->ram + addr;
}

static void unmap(void *opaque, void *host, uint64_t addr, size_t len,
		  bool write, void *cookie)
{
	struct machine *m = opaque;

	if (host != m->ram + addr)
		die("unmap of what was not mapped");
}

static void nothing(void *opaque)
{
}

static void ignore(void *opaque, const char *msg)
{
	if (!msg || !*msg || strchr(msg, '\n'))
		die("a log line that is none");
}

static const SecmmuBusOps ops = {
	.map = map,
	.unmap = unmap,
	.raise_irq = nothing,
	.guest_error = ignore,
};

uint32_t machine_read(struct machine *m, uint64_t reg)
{
	return secmmu_core_read(m->core, reg, 4);
}

void machine_write(struct machine *m, uint64_t reg, uint64_t val, unsigned size)
{
	secmmu_core_write(m->core, reg, val, size);
}

void machine_init(struct machine *m)
{
	static const SecmmuConfig config = {
		.engines = 2, .queues = QUEUES, .asids = 4,
		.tlb_sets = 8, .tlb_ways = 2,
	};

	m->ram = calloc(1, RAM_SIZE);
	if (!m->ram)
		die("no memory");
	memset(m->ram + PAGE_GUARD * 4096, GUARD_BYTE, PAGES_GUARD * 4096);
	m->core = secmmu_core_new(&config, &ops, m, NULL);
	if (!m->core)
		die("no core");
	secmmu_core_set_bus_master(m->core, true);
}

static void entry(struct machine *m, unsigned page, unsigned idx, uint64_t val)
{
	memcpy(m->ram + page * 4096 + idx * 8, &val, 8);
}

void machine_map(struct machine *m)
{
	uint64_t leaf = SECMMU_SPTE_V | SECMMU_SPTE_LEAF | SECMMU_SPTE_W;
	unsigned level, i;

	for (level = 3; level > 0; level--)
		entry(m, PAGE_ROOT + 3 - level,
		      (VA_BASE >> SECMMU_LEVEL_SHIFT(level)) & 511,
		      (PAGE_ROOT + 4 - level) * 4096ull | SECMMU_SPTE_V);
	entry(m, PAGE_ROOT + 3, PAGE_RING, PAGE_RING * 4096ull | leaf);
	for (i = PAGE_DATA; i < PAGE_DATA + PAGES_DATA; i++)
		entry(m, PAGE_ROOT + 3, i, i * 4096ull | leaf);
}

static uint64_t queue_reg(unsigned queue, unsigned reg)
{
	return SECMMU_QUEUE_BLOCK + queue * SECMMU_QUEUE_STRIDE + reg;
}

static uint64_t asid_reg(unsigned asid, unsigned reg)
{
	return SECMMU_ASID_BLOCK + asid * SECMMU_ASID_STRIDE + reg;
}

void machine_start(struct machine *m)
{
	machine_write(m, SECMMU_REG_EVENT_BASE, PAGE_EVENTS * 4096, 8);
	machine_write(m, SECMMU_REG_EVENT_ORDER, 7, 4);
	machine_write(m, SECMMU_REG_DONE_BASE, PAGE_DONE * 4096, 8);
	machine_write(m, SECMMU_REG_CTRL, SECMMU_CTRL_ENABLE, 4);
	machine_write(m, asid_reg(1, SECMMU_REG_ASID_TABLE), PAGE_ROOT * 4096,
		      8);
	machine_write(m, asid_reg(1, SECMMU_REG_ASID_MODE), SECMMU_ASID_WALK,
		      4);
	machine_write(m, queue_reg(0, SECMMU_REG_QUEUE_RING), VA_RING, 8);
	machine_write(m, queue_reg(0, SECMMU_REG_QUEUE_ORDER), RING_ORDER, 4);
	machine_write(m, queue_reg(0, SECMMU_REG_QUEUE_ASID), 1, 4);
	machine_write(m, queue_reg(0, SECMMU_REG_QUEUE_CTRL),
		      SECMMU_QUEUE_CTRL_ENABLE, 4);
}

void machine_doorbell(struct machine *m, uint32_t tail)
{
	secmmu_core_doorbell(m->core, 0, tail, 4);
}

/* Consumes the events and fails each fault. */
static void answer(struct machine *m)
{
	uint32_t head = machine_read(m, SECMMU_REG_EVENT_HEAD);
	uint32_t tail = machine_read(m, SECMMU_REG_EVENT_TAIL);

	for (; head != tail; head++) {
		struct secmmu_event ev;

		/* The input may have put the ring anywhere: trust nothing. */
		memcpy(&ev, m->ram + PAGE_EVENTS * 4096 + (head & 127) * 32,
		       sizeof(ev));
		if (ev.type != SECMMU_EVENT_FAULT)
			continue;
		machine_write(m, SECMMU_REG_RESPONSE,
			      SECMMU_RESPONSE(ev.queue, SECMMU_RESPONSE_FAIL,
					      SECMMU_STATUS_FAULT, ev.seq), 8);
	}
	machine_write(m, SECMMU_REG_EVENT_HEAD, head, 4);
}

static bool busy(struct machine *m)
{
	for (unsigned i = 0; i < QUEUES; i++) {
		uint32_t state = machine_read(m,
			queue_reg(i, SECMMU_REG_QUEUE_STATUS)) & 0xff;

		if (state == SECMMU_QUEUE_STATE_READY ||
		    state == SECMMU_QUEUE_STATE_RUNNING ||
		    state == SECMMU_QUEUE_STATE_FAULTED)
			return true;
	}
	return false;
}

void machine_settle(struct machine *m)
{
	time_t end = time(NULL) + SETTLE_SECONDS;

	while (busy(m)) {
		answer(m);
		sched_yield();
		if (time(NULL) > end)
			die("a queue does not come to rest");
	}
	answer(m);
}

void machine_check_guard(struct machine *m)
{
	for (size_t i = 0; i < PAGES_GUARD * 4096; i++)
		if (m->ram[PAGE_GUARD * 4096 + i] != GUARD_BYTE)
			die("a page that no table maps was written");
}

void machine_check_alive(struct machine *m)
{
	struct secmmu_desc desc = {
		.opcode = SECMMU_OP_FILL, .dst = VA_DATA + 4096, .len = 4096,
		.operand[0] = 0x1122334455667788ull, .completion = VA_DATA,
	};
	struct secmmu_completion done;

	machine_write(m, SECMMU_REG_CTRL, SECMMU_CTRL_RESET, 4);
	secmmu_core_set_bus_master(m->core, true);
	memset(m->ram, 0, PAGE_GUARD * 4096);
	machine_map(m);
	memcpy(m->ram + PAGE_RING * 4096, &desc, sizeof(desc));
	machine_start(m);
	machine_doorbell(m, 1);
	machine_settle(m);
	memcpy(&done, m->ram + PAGE_DATA * 4096, sizeof(done));
	if (done.status != SECMMU_STATUS_OK || done.bytes != 4096)
		die("a job after the reset does not complete");
}

void machine_free(struct machine *m)
{
	secmmu_core_free(m->core);
	free(m->ram);
}
