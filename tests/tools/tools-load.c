// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tools-load SECONDS [QUEUES [fork | ranges]]: keeps a device busy, for the tools to
 * look at: each queue checksums 8 MiB a few times, so that it is seen at work on a
 * busy machine too, and fills 256 KiB of which the CPU takes half away, again and
 * again; eight times at least, however long that takes. Prints "jobs N" at its end.
 * With "fork" it has a child, which has the open device too and does nothing with it.
 * With "ranges" the CPU takes pages away between jobs as fast as it can: each is two
 * events of the driver.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <secmmu.h>

#define LEN		(256ul << 10)
#define LONG_LEN	(8ul << 20)
#define LONG_JOBS	4
#define MAX_QUEUES	8
#define MANY_RANGES	10000
#define MIN_ROUNDS	8

static struct secmmu dev;
static struct timespec until;
static int ranges = 1;
static pthread_barrier_t all;

static int is_over(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > until.tv_sec || (now.tv_sec == until.tv_sec &&
					     now.tv_nsec > until.tv_nsec);
}

static void *work(void *jobs)
{
	struct secmmu_queue q;
	char *p = mmap(NULL, LEN + LONG_LEN, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ret = p == MAP_FAILED ? -1 : secmmu_queue_init(&q, &dev, 8, 0);

	/* None ends before all are there, whoever is late or has failed. */
	pthread_barrier_wait(&all);
	for (int n = 0; !ret && (n < MIN_ROUNDS || !is_over()); n++) {
		uint32_t crc = 0;

		ret = secmmu_fill(&q, p, *(unsigned long *)jobs, LEN);
		for (int i = 0; i < LONG_JOBS && !ret; i++)
			ret = secmmu_crc32c(&q, p + LEN, LONG_LEN, &crc);
		*(unsigned long *)jobs += 1 + LONG_JOBS;
		for (int i = 0; i < ranges; i++)
			madvise(p, LEN / 2, MADV_DONTNEED);
	}
	if (ret) {
		fprintf(stderr, "tools-load: %s\n", strerror(-ret));
		exit(1);
	}
	secmmu_queue_exit(&q);
	return NULL;
}

int main(int argc, char **argv)
{
	int queues = argc > 2 ? atoi(argv[2]) : 1, ret;
	unsigned long jobs[MAX_QUEUES] = { 0 }, sum = 0;
	pthread_t threads[MAX_QUEUES];

	if (argc < 2 || queues < 1 || queues > MAX_QUEUES)
		return 2;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += atoi(argv[1]);
	ret = secmmu_open(&dev, NULL);
	if (ret) {
		fprintf(stderr, "tools-load: %s\n", strerror(-ret));
		return 1;
	}
	if (argc > 3 && !strcmp(argv[3], "ranges"))
		ranges = MANY_RANGES;
	else if (argc > 3 && fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	pthread_barrier_init(&all, NULL, queues);
	for (int i = 0; i < queues; i++)
		if (pthread_create(&threads[i], NULL, work, &jobs[i]))
			return 1;
	for (int i = 0; i < queues; i++) {
		pthread_join(threads[i], NULL);
		sum += jobs[i];
	}
	secmmu_close(&dev);
	printf("jobs %lu\n", sum);
	return 0;
}
