// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lookups that nobody answers: for a job, and for advice. Nobody but those who
 * asked for them may have to wait: not an unbind, not others' jobs. And what they
 * find at last must not be used any more.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus.h"
#include "client.h"
#include "guest-test.h"
#include "monitor.h"
#include "uffd.h"

#define LEN	(64 * 1024ul)

static unsigned char *missing;

static void *prefetches(void *arg)
{
	return (void *)(intptr_t)secmmu_prefetch(&dev, missing + LEN, LEN, 1);
}

/* Each of the two waits for its page; both are told that the device is lost. */
static int waits_for_pages(const struct client *me)
{
	struct secmmu_completion done;
	int fd = uffd_open();
	pthread_t thread;
	void *ret;

	missing = uffd_missing(fd, 2 * LEN);
	secmmu_prep_fill(secmmu_get_desc(&queue), missing, ~0ull, LEN);
	CHECK_EQ(secmmu_submit(&queue), 1);
	CHECK_EQ(pthread_create(&thread, NULL, prefetches, NULL), 0);
	uffd_await(fd, 2);
	client_tells(me);
	client_awaits_end(me);

	CHECK_EQ(secmmu_wait(&queue, &done), -ENODEV);
	uffd_zero(fd, missing, 2 * LEN);
	CHECK_EQ(pthread_join(thread, &ret), 0);
	CHECK_EQ((intptr_t)ret, -ENODEV);
	/* What the lookup has found is not the device's: nothing lands there. */
	CHECK(all_are(missing, 0, 2 * LEN));
	return 0;
}

/* Its file is closed, and with it the last one of the module, before the answer. */
static int closes_meanwhile(const struct client *me)
{
	int fd = uffd_open();

	missing = uffd_missing(fd, LEN);
	secmmu_prep_fill(secmmu_get_desc(&queue), missing, ~0ull, LEN);
	CHECK_EQ(secmmu_submit(&queue), 1);
	uffd_await(fd, 1);
	close_device();
	client_tells(me);
	client_awaits_end(me);
	uffd_zero(fd, missing, LEN);
	CHECK(all_are(missing, 0, LEN));
	return 0;
}

static void opens_and_works(void)
{
	unsigned char *p = anon(LEN);

	open_device();
	CHECK_EQ(secmmu_fill(&queue, p, 0x0101010101010101ull, LEN), 0);
	CHECK(all_are(p, 1, LEN));
	close_device();
	CHECK_EQ(munmap(p, LEN), 0);
}

static void round_unbind(unsigned int round)
{
	struct client s = client_start(waits_for_pages);

	/* Returns, though the answer comes much later. */
	bus_unbind();
	CHECK(access("/dev/secmmu0", F_OK) < 0);
	if (round % 3 == 0) {
		/* The last thing that is left of the binding is the lookup. */
		CHECK_EQ(client_end(&s), 0);
		bus_bind();
		opens_and_works();
		return;
	}
	bus_bind();
	opens_and_works();
	if (round % 3 == 1) {
		CHECK_EQ(client_end(&s), 0);
	} else {
		CHECK_EQ(kill(s.pid, SIGKILL), 0);
		CHECK_EQ(client_end(&s), 128 + SIGKILL);
	}
	opens_and_works();
}

void test_stuck_unbind(void)
{
	unsigned int nr = option("rounds", 12);
	struct footprint before;

	for (unsigned int i = 0; i < 3; i++)
		round_unbind(i);
	before = footprint();
	for (unsigned int i = 0; i < nr; i++)
		round_unbind(i);
	check_no_leak(&before, nr);
}

/* As above, but that the device's own structures go as well. */
static void round_unplug(unsigned int round)
{
	struct client s = client_start(waits_for_pages);

	monitor_unplug();
	if (round % 2) {
		CHECK_EQ(client_end(&s), 0);
		monitor_plug();
	} else {
		monitor_plug();
		opens_and_works();
		CHECK_EQ(client_end(&s), 0);
	}
	opens_and_works();
}

void test_stuck_unplug(void)
{
	unsigned int nr = option("rounds", 4);
	struct footprint before;

	monitor_open();
	round_unplug(0);
	before = footprint();
	for (unsigned int i = 0; i < nr; i++)
		round_unplug(i);
	check_no_leak(&before, nr);
}

static int unloads(void *arg)
{
	struct client *s = arg;

	/* Or its end would not be the end. */
	close(s->to);
	unload_module();
	return 0;
}

static bool is_going(void)
{
	char state[16] = "";
	FILE *file = fopen("/sys/module/secmmu/initstate", "re");

	if (file) {
		CHECK(fgets(state, sizeof(state), file));
		fclose(file);
	}
	return !strncmp(state, "going", 5);
}

/* The lookup's code is the module's: it waits, and then goes. */
void test_stuck_rmmod(void)
{
	unsigned int nr = option("rounds", 6);

	bus_address();
	for (unsigned int i = 0; i < nr; i++) {
		struct client s = client_start(closes_meanwhile);
		pid_t unloader = spawn(unloads, &s);

		while (!is_going())
			usleep(1000);
		usleep(20000);
		CHECK_EQ(waitpid(unloader, NULL, WNOHANG), 0);
		CHECK_EQ(client_end(&s), 0);
		CHECK_EQ(join(unloader), 0);
		load_module();
		opens_and_works();
	}
}

#define TRIES	600	/* more than a workqueue does at a time */

/* Ends each queue while its fault waits; how many there were, until -ENOSPC. */
static int piles_up(const struct client *me)
{
	int fd = uffd_open(), ret = 0;
	unsigned int nr;

	missing = uffd_missing(fd, TRIES * PAGE);
	for (nr = 0; nr < TRIES; nr++) {
		struct secmmu_queue q;

		ret = secmmu_queue_init(&q, &dev, 4, 0);
		if (ret)
			break;
		secmmu_prep_fill(secmmu_get_desc(&q), missing + nr * PAGE, 1,
				 PAGE);
		CHECK_EQ(secmmu_submit(&q), 1);
		uffd_await(fd, 1);
		secmmu_queue_exit(&q);
	}
	note("%u lookups under way for queues that are gone", nr);
	CHECK_EQ(ret, -ENOSPC);
	client_tells(me);
	client_awaits_end(me);
	return 0;
}

/*
 * A process with more and more lookups under way of which it wants to know no more:
 * its neighbour's faults are served, and all is there again when it goes.
 */
static void pile_up(void)
{
	struct secmmu_queue q;
	struct client s;
	double start;
	int ret;

	open_device();
	s = client_start(piles_up);
	for (int i = 0; i < 20; i++) {
		unsigned char *p = anon(LEN);

		CHECK_EQ(secmmu_fill(&queue, p, 0x0101010101010101ull, LEN), 0);
		CHECK(all_are(p, 1, LEN));
		CHECK_EQ(munmap(p, LEN), 0);
	}
	CHECK_EQ(secmmu_queue_init(&q, &dev, 4, 0), -ENOSPC);
	CHECK_EQ(kill(s.pid, SIGKILL), 0);
	CHECK_EQ(client_end(&s), 128 + SIGKILL);
	start = now();
	while ((ret = secmmu_queue_init(&q, &dev, 4, 0)) == -ENOSPC &&
	       now() - start < 30)
		usleep(1000);
	CHECK_EQ(ret, 0);
	secmmu_queue_exit(&q);
	close_device();
}

void test_stuck_queues(void)
{
	struct footprint before;

	/* Hundreds of workers, which stay for some minutes. */
	pile_up();
	before = footprint();
	pile_up();
	check_no_leak(&before, TRIES / 10);
}
