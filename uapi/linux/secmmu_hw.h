/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * secmmu - the hardware: registers, doorbells, secondary page table, events.
 *
 * Lives here: all that the device model, the driver and the device's tests
 * must agree on, each register once, as data. docs/hardware.md is the prose.
 * Not here: what user space sees (<linux/secmmu.h>).
 *
 * Everything is little-endian. A register is accessed at its own offset with
 * its own width (4 or 8 bytes); any other access reads as zero, writes
 * nothing and sets SECMMU_ERR_ACCESS.
 */
#ifndef _UAPI_LINUX_SECMMU_HW_H
#define _UAPI_LINUX_SECMMU_HW_H

#include <linux/types.h>

#define SECMMU_PCI_VENDOR	0x1234
#define SECMMU_PCI_DEVICE	0x5ec2
#define SECMMU_PCI_CLASS	0x1200	/* processing accelerator */

#define SECMMU_ID_VALUE		0x554d4d53u	/* "SMMU" */
#define SECMMU_HW_VERSION	0x00010001u	/* major.minor, 16 bits each */

/* The BARs. BAR4 holds the MSI-X table, with one vector. */
#define SECMMU_BAR_CONTROL	0
#define SECMMU_BAR_DOORBELL	2
#define SECMMU_BAR_MSIX		4
#define SECMMU_CONTROL_SIZE	0x100000

#define SECMMU_VA_BITS		48
#define SECMMU_MAX_QUEUES	1024
#define SECMMU_MAX_ASIDS	4096

/*
 * BAR0: four blocks.
 */
#define SECMMU_GLOBAL_BLOCK	0x00000	/* once */
#define SECMMU_COUNTER_BLOCK	0x01000	/* one __u64 per counter */
#define SECMMU_QUEUE_BLOCK	0x40000	/* SECMMU_QUEUE_STRIDE per queue */
#define SECMMU_QUEUE_STRIDE	0x40
#define SECMMU_ASID_BLOCK	0x80000	/* SECMMU_ASID_STRIDE per ASID */
#define SECMMU_ASID_STRIDE	0x40

/*
 * Access:
 *   RO    written value ignored, sets SECMMU_ERR_ACCESS
 *   RW    reads as last written
 *   W1C   writing 1 to a bit clears it
 *   WO    reads as zero; a write is a command
 * A reset value of CAP depends on the device's properties, one of LIVE on time.
 *
 * R(name, offset, width, reset, access)
 */
#define SECMMU_GLOBAL_REGS(R)						\
	R(ID,		0x000, 4, SECMMU_ID_VALUE,	RO)		\
	R(VERSION,	0x004, 4, SECMMU_HW_VERSION,	RO)		\
	/* Width of a virtual address. */				\
	R(VA_BITS,	0x008, 4, SECMMU_VA_BITS,	RO)		\
	/* Bit n set: pages of 2^n bytes. */				\
	R(PAGE_SIZES,	0x00c, 4, 0x00201000,		RO)		\
	R(NR_ASIDS,	0x010, 4, CAP,			RO)		\
	R(NR_QUEUES,	0x014, 4, CAP,			RO)		\
	R(NR_ENGINES,	0x018, 4, CAP,			RO)		\
	R(TLB_SETS,	0x01c, 4, CAP,			RO)		\
	R(TLB_WAYS,	0x020, 4, CAP,			RO)		\
	/* SECMMU_FEATURE_* */						\
	R(FEATURES,	0x024, 4, CAP,			RO)		\
	/* Most bytes moved in one in-flight window. */			\
	R(CHUNK,	0x028, 4, CAP,			RO)		\
	/* SECMMU_CTRL_* */						\
	R(CTRL,		0x030, 4, 0,			RW)		\
	/* SECMMU_STATUS_REG_* */					\
	R(STATUS,	0x034, 4, 0,			RO)		\
	/* SECMMU_ERR_*: what was programmed wrongly since cleared. */	\
	R(ERROR,	0x038, 4, 0,			W1C)		\
	/* DMA address of the event ring, 4 KiB aligned. */		\
	R(EVENT_BASE,	0x040, 8, 0,			RW)		\
	/* log2 of its events: at least 3 * NR_QUEUES of them. */	\
	R(EVENT_ORDER,	0x048, 4, 0,			RW)		\
	/* Events consumed by the driver; counts and wraps at 2^32. */	\
	R(EVENT_HEAD,	0x04c, 4, 0,			RW)		\
	/* Events written by the device. */				\
	R(EVENT_TAIL,	0x050, 4, 0,			RO)		\
	/* DMA address of __u32 done[NR_ASIDS], 4 KiB aligned; 0: none */ \
	R(DONE_BASE,	0x058, 8, 0,			RW)		\
	/* SECMMU_RESPONSE_*: the answer to a FAULT event. */		\
	R(RESPONSE,	0x060, 8, 0,			WO)		\
	/* Nanoseconds from an arbitrary start, as in the trace events. */ \
	R(CLOCK,	0x068, 8, LIVE,			RO)

#define SECMMU_QUEUE_REGS(R)						\
	/* Virtual address of the ring, 64-byte aligned. */		\
	R(QUEUE_RING,	0x00, 8, 0,			RW)		\
	/* log2 of its descriptors. */					\
	R(QUEUE_ORDER,	0x08, 4, 0,			RW)		\
	R(QUEUE_ASID,	0x0c, 4, 0,			RW)		\
	/* SECMMU_QUEUE_CTRL_ENABLE; stopping drains before it returns */ \
	R(QUEUE_CTRL,	0x10, 4, 0,			RW)		\
	/* SECMMU_QUEUE_STATE_* 7:0, enum secmmu_queue_error 15:8 */	\
	R(QUEUE_STATUS,	0x14, 4, 0,			RO)		\
	/* Jobs ended; counts from 0 at enable and wraps at 2^32. */	\
	R(QUEUE_HEAD,	0x18, 4, 0,			RO)		\
	/* Last tail rung. */						\
	R(QUEUE_TAIL,	0x1c, 4, 0,			RO)		\
	/* Raise a COMPLETION event once QUEUE_HEAD is at or past this. */ \
	R(QUEUE_ARM,	0x20, 4, 0,			WO)		\
	/* Address that goes with the error. */				\
	R(QUEUE_ERRVA,	0x28, 8, 0,			RO)

#define SECMMU_ASID_REGS(R)						\
	/* DMA address of the secondary table's root, 4 KiB aligned. */	\
	R(ASID_TABLE,	0x00, 8, 0,			RW)		\
	/* SECMMU_ASID_OFF, _WALK, _SOFT */				\
	R(ASID_MODE,	0x08, 4, 0,			RW)		\
	/* Shootdowns completed since the mode left OFF. */		\
	R(ASID_DONE,	0x0c, 4, 0,			RO)		\
	/* SECMMU_SHOOTDOWN() */					\
	R(ASID_SHOOTDOWN, 0x10, 8, 0,			WO)		\
	/* Any value: queues parked on BUSY run again. */		\
	R(ASID_RESUME,	0x18, 4, 0,			WO)		\
	/* Soft-TLB drop-in: latch the virtual address... */		\
	R(ASID_DROPIN_VA, 0x20, 8, 0,			WO)		\
	/* ...and commit with an entry in spte format (A, D given). */	\
	R(ASID_DROPIN,	0x28, 8, 0,			WO)		\
	/* Physical address of the CPU's root table | SECMMU_AUDIT_*. */ \
	/* Only with SECMMU_FEATURE_AUDIT. */				\
	R(ASID_AUDIT,	0x30, 8, 0,			RW)

#define SECMMU_REG_ENUM_(name, offset, width, reset, access) \
	SECMMU_REG_##name = (offset),
enum secmmu_global_reg { SECMMU_GLOBAL_REGS(SECMMU_REG_ENUM_) };
enum secmmu_queue_reg { SECMMU_QUEUE_REGS(SECMMU_REG_ENUM_) };
enum secmmu_asid_reg { SECMMU_ASID_REGS(SECMMU_REG_ENUM_) };

/* FEATURES */
#define SECMMU_FEATURE_AUDIT	0x1	/* ASID_AUDIT exists */
#define SECMMU_FEATURE_SOFT	0x2	/* SECMMU_ASID_SOFT works */

/* CTRL. Event ring and DONE_BASE are fixed while ENABLE is set. */
#define SECMMU_CTRL_ENABLE	0x1
#define SECMMU_CTRL_RESET	0x2	/* reads as 0: reset is over on return */

/* STATUS */
#define SECMMU_STATUS_REG_ENABLED 0x1
#define SECMMU_STATUS_REG_ERROR	0x2	/* ERROR is not zero */
#define SECMMU_STATUS_REG_STALLED 0x4	/* events wait for room in the ring */

/* ERROR */
#define SECMMU_ERR_ACCESS	0x001	/* no such register, width or right */
#define SECMMU_ERR_EVENT_RING	0x002	/* enabled with a bad base or order */
#define SECMMU_ERR_EVENT_HEAD	0x004	/* head past the tail */
#define SECMMU_ERR_DMA		0x008	/* event ring or DONE not RAM */
#define SECMMU_ERR_QUEUE	0x010	/* enabled with bad settings */
#define SECMMU_ERR_ASID		0x020	/* bad mode, root, or ASID is off */
#define SECMMU_ERR_RESPONSE	0x040	/* unknown queue or code */
#define SECMMU_ERR_TABLE	0x080	/* walker met a malformed entry */
#define SECMMU_ERR_DROPIN	0x100	/* malformed drop-in, or not soft */
#define SECMMU_ERR_DOORBELL	0x200	/* doorbell of no enabled queue */

/* QUEUE_CTRL */
#define SECMMU_QUEUE_CTRL_ENABLE 0x1

/* QUEUE_STATUS 7:0 */
#define SECMMU_QUEUE_STATE_OFF		0
#define SECMMU_QUEUE_STATE_IDLE		1	/* head == tail */
#define SECMMU_QUEUE_STATE_READY	2	/* waits for an engine */
#define SECMMU_QUEUE_STATE_RUNNING	3
#define SECMMU_QUEUE_STATE_FAULTED	4	/* waits for a response */
#define SECMMU_QUEUE_STATE_REFUSED	5	/* waits for RESUME */
#define SECMMU_QUEUE_STATE_STOPPED	6	/* by an error */

/* ASID_MODE. Writing OFF stops the ASID's queues, drops and drains. */
#define SECMMU_ASID_OFF		0
#define SECMMU_ASID_WALK	1
#define SECMMU_ASID_SOFT	2

/*
 * ASID_SHOOTDOWN: first page number (va >> 12) in bits 35:0, number of pages
 * in bits 63:36. SECMMU_SHOOTDOWN_ALL pages reach to the end of the address
 * space. The pages are dropped and the accesses through them drained; then
 * ASID_DONE, and done[asid] in memory where DONE_BASE is set, go up by one.
 * Shootdowns of one ASID complete in the order in which they were posted.
 */
#define SECMMU_SHOOTDOWN_ALL	0xfffffffull
#define SECMMU_SHOOTDOWN(vpn, pages) \
	(((__u64)(vpn) & 0xfffffffffull) | ((__u64)(pages) << 36))
#define SECMMU_SHOOTDOWN_VPN(v)		((v) & 0xfffffffffull)
#define SECMMU_SHOOTDOWN_PAGES(v)	((v) >> 36)

/* RESPONSE: queue 15:0, code 23:16, FAIL's enum secmmu_status 31:24,
 * the event's seq 63:32. A response whose seq is not that of the queue's
 * outstanding fault is counted (STALE_RESPONSES) and ignored.
 */
#define SECMMU_RESPONSE_RETRY	1	/* the page is there: walk again */
#define SECMMU_RESPONSE_BUSY	2	/* refused: park until ASID_RESUME */
#define SECMMU_RESPONSE_FAIL	3	/* end the job with the given status */
#define SECMMU_RESPONSE(queue, code, status, seq)			\
	((__u64)(queue) | ((__u64)(code) << 16) |			\
	 ((__u64)(status) << 24) | ((__u64)(seq) << 32))

/* ASID_AUDIT, low bits */
#define SECMMU_AUDIT_ON		0x1
#define SECMMU_AUDIT_LA57	0x2	/* x86-64: the CPU's table has five levels */
/* The CPU's table is arm64's: 4 KiB granule, 48 bits (else x86-64's). */
#define SECMMU_AUDIT_ARM64	0x4
/* All that ASID_AUDIT may have beside the address; not LA57 with ARM64. */
#define SECMMU_AUDIT_FLAGS	0x7

/*
 * Secondary page table: four levels (3 to 0) of 512 entries of 8 bytes; level
 * n is indexed by bits 12 + 9n and up of the virtual address. An entry
 * without LEAF at levels 3 to 1 points to a table. LEAF at level 1 is a
 * 2 MiB page (address bits 20:12 zero), LEAF at level 0 a 4 KiB page; level 0
 * entries always have it, levels 2 and 3 never. Bits not named are zero
 * in an entry with V; the software bits are ignored. A malformed entry ends
 * the job with BUS_ERROR and sets SECMMU_ERR_TABLE.
 */
#define SECMMU_TLB_LINE		8	/* neighbours in one entry of the TLB */
#define SECMMU_SPTE_V		(1ull << 0)	/* valid */
#define SECMMU_SPTE_W		(1ull << 1)	/* writable (leaf) */
#define SECMMU_SPTE_LEAF	(1ull << 2)
#define SECMMU_SPTE_A		(1ull << 5)	/* accessed: set by the walker */
#define SECMMU_SPTE_D		(1ull << 6)	/* dirty: set by the walker */
#define SECMMU_SPTE_SW		(3ull << 8)	/* software's own */
#define SECMMU_SPTE_ADDR	0x000ffffffffff000ull
#define SECMMU_SPTE_RESERVED	(~(SECMMU_SPTE_V | SECMMU_SPTE_W |	\
				   SECMMU_SPTE_LEAF | SECMMU_SPTE_A |	\
				   SECMMU_SPTE_D | SECMMU_SPTE_SW |	\
				   SECMMU_SPTE_ADDR))
#define SECMMU_LEVELS		4
#define SECMMU_LEVEL_SHIFT(level)	(12 + 9 * (level))

/**
 * struct secmmu_event - entry of the event ring, 32 bytes
 * @type: SECMMU_EVENT_*.
 * @flags: SECMMU_FAULT_* for a FAULT, else zero.
 * @queue: the queue.
 * @asid: its ASID.
 * @code: ERROR: enum secmmu_queue_error. FAULT: the job's opcode, or zero
 *	for the ring and the completion record.
 * @va: FAULT: the byte that could not be accessed. ERROR: the address that
 *	goes with the code. COMPLETION: user_data of the last job ended.
 * @extent: FAULT: bytes from @va on, at least 1, that the job will still touch
 *	in one run of rising addresses.
 * @seq: FAULT: number to be given back in RESPONSE. COMPLETION, ERROR: the
 *	queue's QUEUE_HEAD.
 * @stamp: position of the event in the stream plus one (so EVENT_HEAD + 1
 *	when it is next). Written last, with release order: the slot holds a
 *	new event when the stamp matches.
 *
 * Of each queue at most one event of each type lies in the ring: a further
 * COMPLETION is merged with the one that the driver has not consumed. The
 * driver therefore writes EVENT_HEAD before it acts on a COMPLETION.
 *
 * Since 1.1: a driver that is looking at the slot where the next event will be,
 * EVENT_HEAD's, may say so by SECMMU_STAMP_POLLED() as its stamp. The device
 * puts the event's own stamp there by an atomic exchange, and sends no interrupt
 * for it if that was what it found. Who stops looking takes the mark back by
 * compare-and-exchange: if that fails, there is an event. Both have to be atomic
 * for the device, too; a kernel that runs on one CPU may have none that is.
 */
struct secmmu_event {
	__u8	type;
	__u8	flags;
	__le16	queue;
	__le16	asid;
	__le16	code;
	__le64	va;
	__le64	extent;
	__le32	seq;
	__le32	stamp;
};

#define SECMMU_STAMP(pos)		((__u32)(pos) + 1)
/* Never the stamp of an event in that slot, nor zero in a new ring. */
#define SECMMU_STAMP_POLLED(pos)	(~SECMMU_STAMP(pos))

#define SECMMU_EVENT_FAULT	1
#define SECMMU_EVENT_COMPLETION	2
#define SECMMU_EVENT_ERROR	3

#define SECMMU_FAULT_WRITE	0x1	/* the access was a write */
#define SECMMU_FAULT_PRESENT	0x2	/* an entry is there, without W */

/*
 * Counters, 64 bits each, at SECMMU_COUNTER_BLOCK + 8 * index; read-only,
 * cleared by reset. Jobs by opcode and by status follow the named ones.
 */
#define SECMMU_COUNTERS(C)						\
	C(TLB_HITS)		/* lookups served by the TLB */		\
	C(TLB_MISSES)							\
	C(TLB_FILLS)		/* of lines, each up to 8 translations */ \
	C(TLB_EVICTIONS)						\
	C(WALKS)							\
	C(WALK_CACHE_HITS)						\
	C(AD_UPDATES)		/* A or D bits set in memory */		\
	C(FAULTS_READ)		/* FAULT events by kind of access */	\
	C(FAULTS_WRITE)		/* ... nothing valid there */		\
	C(FAULTS_PROTECT)	/* ... write through an entry without W */ \
	C(REFUSED)		/* BUSY responses */			\
	C(RETRIED)		/* RETRY responses */			\
	C(FAILED)		/* FAIL responses */			\
	C(STALE_RESPONSES)						\
	C(SHOOTDOWNS)							\
	C(ENTRIES_DROPPED)	/* translations, by shootdowns */	\
	C(DRAIN_WAITS)		/* windows that a shootdown waited for */ \
	C(RESUMES)							\
	C(DROPINS)							\
	C(EVENTS)							\
	C(EVENTS_MERGED)						\
	C(INTERRUPTS)							\
	C(DOORBELLS)							\
	C(JOBS)			/* jobs ended */			\
	C(BYTES_READ)							\
	C(BYTES_WRITTEN)						\
	C(BUS_ERRORS)							\
	C(AUDIT_CHECKS)							\
	C(AUDIT_VIOLATIONS)						\
	C(EVENT_HEADS)		/* writes of EVENT_HEAD */

#define SECMMU_COUNTER_ENUM_(name) SECMMU_CNT_##name,
enum secmmu_counter {
	SECMMU_COUNTERS(SECMMU_COUNTER_ENUM_)
	SECMMU_CNT_JOBS_BY_OPCODE,	/* 32 counters, index by opcode */
	SECMMU_CNT_JOBS_BY_STATUS = SECMMU_CNT_JOBS_BY_OPCODE + 32,
	SECMMU_CNT_NR = SECMMU_CNT_JOBS_BY_STATUS + 32,
};

#endif /* _UAPI_LINUX_SECMMU_HW_H */
