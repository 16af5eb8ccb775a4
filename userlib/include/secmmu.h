/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libsecmmu - jobs for a secmmu device, on plain pointers.
 *
 *	get -> prep -> submit -> wait
 *
 *	struct secmmu s;
 *	struct secmmu_queue q;
 *	struct secmmu_completion done;
 *
 *	secmmu_open(&s, NULL);
 *	secmmu_queue_init(&q, &s, 64, 0);
 *	secmmu_prep_copy(secmmu_get_desc(&q), dst, src, len);
 *	secmmu_submit(&q);
 *	secmmu_wait(&q, &done);
 *
 * Lives here: contexts, queues, results, hints. Included from here, so that a
 * program includes one header: the jobs themselves (secmmu-jobs.h); the descriptor,
 * the completion record and the meaning of each job (<linux/secmmu.h>).
 * Not here: any function that allocates memory for data. Whatever the
 * program itself may touch, the device may be given: malloc, mmap, a file, the
 * stack.
 *
 * Errors are negative errno values; nothing sets errno. Nothing here prints.
 *
 * Threads, where a function does not say otherwise: one that takes a queue is
 * for one thread at a time and queue, different queues may be used at the same
 * time. One that takes a context may be called by any thread at any time. One
 * that takes neither touches only what it is given.
 *
 * Fork: a context works for the address space that opened it. In a child every
 * function that takes a context or a queue returns -EPERM (a pointer: NULL) and no
 * doorbell is rung, except that secmmu_get_desc() goes on; secmmu_queue_exit()
 * and secmmu_close() there only give back the child's own resources. (After vfork() the address space is still the
 * parent's, and so is the queue.) The same is returned for a context or a queue
 * that could not be opened or made, or has been closed or ended.
 *
 * Memory: no function allocates any but secmmu_open() and secmmu_queue_init(),
 * each by one mmap() which the matching close or exit undoes. Signals: no
 * function is to be called by a handler that interrupted another on the same
 * queue.
 */
#ifndef SECMMU_H
#define SECMMU_H

#include <stddef.h>
#include <stdint.h>
#include <linux/secmmu.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct secmmu - an open device, caller-owned
 * @fd: the open file; for poll loops (see secmmu_arm()), not for ioctls of one's
 *	own.
 * @info: what the driver says of itself and the device.
 *
 * The rest is private: the mode; which opening of the device this is, since
 * secmmu_recover() opens it again; a page that a fork wipes; the path.
 */
struct secmmu {
	int fd;
	struct secmmu_info info;
	enum secmmu_mode mode;
	uint32_t generation;
	const volatile unsigned char *guard;
	char path[64];
};

/**
 * struct secmmu_queue - a queue, caller-owned; all fields private
 */
struct secmmu_queue {
	struct secmmu *ctx;
	struct secmmu_desc *ring;
	struct secmmu_completion *done;
	volatile uint32_t *doorbell;
	uint32_t id;
	uint32_t mask;
	uint32_t head;		/* results handed out */
	uint32_t tail;		/* descriptors given out */
	uint32_t rung;		/* descriptors submitted */
	int stopped;		/* why no further job can end, or 0 */
	uint32_t generation;	/* of the context, when it was made */
	uint32_t spin;		/* looks before a sleep */
	uint32_t waits;
	uint32_t reserved[5];
};

/**
 * secmmu_open - open a device for this process
 * @s: filled in.
 * @path: device node, or NULL for /dev/secmmu0.
 *
 * The context is in walk mode, or in the one that the environment variable
 * SECMMU_MODE names, "walk" or "soft" (which is for tests: any program can be
 * run either way).
 *
 * Return: 0; -ENOENT, -EACCES, -ENODEV, ... from open(); -EPROTO if the driver
 * speaks another major version; -EINVAL SECMMU_MODE names no mode, -EOPNOTSUPP it
 * names one that the device does not have; -ENOSPC no address space left on the
 * device; -EINTR and -ENOMEM from the driver may be tried again.
 */
int secmmu_open(struct secmmu *s, const char *path);

/**
 * secmmu_set_mode - choose how the device comes by translations
 * @s: the context, which has no queue yet.
 * @mode: SECMMU_MODE_WALK or SECMMU_MODE_SOFT; see <linux/secmmu.h>.
 *
 * Updates @s->info: each mode has an ASID of its own. No other thread may use
 * @s meanwhile.
 * Return: 0; -EINVAL no such mode; -EBUSY it has queues; -EOPNOTSUPP the device
 * cannot; -EPERM in a child after fork; -ENODEV; -EINTR; -ENOMEM.
 */
int secmmu_set_mode(struct secmmu *s, enum secmmu_mode mode);

/**
 * secmmu_close - close it again
 * @s: the context; its queues have been ended with secmmu_queue_exit(), and no
 *	other thread uses it.
 */
void secmmu_close(struct secmmu *s);

/**
 * secmmu_recover - open a lost device again
 * @s: the context. No other thread uses it, nor any of its queues, meanwhile.
 * @timeout_ns: longest wait for a device that is still being reset, or plugged
 *	in again; negative: for ever.
 *
 * After -ENODEV, or a queue error of SECMMU_QUEUE_DEVICE_LOST. @s->fd keeps its
 * number, @s its mode. Each queue of @s is then brought back by
 * secmmu_queue_reset(). If the device is not lost, nothing is done.
 *
 * Return: 0; -ENODEV, -ENXIO or -ENOENT it is not back in time; -ENAMETOOLONG
 * the path given to secmmu_open() had more than 63 characters; -EPERM in a child
 * after fork; what else secmmu_open() returns.
 */
int secmmu_recover(struct secmmu *s, int64_t timeout_ns);

/**
 * secmmu_stats - counters of this address space and of the device
 * @s: the context.
 * @stats: filled in.
 *
 * Return: 0; -EPERM in a child after fork; -ENODEV.
 */
int secmmu_stats(struct secmmu *s, struct secmmu_stats *stats);

/**
 * secmmu_stats_since - what has been counted between two looks
 * @then: the first.
 * @now: the second.
 * @difference: @now less @then; but what is no counter (pages_resident,
 *	table_bytes) as in @now. May be either of the others.
 */
void secmmu_stats_since(const struct secmmu_stats *then,
			const struct secmmu_stats *now,
			struct secmmu_stats *difference);

/**
 * secmmu_queue_init - make a queue
 * @q: filled in.
 * @s: the context; must outlive the queue.
 * @entries: jobs that can be under way at one time; a power of two, 1 to 4096.
 * @flags: zero.
 *
 * Return: 0; -EINVAL; -ENOSPC no queue left; -ENOMEM; -ENODEV; -EPERM.
 */
int secmmu_queue_init(struct secmmu_queue *q, struct secmmu *s,
		      unsigned int entries, unsigned int flags);

/**
 * secmmu_queue_exit - end a queue
 * @q: the queue. Jobs that have not ended are dropped; when it returns, none of
 *	them touches memory.
 */
void secmmu_queue_exit(struct secmmu_queue *q);

/**
 * secmmu_queue_reset - bring a queue back that has stopped
 * @q: the queue: a wait on it has failed, or its device was lost. In the latter
 *	case its context has been through secmmu_recover().
 * @lost: filled in with the jobs that did not end, in the order in which they were
 *	got: those submitted first, then those only prepared. NULL: nobody wants
 *	to know.
 * @max: room there; as many as the queue has entries is always enough.
 *
 * A lost job may have been done in whole, in part or not at all. The descriptors
 * are the program's to judge by user_data, and to submit again through
 * secmmu_prep_desc(). Results that are there are not lost: they are to be taken
 * first. The queue is then as secmmu_queue_init() made it.
 *
 * Return: how many jobs were lost; -EBUSY it has not stopped, or there are results
 * to be taken; -ENOSPC more than @max were lost (nothing is done); -EPERM;
 * -ENODEV the context is still lost; -EINTR, -ENOMEM: may be tried again.
 */
int secmmu_queue_reset(struct secmmu_queue *q, struct secmmu_desc *lost,
		       unsigned int max);

/**
 * secmmu_get_desc - the next free descriptor
 * @q: the queue.
 *
 * Zeroed, with its completion record filled in: leave that field as it is.
 * Return: the descriptor, or NULL when as many jobs are under way (or their
 * results not taken) as the queue has entries.
 * In a child after fork it is one of the child's own copy of the ring, and cannot
 * be submitted.
 */
struct secmmu_desc *secmmu_get_desc(struct secmmu_queue *q);

/**
 * secmmu_submit - hand all prepared descriptors to the device
 * @q: the queue.
 *
 * Makes no system call. On a queue that has stopped the jobs just do not end.
 * Return: how many; -EPERM in a child after fork; -ENODEV a reset has failed.
 */
int secmmu_submit(struct secmmu_queue *q);

/**
 * secmmu_submit_and_wait - submit, and sleep until there are results
 * @q: the queue.
 * @nr: how many results shall be there when it returns; none is taken.
 * @timeout_ns: as in secmmu_wait_timeout().
 *
 * Return: how many were submitted; or as secmmu_wait_ready(): the jobs are under
 * way then all the same.
 */
int secmmu_submit_and_wait(struct secmmu_queue *q, unsigned int nr,
			   int64_t timeout_ns);

/**
 * secmmu_peek - take the next result if there is one
 * @q: the queue.
 * @out: a copy of the completion record. Results come in the order in which
 *	the jobs were submitted.
 *
 * Return: 0; -EAGAIN not yet; -ENOENT no job is under way; -EPERM in a child
 * after fork. Never sleeps.
 */
int secmmu_peek(struct secmmu_queue *q, struct secmmu_completion *out);

/**
 * secmmu_peek_nr - take all results that are there
 * @q: the queue.
 * @out: room for @max.
 * @max: how many at most.
 *
 * Return: how many, maybe none; -EPERM. Never sleeps.
 */
int secmmu_peek_nr(struct secmmu_queue *q, struct secmmu_completion *out,
		   unsigned int max);

/**
 * secmmu_done_at - look at a result without taking it
 * @q: the queue.
 * @i: 0 for the next one, 1 for the one after it, ...
 *
 * Return: the record, valid until it is taken; or NULL: not yet.
 */
const struct secmmu_completion *secmmu_done_at(struct secmmu_queue *q,
					       unsigned int i);

/**
 * secmmu_for_each_done - go through the results that are there
 * @q: the queue.
 * @i: an unsigned int; afterwards, how many there were.
 * @done: const struct secmmu_completion *, each in turn.
 *
 * They are taken by secmmu_advance(), not before: no copy is made.
 */
#define secmmu_for_each_done(q, i, done) \
	for ((i) = 0; ((done) = secmmu_done_at((q), (i))) != NULL; (i)++)

/**
 * secmmu_advance - take results that have been looked at
 * @q: the queue.
 * @nr: how many, all of which secmmu_done_at() has shown.
 */
void secmmu_advance(struct secmmu_queue *q, unsigned int nr);

/**
 * secmmu_wait_ready - sleep until so many results are there
 * @q: the queue.
 * @nr: how many, counted from the next one; none is taken.
 * @timeout_ns: longest sleep in nanoseconds; negative: for ever; zero: none.
 *
 * The wait below all others. It looks for a moment, for as long as it has
 * lately been worth while (at most some ten microseconds), then sleeps in the
 * kernel. It needs no SECMMU_DESC_INTERRUPT. A signal handler does not end it.
 *
 * Return: 0; -ETIME; -ENOENT not so many jobs are under way; -EPERM; or as
 * secmmu_wait().
 */
int secmmu_wait_ready(struct secmmu_queue *q, unsigned int nr,
		      int64_t timeout_ns);

/**
 * secmmu_wait_nr - take the next so many results
 * @q: the queue.
 * @out: room for them.
 * @nr: how many.
 * @timeout_ns: as in secmmu_wait_ready().
 *
 * Return: @nr; or as secmmu_wait_ready(), and none is taken.
 */
int secmmu_wait_nr(struct secmmu_queue *q, struct secmmu_completion *out,
		   unsigned int nr, int64_t timeout_ns);

/**
 * secmmu_arm - have poll() on the context's file tell of results
 * @q: the queue.
 * @nr: how many results shall be there; 0: do not tell any more.
 *
 * From then on, until the next call, poll(), select() and epoll on @q->ctx->fd say
 * POLLIN once they are there, or the queue has stopped (with POLLERR). Results
 * that are there already count: it is called after the last look and before
 * poll(), and no result can fall in between. The eventfd, if there is one, is
 * signalled once.
 *
 * Return: 0; -EPERM; -ENODEV; -ENOTTY the driver is older (1.0).
 */
int secmmu_arm(struct secmmu_queue *q, unsigned int nr);

/**
 * secmmu_eventfd - have an eventfd signalled by a queue
 * @q: the queue.
 * @fd: the eventfd, which stays the caller's; -1: none any more.
 *
 * It is signalled when a job with SECMMU_DESC_INTERRUPT has ended, when what
 * secmmu_arm() asked for is there, and when the queue stops; maybe more often, and
 * once for several jobs. So: read it, take all results that are there, sleep.
 * secmmu_queue_reset() leaves the queue without.
 *
 * Return: 0; -EBADF; -EINVAL it is no eventfd; -EPERM; -ENODEV; -ENOTTY.
 */
int secmmu_eventfd(struct secmmu_queue *q, int fd);

/**
 * secmmu_wait - take the next result, sleeping until it is there
 * @q: the queue.
 * @out: as in secmmu_peek().
 *
 * As secmmu_wait_ready() sleeps.
 * Return: 0; -ENOENT; -EPERM; or the queue has stopped: -EFAULT a descriptor
 * or a completion record could not be reached, -EPROTO bad doorbell, -ESRCH
 * the address space is gone, -ENODEV the device is, -ECANCELED another thread
 * has destroyed the queue. secmmu_queue_status() tells more. A stopped queue
 * is brought back by secmmu_queue_reset(), or ended.
 */
int secmmu_wait(struct secmmu_queue *q, struct secmmu_completion *out);

/**
 * secmmu_wait_timeout - secmmu_wait() with an end
 * @q: the queue.
 * @out: as in secmmu_peek().
 * @timeout_ns: longest sleep in nanoseconds; negative: for ever.
 *
 * Return: as secmmu_wait(), and -ETIME. The job goes on; wait again for it.
 */
int secmmu_wait_timeout(struct secmmu_queue *q, struct secmmu_completion *out,
			int64_t timeout_ns);

/**
 * secmmu_queue_status - has the queue stopped, and why?
 * @q: the queue.
 * @error: enum secmmu_queue_error.
 * @addr: the address that goes with it. Either pointer may be NULL.
 *
 * Return: 0, whether it has stopped or not; -EPERM; -ENODEV.
 */
int secmmu_queue_status(struct secmmu_queue *q, uint32_t *error,
			uint64_t *addr);

/**
 * secmmu_prefetch - have the device reach a range before jobs use it
 * @s: the context.
 * @addr: first byte; any memory that the process may touch.
 * @len: bytes.
 * @write: for jobs that write, too.
 *
 * As the device's faults would, but ahead of them and without jobs that wait. A
 * hint: the kernel may take a page away again at any time, and jobs work without.
 * It sleeps, in the caller's own time and memory limit; a fatal signal ends it.
 *
 * Return: pages of 4 KiB of the range that the device can reach now; -EFAULT the
 * process may not make this access (what lies before is done), -ENOMEM,
 * -EHWPOISON; -EINVAL; -EPERM; -ENODEV; -ENOTTY the driver is older (1.0).
 */
int64_t secmmu_prefetch(struct secmmu *s, const void *addr, size_t len,
			int write);

/**
 * secmmu_drop - the device will not use a range for a while
 * @s: the context.
 * @addr: first byte.
 * @len: bytes.
 *
 * Takes the translations, not the memory: a job that uses it all the same faults
 * and goes on.
 * Return: 0; -EINVAL; -EPERM; -ENODEV; -ENOTTY.
 */
int secmmu_drop(struct secmmu *s, const void *addr, size_t len);

/**
 * secmmu_resident - how much of a range can the device reach without a fault?
 * @s: the context.
 * @addr: first byte.
 * @len: bytes.
 * @writable: those that it may write, too. May be NULL.
 *
 * Return: pages of 4 KiB; -EINVAL; -EPERM; -ENODEV; -ENOTTY.
 */
int64_t secmmu_resident(struct secmmu *s, const void *addr, size_t len,
			uint64_t *writable);

/**
 * secmmu_continue - prepare the rest of a job that has stopped at a fault
 * @desc: from secmmu_get_desc(); filled in, flags and user_data as in @job.
 * @job: a copy of the job's descriptor (the ring's own may be in use again).
 * @done: its result, with the status SECMMU_STATUS_PARTIAL.
 *
 * The program has touched @done->fault_addr meanwhile, or has called
 * secmmu_prefetch(). For a LIST_WALK it follows the links over the nodes that are
 * done, so these must be there. The rest of a GEMM begins with a whole row.
 *
 * Return: 0; -EINVAL another status, not an opcode that can stop, or not a
 * result that @job can have.
 */
int secmmu_continue(struct secmmu_desc *desc, const struct secmmu_desc *job,
		    const struct secmmu_completion *done);

/**
 * secmmu_merge - two parts of a job as one result
 * @job: the whole job.
 * @done: in: how far it came. Out: how far it has come with the rest, as if it
 *	had been one; fit for secmmu_continue() and secmmu_merge() again.
 * @rest: the result of what secmmu_continue() prepared from @job and @done.
 *
 * A sum of floats is the sum of the parts' sums.
 */
void secmmu_merge(const struct secmmu_desc *job, struct secmmu_completion *done,
		  const struct secmmu_completion *rest);

/**
 * secmmu_finish - see a job through that has stopped at a fault
 * @q: an idle queue, as for the synchronous helpers.
 * @job: as in secmmu_continue().
 * @done: in: its result. Out: that of the whole.
 *
 * Brings in what is missing and submits the rest, as often as it takes. A job
 * that stops again and again at one place is at last let wait for its page.
 * Return: as the synchronous helpers; and what secmmu_prefetch() returns.
 */
int secmmu_finish(struct secmmu_queue *q, const struct secmmu_desc *job,
		  struct secmmu_completion *done);

/* Text for a status, a queue error; never NULL, static. */
const char *secmmu_strstatus(unsigned int status);
const char *secmmu_strqueue_error(unsigned int error);

#ifdef __cplusplus
}
#endif

#include "secmmu-jobs.h"

#endif /* SECMMU_H */
