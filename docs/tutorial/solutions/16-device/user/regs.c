// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Solution of chapter 16's exercise: 32 bits at a time, since that is how wide the
 * registers are.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <linux/secmmu_hw.h>

int main(int argc, char **argv)
{
	volatile uint32_t *regs;
	uint32_t identity, version;
	char path[256];
	int fd;

	if (argc != 2)
		return 2;
	snprintf(path, sizeof(path), "%s/resource0", argv[1]);
	fd = open(path, O_RDONLY);
	regs = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (fd < 0 || regs == MAP_FAILED) {
		perror(path);
		return 1;
	}
	identity = regs[SECMMU_REG_ID / 4];
	version = regs[SECMMU_REG_VERSION / 4];
	printf("identity %#x, version %#x\n", identity, version);
	return 0;
}
