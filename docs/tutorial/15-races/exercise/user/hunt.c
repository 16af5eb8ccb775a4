// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Exercise of chapter 15: a test that can fail. This one never does, whatever it
 * is given. Make it catch the bad one, and pass the good one, within ten seconds.
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
static unsigned long test(void)
{
	unsigned long wrong = 0, x, y;

	for (unsigned long i = 0; i < 100000; i++) {
		publish(i);
		if (look(&x, &y) && x != y)
			wrong++;
	}
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
