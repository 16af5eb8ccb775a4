/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A page table that goes, and the device's walk cache, which remembers where it
 * was: secmmu.pml with the other half of a walk. There a walk is one step; here
 * an upper entry leads to a table, the table has one leaf, and both steps fill a
 * cache of their own.
 *
 * Lives here: the shootdown's order inside the device (drop_range() in
 * qemu-device/core/shootdown.c), and when the driver may free a table that it has
 * taken out whole, with its leaf as it was (secmmu_invalidate(), table_zap()).
 * Not here: faults, sequences, active ranges, which secmmu.pml has. As there, a
 * rule is taken away with -DNO_<RULE>.
 *
 * The property: each access goes to the frame that the CPU's table has, when it
 * begins, when it ends, and when the table changes; and no walk reads a table
 * that has been freed.
 */
#ifndef ENGINES
#define ENGINES	2
#endif
#ifndef JOBS
#define JOBS	2		/* accesses of each engine */
#endif

byte frame = 1;			/* the CPU's table: 1, then 2 */
byte upper = 1;			/* the entry that leads to a table, 0 for none */
byte leaf[3];			/* the tables, from 1 on; what each maps */
bool freed[3];

byte cached;			/* the walk cache: a table, or 0 */
byte tlb;			/* a frame, or 0 */
byte gen;
bool done;
bool window[ENGINES];
bool awaited[ENGINES];
byte use[ENGINES];

#if ENGINES == 1
#define SUBSET	(use[0] == 0 || use[0] == frame)
#else
#define SUBSET	((use[0] == 0 || use[0] == frame) && \
		 (use[1] == 0 || use[1] == frame))
#endif

inline change() {
	frame = 2;
	printf("cpu0|the page moves to frame 2\n");
	assert(SUBSET)		/* secondary_subset_of_primary */
}

inline free_table() {
	freed[1] = true;
	printf("cpu0|table 1 freed\n")
}

/* A range in which all of table 1 goes, and a new one for the page's new frame. */
active proctype cpu0()
{
	atomic {
		upper = 0;
		printf("cpu0|range_start: table 1 out, its leaf as it was\n");
#ifdef NO_FREE_LATE
		free_table()
#endif
	}
	run device();
	done;
#ifndef NO_FREE_LATE
	free_table();
#endif
	atomic { change() }
	atomic {
		leaf[2] = 2; upper = 2;
		printf("cpu0|range_end; a fault enters table 2 with frame 2\n")
	}
}

inline bump() {
	gen++;
	printf("device|generation %d\n", gen)
}

inline drop_tlb() {
	atomic { tlb = 0; printf("device|TLB entry dropped\n") }
}

/* SHOOTDOWN. */
proctype device()
{
	byte e;

#ifndef NO_BUMP_BEFORE
	bump();
#endif
#ifdef NO_TLB_LAST
	drop_tlb();
#endif
#ifndef NO_CACHE_DROP
	atomic { cached = 0; printf("device|walk cache entry dropped\n") }
#endif
#ifndef NO_BUMP_AFTER
	bump();
#endif
#ifndef NO_TLB_LAST
	drop_tlb();
#endif
	do
	:: e < ENGINES ->
		awaited[e] = window[e];
		!awaited[e];
		e++
	:: else -> break
	od;
	atomic { done = true; printf("device|drained, done\n") }
}

proctype engine(byte id)
{
	byte jobs, f, table, seen;

	do
	:: jobs < JOBS ->
		jobs++;
again:
		window[id] = true;
		f = tlb;
		if
		:: f == 0 ->
			seen = gen;
			atomic {
				table = cached;
				if
				:: table ->
					printf("engine%d|walk cache: table %d\n", id, table)
				:: else
				fi
			}
			if
			:: table == 0 ->
				atomic {
					table = upper;
					if
					:: table -> printf("engine%d|walk: table %d\n", id, table)
					:: else
					fi
				}
				/* Compared and filled under the lock of the set. */
				atomic {
					if
#ifdef NO_CACHE_CHECK
					:: table -> cached = table
#else
					:: table && gen == seen -> cached = table
#endif
					:: else
					fi
				}
			:: else
			fi;
			if
			:: table ->
				atomic {
					printf("engine%d|walk: its leaf\n", id);
					assert(!freed[table]);	/* the table is there */
					f = leaf[table]
				}
				atomic {
					if
					:: f && gen == seen ->
						tlb = f;
						printf("engine%d|TLB filled: frame %d\n", id, f)
					:: else
					fi
				}
			:: else
			fi
		:: else -> printf("engine%d|TLB hit\n", id)
		fi;
		if
		:: f ->
			atomic {
				use[id] = f;
				printf("engine%d|access begins: frame %d\n", id, f);
				assert(SUBSET)	/* secondary_subset_of_primary */
			}
			atomic {
				assert(SUBSET);	/* secondary_subset_of_primary */
				printf("engine%d|access ends\n", id);
				use[id] = 0
			}
			atomic {
				window[id] = false; awaited[id] = false;
				f = 0; table = 0; seen = 0
			}
		:: else ->
			/* A fault, which is answered when there is an entry again. */
			atomic {
				window[id] = false; awaited[id] = false;
				table = 0; seen = 0
			}
			upper != 0;
			goto again
		fi
	:: else -> break
	od
}

init {
	atomic {
		leaf[1] = 1;
		run engine(0);
#if ENGINES > 1
		run engine(1)
#endif
	}
}
