// SPDX-License-Identifier: GPL-2.0-only
/*
 * One FAULT event served: from the device's "I cannot reach this address" to
 * RETRY, BUSY or FAIL. Lives here: looking the pages up, and the checks that
 * make it safe to enter them in the secondary table, for advice too. Not here:
 * the table (table.c), the event ring (event.c), what advice there is (advise.c).
 *
 * The order is the whole point (Documentation/mm/hmm.rst tells the same of
 * hmm_range_fault):
 *
 *	1. sample the sequence (room in the memory cgroup and tables that are
 *	   missing are made before: an allocation that has to reclaim moves the
 *	   sequence, and should find no pages held by us)
 *	2. look the pages up, which may sleep for as long as it likes
 *	3. take smm->lock
 *	4. a range is active here: refuse; range_end will RESUME
 *	5. the sequence has moved: what was found may be stale; go to 1
 *	6. enter the pages, answer RETRY, drop the lock
 *	7. drop the page references: the notifier guards the pages from now on
 *
 * Nobody waits for step 2, an unbind neither. Until then only memory is
 * touched; from step 3 on the device is known to be there (secmmu_enter()), and
 * only there pages get addresses for it.
 */
#include <linux/dma-mapping.h>
#include <linux/kthread.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "compat.h"
#include "secmmu.h"
#include "trace.h"

/*
 * Lookups for one fault before it is handed back to the device with RETRY and
 * nothing mapped. The device then faults again, behind whoever waits for this
 * worker: an mm that is invalidated without pause cannot keep it for ever.
 */
#define FAULT_LOOKUPS	32

/*
 * Pages looked up at one time. While the later ones are brought in, reclaim can
 * do nothing with the earlier ones, which are referenced: many at a time are
 * quick, but a process under a small memory limit would be killed where its own
 * accesses, one page at a time, would have gone through.
 */
#define FAULT_BATCH	256

/* Looks for the next fault: some ten microseconds at most, and how often to try. */
#define POLL_MAX	3200
#define POLL_MIN	200
#define POLL_PROBE	16

static void respond(struct secmmu_queue *queue, u32 seq, unsigned int code,
		    unsigned int status)
{
	struct secmmu_mm *smm = queue->smm;
	int idx;

	lockdep_assert_held(&smm->lock);
	trace_secmmu_response(smm->asid, queue->id, seq, code, status);
	if (!secmmu_enter(smm->dev, &idx))
		return;
	secmmu_write64(smm->dev, SECMMU_REG_RESPONSE,
		       SECMMU_RESPONSE(queue->id, code, status, seq));
	secmmu_exit(smm->dev, idx);
}

/*
 * Decided and answered under the lock that range_end takes: the RESUME that
 * this fault needs cannot have been rung already.
 */
static int refuse(struct secmmu_batch *batch)
{
	struct secmmu_mm *smm = batch->smm;

	if (!batch->queue)
		return -EINPROGRESS;
	smm->refused++;
	smm->stats.refused++;
	respond(batch->queue, batch->event_seq, SECMMU_RESPONSE_BUSY, 0);
	return 0;
}

/**
 * secmmu_resume - let the refused faults be tried again
 * @smm: the address space, locked.
 */
void secmmu_resume(struct secmmu_mm *smm)
{
	int idx;

	lockdep_assert_held(&smm->lock);
	trace_secmmu_resume(smm->asid, smm->refused);
	smm->refused = 0;
	smm->stats.resumes++;
	if (smm->dead || !secmmu_enter(smm->dev, &idx))
		return;
	secmmu_write32(smm->dev,
		       secmmu_asid_reg(smm->asid, SECMMU_REG_ASID_RESUME), 1);
	secmmu_exit(smm->dev, idx);
}

/* Pages of [va, end), up to the end of the 2 MiB region: one table, one lookup. */
static void batch_init(struct secmmu_batch *batch, u64 va, u64 end)
{
	u64 last = min(end - 1, va | (SECMMU_HUGE_SIZE - 1));

	batch->va = va & PAGE_MASK;
	batch->nr = min_t(u64, (last >> PAGE_SHIFT) - (va >> PAGE_SHIFT) + 1,
			  FAULT_BATCH);
	batch->huge = false;
	batch->mapped = 0;
}

static void put_pages(struct page **pages, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		put_page(pages[i]);
}

static long gup(struct mm_struct *mm, unsigned long va, unsigned int nr,
		unsigned int flags, struct page **pages)
{
	int locked = 1;
	long ret;

	/* A page that has failed is -EHWPOISON then, and not -EFAULT. */
	flags |= FOLL_HWPOISON;
	mmap_read_lock(mm);
	ret = secmmu_gup(mm, va, nr, flags, pages, &locked);
	if (locked)
		mmap_read_unlock(mm);
	return ret;
}

static bool pages_are_huge(struct page **pages)
{
	unsigned long pfn = page_to_pfn(pages[0]);
	unsigned int i;

	if (!IS_ALIGNED(pfn, SECMMU_HUGE_PAGES))
		return false;
	for (i = 1; i < SECMMU_HUGE_PAGES; i++)
		if (page_to_pfn(pages[i]) != pfn + i)
			return false;
	return true;
}

/*
 * Widens a batch to the whole of the huge page that it begins in, if all of that
 * is mapped already: pages that the job does not touch are not made. By the way
 * without locks, which takes a huge page in one step, where the other takes the
 * page-table lock for each 4 KiB of it; it is for the mm that one is in. It
 * dirties nothing: the first page, looked up before, has made the whole dirty.
 */
static bool lookup_huge(struct secmmu_batch *batch, unsigned int flags)
{
	unsigned long huge_va = ALIGN_DOWN(batch->va, SECMMU_HUGE_SIZE);
	struct mm_struct *mm = batch->smm->mm;
	bool visiting = current->mm != mm;
	int nr;

	if (visiting)
		kthread_use_mm(mm);
	nr = secmmu_gup_fast(huge_va, SECMMU_HUGE_PAGES, flags, batch->pages);
	if (visiting)
		kthread_unuse_mm(mm);
	if (nr == SECMMU_HUGE_PAGES && pages_are_huge(batch->pages)) {
		batch->va = huge_va;
		batch->nr = nr;
		batch->huge = true;
		return true;
	}
	if (nr > 0)
		put_pages(batch->pages, nr);
	return false;
}

/*
 * Finds the pages of a batch, each with a reference. Shortens the batch to
 * what there is, or widens it to a huge page. With @may_be_huge false a 2 MiB
 * entry has no place: there is a table. Returns 0 or a negative errno.
 */
static int batch_lookup(struct secmmu_batch *batch, bool may_be_huge)
{
	unsigned int flags = batch->write ? FOLL_WRITE : 0;
	struct mm_struct *mm = batch->smm->mm;
	struct page **pages = batch->pages;
	bool huge;
	long nr;

	batch->huge = false;
	if (may_be_huge) {
		nr = gup(mm, batch->va, 1, flags, pages);
		if (nr <= 0)
			return nr ?: -EFAULT;
		huge = folio_size(page_folio(pages[0])) >= SECMMU_HUGE_SIZE;
		put_pages(pages, 1);
		if (huge && lookup_huge(batch, flags))
			return 0;
	}
	nr = gup(mm, batch->va, batch->nr, flags, pages);
	if (nr <= 0)
		return nr ?: -EFAULT;
	batch->nr = nr;
	return 0;
}

static void batch_dma_unmap(struct secmmu_batch *batch, unsigned int from,
			    unsigned int nr, size_t size)
{
	struct device *dma_dev = &batch->smm->dev->pdev->dev;
	unsigned int i;

	for (i = from; i < nr; i++)
		dma_unmap_page(dma_dev, batch->dma[i], size,
			       DMA_BIDIRECTIONAL);
}

/*
 * DMA addresses of the batch in batch->dma: one if huge, else one per page.
 * A huge page for which the IOMMU has no 2 MiB of aligned addresses is mapped
 * as small ones.
 */
static int batch_dma_map(struct secmmu_batch *batch)
{
	struct device *dma_dev = &batch->smm->dev->pdev->dev;
	unsigned int i;

	if (batch->huge) {
		batch->dma[0] = dma_map_page(dma_dev, batch->pages[0], 0,
					     SECMMU_HUGE_SIZE,
					     DMA_BIDIRECTIONAL);
		if (!dma_mapping_error(dma_dev, batch->dma[0])) {
			if (IS_ALIGNED(batch->dma[0], SECMMU_HUGE_SIZE))
				return 0;
			batch_dma_unmap(batch, 0, 1, SECMMU_HUGE_SIZE);
		}
		batch->huge = false;
	}
	for (i = 0; i < batch->nr; i++) {
		batch->dma[i] = dma_map_page(dma_dev, batch->pages[i], 0,
					     PAGE_SIZE, DMA_BIDIRECTIONAL);
		if (dma_mapping_error(dma_dev, batch->dma[i])) {
			batch_dma_unmap(batch, 0, i, PAGE_SIZE);
			return -ENOMEM;
		}
	}
	return 0;
}

/*
 * Enters a batch whose pages are known to be current. Returns 0, or -EAGAIN
 * where the table has changed since it was looked at.
 */
static int batch_map(struct secmmu_batch *batch, struct list_head *spare)
{
	struct secmmu_mm *smm = batch->smm;
	unsigned long huge_va = ALIGN_DOWN(batch->va, SECMMU_HUGE_SIZE);
	u64 before = smm->stats.pages_mapped;
	unsigned int nr = batch->nr;

	if (batch->huge) {
		if (!secmmu_table_map_huge(smm, batch->va, batch->dma[0],
					   batch->write, spare))
			return -EAGAIN;
	} else {
		nr = secmmu_table_map(smm, batch->va, batch->dma, batch->nr,
				      batch->write, spare);
		if (!nr) {
			/*
			 * A 2 MiB entry is in the way, read-only, while the
			 * CPU has made one of its pages writable in place,
			 * which notifies nobody. Small ones replace it.
			 */
			if (secmmu_invalidate(smm, huge_va, huge_va +
					      SECMMU_HUGE_SIZE, true))
				smm->stats.split_shootdowns++;
			return -EAGAIN;
		}
		batch_dma_unmap(batch, nr, batch->nr, PAGE_SIZE);
	}
	batch->mapped = nr;
	if (!batch->queue)
		smm->stats.prefetched += smm->stats.pages_mapped - before;
	trace_secmmu_map(smm->asid, batch->va, batch->nr, batch->write);
	if (smm->mode == SECMMU_MODE_SOFT)
		secmmu_dropin(smm, batch->va, batch->nr);
	return 0;
}

/*
 * Serves a fault on a page that is mapped already, with the permission that is
 * asked for. False if it is not.
 */
static bool refill(struct secmmu_batch *batch)
{
	struct secmmu_mm *smm = batch->smm;
	int level;
	u64 spte = secmmu_table_leaf(smm, batch->va, &level);

	if (!batch->queue || !spte ||
	    (batch->write && !(spte & SECMMU_SPTE_W)))
		return false;
	smm->stats.refills++;
	trace_secmmu_refill(smm->asid, batch->queue->id, batch->event_seq,
			    batch->va);
	if (smm->mode == SECMMU_MODE_SOFT)
		secmmu_dropin(smm, batch->va, batch->nr);
	respond(batch->queue, batch->event_seq, SECMMU_RESPONSE_RETRY, 0);
	return true;
}

/* Tables that are missing, made before the lock is taken. */
static int make_spare(unsigned int missing, struct list_head *spare)
{
	int level;

	for (level = missing - 1; level >= 0; level--) {
		struct secmmu_table *table;

		table = secmmu_table_alloc(level);
		if (!table)
			return -ENOMEM;
		list_add(&table->link, spare);
	}
	return 0;
}

static unsigned int fail_status(int err)
{
	switch (err) {
	case -ENOMEM:
		return SECMMU_STATUS_NO_MEMORY;
	case -EHWPOISON:
		return SECMMU_STATUS_POISONED;
	default:
		return SECMMU_STATUS_FAULT;
	}
}

static void fail(struct secmmu_queue *queue, u32 seq, int err)
{
	struct secmmu_mm *smm = queue->smm;

	spin_lock(&smm->lock);
	if (!queue->dead && !smm->dead) {
		smm->stats.failed++;
		respond(queue, seq, SECMMU_RESPONSE_FAIL, fail_status(err));
	}
	spin_unlock(&smm->lock);
}

/* Nobody waits for an answer, or the device has no access any more. */
static bool is_dead(const struct secmmu_batch *batch)
{
	return batch->smm->dead || (batch->queue && batch->queue->dead);
}

/*
 * The second half: from the lookup to the answer. @seq is the sequence as it was
 * before. Needs secmmu_enter().
 */
static int batch_enter(struct secmmu_batch *batch, unsigned long seq,
		       struct list_head *spare)
{
	struct secmmu_mm *smm = batch->smm;
	struct secmmu_table *table;
	bool mapped = false;
	int ret;

	list_for_each_entry(table, spare, link) {
		ret = secmmu_table_dma(smm->dev, table);
		if (ret)
			return ret;
	}
	ret = batch_dma_map(batch);
	if (ret)
		return ret;

	spin_lock(&smm->lock);
	if (is_dead(batch)) {
		/* Nothing is to be entered. */
	} else if (secmmu_range_is_active(smm, batch->va, batch->va +
					  batch->nr * PAGE_SIZE)) {
		ret = refuse(batch);
	} else if (smm->seq != seq) {
		smm->stats.retries++;
		ret = -EAGAIN;
	} else {
		ret = batch_map(batch, spare);
		mapped = !ret;
		if (mapped && batch->queue)
			respond(batch->queue, batch->event_seq,
				SECMMU_RESPONSE_RETRY, 0);
	}
	spin_unlock(&smm->lock);
	if (!mapped)
		batch_dma_unmap(batch, 0, batch->huge ? 1 : batch->nr,
				batch->huge ? SECMMU_HUGE_SIZE : PAGE_SIZE);
	return ret;
}

/*
 * One round of the order above. Returns 0 when the fault has been answered (or
 * the pages have been entered, for advice), -EAGAIN when the pages found may be
 * stale, -EINPROGRESS where advice finds an active range, -ENODEV when the device
 * was lost meanwhile, another errno for FAIL.
 */
static int serve(struct secmmu_batch *batch)
{
	struct secmmu_mm *smm = batch->smm;
	unsigned long va = batch->va;
	LIST_HEAD(spare);
	unsigned int missing;
	unsigned long seq;
	int ret, idx;

	spin_lock(&smm->lock);
	if (is_dead(batch)) {
		spin_unlock(&smm->lock);
		return 0;
	}
	if (secmmu_range_is_active(smm, va, va + 1)) {
		ret = refuse(batch);
		spin_unlock(&smm->lock);
		return ret;
	}
	if (refill(batch)) {
		spin_unlock(&smm->lock);
		return 0;
	}
	missing = secmmu_table_missing(smm, va);
	spin_unlock(&smm->lock);

	batch->nr = secmmu_make_room(smm->mm, batch->nr);
	ret = make_spare(missing, &spare);
	if (ret)
		goto free_spare;
	/*
	 * Only now: whoever has to reclaim for these takes pages from this mm,
	 * and each is a range that moves the sequence. That a range is active
	 * here again needs no look: if it ends, the sequence moves.
	 */
	spin_lock(&smm->lock);
	seq = smm->seq;
	spin_unlock(&smm->lock);
	ret = batch_lookup(batch, missing > 0);
	if (ret == -EINTR || ret == -EBUSY)
		ret = -EAGAIN;
	if (ret)
		goto free_spare;
	if (secmmu_enter(smm->dev, &idx)) {
		ret = batch_enter(batch, seq, &spare);
		/* What has an address for the device goes while it is there. */
		secmmu_table_free_list(smm->dev, &spare);
		secmmu_exit(smm->dev, idx);
	} else {
		ret = -ENODEV;
	}
	put_pages(batch->pages, batch->nr);
free_spare:
	secmmu_table_free_list(smm->dev, &spare);
	return ret;
}

/*
 * Rounds, until there is an outcome. -EAGAIN: there is none yet, and others shall
 * have their turn.
 */
static int serve_repeatedly(struct secmmu_batch *batch, u64 va, u64 end)
{
	unsigned int lookups = 0, nr;
	int ret;

	batch_init(batch, va, end);
	nr = batch->nr;
	do {
		ret = serve(batch);
		if (ret != -EAGAIN)
			break;
		/* The wider the net, the more often it is torn: halve it. */
		batch_init(batch, va, end);
		nr = max(nr / 2, 1u);
		batch->nr = nr;
		cond_resched();
	} while (++lookups < FAULT_LOOKUPS);
	return ret;
}

/**
 * secmmu_populate - enter some pages that no job has asked for
 * @batch: who wants them; smm, write, pages and dma are set.
 * @va: the first page's address.
 * @end: where the range ends that is wanted.
 *
 * In the process's own context. May sleep for long.
 * Return: 0 with batch->va and ->mapped telling what has been entered, maybe more
 * than the range (a huge page), maybe nothing (the address space is dead);
 * -EINPROGRESS a range is active there; -EAGAIN ranges come by too often;
 * -ENODEV the device is lost; -EFAULT, -ENOMEM, -EHWPOISON.
 */
int secmmu_populate(struct secmmu_batch *batch, unsigned long va,
		    unsigned long end)
{
	return serve_repeatedly(batch, va, end);
}

/* Serves the outstanding fault of a queue. True if the device shall go on. */
static bool serve_fault(struct secmmu_queue *queue)
{
	struct secmmu_mm *smm = queue->smm;
	struct mem_cgroup *memcg, *old;
	struct secmmu_batch batch;
	struct secmmu_event ev;
	u64 va;
	int ret;

	spin_lock_irq(&smm->dev->queue_lock);
	ev = queue->fault;
	spin_unlock_irq(&smm->dev->queue_lock);
	trace_secmmu_fault(&ev);
	spin_lock(&smm->lock);
	smm->stats.faults++;
	spin_unlock(&smm->lock);

	/* mm_users only while we look: held longer, the mm could not exit. */
	if (!mmget_not_zero(smm->mm)) {
		fail(queue, le32_to_cpu(ev.seq), -EFAULT);
		return false;
	}
	/*
	 * Page tables, ours and those that a lookup makes for the CPU, are for
	 * the process to pay.
	 */
	memcg = get_mem_cgroup_from_mm(smm->mm);
	old = set_active_memcg(memcg);
	va = le64_to_cpu(ev.va);
	batch = (struct secmmu_batch) {
		.smm = smm,
		.queue = queue,
		.event_seq = le32_to_cpu(ev.seq),
		.write = ev.flags & SECMMU_FAULT_WRITE,
		.pages = queue->pages,
		.dma = queue->dma,
	};
	/* What the job will still touch from there on. */
	ret = serve_repeatedly(&batch, va,
			       va + max_t(u64, le64_to_cpu(ev.extent), 1));
	set_active_memcg(old);
	mem_cgroup_put(memcg);

	if (ret == -EAGAIN) {
		spin_lock(&smm->lock);
		if (!queue->dead && !smm->dead)
			respond(queue, le32_to_cpu(ev.seq),
				SECMMU_RESPONSE_RETRY, 0);
		spin_unlock(&smm->lock);
	} else if (ret && ret != -ENODEV) {
		/* Of a device that was lost nobody expects an answer. */
		fail(queue, le32_to_cpu(ev.seq), ret);
	}
	/* If ours is the last, exit_mmap() runs elsewhere, not in here. */
	mmput_async(smm->mm);
	return !ret;
}

/*
 * Looks out for the queue's next fault, which saves it the interrupt and the wait
 * for a worker: longer where one came the last time, and seldom where none does.
 */
static bool next_fault(struct secmmu_queue *queue)
{
	struct secmmu_device *dev = queue->smm->dev;
	unsigned int looks = queue->looks;
	bool found;
	int idx;

	if (looks < POLL_MIN) {
		if (queue->unpolled++ % POLL_PROBE)
			return false;
		looks = POLL_MAX;
	}
	if (!secmmu_enter(dev, &idx))
		return false;
	found = secmmu_events_poll(dev, queue, looks);
	secmmu_exit(dev, idx);
	queue->looks = found ? POLL_MAX : looks / 2;
	return found;
}

/**
 * secmmu_fault_work - serve the outstanding fault of a queue
 * @work: queue->fault_work; owns a reference on the queue.
 */
void secmmu_fault_work(struct work_struct *work)
{
	struct secmmu_queue *queue = container_of(work, struct secmmu_queue,
						  fault_work);

	while (serve_fault(queue) && next_fault(queue))
		cond_resched();
	secmmu_queue_put(queue);
}
