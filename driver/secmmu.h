/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver's own structures and the calls between its files.
 *
 * Objects, and what keeps each alive:
 *   secmmu_device  a PCI function; kref: the binding, every open file, every
 *                  secmmu_mm (whose notifier's ops lie in it)
 *   secmmu_mm      (device, opened mm, mode); kref: the mmu notifier (which every
 *                  open file of that mm holds, and SRCU until
 *                  free_notifier), every queue
 *   secmmu_ctx     an open file
 *   secmmu_queue   kref: its context, and a fault being served
 *
 * Locks, outermost first:
 *   dev->mutex        opens, closes, queues made and ended. Allocates, takes
 *                     mmap_lock (through mmu_notifier_get). Never taken with
 *                     mmap_lock held, never in a notifier.
 *   mmap_lock         the kernel's
 *   ctx->doorbell_mutex  a doorbell page put into a process, or taken away
 *   smm->lock         spinlock: secondary table, active ranges, sequence,
 *                     fault responses. Notifiers take it, inside reclaim and
 *                     inside page-table locks: nothing under it allocates.
 *   dev->queue_lock   spinlock, interrupts off: queue number -> queue
 * Every access to the device is between secmmu_enter() and secmmu_exit().
 */
#ifndef SECMMU_DRIVER_H
#define SECMMU_DRIVER_H

#include <linux/atomic.h>
#include <linux/idr.h>
#include <linux/io.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/secmmu.h>
#include <linux/secmmu_hw.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct eventfd_ctx;
struct poll_table_struct;
struct seq_file;

#define SECMMU_VA_END		BIT_ULL(SECMMU_VA_BITS)
#define SECMMU_HUGE_SIZE	BIT_ULL(SECMMU_LEVEL_SHIFT(1))
#define SECMMU_HUGE_PAGES	(SECMMU_HUGE_SIZE / PAGE_SIZE)
#define SECMMU_TABLE_ENTRIES	512
#define SECMMU_CTX_QUEUES	64	/* queues that one context may have */

/* The device's pages are the CPU's; anything else would need splitting. */
#if PAGE_SHIFT != 12
#error "secmmu needs a kernel with 4 KiB pages"
#endif

/**
 * struct secmmu_device - one PCI function
 * @ref: see secmmu_device_put().
 * @pdev: valid between secmmu_enter() and secmmu_exit(), or secmmu_hold() and
 *	secmmu_unhold().
 * @pdev_name: its name, also after that.
 * @misc: /dev/secmmuN.
 * @debugfs: the folder of debugfs.c.
 * @id: N.
 * @lost: no register may be touched: cut off, until it has recovered, or gone.
 * @gone: unbound; does not come back. Changed under @mutex, as is...
 * @paused: ...between secmmu_pause() and secmmu_unpause().
 * @regs: BAR0.
 * @doorbells: physical address of BAR2.
 * @ring: event ring, DMA memory.
 * @ring_dma: its address for the device.
 * @ring_order: log2 of its events.
 * @ring_head: next event; guarded by @queue_lock.
 * @polled: somebody looks at it, so the device does not interrupt for it.
 * @done: shootdowns completed by ASID, written by the device.
 * @done_dma: its address for the device.
 * @irq: Linux interrupt number.
 * @nr_queues: of the device.
 * @nr_asids: of the device.
 * @translated: DMA addresses come from an IOMMU and must be given back.
 * @notifier_ops: one per device and mode, since mmu_notifier_get() takes
 *	notifiers of one ops table in one mm to be the same notifier.
 * @mutex: serialises open, close and queue life; guards @mms and @ctxs.
 * @clients: contexts opened so far; guarded by @mutex.
 * @mms: struct secmmu_mm.link
 * @ctxs: struct secmmu_ctx.link
 * @asids: ASIDs in use.
 * @queue_ids: queue numbers in use.
 * @queue_lock: guards @queues.
 * @queues: by number.
 * @fault_wq: serves faults; unbound, since one lookup may block for ever and
 *	only its own queue may wait for it. Outlives the binding, as the
 *	lookups do.
 * @recover_work: what follows secmmu_cut_off().
 * @recoveries: times that it came back.
 * @watch_work: looks for lost interrupts and for a device that has vanished...
 * @watched: ...and is queued, because a doorbell is mapped.
 * @watch_head: the work's own: @ring_head when it last looked...
 * @watch_pending: ...and whether an event was waiting there.
 * @quiet: times that it found no news.
 * @lost_irqs: events that nobody had told us of.
 * @dummy: what a doorbell shows when there is no queue behind it any more.
 * @end_work: frees it, and @fault_wq.
 */
struct secmmu_device {
	struct kref ref;
	struct pci_dev *pdev;
	char *pdev_name;
	struct miscdevice misc;
	struct dentry *debugfs;
	int id;
	bool lost;
	bool gone;
	bool paused;
	void __iomem *regs;
	phys_addr_t doorbells;
	struct secmmu_event *ring;
	dma_addr_t ring_dma;
	unsigned int ring_order;
	u32 ring_head;
	bool polled;
	__le32 *done;
	dma_addr_t done_dma;
	int irq;
	u32 nr_queues;
	u32 nr_asids;
	bool translated;
	struct mmu_notifier_ops notifier_ops[SECMMU_MODE_NR];
	struct mutex mutex;		/* opens, closes, queue life */
	u64 clients;
	struct list_head mms;
	struct list_head ctxs;
	struct ida asids;
	struct ida queue_ids;
	spinlock_t queue_lock;		/* queue number -> queue */
	struct secmmu_queue **queues;
	struct workqueue_struct *fault_wq;
	struct work_struct recover_work;
	unsigned long recoveries;
	struct delayed_work watch_work;
	bool watched;
	u32 watch_head;
	bool watch_pending;
	unsigned int quiet;
	unsigned long lost_irqs;
	struct page *dummy;
	struct work_struct end_work;
};

/**
 * struct secmmu_table - one page of a secondary page table
 * @spte: its 512 entries, which the device reads and sets A and D in.
 * @dma: the page's address for the device, or DMA_MAPPING_ERROR: it has none.
 * @live: entries that are not zero.
 * @child: by index, the table that a non-leaf entry points to; NULL at level
 *	0. The entry holds a DMA address, from which the way back is unknown.
 * @link: in a list of tables to be used or to be freed.
 */
struct secmmu_table {
	__le64 *spte;
	dma_addr_t dma;
	unsigned int live;
	struct secmmu_table **child;
	struct list_head link;
};

/**
 * struct secmmu_mm - a process's address space as one device sees it, in one mode
 * @mn: the notifier.
 * @ref: see secmmu_mm_put().
 * @mm: what it mirrors; an mm_count reference, so the mm can exit while a
 *	file is open.
 * @pid: the process that opened it first.
 * @dev: the device, referenced; NULL until the first open has set it up.
 * @link: in dev->mms.
 * @opens: contexts; guarded by dev->mutex.
 * @mode: set with @dev.
 * @asid: the device's number for it.
 * @done: shootdowns of @asid that the device has completed.
 * @lock: guards all below.
 * @dead: the ASID is off: nothing may be mapped or answered any more.
 * @root: level 3 of the secondary table; NULL when @dead. In soft-TLB mode
 *	the device does not have it: it is our record of what may be in the TLB.
 * @seq: goes up at every invalidate_range_end. A fault samples it before it
 *	looks pages up, and drops what it found if it has moved.
 * @active: ranges between start and end.
 * @active_start: lowest address of all those since @active was last zero...
 * @active_end: ...and the end of the highest: their hull.
 * @refused: faults answered BUSY since the last RESUME.
 * @quiet: who waits until no range is active.
 * @posted: SHOOTDOWN doorbells rung.
 * @unposted: ranges that zapped and let go of @lock before they rang.
 * @aged: leaves whose A was cleared and which the TLB may still hold...
 * @aged_start: ...the lowest address of them...
 * @aged_end: ...and the end of the highest.
 * @stats: what SECMMU_IOC_STATS shows of the driver's side.
 */
struct secmmu_mm {
	struct mmu_notifier mn;
	struct kref ref;
	struct mm_struct *mm;
	pid_t pid;
	struct secmmu_device *dev;
	struct list_head link;
	unsigned int opens;
	enum secmmu_mode mode;
	u32 asid;
	__le32 *done;
	spinlock_t lock;		/* guards what follows */
	bool dead;
	struct secmmu_table *root;
	unsigned long seq;
	unsigned long active;
	unsigned long active_start;
	unsigned long active_end;
	unsigned long refused;
	wait_queue_head_t quiet;
	u32 posted;
	unsigned int unposted;
	unsigned long aged;
	unsigned long aged_start;
	unsigned long aged_end;
	struct secmmu_stats stats;
};

/**
 * struct secmmu_ctx - an open file
 * @dev: the device, referenced.
 * @smm: the opener's address space, in the context's mode; changed under both
 *	dev->mutex and @doorbell_mutex.
 * @mm: the opener, for comparison only; @smm keeps it.
 * @client: number of this open of the device.
 * @link: in dev->ctxs.
 * @mapping: where doorbell pages are mapped.
 * @lost: the device was lost since; guarded as @smm.
 * @queues: struct secmmu_queue.link; changed, as is...
 * @nr_queues: ...their number, under both dev->mutex and @doorbell_mutex.
 * @doorbell_mutex: held while a doorbell is put into a process, and while a
 *	queue is declared dead to that.
 * @poll: who sleeps in poll().
 */
struct secmmu_ctx {
	struct secmmu_device *dev;
	struct secmmu_mm *smm;
	struct mm_struct *mm;
	u64 client;
	struct list_head link;
	struct address_space *mapping;
	bool lost;
	struct list_head queues;
	unsigned int nr_queues;
	struct mutex doorbell_mutex;	/* doorbells put in, queues listed */
	wait_queue_head_t poll;
};

/**
 * enum secmmu_told - has the program been told of the target that it set?
 * @SECMMU_TOLD_NOT_ASKED: there is none.
 * @SECMMU_TOLD_LATER: it is not reached.
 * @SECMMU_TOLD: it is.
 */
enum secmmu_told {
	SECMMU_TOLD_NOT_ASKED,
	SECMMU_TOLD_LATER,
	SECMMU_TOLD,
};

/**
 * struct secmmu_queue - a queue of the device, given to a context
 * @ref: the context's, the fault work's, a waiter's.
 * @ctx: valid until the queue is dead.
 * @smm: its address space, referenced.
 * @id: the device's number; nobody else's as long as a fault of this queue is
 *	looked up.
 * @link: in ctx->queues.
 * @dead: guarded by smm->lock: its faults are answered no more.
 * @fault_work: serves the outstanding fault.
 * @fault: the outstanding fault; guarded by dev->queue_lock.
 * @progressed: in the interrupt handler's list of queues with news.
 * @event_error: enum secmmu_queue_error, as an ERROR event told; guarded, as
 *	@progressed and @event_error_addr, by dev->queue_lock.
 * @event_error_addr: goes with it.
 * @pages: room for one batch of looked-up pages; the fault work's own.
 * @dma: their DMA addresses.
 * @looks: how often the fault work looks for the next fault; its own, as...
 * @unpolled: ...faults after which it did not.
 * @wait: waiters for completions; its lock guards the next eight.
 * @completed: jobs ended, as last read from the device.
 * @error: enum secmmu_queue_error.
 * @error_addr: goes with it.
 * @armed: QUEUE_ARM holds @arm_target, and its event has not come.
 * @arm_target: the nearest count that a waiter waits for.
 * @told: about...
 * @tell_target: ...the count that SECMMU_IOC_QUEUE_ARM has set.
 * @eventfd: of SECMMU_IOC_QUEUE_EVENTFD, or NULL.
 */
struct secmmu_queue {
	struct kref ref;
	struct secmmu_ctx *ctx;
	struct secmmu_mm *smm;
	u32 id;
	struct list_head link;
	bool dead;
	struct work_struct fault_work;
	struct secmmu_event fault;
	struct list_head progressed;
	u32 event_error;
	u64 event_error_addr;
	struct page **pages;
	dma_addr_t *dma;
	unsigned int looks;
	unsigned int unpolled;
	wait_queue_head_t wait;
	u32 completed;
	u32 error;
	u64 error_addr;
	bool armed;
	u32 arm_target;
	enum secmmu_told told;
	u32 tell_target;
	struct eventfd_ctx *eventfd;
};

/**
 * struct secmmu_batch - pages that are looked up together, and for whom
 * @smm: the address space.
 * @queue: whose fault it is; NULL for advice: nobody waits for an answer.
 * @event_seq: of that fault.
 * @va: address of the first.
 * @nr: how many; all within one 2 MiB region.
 * @write: looked up for writing: COW is broken, the CPU's entry writable.
 * @huge: they are one 2 MiB page, physically.
 * @mapped: how many have been entered.
 * @pages: room for SECMMU_HUGE_PAGES.
 * @dma: their DMA addresses, as much room.
 */
struct secmmu_batch {
	struct secmmu_mm *smm;
	struct secmmu_queue *queue;
	u32 event_seq;
	unsigned long va;
	unsigned int nr;
	bool write;
	bool huge;
	unsigned int mapped;
	struct page **pages;
	dma_addr_t *dma;
};

/* Registers. All need secmmu_enter(). */

static inline u32 secmmu_read32(struct secmmu_device *dev, u32 reg)
{
	return readl(dev->regs + reg);
}

static inline void secmmu_write32(struct secmmu_device *dev, u32 reg, u32 val)
{
	writel(val, dev->regs + reg);
}

static inline void secmmu_write64(struct secmmu_device *dev, u32 reg, u64 val)
{
	writeq(val, dev->regs + reg);
}

static inline u32 secmmu_queue_reg(u32 queue, enum secmmu_queue_reg reg)
{
	return SECMMU_QUEUE_BLOCK + queue * SECMMU_QUEUE_STRIDE + reg;
}

static inline u32 secmmu_asid_reg(u32 asid, enum secmmu_asid_reg reg)
{
	return SECMMU_ASID_BLOCK + asid * SECMMU_ASID_STRIDE + reg;
}

/* Is it about to go, for good or for a while? No doorbell leads to it then. */
static inline bool secmmu_is_leaving(const struct secmmu_device *dev)
{
	return READ_ONCE(dev->gone) || READ_ONCE(dev->paused);
}

/* pci.c: binding, the device's life */
bool secmmu_enter(struct secmmu_device *dev, int *idx);
void secmmu_exit(struct secmmu_device *dev, int idx);
int secmmu_hold(void);
void secmmu_unhold(int idx);
struct secmmu_device *secmmu_device_get(struct secmmu_device *dev);
void secmmu_device_put(struct secmmu_device *dev);
void secmmu_drain(void);

/* recover.c: a device that does not do what it must */
bool secmmu_answers(struct secmmu_device *dev);
void secmmu_cut_off(struct secmmu_device *dev, const char *why);
void secmmu_recover_work(struct work_struct *work);
void secmmu_leave(struct secmmu_device *dev);
void secmmu_pause(struct secmmu_device *dev);
void secmmu_unpause(struct secmmu_device *dev);

/* watch.c: lost interrupts */
void secmmu_watch(struct secmmu_device *dev);
void secmmu_watch_work(struct work_struct *work);

/* event.c: event ring and interrupt */
int secmmu_events_start(struct secmmu_device *dev);
int secmmu_events_enable(struct secmmu_device *dev);
bool secmmu_events_pending(struct secmmu_device *dev);
bool secmmu_events_take(struct secmmu_device *dev);
bool secmmu_events_poll(struct secmmu_device *dev, struct secmmu_queue *mine,
			unsigned int looks);
void secmmu_events_stop(struct secmmu_device *dev);

/* mm.c: address spaces and their mmu notifiers */
void secmmu_mm_init_ops(struct secmmu_device *dev);
struct secmmu_mm *secmmu_mm_open(struct secmmu_device *dev,
				 enum secmmu_mode mode);
void secmmu_mm_close(struct secmmu_mm *smm);
void secmmu_mm_get(struct secmmu_mm *smm);
void secmmu_mm_put(struct secmmu_mm *smm);
void secmmu_mm_stop(struct secmmu_mm *smm);
bool secmmu_range_is_active(struct secmmu_mm *smm, unsigned long start,
			    unsigned long end);

/* shootdown.c: dropping translations from table and device */
bool secmmu_invalidate(struct secmmu_mm *smm, unsigned long start,
		       unsigned long end, bool blockable);

void secmmu_flush(struct secmmu_mm *smm, unsigned long start,
		  unsigned long end);

/* age.c: has the device used a page? */

/**
 * enum secmmu_age - what a young-bit callback does
 * @SECMMU_AGE_TEST: only look.
 * @SECMMU_AGE_CLEAR: clear the A bits.
 * @SECMMU_AGE_FLUSH: the same, for reclaim.
 */
enum secmmu_age { SECMMU_AGE_TEST, SECMMU_AGE_CLEAR, SECMMU_AGE_FLUSH };

bool secmmu_age(struct secmmu_mm *smm, unsigned long start, unsigned long end,
		enum secmmu_age how);

/* table.c: the secondary page table */

/**
 * struct secmmu_zap - state of one zap over several calls
 * @zapped: leaves taken out.
 * @budget: leaves that may still be looked at before the lock is let go.
 * @reap: tables unlinked, to be freed after the shootdown.
 */
struct secmmu_zap {
	unsigned long zapped;
	long budget;
	struct list_head reap;
};

struct secmmu_table *secmmu_table_alloc(int level);
int secmmu_table_dma(struct secmmu_device *dev, struct secmmu_table *table);
void secmmu_table_free_list(struct secmmu_device *dev, struct list_head *list);
void secmmu_table_destroy(struct secmmu_device *dev, struct secmmu_table *root);
u64 secmmu_table_leaf(struct secmmu_mm *smm, unsigned long va, int *level);
void secmmu_table_touch(struct secmmu_mm *smm, unsigned long va);
unsigned long secmmu_table_run(struct secmmu_mm *smm, unsigned long va,
			       unsigned long end, bool write);
unsigned int secmmu_table_missing(struct secmmu_mm *smm, unsigned long va);
unsigned long secmmu_table_zap(struct secmmu_mm *smm, unsigned long start,
			       unsigned long end, struct secmmu_zap *zap);
void secmmu_table_release_dma(struct secmmu_mm *smm, unsigned long start,
			      unsigned long end);
unsigned long secmmu_table_age(struct secmmu_mm *smm, unsigned long start,
			       unsigned long end, bool clear);
unsigned int secmmu_table_map(struct secmmu_mm *smm, unsigned long va,
			      const dma_addr_t *dma, unsigned int nr,
			      bool write, struct list_head *spare);
bool secmmu_table_map_huge(struct secmmu_mm *smm, unsigned long va,
			   dma_addr_t dma, bool write,
			   struct list_head *spare);

/* soft.c: soft-TLB mode */
void secmmu_dropin(struct secmmu_mm *smm, unsigned long va, unsigned int nr);

/* room.c: room in the process's memory cgroup */

/* What one round of reclaim makes room for, and one CPU keeps. */
#define SECMMU_ROOM_PAGES	32

unsigned int secmmu_make_room(struct mm_struct *mm, unsigned int nr);

/* fault.c: FAULT events served */
void secmmu_fault_work(struct work_struct *work);
void secmmu_resume(struct secmmu_mm *smm);
int secmmu_populate(struct secmmu_batch *batch, unsigned long va,
		    unsigned long end);

/* advise.c: SECMMU_IOC_ADVISE */
int secmmu_advise(struct secmmu_mm *smm, struct secmmu_advise *arg);

/* queue.c: queues made, waited for and ended */
struct secmmu_queue *secmmu_queue_create(struct secmmu_ctx *ctx,
					 struct secmmu_queue_create *arg);
void secmmu_queue_destroy(struct secmmu_queue *queue);
void secmmu_queue_lose(struct secmmu_queue *queue);
struct secmmu_queue *secmmu_queue_find(struct secmmu_ctx *ctx, u32 id);
void secmmu_queue_get(struct secmmu_queue *queue);
void secmmu_queue_put(struct secmmu_queue *queue);
void secmmu_queue_progress(struct secmmu_queue *queue, u32 completed,
			   u32 error, u64 error_addr);
bool secmmu_queue_reaches(struct secmmu_queue *queue, u32 target);
int secmmu_queue_wait(struct secmmu_queue *queue,
		      struct secmmu_queue_wait *arg);
u32 secmmu_queue_state(const struct secmmu_queue *queue);
const char *secmmu_queue_state_name(u32 state);

/* notify.c: poll() and eventfd */
void secmmu_queue_tell(struct secmmu_queue *queue);
int secmmu_queue_arm(struct secmmu_queue *queue, struct secmmu_queue_arm *arg);
int secmmu_queue_eventfd(struct secmmu_queue *queue, int fd);
__poll_t secmmu_poll(struct file *file, struct poll_table_struct *wait);

/* file.c: /dev/secmmuN */
extern const struct file_operations secmmu_fops;
bool secmmu_ctx_is_ours(const struct secmmu_ctx *ctx);
struct secmmu_mm *secmmu_ctx_mm(struct secmmu_ctx *ctx);

/* stats.c: what a process may know */
u64 secmmu_counter(struct secmmu_device *dev, unsigned int nr);
void secmmu_mm_stats(struct secmmu_mm *smm, struct secmmu_stats *stats);
int secmmu_device_stats(struct secmmu_device *dev, struct secmmu_stats *stats);
void secmmu_show_fdinfo(struct seq_file *m, struct file *file);

/* sysfs.c: what anybody may know */
extern const struct attribute_group *secmmu_groups[];

/* debugfs.c: what root may know */
void secmmu_debugfs_init(void);
void secmmu_debugfs_exit(void);
void secmmu_debugfs_add(struct secmmu_device *dev);
void secmmu_debugfs_remove(struct secmmu_device *dev);

#endif /* SECMMU_DRIVER_H */
