// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Words for numbers. Lives here: texts of statuses and queue errors. Not here:
 * anything that does something.
 */
#include "private.h"

static const char *const statuses[SECMMU_STATUS_NR] = {
	[SECMMU_STATUS_PENDING] = "not ended",
	[SECMMU_STATUS_OK] = "done",
	[SECMMU_STATUS_PARTIAL] = "stopped at a fault",
	[SECMMU_STATUS_TRUNCATED] = "list longer than its bound",
	[SECMMU_STATUS_FAULT] = "access not allowed",
	[SECMMU_STATUS_NO_MEMORY] = "no memory to bring the page in",
	[SECMMU_STATUS_POISONED] = "hardware memory error",
	[SECMMU_STATUS_BUS_ERROR] = "no memory behind the address",
	[SECMMU_STATUS_BAD_OPCODE] = "unknown opcode or variant",
	[SECMMU_STATUS_BAD_FLAGS] = "undefined flag or field",
	[SECMMU_STATUS_BAD_LENGTH] = "length not possible",
	[SECMMU_STATUS_BAD_ADDRESS] = "address outside user space",
	[SECMMU_STATUS_BAD_ALIGN] = "address not aligned",
};

const char *secmmu_strstatus(unsigned int status)
{
	if (status >= SECMMU_STATUS_NR || !statuses[status])
		return "unknown status";
	return statuses[status];
}

const char *secmmu_strqueue_error(unsigned int error)
{
	switch (error) {
	case SECMMU_QUEUE_OK:
		return "running";
	case SECMMU_QUEUE_BAD_DOORBELL:
		return "doorbell beyond the ring";
	case SECMMU_QUEUE_RING_FAULT:
		return "a descriptor could not be read";
	case SECMMU_QUEUE_COMPLETION_FAULT:
		return "a completion record could not be written";
	case SECMMU_QUEUE_MM_GONE:
		return "the address space has ended";
	case SECMMU_QUEUE_DEVICE_LOST:
		return "the device is lost";
	case SECMMU_QUEUE_DESTROYED:
		return "destroyed";
	default:
		return "unknown error";
	}
}
