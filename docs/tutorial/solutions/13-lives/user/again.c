// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Solution of chapter 13's exercise: whatever was under way is lost with the
 * queue; the memory is not, so the job can simply be done again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <secmmu.h>

#define LEN	(64ul << 10)

static struct secmmu s;
static struct secmmu_queue q;

static int begin(void)
{
	int ret = secmmu_open(&s, NULL);

	if (ret)
		return ret;
	ret = secmmu_queue_init(&q, &s, 4, 0);
	if (ret)
		secmmu_close(&s);
	return ret;
}

int main(void)
{
	unsigned char *p = malloc(LEN);
	int ret = begin();

	setvbuf(stdout, NULL, _IONBF, 0);
	if (!p || ret)
		return 1;
	printf("working\n");
	for (int i = 0; access("enough", F_OK); i++) {
		ret = secmmu_fill(&q, p, i, LEN);
		if (ret) {
			secmmu_queue_exit(&q);
			secmmu_close(&s);
			while (begin())
				usleep(10000);
			i--;
			continue;
		}
		if (*(uint64_t *)p != (uint64_t)i)
			return 1;
	}
	printf("all done\n");
	return 0;
}
