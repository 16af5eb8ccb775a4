// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Weak memory order: what CPUs and device hand over to each other, on a machine
 * that does a thread's accesses in any order but where something keeps it.
 *
 * Lives here: such a machine, and four stories, of which -D chooses one. Not here:
 * the protocol (secmmu.pml), which takes memory as if it had one order.
 *
 * The machine is Arm's: a store reaches all observers at once; accesses of one
 * thread to different places are performed in any order, unless one has to come
 * first. So an access is one step on one memory, and a thread is a list of
 * accesses, each performed once, when those are that it comes after:
 *
 *   FIRST(n)    the n-th, without a barrier: it gives the address or the value,
 *               decides whether there is a store, or is to the same place; or
 *               the device does one thing after the other of itself
 *   RULE(X, n)  the n-th, because of rule X of orders.def: -DNO_X=1 takes it away
 */
#define FIRST(n)	done[n]
#define RULE(x, n)	(NO_##x || done[n])

#define THREAD(name, nr)	active proctype name() { bool done[nr]; byte left = nr
#define BEGIN			do
#define ACCESS(n, after, what)	\
	:: atomic { !done[n] && (after) -> what; done[n] = true; left-- }
#define END(holds)		:: atomic { left == 0 -> assert(holds); break } od }
#define WHEN(c, what)		if :: (c) -> what :: else fi

#ifdef MAP
/* A page becomes a table, another is filled and mapped; the device walks. */
byte upper, leaf = 1 /* what was there before it was a table */, page;

THREAD(kernel, 4);
BEGIN
ACCESS(0, true, leaf = 0)
ACCESS(1, RULE(TABLE, 0), upper = 1)
ACCESS(2, true, page = 1)
ACCESS(3, FIRST(0) && RULE(PAGE, 2), leaf = 1)
END(true)

THREAD(device, 3); byte u, l, p;
BEGIN
ACCESS(0, true, u = upper)
ACCESS(1, FIRST(0), l = (u -> leaf : 0))
ACCESS(2, FIRST(1), p = (l -> page : 1))
END(p == 1)
#endif

#ifdef EVENT
/* An event, and its slot, which the device uses again when it may. */
byte field, stamp, head;

THREAD(device, 4); byte h;
BEGIN
ACCESS(0, true, field = 1)
ACCESS(1, RULE(STAMP, 0), stamp = 1)
ACCESS(2, true, h = head)
ACCESS(3, FIRST(0) && FIRST(2), WHEN(h, field = 2))
END(true)

THREAD(driver, 3); byte s, f;
BEGIN
ACCESS(0, true, s = stamp)
ACCESS(1, RULE(STAMP_READ, 0), f = field)
ACCESS(2, FIRST(0) && RULE(HEAD, 1), WHEN(s, head = 1))
END(!s || f == 1)
#endif

#ifdef SHOOTDOWN
/* A leaf is zapped while an engine comes by; then the page is somebody else's. */
byte leaf = 1, bell, window, sequence;
/* The new owner's load, the page's contents changed after it: what must not be
   if the sequence that the load was made for is the one that was read. */
bool s, loaded, late;

THREAD(kernel, 4);
BEGIN
ACCESS(0, true, leaf = 0)
ACCESS(1, RULE(BELL, 0), bell = 1)
ACCESS(2, true, s = sequence)
/* A branch on s does not keep a load back: it is made, and of use if s is set. */
ACCESS(3, RULE(DONE_READ, 2), loaded = true)
END(!s || !late)

THREAD(engine, 4); byte l;
BEGIN
ACCESS(0, true, window = 1)
ACCESS(1, RULE(WINDOW, 0), l = leaf)
ACCESS(2, FIRST(1), late = l && loaded; assert(!s || !late))
ACCESS(3, FIRST(0) && RULE(CLOSE, 2), window = 0)
END(true)

THREAD(drain, 3); byte b, w = 1;
BEGIN
ACCESS(0, true, b = bell)
ACCESS(1, RULE(DRAIN, 0), w = window)
ACCESS(2, FIRST(0) && FIRST(1), WHEN(b && !w, sequence = 1))
END(true)
#endif

#ifdef JOB
/* A job, its result, and its record, which the next job uses again. */
byte operand, desc, bell, result, record, status;

THREAD(program, 7); byte s, r, c;
BEGIN
ACCESS(0, true, operand = 1)
ACCESS(1, true, desc = 1)
ACCESS(2, RULE(SUBMIT, 0) && RULE(SUBMIT, 1), bell = 1)
ACCESS(3, true, s = status)
ACCESS(4, RULE(STATUS_READ, 3), r = result)
ACCESS(5, RULE(STATUS_READ, 3), c = record)
ACCESS(6, FIRST(2) && FIRST(3) && RULE(REUSE, 4) && RULE(REUSE, 5),
       WHEN(s, bell = 2))
END(!s || (r == 1 && c == 1))

THREAD(device, 8); byte b, d, o, again;
BEGIN
ACCESS(0, true, b = bell)
ACCESS(1, FIRST(0), d = desc)
ACCESS(2, FIRST(1), o = operand)
ACCESS(3, FIRST(2), WHEN(b, result = o))
ACCESS(4, FIRST(2), WHEN(b, record = d))
ACCESS(5, RULE(STATUS, 3) && RULE(STATUS, 4), WHEN(b, status = 1))
ACCESS(6, FIRST(0), again = bell)
ACCESS(7, FIRST(4) && FIRST(6), WHEN(again == 2, record = 2))
END(!b || (d == 1 && o == 1))
#endif
