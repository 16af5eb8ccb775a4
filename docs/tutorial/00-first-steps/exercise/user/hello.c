// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Exercise of chapter 0: say how many engines the device has. secmmu_open() fills
 * in what is known of it: struct secmmu_info, in <linux/secmmu.h>.
 */
#include <stdio.h>
#include <string.h>
#include <secmmu.h>

int main(void)
{
	struct secmmu s;
	int ret = secmmu_open(&s, NULL);

	if (ret) {
		fprintf(stderr, "open: %s\n", strerror(-ret));
		return 1;
	}
	printf("%u engines\n", 0);
	secmmu_close(&s);
	return 0;
}
