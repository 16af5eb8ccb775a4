// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Exercise of chapter 1: "sum N" adds up 1 to N. The CPU does it here. Let the
 * device do it, with secmmu_reduce_u64(), on the same malloc'd memory.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <secmmu.h>

int main(int argc, char **argv)
{
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 0) : 0;
	uint64_t *numbers = malloc((n + 1) * sizeof(*numbers)), sum = 0;

	if (!numbers)
		return 1;
	for (uint64_t i = 0; i < n; i++)
		numbers[i] = i + 1;

	for (uint64_t i = 0; i < n; i++)
		sum += numbers[i];

	printf("%llu\n", (unsigned long long)sum);
	free(numbers);
	return 0;
}
