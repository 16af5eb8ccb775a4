// SPDX-License-Identifier: GPL-2.0-only
/*
 * The secondary page table: memory that the device walks, 4 levels of 512
 * entries (docs/hardware.md). Lives here: tables made, linked, walked, zapped
 * and aged. Not here: when that may be done (mm.c, fault.c), and telling the
 * device (shootdown.c).
 *
 * The device sets A and D in a leaf with an atomic operation of its own, so
 * every leaf that it may see is changed atomically here too. Everything that
 * takes a secmmu_mm needs smm->lock, except where it says otherwise.
 */
#include <linux/dma-mapping.h>
#include <linux/slab.h>

#include "secmmu.h"

/*
 * With an IOMMU a zapped leaf keeps its address until the device has dropped
 * the translation; only then the IOMMU's own mapping may go. There is no
 * other place for the address: a notifier cannot allocate.
 */
#define SPTE_ZAPPED	BIT_ULL(8)

static u64 spte_read(const struct secmmu_table *table, unsigned int idx)
{
	return le64_to_cpu(READ_ONCE(table->spte[idx]));
}

static u64 spte_xchg(struct secmmu_table *table, unsigned int idx, u64 val)
{
	return le64_to_cpu(xchg(&table->spte[idx], cpu_to_le64(val)));
}

static unsigned int spte_index(unsigned long va, int level)
{
	return (va >> SECMMU_LEVEL_SHIFT(level)) & (SECMMU_TABLE_ENTRIES - 1);
}

/* End of what the entry for @va covers at @level, or @end if that is nearer. */
static unsigned long spte_end(unsigned long va, int level, unsigned long end)
{
	unsigned long size = 1ul << SECMMU_LEVEL_SHIFT(level);

	return min((va & ~(size - 1)) + size, end);
}

static bool spte_is_table(u64 spte, int level)
{
	return level > 0 && (spte & SECMMU_SPTE_V) &&
	       !(spte & SECMMU_SPTE_LEAF);
}

/**
 * secmmu_table_alloc - make an empty table page
 * @level: 3 (root) to 0.
 *
 * May sleep. The page is charged to the active memory cgroup. The device cannot
 * read it before secmmu_table_dma().
 * Return: the table, or NULL.
 */
struct secmmu_table *secmmu_table_alloc(int level)
{
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO;
	struct secmmu_table *table;
	struct page *page;

	table = kzalloc(sizeof(*table), GFP_KERNEL_ACCOUNT);
	page = alloc_page(gfp);
	if (!table || !page)
		goto err;
	if (level > 0) {
		table->child = (void *)__get_free_page(gfp);
		if (!table->child)
			goto err;
	}
	table->spte = page_address(page);
	table->dma = DMA_MAPPING_ERROR;
	INIT_LIST_HEAD(&table->link);
	return table;

err:
	if (table)
		free_page((unsigned long)table->child);
	if (page)
		__free_page(page);
	kfree(table);
	return NULL;
}

/**
 * secmmu_table_dma - give a table an address for the device
 * @dev: who will read it, inside secmmu_enter().
 * @table: the table.
 *
 * Return: 0 or -ENOMEM.
 */
int secmmu_table_dma(struct secmmu_device *dev, struct secmmu_table *table)
{
	struct device *dma_dev = &dev->pdev->dev;

	table->dma = dma_map_page(dma_dev, virt_to_page(table->spte), 0,
				  PAGE_SIZE, DMA_BIDIRECTIONAL);
	return dma_mapping_error(dma_dev, table->dma) ? -ENOMEM : 0;
}

static void table_free(struct secmmu_device *dev, struct secmmu_table *table)
{
	if (table->dma != DMA_MAPPING_ERROR)
		dma_unmap_page(&dev->pdev->dev, table->dma, PAGE_SIZE,
			       DMA_BIDIRECTIONAL);
	free_page((unsigned long)table->child);
	free_page((unsigned long)table->spte);
	kfree(table);
}

/**
 * secmmu_table_free_list - free tables that the device can no longer reach
 * @dev: the device.
 * @list: tables, by @link.
 *
 * Never sleeps, takes no lock of ours. Inside secmmu_enter() if the device has an
 * address of any.
 */
void secmmu_table_free_list(struct secmmu_device *dev, struct list_head *list)
{
	struct secmmu_table *table, *next;

	list_for_each_entry_safe(table, next, list, link)
		table_free(dev, table);
	INIT_LIST_HEAD(list);
}

static void table_destroy(struct secmmu_device *dev,
			  struct secmmu_table *table, int level)
{
	unsigned int idx;

	for (idx = 0; table->live && idx < SECMMU_TABLE_ENTRIES; idx++) {
		u64 spte = spte_read(table, idx);

		if (spte_is_table(spte, level))
			table_destroy(dev, table->child[idx], level - 1);
		else if (spte && dev->translated)
			dma_unmap_page(&dev->pdev->dev,
				       spte & SECMMU_SPTE_ADDR,
				       1ul << SECMMU_LEVEL_SHIFT(level),
				       DMA_BIDIRECTIONAL);
	}
	if (level > 0)
		cond_resched();
	table_free(dev, table);
}

/**
 * secmmu_table_destroy - free a whole table
 * @dev: the device, which must not be able to reach it any more.
 * @root: its root, no longer in any secmmu_mm.
 *
 * May sleep. The binding must last meanwhile: dev->mutex is held, or the caller
 * is between secmmu_hold() and secmmu_unhold().
 */
void secmmu_table_destroy(struct secmmu_device *dev, struct secmmu_table *root)
{
	table_destroy(dev, root, SECMMU_LEVELS - 1);
}

/**
 * secmmu_table_missing - tables to be made before @va can be mapped
 * @smm: the address space.
 * @va: an address.
 *
 * Return: how many of the three levels below the root are not there.
 */
unsigned int secmmu_table_missing(struct secmmu_mm *smm, unsigned long va)
{
	struct secmmu_table *table = smm->root;
	int level;

	for (level = SECMMU_LEVELS - 1; level > 0; level--) {
		unsigned int idx = spte_index(va, level);

		if (!spte_is_table(spte_read(table, idx), level))
			return level;
		table = table->child[idx];
	}
	return 0;
}

/**
 * secmmu_table_leaf - the valid leaf for an address
 * @smm: the address space.
 * @va: an address.
 * @level: of the leaf; without one, of the entry where the walk ended.
 *
 * Return: the leaf without software's bits, or 0.
 */
u64 secmmu_table_leaf(struct secmmu_mm *smm, unsigned long va, int *level)
{
	struct secmmu_table *table = smm->root;
	u64 spte;

	for (*level = SECMMU_LEVELS - 1; ; --*level) {
		unsigned int idx = spte_index(va, *level);

		spte = spte_read(table, idx);
		if (!spte_is_table(spte, *level))
			break;
		table = table->child[idx];
	}
	return spte & SECMMU_SPTE_V ? spte & ~SECMMU_SPTE_SW : 0;
}

/**
 * secmmu_table_run - how far do leaves reach without a gap?
 * @smm: the address space.
 * @va: where to begin, page aligned.
 * @end: where to stop looking.
 * @write: only those with W count.
 *
 * Return: the first page without one, at most @end.
 */
unsigned long secmmu_table_run(struct secmmu_mm *smm, unsigned long va,
			       unsigned long end, bool write)
{
	int level;
	u64 spte;

	while (va < end) {
		spte = secmmu_table_leaf(smm, va, &level);
		if (!spte || (write && !(spte & SECMMU_SPTE_W)))
			break;
		va = spte_end(va, level, end);
	}
	return va;
}

/**
 * secmmu_table_touch - set A in the leaf for an address, if there is one
 * @smm: the address space, in soft-TLB mode: nobody else sets A.
 * @va: an address.
 */
void secmmu_table_touch(struct secmmu_mm *smm, unsigned long va)
{
	struct secmmu_table *table = smm->root;
	int level;

	for (level = SECMMU_LEVELS - 1; ; level--) {
		unsigned int idx = spte_index(va, level);
		u64 spte = spte_read(table, idx);

		if (spte_is_table(spte, level)) {
			table = table->child[idx];
			continue;
		}
		if (spte & SECMMU_SPTE_V)
			spte_xchg(table, idx, spte | SECMMU_SPTE_A);
		return;
	}
}

/*
 * The table of @level for @va. Takes missing ones from @spare; NULL when that
 * runs out, or when a 2 MiB leaf stands in the way.
 */
static struct secmmu_table *table_get(struct secmmu_mm *smm, unsigned long va,
				      int level, struct list_head *spare)
{
	struct secmmu_table *table = smm->root, *child;
	int l;

	for (l = SECMMU_LEVELS - 1; l > level; l--) {
		unsigned int idx = spte_index(va, l);
		u64 spte = spte_read(table, idx);

		if (spte_is_table(spte, l)) {
			table = table->child[idx];
			continue;
		}
		if (spte)
			return NULL;
		/* All spare tables are alike but for level 0's missing child */
		list_for_each_entry(child, spare, link)
			if (l > 1 ? !!child->child : !child->child)
				break;
		if (list_entry_is_head(child, spare, link))
			return NULL;
		list_del_init(&child->link);
		table->child[idx] = child;
		table->live++;
		smm->stats.table_bytes += PAGE_SIZE;
		/* The device may walk in here at any time: entries first. */
		dma_wmb();
		spte_xchg(table, idx, child->dma | SECMMU_SPTE_V);
		table = child;
	}
	return table;
}

/* In soft-TLB mode nobody sets A and D later: a drop-in comes with them. */
static u64 leaf_bits(const struct secmmu_mm *smm, bool write)
{
	u64 bits = write ? SECMMU_SPTE_W : 0;

	if (smm->mode == SECMMU_MODE_SOFT)
		bits |= SECMMU_SPTE_A | (write ? SECMMU_SPTE_D : 0);
	return bits;
}

/* Enters one leaf. True if it is (now) there with the asked permission. */
static bool leaf_map(struct secmmu_mm *smm, struct secmmu_table *table,
		     unsigned int idx, dma_addr_t dma, bool write, bool *fresh)
{
	u64 spte = spte_read(table, idx);
	u64 val = dma | SECMMU_SPTE_V | SECMMU_SPTE_LEAF |
		  leaf_bits(smm, write);

	*fresh = false;
	if (!spte) {
		spte_xchg(table, idx, val);
		table->live++;
		*fresh = true;
		return true;
	}
	/* Another fault was faster: give it W where it only has R. */
	while ((spte & SECMMU_SPTE_V) && write && !(spte & SECMMU_SPTE_W)) {
		u64 old = le64_to_cpu(cmpxchg(&table->spte[idx],
					      cpu_to_le64(spte),
					      cpu_to_le64(spte |
							  leaf_bits(smm, true))));
		if (old == spte)
			return true;
		spte = old;
	}
	return spte & SECMMU_SPTE_V;
}

/**
 * secmmu_table_map - enter 4 KiB pages
 * @smm: the address space.
 * @va: address of the first, page aligned.
 * @dma: their DMA addresses; all pages lie within one 2 MiB region.
 * @nr: how many.
 * @write: with W.
 * @spare: tables to take where one is missing.
 *
 * Where a leaf is there already, it stays, and gains W if asked. Its DMA
 * address was looked up under the same sequence, so it names the same page;
 * with an IOMMU the caller's mapping is then one too many, and dma_unmap'ed
 * here.
 *
 * Return: pages that are mapped now, from the first on.
 */
unsigned int secmmu_table_map(struct secmmu_mm *smm, unsigned long va,
			      const dma_addr_t *dma, unsigned int nr,
			      bool write, struct list_head *spare)
{
	struct secmmu_table *table = table_get(smm, va, 0, spare);
	unsigned int idx = spte_index(va, 0), i;
	bool fresh;

	if (!table)
		return 0;
	/* What the kernel has written to the pages, before they are found. */
	dma_wmb();
	for (i = 0; i < nr; i++) {
		if (!leaf_map(smm, table, idx + i, dma[i], write, &fresh))
			break;
		if (fresh) {
			smm->stats.pages_mapped++;
			smm->stats.pages_resident++;
		} else if (smm->dev->translated) {
			dma_unmap_page(&smm->dev->pdev->dev, dma[i], PAGE_SIZE,
				       DMA_BIDIRECTIONAL);
		}
	}
	return i;
}

/**
 * secmmu_table_map_huge - enter one 2 MiB page
 * @smm: the address space.
 * @va: its address, 2 MiB aligned.
 * @dma: its DMA address, 2 MiB aligned.
 * @write: with W.
 * @spare: tables to take where one is missing.
 *
 * Return: false if a table of 4 KiB pages is there already. It stays: taking
 * it away would need a shootdown, which a fault does not do.
 */
bool secmmu_table_map_huge(struct secmmu_mm *smm, unsigned long va,
			   dma_addr_t dma, bool write,
			   struct list_head *spare)
{
	struct secmmu_table *table = table_get(smm, va, 1, spare);
	unsigned int idx = spte_index(va, 1);
	bool fresh;

	if (!table || spte_is_table(spte_read(table, idx), 1))
		return false;
	dma_wmb();	/* as in secmmu_table_map() */
	if (!leaf_map(smm, table, idx, dma, write, &fresh))
		return false;
	if (fresh) {
		smm->stats.huge_mapped++;
		smm->stats.pages_mapped += SECMMU_HUGE_PAGES;
		smm->stats.pages_resident += SECMMU_HUGE_PAGES;
	} else if (smm->dev->translated) {
		dma_unmap_page(&smm->dev->pdev->dev, dma, SECMMU_HUGE_SIZE,
			       DMA_BIDIRECTIONAL);
	}
	return true;
}

static void leaf_zap(struct secmmu_mm *smm, struct secmmu_table *table,
		     unsigned int idx, int level, struct secmmu_zap *zap)
{
	unsigned long pages = level ? SECMMU_HUGE_PAGES : 1;
	u64 spte = spte_read(table, idx);

	if (!(spte & SECMMU_SPTE_V))
		return;		/* zapped by another range, not given back */
	if (smm->dev->translated) {
		spte_xchg(table, idx, (spte & (SECMMU_SPTE_ADDR |
					       SECMMU_SPTE_LEAF)) |
				      SPTE_ZAPPED);
	} else {
		spte_xchg(table, idx, 0);
		table->live--;
	}
	zap->zapped++;
	smm->stats.pages_zapped += pages;
	smm->stats.pages_resident -= pages;
}

static void unlink_child(struct secmmu_mm *smm, struct secmmu_table *table,
			 unsigned int idx, struct secmmu_zap *zap)
{
	list_add(&table->child[idx]->link, &zap->reap);
	spte_xchg(table, idx, 0);
	table->child[idx] = NULL;
	table->live--;
	smm->stats.table_bytes -= PAGE_SIZE;
}

/*
 * All leaves of a table at once, by taking the table out. Not with an IOMMU,
 * where each has something to be given back later.
 */
static bool zap_whole_child(struct secmmu_mm *smm, struct secmmu_table *table,
			    unsigned int idx, int level,
			    struct secmmu_zap *zap)
{
	unsigned int pages = table->child[idx]->live;

	if (level != 1 || smm->dev->translated)
		return false;
	zap->zapped += pages;
	smm->stats.pages_zapped += pages;
	smm->stats.pages_resident -= pages;
	unlink_child(smm, table, idx, zap);
	return true;
}

static unsigned long table_zap(struct secmmu_mm *smm,
			       struct secmmu_table *table, int level,
			       unsigned long start, unsigned long end,
			       struct secmmu_zap *zap)
{
	unsigned long va, next;

	for (va = start; va < end; va = next) {
		unsigned int idx = spte_index(va, level);
		u64 spte = spte_read(table, idx);

		next = spte_end(va, level, end);
		if (!spte)
			continue;
		if (spte_is_table(spte, level)) {
			if (next - va == 1ul << SECMMU_LEVEL_SHIFT(level) &&
			    zap_whole_child(smm, table, idx, level, zap)) {
				zap->budget--;
				continue;
			}
			next = table_zap(smm, table->child[idx], level - 1, va,
					 next, zap);
			if (!table->child[idx]->live)
				unlink_child(smm, table, idx, zap);
			if (zap->budget <= 0)
				return next;
		} else {
			/* A 2 MiB leaf goes whole, however little was hit. */
			leaf_zap(smm, table, idx, level, zap);
			zap->budget--;
		}
	}
	return end;
}

/**
 * secmmu_table_zap - take the leaves of a range out
 * @smm: the address space.
 * @start: first address.
 * @end: first address past the range, at most 2^48.
 * @zap: counts, budget, and where unlinked tables go.
 *
 * The device may go on using what is zapped, and the tables in @zap->reap,
 * until a shootdown of the range has completed.
 *
 * Return: @end, or the address to go on from when the budget was used up.
 */
unsigned long secmmu_table_zap(struct secmmu_mm *smm, unsigned long start,
			       unsigned long end, struct secmmu_zap *zap)
{
	return table_zap(smm, smm->root, SECMMU_LEVELS - 1, start, end, zap);
}

static void table_release_dma(struct secmmu_mm *smm,
			      struct secmmu_table *table, int level,
			      unsigned long start, unsigned long end)
{
	unsigned long va, next;

	for (va = start; va < end; va = next) {
		unsigned int idx = spte_index(va, level);
		u64 spte = spte_read(table, idx);

		next = spte_end(va, level, end);
		if (spte_is_table(spte, level)) {
			table_release_dma(smm, table->child[idx], level - 1,
					  va, next);
		} else if (spte & SPTE_ZAPPED) {
			dma_unmap_page(&smm->dev->pdev->dev,
				       spte & SECMMU_SPTE_ADDR,
				       1ul << SECMMU_LEVEL_SHIFT(level),
				       DMA_BIDIRECTIONAL);
			spte_xchg(table, idx, 0);
			table->live--;
		}
	}
}

/**
 * secmmu_table_release_dma - give back the IOMMU mappings of zapped leaves
 * @smm: the address space.
 * @start: first address.
 * @end: first address past the range.
 *
 * Only after a shootdown of the range has completed, and only needed with
 * dev->translated. A table that this leaves empty stays until the next zap.
 */
void secmmu_table_release_dma(struct secmmu_mm *smm, unsigned long start,
			      unsigned long end)
{
	table_release_dma(smm, smm->root, SECMMU_LEVELS - 1, start, end);
}

static unsigned long table_age(struct secmmu_table *table, int level,
			       unsigned long start, unsigned long end,
			       bool clear)
{
	unsigned long va, next, young = 0;

	for (va = start; va < end; va = next) {
		unsigned int idx = spte_index(va, level);
		u64 spte = spte_read(table, idx);

		next = spte_end(va, level, end);
		if (spte_is_table(spte, level)) {
			young += table_age(table->child[idx], level - 1, va,
					   next, clear);
			continue;
		}
		if (!(spte & SECMMU_SPTE_V) || !(spte & SECMMU_SPTE_A))
			continue;
		young++;
		/* The device only ever sets bits in a valid leaf. */
		while (clear) {
			u64 old = le64_to_cpu(cmpxchg(&table->spte[idx],
						      cpu_to_le64(spte),
						      cpu_to_le64(spte &
							~SECMMU_SPTE_A)));
			if (old == spte)
				break;
			spte = old;
		}
	}
	return young;
}

/**
 * secmmu_table_age - count, and clear, the A bits of a range
 * @smm: the address space.
 * @start: first address.
 * @end: first address past the range.
 * @clear: clear them. The TLB may still hold translations made before, and
 *	does not set A again through those.
 *
 * Return: leaves that had A.
 */
unsigned long secmmu_table_age(struct secmmu_mm *smm, unsigned long start,
			       unsigned long end, bool clear)
{
	return table_age(smm->root, SECMMU_LEVELS - 1, start, end, clear);
}
