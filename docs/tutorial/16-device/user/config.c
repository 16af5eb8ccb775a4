// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Chapter 16: what the bus knows of the device, read as any program may: the
 * configuration space, through sysfs.
 */
#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static unsigned int le16(const uint8_t *p)
{
	return p[0] | p[1] << 8;
}

int main(void)
{
	uint8_t c[256];
	glob_t found;

	if (glob("/sys/bus/pci/devices/*/config", 0, NULL, &found))
		return 1;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		FILE *file = fopen(found.gl_pathv[i], "rb");

		if (!file || fread(c, 1, sizeof(c), file) != sizeof(c) ||
		    le16(c) != 0x1234 || le16(c + 2) != 0x5ec2) {
			if (file)
				fclose(file);
			continue;
		}
		fclose(file);
		printf("vendor %04x, device %04x, class %02x%02x, revision %d\n",
		       le16(c), le16(c + 2), c[11], c[10], c[8]);
		printf("bus master %s\n", c[4] & 4 ? "on" : "off");
		/* A list in the first 256 bytes: each names the next. */
		for (int at = c[0x34]; at; at = c[at + 1])
			printf("capability %s\n", c[at] == 0x11 ? "MSI-X" :
			       c[at] == 0x10 ? "PCI Express" : "another");
	}
	globfree(&found);
	return 0;
}
