// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Solution of chapter 14's exercise: the mode is chosen before the first queue, and
 * what the call returns is looked at.
 */
#include <stdio.h>
#include <stdlib.h>
#include <secmmu.h>

#define LEN	(64ul << 10)

int main(void)
{
	struct secmmu_stats stats;
	char *p = malloc(LEN);
	struct secmmu_queue q;
	struct secmmu s;

	if (!p || secmmu_open(&s, NULL))
		return 1;
	if (secmmu_set_mode(&s, SECMMU_MODE_SOFT))
		return 1;
	if (secmmu_queue_init(&q, &s, 4, 0))
		return 1;
	if (secmmu_fill(&q, p, 1, LEN) || secmmu_stats(&s, &stats))
		return 1;
	printf("drop-ins %s\n", stats.dropins ? "yes" : "no");
	secmmu_queue_exit(&q);
	secmmu_close(&s);
	return 0;
}
