// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a hostile or broken process can try through ring, doorbell and ioctls.
 * Each gets a status or an errno of its own, and a neighbour, another process
 * with a queue at work all the while, notices nothing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest-test.h"

#define LEN	(256 * 1024ul)

static pid_t victim;
static int stop_pipe[2], ready_pipe[2];

static int neighbour(void *arg)
{
	uint64_t *p = anon(LEN), sum;
	char c;

	close(stop_pipe[1]);
	fcntl(stop_pipe[0], F_SETFL, O_NONBLOCK);
	open_device();
	if (write(ready_pipe[1], "", 1) != 1)
		return 3;
	for (uint64_t i = 1;; i++) {
		if (secmmu_fill(&queue, p, i, LEN) ||
		    secmmu_reduce_u64(&queue, p, LEN / 8, &sum) ||
		    sum != i * (LEN / 8) || p[0] != i || p[LEN / 8 - 1] != i)
			return 1;
		/* However slow it is: some rounds are done beside the attack. */
		if (i > 3 && read(stop_pipe[0], &c, 1) == 0)
			return 0;
	}
}

static void begin(void)
{
	char c;

	CHECK_EQ(pipe(stop_pipe), 0);
	CHECK_EQ(pipe(ready_pipe), 0);
	victim = spawn(neighbour, NULL);
	close(stop_pipe[0]);
	/* It has its queue: no number that we free goes to it. */
	CHECK_EQ(read(ready_pipe[0], &c, 1), 1);
	open_device();
}

static void end(void)
{
	usleep(100000);
	close(stop_pipe[1]);
	CHECK_EQ(join(victim), 0);
}

static void job_ends_with(struct secmmu_desc desc, unsigned int status)
{
	struct secmmu_completion done = run(&queue, &desc);

	if (done.status != status)
		fail(__FILE__, __LINE__, "opcode %u dst %#llx len %#llx: '%s', not '%s'",
		     desc.opcode, (unsigned long long)desc.dst,
		     (unsigned long long)desc.len,
		     secmmu_strstatus(done.status), secmmu_strstatus(status));
}

void test_hostile_descriptors(void)
{
	unsigned char *p = anon(LEN);
	uint64_t va = (uintptr_t)p;
	struct secmmu_desc fill = {
		.opcode = SECMMU_OP_FILL, .dst = va, .len = 64,
	};
	struct secmmu_desc d;

	begin();
	d = fill, d.dst = 0xffff888000000000ull;	/* the direct mapping */
	job_ends_with(d, SECMMU_STATUS_BAD_ADDRESS);
	d = fill, d.dst = 0xffffffff81000000ull;	/* kernel text */
	job_ends_with(d, SECMMU_STATUS_BAD_ADDRESS);
	d = fill, d.dst = 1ull << 47;			/* not canonical */
	job_ends_with(d, SECMMU_STATUS_FAULT);
	d = fill, d.dst = (1ull << 48) - 32;
	CHECK(run(&queue, &d).status == SECMMU_STATUS_BAD_LENGTH ||
	      run(&queue, &d).status == SECMMU_STATUS_BAD_ADDRESS);
	d = fill, d.dst = -32ull;			/* wraps */
	CHECK(run(&queue, &d).status == SECMMU_STATUS_BAD_LENGTH ||
	      run(&queue, &d).status == SECMMU_STATUS_BAD_ADDRESS);
	d = fill, d.len = SECMMU_MAX_LEN + 1;
	job_ends_with(d, SECMMU_STATUS_BAD_LENGTH);
	d = fill, d.len = -1ull;
	job_ends_with(d, SECMMU_STATUS_BAD_LENGTH);
	d = fill, d.opcode = 0;
	job_ends_with(d, SECMMU_STATUS_BAD_OPCODE);
	d = fill, d.opcode = 200;
	job_ends_with(d, SECMMU_STATUS_BAD_OPCODE);
	d = fill, d.variant = 9;
	job_ends_with(d, SECMMU_STATUS_BAD_OPCODE);
	d = fill, d.flags = 0x80;
	job_ends_with(d, SECMMU_STATUS_BAD_FLAGS);
	d = fill, d.reserved = 1;
	job_ends_with(d, SECMMU_STATUS_BAD_FLAGS);
	d = fill, d.dst = 0, d.len = 8;
	job_ends_with(d, SECMMU_STATUS_FAULT);
	d = fill, d.opcode = SECMMU_OP_ATOMIC, d.dst = va + 1, d.len = 8;
	job_ends_with(d, SECMMU_STATUS_BAD_ALIGN);
	d = fill, d.opcode = SECMMU_OP_ATOMIC, d.len = 3;
	job_ends_with(d, SECMMU_STATUS_BAD_LENGTH);
	/*
	 * A length that runs from sound memory into nothing, and not past 48
	 * bits: arm64 maps memory right below that.
	 */
	CHECK_EQ(munmap(p + LEN - PAGE, PAGE), 0);
	d = fill, d.dst = va + LEN - PAGE - 64, d.len = (1ull << 48) - d.dst;
	if (d.len > SECMMU_MAX_LEN)
		d.len = SECMMU_MAX_LEN;
	job_ends_with(d, SECMMU_STATUS_FAULT);
	/* A list whose next pointer leads astray. */
	*(uint64_t *)p = 0xffffffff81000000ull;
	d = (struct secmmu_desc){
		.opcode = SECMMU_OP_LIST_WALK, .src = va, .len = 10,
		.operand = { 0, 8 },
	};
	job_ends_with(d, SECMMU_STATUS_BAD_ADDRESS);
	/* And after all of it the queue still works. */
	job_ends_with(fill, SECMMU_STATUS_OK);
	end();
}

/* Submits one descriptor as it is, past the library's own record. */
static void submit_raw(const struct secmmu_desc *desc)
{
	struct secmmu_desc *slot = secmmu_get_desc(&queue);

	CHECK(slot);
	*slot = *desc;
	CHECK_EQ(secmmu_submit(&queue), 1);
}

static void queue_stops_with(unsigned int error, uint64_t addr)
{
	struct secmmu_completion done;
	uint32_t got = 0;
	uint64_t at = 0;

	CHECK(secmmu_wait_timeout(&queue, &done, 10000000000ll) < 0);
	CHECK_EQ(secmmu_queue_status(&queue, &got, &at), 0);
	if (got != error)
		fail(__FILE__, __LINE__, "queue error '%s', not '%s'",
		     secmmu_strqueue_error(got), secmmu_strqueue_error(error));
	if (addr)
		CHECK_EQ(at, addr);
	/* A queue is made anew and works. */
	close_device();
	open_device();
	CHECK_EQ(secmmu_fill(&queue, anon(PAGE), 1, PAGE), 0);
}

void test_hostile_queues(void)
{
	struct secmmu_desc nop = { .opcode = SECMMU_OP_NOP };
	uint64_t *ro = anon(PAGE);

	begin();
	/* Completion record: crooked, read-only, nowhere, in the kernel. */
	nop.completion = (uintptr_t)ro + 8;
	submit_raw(&nop);
	queue_stops_with(SECMMU_QUEUE_COMPLETION_FAULT, (uintptr_t)ro + 8);
	CHECK_EQ(mprotect(ro, PAGE, PROT_READ), 0);
	nop.completion = (uintptr_t)ro;
	submit_raw(&nop);
	queue_stops_with(SECMMU_QUEUE_COMPLETION_FAULT, (uintptr_t)ro);
	CHECK_EQ(*ro, 0);
	nop.completion = 0x1000;
	submit_raw(&nop);
	queue_stops_with(SECMMU_QUEUE_COMPLETION_FAULT, 0x1000);
	nop.completion = 0xffff888000000000ull;
	submit_raw(&nop);
	queue_stops_with(SECMMU_QUEUE_COMPLETION_FAULT, 0);
	/* A ring that is not there any more. */
	CHECK(secmmu_get_desc(&queue));
	CHECK_EQ(mprotect(queue.ring, PAGE, PROT_NONE), 0);
	*queue.doorbell = queue.rung = queue.tail;
	queue_stops_with(SECMMU_QUEUE_RING_FAULT,
			 (uintptr_t)&queue.ring[queue.head]);
	/* Doorbells out of reach. */
	CHECK(secmmu_get_desc(&queue));
	queue.rung = queue.tail;
	*queue.doorbell = queue.head + 65;
	queue_stops_with(SECMMU_QUEUE_BAD_DOORBELL, 0);
	CHECK(secmmu_get_desc(&queue));
	queue.rung = queue.tail;
	*queue.doorbell = 0x80000000u;
	queue_stops_with(SECMMU_QUEUE_BAD_DOORBELL, 0);
	end();
}

static void create_fails(struct secmmu_queue_create arg, int err)
{
	CHECK_EQ(ioctl(dev.fd, SECMMU_IOC_QUEUE_CREATE, &arg), -1);
	CHECK_EQ(errno, err);
}

void test_hostile_ioctls(void)
{
	uint64_t ring = (uintptr_t)anon(16 * PAGE);
	struct secmmu_queue_create c = { .ring = ring, .ring_order = 2 }, bad;
	struct secmmu_queue_destroy d = { .queue = 12345 };
	struct secmmu_queue_wait w = { .queue = 12345 };
	unsigned int made = 0;

	begin();
	bad = c, bad.ring += 8;
	create_fails(bad, EINVAL);
	bad = c, bad.ring = 0xffff888000000000ull;
	create_fails(bad, EINVAL);
	bad = c, bad.ring = (1ull << 48) - 2 * sizeof(struct secmmu_desc);
	create_fails(bad, EINVAL);
	bad = c, bad.ring_order = SECMMU_MAX_RING_ORDER + 1;
	create_fails(bad, EINVAL);
	bad = c, bad.ring_order = ~0u;
	create_fails(bad, EINVAL);
	bad = c, bad.flags = 1;
	create_fails(bad, EINVAL);
	bad = c, bad.reserved = 1;
	create_fails(bad, EINVAL);
	CHECK_EQ(ioctl(dev.fd, SECMMU_IOC_QUEUE_CREATE, 8), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_EQ(ioctl(dev.fd, SECMMU_IOC_INFO, 0xffff888000000000ull), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_EQ(ioctl(dev.fd, _IO(SECMMU_IOC_MAGIC, 99)), -1);
	CHECK_EQ(errno, ENOTTY);
	CHECK_EQ(ioctl(dev.fd, 0xdeadbeef), -1);
	CHECK_EQ(errno, ENOTTY);
	CHECK_EQ(ioctl(dev.fd, SECMMU_IOC_QUEUE_DESTROY, &d), -1);
	CHECK_EQ(errno, ENOENT);
	d.queue = queue.id, d.reserved = 1;
	CHECK_EQ(ioctl(dev.fd, SECMMU_IOC_QUEUE_DESTROY, &d), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_EQ(ioctl(dev.fd, SECMMU_IOC_QUEUE_WAIT, &w), -1);
	CHECK_EQ(errno, ENOENT);
	/* A wait for what does not come: at once, and after its time. */
	w = (struct secmmu_queue_wait){ .queue = queue.id, .target = 1 };
	CHECK_EQ(ioctl(dev.fd, SECMMU_IOC_QUEUE_WAIT, &w), -1);
	CHECK_EQ(errno, ETIME);
	w.timeout_ns = 20000000;
	CHECK_EQ(ioctl(dev.fd, SECMMU_IOC_QUEUE_WAIT, &w), -1);
	CHECK_EQ(errno, ETIME);
	/* Mappings: no such queue, private, too long. */
	CHECK(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, dev.fd,
		   12345 * PAGE) == MAP_FAILED);
	CHECK_EQ(errno, ENOENT);
	CHECK(mmap(NULL, PAGE, PROT_WRITE, MAP_PRIVATE, dev.fd,
		   queue.id * PAGE) == MAP_FAILED);
	CHECK_EQ(errno, EINVAL);
	CHECK(mmap(NULL, 2 * PAGE, PROT_WRITE, MAP_SHARED, dev.fd,
		   queue.id * PAGE) == MAP_FAILED);
	CHECK_EQ(errno, EINVAL);
	/* More queues than one context may have. */
	while (ioctl(dev.fd, SECMMU_IOC_QUEUE_CREATE, &c) == 0) {
		c.reserved = 0;
		CHECK(++made < 1000);
	}
	CHECK_EQ(errno, ENOSPC);
	CHECK_EQ(made, dev.info.max_queues - 1);
	end();
}

/*
 * A queue with the number @id, which is free, or will be in a moment: who served
 * the last fault of the queue before looks whether there is another.
 */
static void queue_of_number(struct secmmu_queue *q, struct secmmu *ctx,
			    uint32_t id)
{
	for (double start = now();; usleep(1000)) {
		CHECK_EQ(secmmu_queue_init(q, ctx, 4, 0), 0);
		if (q->id == id)
			return;
		secmmu_queue_exit(q);
		CHECK(now() - start < 10);
	}
}

/* The doorbell page of a queue that is gone leads nowhere. */
void test_hostile_doorbell(void)
{
	uint64_t ring = (uintptr_t)anon(PAGE);
	struct secmmu_queue_create c = { .ring = ring, .ring_order = 2 };
	struct secmmu_queue_destroy d = { 0 };
	struct secmmu_queue other, theirs;
	struct secmmu_completion done;
	volatile uint32_t *doorbell;
	struct secmmu stranger;
	uint32_t error;

	begin();
	CHECK_EQ(ioctl(dev.fd, SECMMU_IOC_QUEUE_CREATE, &c), 0);
	doorbell = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, dev.fd,
			c.doorbell);
	CHECK(doorbell != MAP_FAILED);
	*doorbell = 0;
	d.queue = c.queue;
	CHECK_EQ(ioctl(dev.fd, SECMMU_IOC_QUEUE_DESTROY, &d), 0);
	/* Its number goes to another context; the old page must not reach it. */
	CHECK_EQ(secmmu_open(&stranger, NULL), 0);
	queue_of_number(&theirs, &stranger, c.queue);
	secmmu_prep_nop(secmmu_get_desc(&theirs));
	*doorbell = 1;
	usleep(20000);
	CHECK_EQ(secmmu_queue_status(&theirs, &error, &(uint64_t){ 0 }), 0);
	CHECK_EQ(error, SECMMU_QUEUE_OK);
	CHECK_EQ(theirs.done[0].status, SECMMU_STATUS_PENDING);
	CHECK_EQ(secmmu_submit(&theirs), 1);
	CHECK_EQ(secmmu_wait(&theirs, &done), 0);
	secmmu_queue_exit(&theirs);
	secmmu_close(&stranger);
	/* And to one of this context. */
	queue_of_number(&other, &dev, c.queue);
	munmap((void *)doorbell, PAGE);
	doorbell = other.doorbell;
	d.queue = other.id;
	CHECK_EQ(ioctl(dev.fd, SECMMU_IOC_QUEUE_DESTROY, &d), 0);
	*doorbell = 1000;		/* neither a crash nor a doorbell */
	CHECK_EQ(ioctl(dev.fd, SECMMU_IOC_QUEUE_CREATE, &c), 0);
	CHECK_EQ(c.queue, other.id);
	usleep(10000);
	struct secmmu_queue_wait w = { .queue = c.queue, .target = 1 };

	CHECK_EQ(ioctl(dev.fd, SECMMU_IOC_QUEUE_WAIT, &w), -1);
	error = w.error;
	CHECK_EQ(error, SECMMU_QUEUE_OK);
	end();
}
