// SPDX-License-Identifier: GPL-2.0-or-later
/* Solution of chapter 1: "sum N" adds up 1 to N with the device. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <secmmu.h>

int main(int argc, char **argv)
{
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 0) : 0;
	uint64_t *numbers = malloc((n + 1) * sizeof(*numbers)), sum = 0;
	struct secmmu s;
	struct secmmu_queue q;

	if (!numbers)
		return 1;
	for (uint64_t i = 0; i < n; i++)
		numbers[i] = i + 1;

	if (secmmu_open(&s, NULL) || secmmu_queue_init(&q, &s, 1, 0) ||
	    secmmu_reduce_u64(&q, numbers, n, &sum))
		return 1;
	secmmu_queue_exit(&q);
	secmmu_close(&s);

	printf("%llu\n", (unsigned long long)sum);
	free(numbers);
	return 0;
}
