/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The protocol between CPUs that change page tables, the driver, and a device
 * with a TLB, in every interleaving that the bounds below allow.
 *
 * Lives here: the protocol and the rules it consists of, each of which can be
 * taken away with -DNO_<RULE> (rules.def lists them). Not here: how a run is
 * made (check), how its counter-example is shown (timeline.awk).
 *
 * What one step is: all that the driver does under smm->lock is one step, since
 * nobody else gets in between. What the kernel does under a page-table lock is
 * one step. Each thing that the device's threads do to shared state is a step.
 *
 * The property, secondary is a subset of primary: when an access begins, when
 * it ends, and whenever the CPU's table changes, each access under way goes to
 * the frame that the CPU's table has there, and writes only if that may be
 * written. And no fault is lost: when all CPUs are done, every engine can finish
 * (a state in which somebody waits for ever is an invalid end state), which the
 * ltl formula says again for runs without an end.
 */

#ifndef CPUS
#define CPUS	2		/* processes that change page tables */
#endif
#ifndef OPS
#define OPS	1		/* ranges of each */
#endif
#ifndef ENGINES
#define ENGINES	2		/* each with a queue and a fault worker */
#endif
#ifndef JOBS
#define JOBS	2		/* accesses of each */
#endif
#define PAGES	2

/* The CPU's page table: a frame, 0 for none, and whether it may be written. */
byte frame[PAGES];
bool writable[PAGES];
byte last[PAGES];		/* the frame that the page had last */

/* The driver, under smm->lock. */
byte spte[PAGES];		/* soft TLB: what may be in the TLB */
bool spte_w[PAGES];
byte ranges, hull_a, hull_b;	/* pages [hull_a, hull_b) */
byte seq, refused, posted;
bool dead;
bool stopping;			/* ->release holds smm->lock across its drain */

/* The device. */
byte tlb[PAGES];
bool tlb_w[PAGES];
byte done_seq;			/* the shootdowns that are complete */
bool off;			/* the ASID's mode */
bool window[ENGINES];
/*
 * Two numbers of the device's, as what is asked of them: does the window that a
 * drain has seen stand open still, has the generation moved since a walk began?
 */
bool awaited[ENGINES];
bool stale[ENGINES] = true;	/* also while nobody walks */
byte use[ENGINES];		/* the frame of the access under way, or 0 */
byte use_page[ENGINES];
bool use_write[ENGINES];
chan doorbell = [4] of { byte, byte };

mtype = { RUN, FAULT, LOOKUP, BUSY, ENDED, READ, WRITE };
mtype queue[ENGINES] = RUN;
byte fault_page[ENGINES];
bool fault_write[ENGINES];

bool begun;

#define HIT(p)		(ranges && (p) >= hull_a && (p) < hull_b)

/* Is the access of engine e still what the CPU's table says? */
#define HOLDS(e)	(use[e] == 0 || (use[e] == frame[use_page[e]] && \
			 (!use_write[e] || writable[use_page[e]])))
#if ENGINES == 1
#define SUBSET		HOLDS(0)
#else
#define SUBSET		(HOLDS(0) && HOLDS(1))
#endif

/* The three questions of a fault's second half. */
#ifdef NO_DEAD
#define IS_DEAD		false
#else
#define IS_DEAD		dead
#endif
#ifdef NO_ACTIVE
#define REFUSES(p)	false
#else
#define REFUSES(p)	HIT(p)
#endif
#ifdef NO_SEQ
#define STALE(s)	false
#else
#define STALE(s)	(seq != (s))
#endif

#ifdef NO_COUNT
#define MUST_COUNT	(spte[0] || spte[1])
#else
#define MUST_COUNT	true
#endif

/* hull_a, hull_b: the hull of what was active and [a, b). */
inline hull_add(a, b) {
#ifdef NO_HULL
	hull_a = a; hull_b = b;
#else
	if
	:: ranges == 0 -> hull_a = a; hull_b = b
	:: else ->
		if :: a < hull_a -> hull_a = a :: else fi;
		if :: b > hull_b -> hull_b = b :: else fi
	fi;
#endif
	ranges++
}

inline drop_begins() {
	stale[0] = true;
#if ENGINES > 1
	stale[1] = true
#endif
}

/* Every leaf of [a, b) out of the table; zapped says whether there was one. */
inline zap(a, b) {
	zapped = false;
	p = a;
	do
	:: p < b ->
		if :: spte[p] -> zapped = true; spte[p] = 0; spte_w[p] = false
		:: else fi;
		p++
	:: else -> break
	od;
	p = 0
}

inline post(a, b) {
#ifdef NO_SHOOTDOWN
	skip
#else
	posted++;
	doorbell!a,b;
	printf("cpu%d|SHOOTDOWN [%d,%d) rung, ticket %d\n", id, a, b, posted)
#endif
}

/* Munmap, migration or write protection, in one step under the ptl. */
inline change(a, b) {
	p = a;
	do
	:: p < b ->
		if
		:: frame[p] && kind == 0 ->
			frame[p] = 0; writable[p] = false;
			printf("cpu%d|page %d unmapped, its frame freed\n", id, p)
		:: frame[p] && kind == 1 ->
			last[p] = 3 - last[p]; frame[p] = last[p];
			printf("cpu%d|page %d moved to frame %d\n", id, p, frame[p])
		:: frame[p] && kind == 2 ->
			writable[p] = false;
			printf("cpu%d|page %d write-protected\n", id, p)
		:: else
		fi;
		p++
	:: else -> break
	od;
	p = 0;
	assert(SUBSET)		/* secondary_subset_of_primary */
}

inline resume() {
	if :: ranges == 0 -> hull_a = 0; hull_b = 0 :: else fi;
	if
	:: ranges == 0 && refused > 0 ->
#ifndef NO_RESUME
		refused = 0;
		printf("cpu%d|RESUME rung\n", id);
		if :: queue[0] == BUSY -> queue[0] = RUN :: else fi;
#if ENGINES > 1 && !defined(NO_RESUME_ALL)
		if :: queue[1] == BUSY -> queue[1] = RUN :: else fi;
#endif
#endif
		skip
	:: else
	fi
}

/* A CPU that changes page tables: mm.c and shootdown.c, and the kernel. */
proctype cpu(byte id)
{
	byte a, b, kind, ops, ticket, p;
	bool zapped, counted;

	/* The CPUs are alike: 0 is the first to begin. */
	id == 0 || begun;
	do
	:: ops < OPS ->
		ops++;
		atomic {
			if
			:: a = 0; b = 1
			:: a = 1; b = 2
			:: a = 0; b = 2
			fi
		}
		/* invalidate_range_start */
		atomic {
			!stopping;
			begun = true;
			counted = MUST_COUNT;
			if
			:: counted ->
				hull_add(a, b);
				printf("cpu%d|range_start [%d,%d)\n", id, a, b)
			:: else
			fi;
#ifndef NO_START
			zap(a, b);
			if :: zapped -> post(a, b) :: else fi;
#endif
			ticket = posted
		}
#if !defined(NO_WAIT) && !defined(NO_START)
#ifdef NO_OTHERS
		if :: zapped -> done_seq >= ticket :: else fi;
#else
		done_seq >= ticket;
#endif
#endif
		/* The kernel's own work, which it may do now. */
		atomic {
			if :: kind = 0 :: kind = 1 :: kind = 2 fi;
			change(a, b);
			kind = 0; ticket = 0; zapped = false
		}
		/* invalidate_range_end */
#ifdef NO_SEQ_ORDER
		atomic {
			!stopping;
			if :: counted -> ranges-- :: else fi;
			printf("cpu%d|range_end [%d,%d): count dropped\n", id, a, b);
			resume()
		}
		seq++;
#else
		atomic {
			!stopping;
#ifdef NO_START
			zap(a, b);
			if :: zapped -> post(a, b) :: else fi;
#endif
			if :: counted -> seq++; ranges-- :: else fi;
			printf("cpu%d|range_end [%d,%d)\n", id, a, b);
			resume();
			a = 0; b = 0; counted = false; zapped = false
		}
#endif
	:: else -> break
	od
}

#ifdef EXIT
/* The mm ends: ->release, then exit_mmap() frees everything. */
proctype exit_mmap()
{
	byte i;

	atomic {
		dead = true;
		printf("exit|release\n");
#ifndef NO_RELEASE
		stopping = true;
		spte[0] = 0; spte_w[0] = false; spte[1] = 0; spte_w[1] = false;
		off = true;
		drop_begins();
		tlb[0] = 0; tlb_w[0] = false; tlb[1] = 0; tlb_w[1] = false
#endif
	}
#ifndef NO_RELEASE
	/* The mode register's write returns when the windows have drained. */
	i = 0;
	do
	:: i < ENGINES -> !window[i]; i++
	:: else -> break
	od;
	stopping = false;
#endif
	atomic {
		frame[0] = 0; frame[1] = 0; writable[0] = false; writable[1] = false;
		printf("exit|all frames freed\n");
		assert(SUBSET)	/* secondary_subset_of_primary */
	}
}
#endif

/* The device's side of a SHOOTDOWN: shootdown.c and window.c of the device. */
active proctype device()
{
	byte a, b, e;

end:	do
	:: atomic { doorbell?a,b ->
			drop_begins();
			if :: a == 0 -> tlb[0] = 0; tlb_w[0] = false :: else fi;
			if :: b == 2 -> tlb[1] = 0; tlb_w[1] = false :: else fi;
			printf("device|entries of [%d,%d) dropped\n", a, b);
#ifdef NO_DRAIN
			done_seq++;
			printf("device|done is %d, nothing awaited\n", done_seq);
#endif
			e = 0
		}
#ifndef NO_DRAIN
		do
		:: e < ENGINES ->
			awaited[e] = window[e];
			!awaited[e];
			e++
		:: else -> break
		od;
		atomic {
			a = 0; b = 0; e = 0;
			done_seq++;
			printf("device|drained, done is %d\n", done_seq)
		}
#endif
	od
}

inline close(e) {
	atomic { window[e] = false; awaited[e] = false }
}

inline use_begin(f) {
	use[id] = f;
	use_page[id] = p;
	use_write[id] = w;
	printf("engine%d|access to page %d begins: frame %d, %e\n", id, p, f,
	       (w -> WRITE : READ));
	assert(SUBSET)		/* secondary_subset_of_primary */
}

/* An engine and its queue: one page at a time, read or written. */
proctype engine(byte id)
{
	byte jobs, p, f;
	bool w, fw;

	do
	:: jobs < JOBS ->
		atomic {
			/* The pages are alike: engine 0 begins with page 0. */
			if :: p = 0 :: (id || jobs) -> p = 1 fi;
			if :: w = false :: w = true fi;
			jobs++
		}
again:
#ifdef EXIT
		if
		:: off -> break
		:: else
		fi;
#endif
#ifndef NO_WINDOW
		window[id] = true;
#ifdef EXIT
		if
		:: off -> close(id); break
		:: else
		fi;
#endif
#endif
		atomic {
			f = tlb[p]; fw = tlb_w[p];
			if
			:: f && (!w || fw) ->
				printf("engine%d|TLB hit, page %d\n", id, p)
			:: else -> f = 0
			fi
		}
#ifndef SOFT
		if
		:: f == 0 ->
			stale[id] = false;
			atomic {
				if
				:: spte[p] && (!w || spte_w[p]) ->
					f = spte[p]; fw = spte_w[p];
					printf("engine%d|walk of page %d finds frame %d\n", id, p, f)
				:: else -> stale[id] = true
				fi
			}
			if
			:: f ->
				atomic {
					if
#ifndef NO_FILL_CHECK
					:: stale[id]
						/* Good for this window alone. */
					:: else ->
#else
					:: true ->
#endif
						tlb[p] = f; tlb_w[p] = fw
					fi;
					stale[id] = true
				}
			:: else
			fi
		:: else
		fi;
#endif
#ifdef NO_WINDOW
		if
		:: f -> window[id] = true
		:: else
		fi;
#endif
		if
		:: f ->
			atomic { use_begin(f) }
			atomic {
				printf("engine%d|access to page %d ends\n", id, p);
				assert(SUBSET);	/* secondary_subset_of_primary */
				use[id] = 0; use_page[id] = 0; use_write[id] = false;
				f = 0; fw = false; p = 0; w = false
			}
			close(id)
		:: else ->
			close(id);
			atomic {
				fw = false;
				fault_page[id] = p;
				fault_write[id] = w;
				queue[id] = FAULT;
				printf("engine%d|FAULT, page %d, %e\n", id, p,
				       (w -> WRITE : READ))
			}
			atomic {
				queue[id] == RUN || off;
				fault_page[id] = 0; fault_write[id] = false
			}
			goto again
		fi
	:: else -> break
	od;
	queue[id] = ENDED
}

/* fault.c, one worker for each queue. */
proctype driver(byte id)
{
	byte p, f, s;
	bool w, fw, again;

end:	do
	:: atomic { queue[id] == FAULT -> queue[id] = LOOKUP;
			p = fault_page[id]; w = fault_write[id] }
		do
		:: true ->
			/* First half, under the lock. */
			again = false;
			atomic {
				!stopping;
				if
				:: dead -> break
				:: else
				fi;
				s = seq;
				if
				:: HIT(p) ->
					refused++; queue[id] = BUSY;
					printf("driver%d|page %d refused at the sample: BUSY\n", id, p);
					break
				:: else
				fi
#ifndef NO_SAMPLE_FIRST
				printf("driver%d|sequence sampled: %d\n", id, s)
#endif
			}
			/* get_user_pages(), under a page-table lock. */
			atomic {
#ifdef EXIT
				/* mmget_not_zero() */
				if :: dead -> break :: else fi;
#endif
				if
				:: frame[p] == 0 ->
					last[p] = 3 - last[p]; frame[p] = last[p];
					writable[p] = false
				:: else
				fi;
				/* COW is broken, or made writable in place. */
#ifndef NO_COW
				if :: w -> writable[p] = true :: else fi;
#endif
				f = frame[p];
				fw = w;
#ifdef NO_READ_ONLY
				fw = true;
#endif
				printf("driver%d|lookup of page %d: frame %d, for %e\n", id, p, f,
				       (fw -> WRITE : READ));
			}
#ifdef NO_SAMPLE_FIRST
			atomic { !stopping; s = seq; printf("driver%d|sequence sampled: %d, after the lookup\n", id, s) }
#endif
			/* Second half, under the lock. */
#ifdef NO_ANSWER_LOCKED
			atomic {
				if
				:: HIT(p) -> refused++; again = true
				:: else
				fi
			}
			if
			:: again ->
				atomic {
					queue[id] = BUSY;
					printf("driver%d|page %d answered BUSY, the lock let go before\n", id, p)
				}
				break
			:: else
			fi;
#endif
			atomic {
				!stopping;
				if
				:: IS_DEAD -> break
				:: !IS_DEAD && REFUSES(p) ->
					refused++; queue[id] = BUSY;
					printf("driver%d|page %d refused: BUSY\n", id, p);
					break
				:: !IS_DEAD && !REFUSES(p) && STALE(s) ->
					/* Look again. */
					printf("driver%d|the sequence has moved\n", id)
				:: else ->
					assert(!dead);	/* the table is there */
					spte[p] = f; spte_w[p] = fw;
#ifdef SOFT
					tlb[p] = f; tlb_w[p] = fw;
#endif
					queue[id] = RUN;
					printf("driver%d|page %d mapped to frame %d, RETRY\n", id, p, f);
					break
				fi
			}
		od;
		atomic { p = 0; w = false; f = 0; fw = false; s = 0; again = false }
	od
}

init {
	atomic {
		last[0] = 1; last[1] = 1;
		run cpu(0);
#if CPUS > 1
		run cpu(1);
#endif
		run engine(0); run driver(0);
#if ENGINES > 1
		run engine(1); run driver(1);
#endif
#ifdef EXIT
		run exit_mmap()
#endif
	}
}

#ifdef LIVENESS
/* When no range is active any more, nobody stays refused. */
#define ANSWERED(e)	((queue[e] == BUSY) -> <> (queue[e] != BUSY))
#if ENGINES == 1
ltl no_fault_is_lost { [] ANSWERED(0) }
#else
ltl no_fault_is_lost { [] (ANSWERED(0) && ANSWERED(1)) }
#endif
#endif
