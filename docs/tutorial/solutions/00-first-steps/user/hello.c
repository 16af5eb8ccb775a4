// SPDX-License-Identifier: GPL-2.0-or-later
/* Solution of chapter 0: how many engines the device has. */
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
	printf("%u engines\n", s.info.engines);
	secmmu_close(&s);
	return 0;
}
