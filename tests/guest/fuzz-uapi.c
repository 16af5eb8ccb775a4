// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random calls against the whole interface: ioctls right, nearly right and wrong,
 * doorbells mapped, moved, split and rung by threads that race with each other,
 * descriptors of any content, files closed, inherited and left behind, while the
 * memory under all of it comes and goes.
 *
 * Nothing that these processes do to themselves is a finding. Findings are: a
 * word from the kernel or from audit (the boot looks), a neighbour whose data are
 * wrong or who gets no answer, something left when all is over.
 *
 *	secmmu.seed=	on the kernel's command line: the same choices again
 *	secmmu.seconds=	how long (15)
 *	secmmu.failures=	on the debug kernel: so many of 100 of the allocations
 *			fail that the calls lead to (none)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-test.h"

#define PROCESSES	3
#define THREADS		3
#define FILES		6
#define MAPS		12
#define ARENA		(2 * MIB)
#define ONES		0x0101010101010101ull

/* What has been done, by all processes. */
struct tally {
	unsigned long calls;
	unsigned long opened;
	unsigned long queues;
	unsigned long maps;
	unsigned long rung;
	unsigned long advised;
	unsigned long armed;
	unsigned long faults;	/* of ours, by touching what is gone */
	unsigned long no_memory;
	unsigned long served;	/* of the neighbour's jobs */
	bool failing;		/* allocations do */
};

static struct tally *tally;

#define COUNT(what) __atomic_fetch_add(&tally->what, 1, __ATOMIC_RELAXED)

/* Of one process; its threads race for all of it, without locks, on purpose. */
static int files[FILES];
static uint32_t queue_ids[16];
static unsigned char *volatile maps[MAPS];
static unsigned char *arena;

static __thread uint32_t state;
static __thread sigjmp_buf *landing;

static uint32_t below(uint32_t n)
{
	return (noise(&state) >> 3) % n;
}

static bool one_in(uint32_t n)
{
	return !below(n);
}

static uint64_t wide(void)
{
	return (uint64_t)noise(&state) << 32 ^ noise(&state);
}

static void on_fault(int sig)
{
	if (!landing)
		_exit(0);
	siglongjmp(*landing, 1);
}

/* Addresses that mean something: ours, the edge, the kernel, nowhere. */
static uint64_t address(void)
{
	switch (below(12)) {
	case 0:
		return wide();
	case 1:
		return 0;
	case 2:
		return 0xffff888000000000ull + below(1 << 30);
	case 3:
		return (1ull << 47) - below(8192);
	case 4:
		return (1ull << 48) - below(8192);
	case 5:
		return (uintptr_t)arena + ARENA - below(8192);
	case 6:
		return (uintptr_t)maps[below(MAPS)];
	default:
		return ((uintptr_t)arena + below(ARENA)) & ~63ull;
	}
}

static void descriptor(struct secmmu_desc *d)
{
	unsigned char *raw = (unsigned char *)d;

	if (one_in(6)) {
		for (size_t i = 0; i < sizeof(*d); i++)
			raw[i] = noise(&state) >> 7;
		return;
	}
	*d = (struct secmmu_desc){
		.opcode = below(SECMMU_OP_NR + 1),
		.flags = below(4),
		.variant = below(3),
		.user_data = wide(),
		.src = address(),
		.dst = address(),
		.len = one_in(20) ? wide() : below(64 * 1024),
		.operand = {
			one_in(2) ? below(64) : address(),
			one_in(2) ? below(64) : below(64) | below(64) << 16,
		},
		.completion = one_in(3) ? 0 : address() & ~31ull,
	};
	if (one_in(10))
		d->len &= ~7ull;
}

static int a_file(void)
{
	return files[below(FILES)];
}

static uint32_t a_queue(void)
{
	return one_in(8) ? noise(&state) : queue_ids[below(16)];
}

/* Rings that are all right, mostly: in an arena whose pages come and go. */
static void queue_create(void)
{
	struct secmmu_queue_create c = {
		.ring = one_in(8) ? address() :
			((uintptr_t)arena + below(ARENA / 2)) & ~63ull,
		.ring_order = one_in(16) ? noise(&state) : below(6),
		.flags = one_in(30),
		.reserved = one_in(30),
	};

	if (!ioctl(a_file(), SECMMU_IOC_QUEUE_CREATE, &c)) {
		queue_ids[below(16)] = c.queue;
		COUNT(queues);
	}
}

static void queue_destroy(void)
{
	struct secmmu_queue_destroy d = { a_queue(), one_in(30) };

	ioctl(a_file(), SECMMU_IOC_QUEUE_DESTROY, &d);
}

static void queue_wait(void)
{
	struct secmmu_queue_wait w = {
		.queue = a_queue(),
		.target = one_in(4) ? noise(&state) : below(20),
		.timeout_ns = below(2) * below(2000000),
	};

	ioctl(a_file(), SECMMU_IOC_QUEUE_WAIT, &w);
}

static void queue_arm(void)
{
	struct secmmu_queue_arm a = {
		.queue = a_queue(),
		.target = one_in(4) ? noise(&state) : below(20),
		.flags = one_in(8) ? noise(&state) : one_in(8),
	};

	if (!ioctl(a_file(), SECMMU_IOC_QUEUE_ARM, &a))
		COUNT(armed);
}

/* Any file at all, but mostly one that it can be. */
static void queue_eventfd(void)
{
	struct secmmu_queue_eventfd e = { .queue = a_queue() };
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	e.fd = one_in(4) ? (int)below(12) - 2 : fd;
	ioctl(a_file(), SECMMU_IOC_QUEUE_EVENTFD, &e);
	close(fd);
}

static void advise(void)
{
	struct secmmu_advise a = {
		.addr = address(),
		.len = one_in(10) ? wide() : below(ARENA),
		.advice = below(SECMMU_ADVISE_NR + one_in(8)),
		.flags = one_in(30),
	};

	if (!ioctl(a_file(), SECMMU_IOC_ADVISE, &a))
		COUNT(advised);
}

static void set_mode(void)
{
	struct secmmu_set_mode m = { below(3), one_in(20) };

	ioctl(a_file(), SECMMU_IOC_MODE, &m);
}

/* Any number, size and direction, and an argument to match none of them. */
static void odd_ioctl(void)
{
	unsigned int cmd = _IOC(below(4), one_in(10) ? below(256) :
				SECMMU_IOC_MAGIC, below(12), below(400));
	static const unsigned int right[] = {
		SECMMU_IOC_INFO, SECMMU_IOC_STATS, SECMMU_IOC_MODE,
		SECMMU_IOC_QUEUE_CREATE, SECMMU_IOC_QUEUE_WAIT,
		SECMMU_IOC_QUEUE_DESTROY, SECMMU_IOC_QUEUE_EVENTFD,
		SECMMU_IOC_QUEUE_ARM, SECMMU_IOC_ADVISE,
	};

	if (one_in(2))
		cmd = right[below(9)];
	/* A wait for ever would be one. */
	if (cmd == SECMMU_IOC_QUEUE_WAIT)
		ioctl(a_file(), cmd, 0xffff888000000000ull + below(4096));
	else
		ioctl(a_file(), cmd, address());
}

static void map_doorbell(void)
{
	off_t offset = one_in(6) ? (off_t)(wide() & ~0xfffull) :
				   a_queue() * (off_t)PAGE;
	unsigned char *p = mmap(NULL, (1 + one_in(8)) * PAGE,
				one_in(4) ? PROT_READ : PROT_READ | PROT_WRITE,
				one_in(10) ? MAP_PRIVATE : MAP_SHARED,
				a_file(), offset);

	if (p != MAP_FAILED) {
		maps[below(MAPS)] = p;
		COUNT(maps);
	}
}

static void ring_doorbell(void)
{
	unsigned char *p = maps[below(MAPS)];
	unsigned int at = one_in(10) ? below(4096) & ~7u : 0;
	uint32_t tail = one_in(10) ? noise(&state) : below(24);

	if (!p)
		return;
	switch (below(12)) {
	case 0:
		*(volatile uint8_t *)(p + at) = tail;
		break;
	case 1:
		*(volatile uint64_t *)(p + at) = wide();
		break;
	case 2:
		*(volatile uint32_t *)(p + at);
		break;
	default:
		*(volatile uint32_t *)(p + at) = tail;
	}
	COUNT(rung);
}

static void shake_map(void)
{
	unsigned int slot = below(MAPS);
	unsigned char *p = maps[slot], *q;

	if (!p)
		return;
	switch (below(6)) {
	case 0:
		munmap(p, PAGE);
		break;
	case 1:
		q = mremap(p, PAGE, (1 + below(3)) * PAGE, MREMAP_MAYMOVE);
		if (q != MAP_FAILED)
			maps[slot] = q;
		break;
	case 2:
		q = mremap(p, 0, PAGE, MREMAP_MAYMOVE);
		if (q != MAP_FAILED)
			maps[below(MAPS)] = q;
		break;
	case 3:
		mprotect(p, PAGE, below(8));
		break;
	case 4:
		madvise(p, PAGE, below(26));
		break;
	default:
		msync(p, PAGE, MS_SYNC);
	}
}

static void shake_arena(void)
{
	size_t at = below(ARENA / PAGE) * PAGE;
	size_t len = (1 + below(64)) * PAGE;

	if (len > ARENA - at)
		len = ARENA - at;
	switch (below(8)) {
	case 0:
		mprotect(arena + at, len, below(2) ? PROT_READ : PROT_NONE);
		break;
	case 1:
	case 2:
		mprotect(arena + at, len, PROT_READ | PROT_WRITE);
		break;
	case 3:
		madvise(arena + at, len, MADV_PAGEOUT);
		break;
	case 4:
	case 5:
		mmap(arena + at, len, PROT_READ | PROT_WRITE, MAP_FIXED |
		     MAP_ANONYMOUS | (below(2) ? MAP_SHARED : MAP_PRIVATE),
		     -1, 0);
		break;
	default:
		madvise(arena + at, len, MADV_DONTNEED);
	}
}

static void write_descriptors(void)
{
	struct secmmu_desc *d = (void *)
		(arena + (below(ARENA / 2) & ~63u));

	for (unsigned int i = 1 + below(16); i; i--)
		descriptor(d++);
}

static void open_or_close(void)
{
	unsigned int slot = below(FILES);
	int fd = open("/dev/secmmu0", O_RDWR | (one_in(2) ? O_CLOEXEC : 0));

	if (fd >= 0)
		COUNT(opened);
	else if (errno == ENOMEM)
		COUNT(no_memory);
	fd = __atomic_exchange_n(&files[slot], fd, __ATOMIC_RELAXED);
	if (fd >= 0)
		close(fd);
}

static void file_calls(void)
{
	char buf[512], path[64];
	int fd = a_file();
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	int info;

	switch (below(6)) {
	case 0:
		if (read(fd, buf, sizeof(buf)) > 0)
			abort();
		break;
	case 1:
		if (write(fd, buf, 1) > 0)
			abort();
		break;
	case 2:
		poll(&p, 1, below(2) * below(3));
		break;
	case 3:
		lseek(fd, below(4096), SEEK_SET);
		break;
	case 4:
		close(dup(fd));
		break;
	default:
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
		info = open(path, O_RDONLY | O_CLOEXEC);
		while (info >= 0 && read(info, buf, sizeof(buf)) > 0)
			;
		close(info);
	}
}

static void act(void);

static void have_a_child(void)
{
	if (!one_in(20) || fork())
		return;
	for (int i = 0; i < 30; i++)
		act();
	_exit(0);
}

/* As often as each is named. */
static void (*const acts[])(void) = {
	open_or_close, queue_create, queue_create, queue_create, queue_destroy,
	queue_wait, queue_wait, set_mode, odd_ioctl, map_doorbell, map_doorbell,
	shake_map, shake_arena, shake_arena, write_descriptors,
	write_descriptors, write_descriptors, file_calls, have_a_child,
	queue_arm, queue_eventfd, advise, advise, ring_doorbell, ring_doorbell,
	ring_doorbell, ring_doorbell, ring_doorbell,
};

static void act(void)
{
	sigjmp_buf here;

	COUNT(calls);
	if (sigsetjmp(here, 1)) {
		COUNT(faults);
		landing = NULL;
		return;
	}
	landing = &here;
	acts[below(sizeof(acts) / sizeof(acts[0]))]();
	landing = NULL;
}

/* From now on allocations fail in this thread, and in its children. */
static void may_fail(void)
{
	int set = open("/proc/thread-self/make-it-fail", O_WRONLY | O_CLOEXEC);

	if (set < 0 || write(set, "1", 1) != 1)
		abort();
	close(set);
}

/* A fuzzer that does nothing finds nothing. */
static bool enough_is_done(void)
{
	return tally->queues > 50 && tally->maps > 50 && tally->rung > 500 &&
	       tally->armed > 20 && tally->advised > 50 && tally->served > 10 &&
	       (!tally->failing || tally->no_memory);
}

static void *thread_main(void *arg)
{
	state = (uintptr_t)arg | 1;
	if (tally->failing)
		may_fail();
	for (int i = 0; i < 4000; i++)
		act();
	return NULL;
}

/* One process, until its threads are through or one of them ends it. */
static int process_main(void *arg)
{
	uint32_t seed = (uintptr_t)arg;
	struct sigaction sa = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	struct rlimit no_core = { 0, 0 };
	pthread_t thread[THREADS];

	setrlimit(RLIMIT_CORE, &no_core);
	signal(SIGCHLD, SIG_IGN);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	arena = anon(ARENA);
	for (int i = 0; i < FILES; i++)
		files[i] = -1;
	for (int i = 0; i < 2; i++)
		files[i] = open("/dev/secmmu0", O_RDWR | O_CLOEXEC);
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, thread_main,
			       (void *)(uintptr_t)(seed * 31 + i * 7919));
	state = seed;
	usleep(below(400000));
	/* Half of them go in the middle. */
	if (one_in(2))
		_exit(0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	return 0;
}

static int neighbour(void *arg)
{
	unsigned char *p = anon(MIB / 2);
	int *stop = arg;
	char byte;

	close(stop[1]);
	fcntl(stop[0], F_SETFL, O_NONBLOCK);
	/* The others may have taken every queue; one is ours sometime. */
	CHECK_EQ(secmmu_open(&dev, NULL), 0);
	while (secmmu_queue_init(&queue, &dev, 4, 0))
		usleep(1000);
	for (unsigned int i = 1;; i++) {
		struct secmmu_completion done;

		secmmu_prep_fill(secmmu_get_desc(&queue), p, ONES * (i & 127),
				 MIB / 2);
		if (secmmu_submit(&queue) != 1 ||
		    secmmu_wait_timeout(&queue, &done, 20000000000ll) ||
		    done.status != SECMMU_STATUS_OK)
			return 1;
		if (!all_are(p, i & 127, MIB / 2))
			return 2;
		if (i % 8 == 0)
			madvise(p, MIB / 2, MADV_DONTNEED);
		tally->served = i;
		if (read(stop[0], &byte, 1) == 0)
			return 0;
	}
}

void test_fuzz_uapi(void)
{
	double until = now() + option("seconds", 15);
	pid_t running[PROCESSES] = { 0 }, victim;
	struct footprint before;
	unsigned int started = 0;
	unsigned char *room;
	uint32_t seed;
	int stop[2];

	CHECK_EQ(getrandom(&seed, sizeof(seed), GRND_INSECURE),
		 (ssize_t)sizeof(seed));
	seed = option("seed", seed);
	note("secmmu.seed=%u", seed);
	seed |= 1;
	/* Wide of everything else, or their own jobs run into it. */
	room = mmap(NULL, 2 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	CHECK(room != MAP_FAILED);
	tally = mmap(room + MIB, PAGE, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	CHECK(tally != MAP_FAILED);
	CHECK_EQ(join(spawn(process_main, (void *)1)), 0);
	before = footprint();
	tally->failing = option("failures", 0);
	if (tally->failing) {
		failures_allowed();
		failure_rate(option("failures", 0));
	}
	CHECK_EQ(pipe(stop), 0);
	victim = spawn(neighbour, stop);
	close(stop[0]);
	/* On a busy machine it takes longer, up to the case's own limit. */
	while (now() < until || !enough_is_done()) {
		for (int i = 0; i < PROCESSES; i++) {
			if (running[i] &&
			    waitpid(running[i], NULL, WNOHANG) == 0)
				continue;
			running[i] = spawn(process_main, (void *)(uintptr_t)
					   noise(&seed));
			started++;
		}
		usleep(10000);
		/* Some go in the middle of anything. */
		if (noise(&seed) % 64 == 0)
			kill(running[noise(&seed) % PROCESSES], SIGKILL);
	}
	for (int i = 0; i < PROCESSES; i++) {
		kill(running[i], SIGKILL);
		waitpid(running[i], NULL, 0);
	}
	if (tally->failing)
		failure_rate(0);
	close(stop[1]);
	CHECK_EQ(join(victim), 0);
	note("%u processes, %lu calls: %lu opens, %lu queues, %lu mappings, %lu doorbells, %lu armed, %lu advised; %lu faults of their own, %lu opens without memory",
	     started, tally->calls, tally->opened, tally->queues, tally->maps,
	     tally->rung, tally->armed, tally->advised, tally->faults,
	     tally->no_memory);
	/* Children of theirs may still be at it. */
	usleep(1000000);
	check_no_leak(&before, 32);
}
