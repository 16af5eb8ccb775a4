// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Solution of chapter 10's exercise.
 *
 * One fault and one invalidation, in every order in which their steps can come.
 * The fault: sample, lookup, enter. The invalidation: start (which drops what
 * has been entered), change (another page is at the address now), end.
 */
#include <stdbool.h>
#include <stdio.h>

/* What the driver knows of the address space. */
static unsigned int active, sequence;

/* What the fault has in its hands, and what the device has. */
static unsigned int sampled;
static int found, entered;	/* number of the page; 0: none */
static bool refused;

/* What the CPU's table has. */
static int page;

static void range_start(void)
{
	active++;
}

static void range_end(void)
{
	sequence++;
	active--;
}

/* May the fault begin? If not, it is refused. */
static void sample(void)
{
	refused = active > 0;
	sampled = sequence;
}

/* May what was found be entered? */
static bool may_enter(void)
{
	return !active && sequence == sampled;
}


/* ---- From here on it is the test. ---- */
static void lookup(void)
{
	if (!refused)
		found = page;
}

static void enter(void)
{
	if (!refused && may_enter())
		entered = found;
}

static void start(void)
{
	range_start();
	entered = 0;
}

static void change(void)
{
	page = 2;
}

static void end(void)
{
	range_end();
}

static void (*const fault[])(void) = { sample, lookup, enter };
static void (*const range[])(void) = { start, change, end };

static unsigned int orders, stale, idle;

/* @f steps of the fault are done and @r of the range. */
static void play(const char *order, int len)
{
	int f = 0, r = 0;
	bool alone = true, wrong = false;

	active = 0;
	sequence = 0;
	sampled = 0;
	found = 0;
	entered = 0;
	refused = false;
	page = 1;
	for (int i = 0; i < len; i++) {
		if (order[i] == 'f')
			fault[f++]();
		else
			range[r++]();
		/* The device may use what it has at any time. */
		if (entered && entered != page)
			wrong = true;
		if (f > 0 && f < 3 && r > 0)
			alone = false;
		if (r > 0 && r < 3 && f > 0)
			alone = false;
	}
	orders++;
	stale += wrong;
	/* Nobody was in the way, and it was not served. */
	idle += alone && !entered && order[0] != 'f';
	if (wrong)
		printf("stale: %s\n", order);
}

static void all_orders(char *order, int f, int r)
{
	if (f == 3 && r == 3) {
		order[6] = 0;
		play(order, 6);
		return;
	}
	if (f < 3) {
		order[f + r] = 'f';
		all_orders(order, f + 1, r);
	}
	if (r < 3) {
		order[f + r] = 'r';
		all_orders(order, f, r + 1);
	}
}

int main(void)
{
	char order[7];

	all_orders(order, 0, 0);
	printf("%u orders, %u with a stale page, %u needless refusals\n",
	       orders, stale, idle);
	return stale || idle;
}
