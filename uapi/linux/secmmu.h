/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * secmmu - what user space, the driver and the device agree on.
 *
 * Lives here: the 64-byte descriptor, the 32-byte completion record, the
 * opcodes and statuses that the device reads and writes in user memory, and
 * the ioctls of /dev/secmmuN.
 * Not here: registers, page-table entries and events (<linux/secmmu_hw.h>),
 * which user space never sees.
 *
 * Everything is little-endian. Every pointer is a plain virtual address of
 * the calling process, carried as __u64.
 */
#ifndef _UAPI_LINUX_SECMMU_H
#define _UAPI_LINUX_SECMMU_H

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * Version of this interface: major in bits 31:16, minor in bits 15:0. A higher
 * minor only adds; a driver that lacks a call answers it with -ENOTTY.
 *
 *	1.1	SECMMU_IOC_QUEUE_EVENTFD, _QUEUE_ARM, poll(), SECMMU_IOC_ADVISE
 */
#define SECMMU_UAPI_VERSION	0x00010001u

/**
 * enum secmmu_opcode - what a descriptor asks the device to do
 *
 * @SECMMU_OP_NOP: touch nothing but the completion record.
 * @SECMMU_OP_FILL: write operand[0], a 64-bit little-endian pattern, over
 *	[dst, dst + len). The pattern starts afresh at @dst and is cut at the
 *	end when len is no multiple of 8.
 * @SECMMU_OP_COPY: copy len bytes from src to dst. The ranges may overlap;
 *	the result is that of memmove().
 * @SECMMU_OP_COMPARE: compare len bytes at src and dst. result is the
 *	offset of the first byte that differs, or len when all are equal.
 * @SECMMU_OP_CRC32C: CRC-32C (Castagnoli, reflected) of [src, src + len).
 *	operand[0] is the CRC so far (0 to begin); result is the new one, so a
 *	checksum can be continued over several jobs.
 * @SECMMU_OP_REDUCE: sum of an array at src, len bytes. variant is an enum
 *	secmmu_reduce. src and len are multiples of the element size.
 * @SECMMU_OP_ATOMIC: one atomic operation on the naturally aligned word at
 *	dst; variant is an enum secmmu_atomic, len is the width, 4 or 8.
 *	result is the word's old value. Atomic against the CPUs and against
 *	other queues.
 * @SECMMU_OP_GATHER: dst[i] = *(element at address src[i]), where src is an
 *	array of 64-bit addresses, operand[0] the element size (1 to 4096
 *	bytes) and len the bytes written to dst, a multiple of it.
 * @SECMMU_OP_SCATTER: *(element at address dst[i]) = src[i]; dst is the
 *	array of 64-bit addresses, operand[0] and len as in GATHER.
 * @SECMMU_OP_LIST_WALK: follow a chain of nodes from src. In each node the
 *	64-bit next pointer lies at byte offset operand[0] and the 64-bit
 *	payload at byte offset operand[1] (both below 4096). len bounds the
 *	number of nodes. result is the sum of the payloads modulo 2^64, and
 *	bytes is the number of nodes visited. The walk ends at a NULL next
 *	pointer (status OK) or at the bound (status TRUNCATED, fault_addr
 *	holds the next node).
 * @SECMMU_OP_SAXPY: dst[i] += a * src[i] over 32-bit floats; operand[0] holds
 *	a as float bits, len the bytes of each vector, a multiple of 4. Each
 *	product is rounded before it is added (no fused multiply-add).
 * @SECMMU_OP_GEMM: C = A * B over row-major 32-bit floats: src is A (m x k),
 *	operand[0] the address of B (k x n), dst is C (m x n). operand[1] packs
 *	m in bits 15:0, n in 31:16, k in 47:32, each 1 to 65535. len is the
 *	bytes of C, 4 * m * n. Products are added in order of rising k, in
 *	float, each product rounded before it is added.
 * @SECMMU_OP_NR: one more than the last.
 *
 * Zero is no opcode, so that a zeroed descriptor is an error.
 */
enum secmmu_opcode {
	SECMMU_OP_NOP		= 1,
	SECMMU_OP_FILL		= 2,
	SECMMU_OP_COPY		= 3,
	SECMMU_OP_COMPARE	= 4,
	SECMMU_OP_CRC32C	= 5,
	SECMMU_OP_REDUCE	= 6,
	SECMMU_OP_ATOMIC	= 7,
	SECMMU_OP_LIST_WALK	= 8,
	SECMMU_OP_GATHER	= 9,
	SECMMU_OP_SCATTER	= 10,
	SECMMU_OP_SAXPY		= 11,
	SECMMU_OP_GEMM		= 12,
	SECMMU_OP_NR		= 13,
};

/**
 * enum secmmu_reduce - element type of SECMMU_OP_REDUCE (descriptor.variant)
 *
 * @SECMMU_REDUCE_U64: result is the sum modulo 2^64.
 * @SECMMU_REDUCE_F32: floats added in index order to a double that starts at
 *	zero; result holds the bits of that double.
 */
enum secmmu_reduce {
	SECMMU_REDUCE_U64	= 0,
	SECMMU_REDUCE_F32	= 1,
};

/**
 * enum secmmu_atomic - operation of SECMMU_OP_ATOMIC (descriptor.variant)
 *
 * @SECMMU_ATOMIC_ADD: add operand[0].
 * @SECMMU_ATOMIC_CAS: store operand[1] if the word equals operand[0].
 */
enum secmmu_atomic {
	SECMMU_ATOMIC_ADD	= 0,
	SECMMU_ATOMIC_CAS	= 1,
};

/* descriptor.flags */
#define SECMMU_DESC_INTERRUPT	0x01	/* raise a COMPLETION event when done */
#define SECMMU_DESC_NO_BLOCK	0x02	/* stop at the first fault: PARTIAL */
#define SECMMU_DESC_FLAGS	0x03	/* all that are defined */

/* Largest descriptor.len of an opcode that counts bytes. */
#define SECMMU_MAX_LEN		0x80000000ull

/**
 * struct secmmu_desc - one job, 64 bytes, in the ring of a queue
 * @opcode: enum secmmu_opcode.
 * @flags: SECMMU_DESC_*; undefined bits must be zero.
 * @variant: sub-operation where the opcode has one, else zero.
 * @reserved: zero.
 * @user_data: copied to the completion record and into trace events.
 * @src: first source address.
 * @dst: destination address.
 * @len: bytes (or nodes), 0 to SECMMU_MAX_LEN. Zero is a job that does
 *	nothing, except where a width is asked for.
 * @operand: by opcode; zero where unused.
 * @completion: address of a struct secmmu_completion, aligned to 32 bytes, or
 *	zero for a job whose outcome nobody reads.
 *
 * The device reads a descriptor once, after the doorbell that covers it, and
 * works on its private copy. The writer owns the slot again when the job's
 * completion record has a status.
 */
struct secmmu_desc {
	__u8	opcode;
	__u8	flags;
	__u16	variant;
	__u32	reserved;
	__u64	user_data;
	__u64	src;
	__u64	dst;
	__u64	len;
	__u64	operand[2];
	__u64	completion;
};

/**
 * enum secmmu_status - how a job ended (completion.status)
 *
 * @SECMMU_STATUS_PENDING: not ended. The submitter writes it beforehand.
 * @SECMMU_STATUS_OK: done.
 * @SECMMU_STATUS_PARTIAL: a no-block job met a fault; bytes tells how much is
 *	done, fault_addr which address is to be touched before going on.
 * @SECMMU_STATUS_TRUNCATED: LIST_WALK reached its bound; fault_addr is the
 *	next node.
 * @SECMMU_STATUS_FAULT: the process may not make this access (nothing mapped
 *	there, or not that permission); fault_addr is the first such byte.
 * @SECMMU_STATUS_NO_MEMORY: the kernel had no memory to bring the page in.
 * @SECMMU_STATUS_POISONED: the page had a hardware memory error.
 * @SECMMU_STATUS_BUS_ERROR: the page is no RAM, or the device's table was bad.
 * @SECMMU_STATUS_BAD_OPCODE: unknown opcode or variant.
 * @SECMMU_STATUS_BAD_FLAGS: undefined flag, or a reserved field not zero.
 * @SECMMU_STATUS_BAD_LENGTH: len too large, not a multiple of the element, or
 *	the range wraps round the end of the address space.
 * @SECMMU_STATUS_BAD_ADDRESS: an address outside the device's 48 bits (any
 *	kernel address is); fault_addr names it.
 * @SECMMU_STATUS_BAD_ALIGN: an address not aligned as the opcode demands.
 * @SECMMU_STATUS_NR: one more than the last.
 *
 * The device writes only these; what it cannot write (the record itself lies
 * in memory that may not be written, the device is gone) is told by the queue
 * (enum secmmu_queue_error).
 */
enum secmmu_status {
	SECMMU_STATUS_PENDING		= 0,
	SECMMU_STATUS_OK		= 1,
	SECMMU_STATUS_PARTIAL		= 2,
	SECMMU_STATUS_TRUNCATED		= 3,
	SECMMU_STATUS_FAULT		= 4,
	SECMMU_STATUS_NO_MEMORY		= 5,
	SECMMU_STATUS_POISONED		= 6,
	SECMMU_STATUS_BUS_ERROR		= 7,
	SECMMU_STATUS_BAD_OPCODE	= 8,
	SECMMU_STATUS_BAD_FLAGS		= 9,
	SECMMU_STATUS_BAD_LENGTH	= 10,
	SECMMU_STATUS_BAD_ADDRESS	= 11,
	SECMMU_STATUS_BAD_ALIGN		= 12,
	SECMMU_STATUS_NR		= 13,
};

/**
 * struct secmmu_completion - outcome of one job, 32 bytes, 32-byte aligned
 * @status: enum secmmu_status. Written last, with release order: whoever
 *	reads a non-zero status with acquire order sees the other fields and
 *	every byte that the job wrote.
 * @bytes: bytes done (nodes, for LIST_WALK). With FAULT and PARTIAL: those
 *	before the fault, counted from the start of the operands (from the end,
 *	for a COPY to a higher address that overlaps its source).
 * @fault_addr: see enum secmmu_status; else zero.
 * @result: by opcode; else zero.
 * @user_data: the descriptor's.
 */
struct secmmu_completion {
	__u32	status;
	__u32	bytes;
	__u64	fault_addr;
	__u64	result;
	__u64	user_data;
};

/*
 * The ring of a queue: 2^ring_order descriptors of 64 bytes, 64-byte aligned,
 * in user memory. Tail and head count descriptors from 0 and wrap at 2^32; a
 * descriptor's slot is its count modulo the ring size. Writing the new tail
 * (__u32) to offset 0 of the queue's doorbell page submits all descriptors
 * before it. tail - head must not exceed the ring size.
 */
#define SECMMU_MAX_RING_ORDER	12
#define SECMMU_DOORBELL_SIZE	4096

/**
 * enum secmmu_queue_error - why a queue stopped
 *
 * @SECMMU_QUEUE_OK: it did not.
 * @SECMMU_QUEUE_BAD_DOORBELL: a tail further than the ring is long.
 * @SECMMU_QUEUE_RING_FAULT: a descriptor could not be read; error_addr.
 * @SECMMU_QUEUE_COMPLETION_FAULT: a record could not be written; error_addr.
 * @SECMMU_QUEUE_MM_GONE: the address space has ended.
 * @SECMMU_QUEUE_DEVICE_LOST: the device was reset or removed.
 * @SECMMU_QUEUE_DESTROYED: another thread destroyed it (a waiter sees this).
 *
 * A stopped queue runs no further job. It is destroyed and made anew.
 */
enum secmmu_queue_error {
	SECMMU_QUEUE_OK			= 0,
	SECMMU_QUEUE_BAD_DOORBELL	= 1,
	SECMMU_QUEUE_RING_FAULT		= 2,
	SECMMU_QUEUE_COMPLETION_FAULT	= 3,
	SECMMU_QUEUE_MM_GONE		= 4,
	SECMMU_QUEUE_DEVICE_LOST	= 5,
	SECMMU_QUEUE_DESTROYED		= 6,
};

/*
 * ioctls of /dev/secmmuN. An open file is a context; it works only for the
 * address space (mm) that opened it: calls from any other get -EPERM.
 * Reserved fields must be zero (-EINVAL). -ENODEV: the device is gone.
 */

/**
 * struct secmmu_info - SECMMU_IOC_INFO (out)
 * @uapi_version: SECMMU_UAPI_VERSION of the driver.
 * @hw_version: the device's VERSION register.
 * @va_bits: width of a device virtual address.
 * @engines: jobs that can run at one time.
 * @max_queues: queues that one context may have.
 * @max_ring_order: largest ring_order.
 * @tlb_entries: translations that its TLB holds at most.
 * @asid: the device's number for this mm, in the context's mode.
 */
struct secmmu_info {
	__u32	uapi_version;
	__u32	hw_version;
	__u32	va_bits;
	__u32	engines;
	__u32	max_queues;
	__u32	max_ring_order;
	__u32	tlb_entries;
	__u32	asid;
};

/**
 * enum secmmu_mode - how the device comes by a context's translations
 * @SECMMU_MODE_WALK: it walks a table in memory that the driver keeps. This is
 *	what an open gives.
 * @SECMMU_MODE_SOFT: soft-TLB mode: it has no table, every miss in its TLB is
 *	a fault, and the driver drops the translation into the TLB.
 * @SECMMU_MODE_NR: one more than the last.
 */
enum secmmu_mode {
	SECMMU_MODE_WALK	= 0,
	SECMMU_MODE_SOFT	= 1,
	SECMMU_MODE_NR		= 2,
};

/**
 * struct secmmu_set_mode - SECMMU_IOC_MODE (in)
 * @mode: enum secmmu_mode, for this context.
 * @reserved: zero.
 *
 * Programs cannot tell the modes apart but by time and counters. Contexts of
 * both modes can be open in one process: there is one ASID, with its own
 * counters, for each mode in use, so that SECMMU_IOC_INFO and _STATS answer
 * differently afterwards.
 *
 * Errors: -EINVAL bad field, -EBUSY the context has a queue, -EOPNOTSUPP the
 * device cannot, and those of open().
 */
struct secmmu_set_mode {
	__u32	mode;
	__u32	reserved;
};

/**
 * struct secmmu_queue_create - SECMMU_IOC_QUEUE_CREATE (in and out)
 * @ring: in: address of the ring, aligned to 64.
 * @ring_order: in: log2 of its descriptors, 0 to SECMMU_MAX_RING_ORDER.
 * @flags: in: zero.
 * @queue: out: number of the queue, valid in this context.
 * @reserved: zero.
 * @doorbell: out: offset for mmap() of the doorbell page (PROT_WRITE,
 *	MAP_SHARED, SECMMU_DOORBELL_SIZE bytes). A child after fork() does not
 *	inherit the mapping.
 *
 * Errors: -EINVAL bad field, -ENOSPC no queue left for this context or on
 * this device.
 */
struct secmmu_queue_create {
	__u64	ring;
	__u32	ring_order;
	__u32	flags;
	__u32	queue;
	__u32	reserved;
	__u64	doorbell;
};

/**
 * struct secmmu_queue_destroy - SECMMU_IOC_QUEUE_DESTROY (in)
 * @queue: number of the queue. Jobs that have not ended are dropped without a
 *	completion record; none of them touches memory after the call. A
 *	doorbell page still mapped has no effect from then on. The number is
 *	free when the driver has ended its last lookup for the queue: until
 *	then, CREATE on a device without another may fail with -ENOSPC.
 * @reserved: zero.
 */
struct secmmu_queue_destroy {
	__u32	queue;
	__u32	reserved;
};

/**
 * struct secmmu_queue_wait - SECMMU_IOC_QUEUE_WAIT (in and out)
 * @queue: number of the queue.
 * @target: in: wait until this many jobs of the queue have ended (a count
 *	that wraps at 2^32, as the doorbell's).
 * @timeout_ns: in: longest sleep; negative for ever, zero not at all.
 * @completed: out: jobs ended so far.
 * @error: out: enum secmmu_queue_error.
 * @error_addr: out: address that goes with @error.
 *
 * Sleeps; any thread may call it, several may wait for one queue.
 * Returns 0 with @completed at or past @target. Errors: -ETIME, -ERESTARTSYS
 * (-EINTR to the program when a handler without SA_RESTART ran), -EPIPE the
 * queue has stopped short of @target and @error says why. The out fields are
 * filled for 0, -ETIME and -EPIPE.
 */
struct secmmu_queue_wait {
	__u32	queue;
	__u32	target;
	__s64	timeout_ns;
	__u32	completed;
	__u32	error;
	__u64	error_addr;
};

/**
 * struct secmmu_queue_eventfd - SECMMU_IOC_QUEUE_EVENTFD (in)
 * @queue: number of the queue.
 * @fd: an eventfd, in place of the one it had; -1 for none.
 *
 * The eventfd is signalled whenever the driver hears of the queue: a job with
 * SECMMU_DESC_INTERRUPT has ended (several in one signal, where they end at about
 * one time), what SECMMU_IOC_QUEUE_ARM asked for is there, the queue has
 * stopped. It may be signalled more often than that, never less.
 *
 * Errors: -ENOENT no such queue, -EBADF, -EINVAL no eventfd.
 */
struct secmmu_queue_eventfd {
	__u32	queue;
	__s32	fd;
};

/* secmmu_queue_arm.flags */
#define SECMMU_ARM_OFF		0x01	/* no target any more */

/**
 * struct secmmu_queue_arm - SECMMU_IOC_QUEUE_ARM (in and out)
 * @queue: number of the queue.
 * @target: in: have the program told when this many jobs of the queue have
 *	ended (a count that wraps at 2^32), or the queue has stopped.
 * @flags: in: SECMMU_ARM_*.
 * @completed: out: jobs ended so far.
 *
 * There is one target for each queue; a new one replaces it. Told means: poll()
 * on the file gives POLLIN from then on, until another target is set or none,
 * and the eventfd is signalled once. A target that is reached already counts
 * as reached now: nothing falls between looking and sleeping.
 *
 * poll() gives POLLIN | POLLERR while a queue of the file is stopped, POLLHUP with
 * them once the device is lost, and POLLERR alone to another process.
 *
 * Errors: -EINVAL bad flag, -ENOENT no such queue.
 */
struct secmmu_queue_arm {
	__u32	queue;
	__u32	target;
	__u32	flags;
	__u32	completed;
};

/**
 * enum secmmu_advice - secmmu_advise.advice
 * @SECMMU_ADVISE_READ: the device will read the range: bring the pages in as its
 *	own faults would, and enter them in the secondary table.
 * @SECMMU_ADVISE_WRITE: it will write, too: COW is broken, and the entries are
 *	writable.
 * @SECMMU_ADVISE_DROP: it will not use the range for a while: take the entries
 *	out. The memory stays as it is, and a job that uses it all the same works.
 * @SECMMU_ADVISE_RESIDENT: change nothing, only count.
 * @SECMMU_ADVISE_NR: one more than the last.
 */
enum secmmu_advice {
	SECMMU_ADVISE_READ	= 0,
	SECMMU_ADVISE_WRITE	= 1,
	SECMMU_ADVISE_DROP	= 2,
	SECMMU_ADVISE_RESIDENT	= 3,
	SECMMU_ADVISE_NR	= 4,
};

/**
 * struct secmmu_advise - SECMMU_IOC_ADVISE (in and out)
 * @addr: in: first byte.
 * @len: in: bytes. All 4 KiB pages are meant of which a byte lies in the range.
 * @advice: in: enum secmmu_advice, for this address space in the context's mode.
 * @flags: in: zero.
 * @pages: out: pages of the range that the device can reach; READ and WRITE: in
 *	that way, as far as it came; DROP: zero.
 * @writable: out: RESIDENT: those among them that it may write; else zero.
 *
 * Advice is never needed: the device faults on what it misses. Nor does it last:
 * the kernel may take any page away a moment later. Memory that READ and WRITE
 * bring in is charged to the caller, who may wait for it as long as a fault.
 *
 * Errors: -EINVAL bad field, or a range beyond 48 bits. READ and WRITE end at the
 * first page that cannot be had, with @pages filled in: -EFAULT the process may
 * not make this access, -ENOMEM, -EHWPOISON; -EINTR the caller was killed.
 */
struct secmmu_advise {
	__u64	addr;
	__u64	len;
	__u32	advice;
	__u32	flags;
	__u64	pages;
	__u64	writable;
};

/**
 * struct secmmu_stats - SECMMU_IOC_STATS (out): counters since the open
 *
 * Of this address space, kept by the driver:
 * @faults: FAULT events received.
 * @refused: faults answered BUSY because a range was active.
 * @retries: lookups done again because a range came by meanwhile.
 * @failed: faults answered FAIL.
 * @pages_mapped: 4 KiB pages entered in the secondary table (512 for a 2 MiB
 *	entry).
 * @huge_mapped: 2 MiB entries among them.
 * @pages_zapped: 4 KiB pages taken out again.
 * @ranges: invalidate_range_start calls.
 * @shootdowns: SHOOTDOWN doorbells rung.
 * @resumes: RESUME doorbells rung.
 * @aged: young-bit callbacks that found a page used by the device.
 * @pages_resident: 4 KiB pages in the secondary table now.
 * @table_bytes: memory of the secondary table now.
 * @refills: faults served from what is mapped already: another queue's fault
 *	was faster, or the TLB of soft-TLB mode had evicted it.
 * @dropins: translations dropped into the TLB (soft-TLB mode).
 * @age_shootdowns: SHOOTDOWN doorbells rung for the sake of ageing...
 * @split_shootdowns: ...and to replace a 2 MiB entry by 4 KiB ones. All others
 *	were rung for ranges, or for SECMMU_ADVISE_DROP.
 * @prefetched: 4 KiB pages among @pages_mapped that SECMMU_IOC_ADVISE entered.
 *
 * Of the whole device, read from its counters:
 * @tlb_hits: accesses whose translation was in the TLB.
 * @tlb_misses: those whose was not.
 * @walks: walks of a secondary table.
 * @entries_dropped: TLB entries taken away by shootdowns.
 * @drain_waits: engines that a shootdown had to wait for.
 * @jobs: jobs ended.
 * @bytes_read: bytes of memory read by jobs.
 * @bytes_written: bytes written.
 * @audit_checks: accesses compared with the CPU's page table.
 * @audit_violations: those that it did not allow.
 * @reserved: zero.
 */
struct secmmu_stats {
	__u64	faults;
	__u64	refused;
	__u64	retries;
	__u64	failed;
	__u64	pages_mapped;
	__u64	huge_mapped;
	__u64	pages_zapped;
	__u64	ranges;
	__u64	shootdowns;
	__u64	resumes;
	__u64	aged;
	__u64	pages_resident;
	__u64	table_bytes;
	__u64	tlb_hits;
	__u64	tlb_misses;
	__u64	walks;
	__u64	entries_dropped;
	__u64	drain_waits;
	__u64	jobs;
	__u64	bytes_read;
	__u64	bytes_written;
	__u64	audit_checks;
	__u64	audit_violations;
	__u64	refills;
	__u64	dropins;
	__u64	age_shootdowns;
	__u64	split_shootdowns;
	__u64	prefetched;
	__u64	reserved[4];
};

#define SECMMU_IOC_MAGIC	0xb6
#define SECMMU_IOC_INFO \
	_IOR(SECMMU_IOC_MAGIC, 0x00, struct secmmu_info)
#define SECMMU_IOC_QUEUE_CREATE \
	_IOWR(SECMMU_IOC_MAGIC, 0x01, struct secmmu_queue_create)
#define SECMMU_IOC_QUEUE_DESTROY \
	_IOW(SECMMU_IOC_MAGIC, 0x02, struct secmmu_queue_destroy)
#define SECMMU_IOC_QUEUE_WAIT \
	_IOWR(SECMMU_IOC_MAGIC, 0x03, struct secmmu_queue_wait)
#define SECMMU_IOC_STATS \
	_IOR(SECMMU_IOC_MAGIC, 0x04, struct secmmu_stats)
#define SECMMU_IOC_MODE \
	_IOW(SECMMU_IOC_MAGIC, 0x05, struct secmmu_set_mode)
#define SECMMU_IOC_QUEUE_EVENTFD \
	_IOW(SECMMU_IOC_MAGIC, 0x06, struct secmmu_queue_eventfd)
#define SECMMU_IOC_QUEUE_ARM \
	_IOWR(SECMMU_IOC_MAGIC, 0x07, struct secmmu_queue_arm)
#define SECMMU_IOC_ADVISE \
	_IOWR(SECMMU_IOC_MAGIC, 0x08, struct secmmu_advise)

#endif /* _UAPI_LINUX_SECMMU_H */
