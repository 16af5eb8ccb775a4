// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Solution of chapter 15's exercise: writer and reader at the same time, for as
 * long as it takes.
 *
 * "hunt good" and "hunt bad" test a little publication: a writer changes two
 * words that belong together, a reader wants both from one moment. The good one
 * compares a sequence before and after; the bad one looks only before.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static atomic_uint sequence;
static atomic_ulong a, b;
static bool good;

/* Odd while the words are being changed. */
static void publish(unsigned long value)
{
	atomic_fetch_add(&sequence, 1);
	atomic_store(&a, value);
	atomic_store(&b, value);
	atomic_fetch_add(&sequence, 1);
}

/* True if @x and @y are from one moment, or so it thinks. */
static bool look(unsigned long *x, unsigned long *y)
{
	unsigned int before = atomic_load(&sequence);

	if (before & 1)
		return false;
	*x = atomic_load(&a);
	*y = atomic_load(&b);
	return !good || atomic_load(&sequence) == before;
}

/* ---- The test. It returns how often the two did not belong together. ---- */
static atomic_bool stop;

static void *writer(void *arg)
{
	(void)arg;
	for (unsigned long i = 0; !atomic_load(&stop); i++)
		publish(i);
	return NULL;
}

static unsigned long test(void)
{
	unsigned long wrong = 0, x, y;
	time_t end = time(NULL) + 8;
	pthread_t thread;

	/* Until it is seen: under emulation two CPUs seldom meet. */
	pthread_create(&thread, NULL, writer, NULL);
	while (!wrong && time(NULL) < end)
		for (int i = 0; i < 10000; i++)
			if (look(&x, &y) && x != y)
				wrong++;
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	return wrong;
}

int main(int argc, char **argv)
{
	unsigned long wrong;

	good = argc > 1 && !strcmp(argv[1], "good");
	wrong = test();
	printf("%s: %s\n", good ? "good" : "bad",
	       wrong ? "caught" : "nothing found");
	return wrong != 0;
}
