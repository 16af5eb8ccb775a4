// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The host's memcpy of 64 MiB, in nanoseconds for 4 KiB: the limit of any copy by
 * the device. Run before and after the guest; one line for each of N samples.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LEN	(64ul << 20)

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 7;
	char *a = aligned_alloc(LEN, LEN), *b = aligned_alloc(LEN, LEN);

	if (!a || !b)
		return 1;
	memset(a, 1, LEN);
	memset(b, 2, LEN);
	while (n-- > 0) {
		double t = now_ns();

		memcpy(b, a, LEN);
		/* So that it is not left out. */
		__asm__ volatile("" : : "r"(b) : "memory");
		printf("host\tmemcpy\t%.1f\n", (now_ns() - t) / (LEN / 4096));
	}
	return 0;
}
