// SPDX-License-Identifier: GPL-2.0-or-later
/* Chapter 3: "ring QUEUE TAIL" writes to a queue's doorbell, from user space. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define BAR2	"/sys/bus/pci/devices/0000:00:01.0/resource2"
#define PAGE	4096

int main(int argc, char **argv)
{
	off_t queue = argc > 1 ? atoi(argv[1]) : 0;
	uint32_t tail = argc > 2 ? atoi(argv[2]) : 1;
	volatile uint32_t *doorbell;
	int fd = open(BAR2, O_RDWR);

	doorbell = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			queue * PAGE);
	if (doorbell == MAP_FAILED) {
		perror(BAR2);
		return 1;
	}
	*doorbell = tail;
	return 0;
}
