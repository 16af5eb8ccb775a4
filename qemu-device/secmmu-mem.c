/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - guest memory for the core, without the big lock.
 *
 * Lives here: the pieces of RAM in an address space and the way from an
 * address to a host pointer and back.
 * Not here: who accesses what (core/).
 *
 * An engine may not take the big lock: whoever holds it may be waiting for
 * that engine's window to close. So the pieces of RAM are kept in an array that
 * never changes; a change of the memory map (the guest switches bus mastering,
 * moves a BAR, plugs memory) makes a new array. The old one is freed by RCU;
 * beyond that, the core is drained, so that whoever took a piece away can
 * rely on it.
 *
 * Behind an IOMMU there are no lasting pieces, each access is translated. That
 * is work for the holder of the big lock: the IOMMU may raise an interrupt of
 * its own (an address that is not mapped) or change the memory map (it finds
 * that we need no translation). So an engine asks, in its window, and waits.
 * It is answered by a bottom half, or by whoever holds the big lock just now
 * and waits for that window to close, in secmmu_mem_serve(). No engine
 * may ask with a lock of the core held, see may_map() of SecmmuBusOps.
 */
#include "qemu/osdep.h"

#include "qemu/main-loop.h"
#include "qemu/rcu.h"
#include "secmmu-front.h"

/*
 * One piece. The cache stands for a reference to the memory region, and does
 * what has to follow a write: dirty bitmaps, translated code.
 */
typedef struct SecmmuWindow {
    uint64_t start;
    uint64_t size;
    uint8_t *host;
    bool writable;
    MemoryRegionCache cache;
} SecmmuWindow;

/**
 * SecmmuAsk: a translation that an engine waits for, on its stack.
 * @answered: @host and @later are valid; ask_lock.
 * @later: not in this window.
 */
struct SecmmuAsk {
    QSIMPLEQ_ENTRY(SecmmuAsk) next;
    uint64_t addr;
    size_t len;
    bool write;
    bool answered;
    bool later;
    void *host;
};

/*
 * The memory map is changing, of this device or another: who waits for
 * windows then must not translate, which might want to change it too. Big lock.
 */
static unsigned changing;

/* Sorted by start, without overlaps. */
struct SecmmuWindows {
    struct rcu_head rcu;
    bool iommu;
    unsigned nr;
    SecmmuWindow window[];
};

static void windows_free(SecmmuWindows *windows)
{
    for (unsigned i = 0; i < windows->nr; i++) {
        address_space_cache_destroy(&windows->window[i].cache);
    }
    g_free(windows);
}

static int by_start(const void *a, const void *b)
{
    const SecmmuWindow *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

static SecmmuWindows *windows_new(SecmmuMem *mem)
{
    SecmmuWindows *windows;

    windows = g_malloc0(sizeof(*windows) +
                        mem->sections->len * sizeof(windows->window[0]));
    windows->iommu = mem->iommus != 0;
    for (unsigned i = 0; i < mem->sections->len && !windows->iommu; i++) {
        MemoryRegionSection *section =
            &g_array_index(mem->sections, MemoryRegionSection, i);
        SecmmuWindow *window = &windows->window[windows->nr];
        int64_t len;

        window->start = section->offset_within_address_space;
        window->writable = secmmu_is_direct(section->mr, true) &&
                           !section->readonly;
        len = address_space_cache_init(&window->cache, mem->as, window->start,
                                       int128_get64(section->size),
                                       window->writable);
        if (len <= 0 || !window->cache.ptr) {
            address_space_cache_destroy(&window->cache);
            continue;
        }
        window->host = window->cache.ptr;
        window->size = len;
        windows->nr++;
    }
    qsort(windows->window, windows->nr, sizeof(windows->window[0]), by_start);
    return windows;
}

static void region_add(MemoryListener *listener, MemoryRegionSection *section)
{
    SecmmuMem *mem = container_of(listener, SecmmuMem, listener);

    if (memory_region_is_iommu(section->mr)) {
        mem->iommus++;
        mem->changed = true;
    } else if (secmmu_is_direct(section->mr, false)) {
        g_array_append_val(mem->sections, *section);
        mem->changed = true;
    }
}

static void region_del(MemoryListener *listener, MemoryRegionSection *section)
{
    SecmmuMem *mem = container_of(listener, SecmmuMem, listener);

    if (memory_region_is_iommu(section->mr)) {
        mem->iommus--;
        mem->changed = true;
        return;
    }
    for (unsigned i = 0; i < mem->sections->len; i++) {
        MemoryRegionSection *known =
            &g_array_index(mem->sections, MemoryRegionSection, i);

        if (known->mr == section->mr &&
            known->offset_within_address_space ==
            section->offset_within_address_space) {
            g_array_remove_index_fast(mem->sections, i);
            mem->changed = true;
            return;
        }
    }
}

static SecmmuAsk *take_ask(SecmmuMem *mem)
{
    SecmmuAsk *ask;

    qemu_mutex_lock(&mem->ask_lock);
    ask = QSIMPLEQ_FIRST(&mem->asks);
    if (ask) {
        QSIMPLEQ_REMOVE_HEAD(&mem->asks, next);
    }
    qemu_mutex_unlock(&mem->ask_lock);
    return ask;
}

static void answer(SecmmuMem *mem, SecmmuAsk *ask, void *host, bool later)
{
    qemu_mutex_lock(&mem->ask_lock);
    ask->host = host;
    ask->later = later;
    ask->answered = true;
    qemu_cond_broadcast(&mem->ask_cond);
    qemu_mutex_unlock(&mem->ask_lock);
}

/* All windows that are open close; those that ask go on in another one. */
static void drain(SecmmuMem *mem)
{
    changing++;
    secmmu_core_drain(mem->core);
    changing--;
}

static void commit(MemoryListener *listener)
{
    SecmmuMem *mem = container_of(listener, SecmmuMem, listener);
    SecmmuWindows *old = mem->windows;

    if (!mem->changed) {
        return;
    }
    mem->changed = false;
    qatomic_rcu_set(&mem->windows, windows_new(mem));
    if (old) {
        /*
         * Our own question has made the IOMMU get out of the way, see
         * map_translated(). No memory is lost by that; and we may have asked
         * with a lock of the core that engines are waiting for.
         */
        if (!mem->translating) {
            drain(mem);
        }
        call_rcu(old, windows_free, rcu);
    }
}

static SecmmuWindow *find(SecmmuWindows *windows, uint64_t addr, size_t len)
{
    unsigned low = 0, high = windows->nr;

    while (low < high) {
        unsigned mid = (low + high) / 2;
        SecmmuWindow *window = &windows->window[mid];

        if (addr < window->start) {
            high = mid;
        } else if (addr - window->start >= window->size) {
            low = mid + 1;
        } else {
            return len <= window->size - (addr - window->start) ? window :
                                                                  NULL;
        }
    }
    return NULL;
}

/*
 * Through the IOMMU. It may find that it has nothing to translate for us, and
 * change the memory map so that we do not ask any more; it does so in two
 * steps, with no memory in between. @translating keeps engines from
 * taking that for the truth.
 */
static IOMMUTLBEntry translate(SecmmuMem *mem, uint64_t addr, bool write)
{
    IOMMUTLBEntry entry;

    qatomic_set(&mem->translating, true);
    /* Before the map changes, if it does; and after it has. */
    smp_mb();
    entry = address_space_get_iotlb_entry(mem->as, addr, write,
                                          MEMTXATTRS_UNSPECIFIED);
    qatomic_store_release(&mem->translating, false);
    return entry;
}

/*
 * Through the IOMMU. Its pages may be smaller than what is asked for, which is
 * fine as long as they lie side by side in one region. The reference is given
 * back by address_space_unmap(). Big lock, RCU.
 */
static void *map_translated(SecmmuMem *mem, uint64_t addr, size_t len,
                            bool write)
{
    MemoryRegion *first = NULL;
    hwaddr start = 0;
    size_t done = 0;

    while (done < len) {
        IOMMUTLBEntry entry = translate(mem, addr + done, write);
        hwaddr offset = (addr + done) & entry.addr_mask;
        hwaddr piece = MIN(len - done, entry.addr_mask + 1 - offset);
        MemoryRegionSection section;
        bool good;

        if (!entry.target_as || entry.perm == IOMMU_NONE) {
            break;
        }
        section = memory_region_find(entry.target_as->root,
                                     entry.translated_addr + offset, piece);
        if (!section.mr) {
            break;
        }
        good = secmmu_is_direct(section.mr, write) &&
               !(write && section.readonly) &&
               int128_get64(section.size) == piece &&
               (!first ||
                (section.mr == first &&
                 section.offset_within_region == start + done));
        if (good && !first) {
            first = section.mr;
            start = section.offset_within_region;
        } else {
            memory_region_unref(section.mr);
        }
        if (!good) {
            break;
        }
        done += piece;
    }
    if (done < len) {
        if (first) {
            memory_region_unref(first);
        }
        return NULL;
    }
    return (uint8_t *)memory_region_get_ram_ptr(first) + start;
}

void secmmu_mem_serve(SecmmuMem *mem)
{
    SecmmuAsk *ask;

    /* No engine is left that could ask: only the core still winds up. */
    if (!mem->ask_bh) {
        return;
    }
    RCU_READ_LOCK_GUARD();
    while ((ask = take_ask(mem)) != NULL) {
        if (changing) {
            answer(mem, ask, NULL, true);
        } else {
            answer(mem, ask, map_translated(mem, ask->addr, ask->len,
                                            ask->write), false);
        }
    }
}

static void ask_bh(void *opaque)
{
    secmmu_mem_serve(opaque);
}

/* Called by an engine: without the big lock, without RCU. */
static void *ask(SecmmuMem *mem, uint64_t addr, size_t len, bool write,
                 void **cookie)
{
    SecmmuAsk ask = { .addr = addr, .len = len, .write = write };

    qemu_mutex_lock(&mem->ask_lock);
    QSIMPLEQ_INSERT_TAIL(&mem->asks, &ask, next);
    qemu_bh_schedule(mem->ask_bh);
    while (!ask.answered) {
        qemu_cond_wait(&mem->ask_cond, &mem->ask_lock);
    }
    qemu_mutex_unlock(&mem->ask_lock);
    *cookie = ask.later ? SECMMU_MAP_LATER : NULL;
    return ask.host;
}

void secmmu_mem_init(SecmmuMem *mem, AddressSpace *as, SecmmuCore *core)
{
    mem->as = as;
    mem->core = core;
    mem->windows = NULL;
    mem->sections = g_array_new(false, false, sizeof(MemoryRegionSection));
    mem->iommus = 0;
    mem->changed = true;
    qemu_mutex_init(&mem->ask_lock);
    qemu_cond_init(&mem->ask_cond);
    QSIMPLEQ_INIT(&mem->asks);
    mem->translating = false;
    mem->ask_bh = qemu_bh_new(ask_bh, mem);
    mem->listener = (MemoryListener) {
        .name = TYPE_SECMMU,
        .region_add = region_add,
        .region_del = region_del,
        .commit = commit,
    };
    memory_listener_register(&mem->listener, as);
}

void secmmu_mem_fini(SecmmuMem *mem)
{
    SecmmuWindows *old;

    memory_listener_unregister(&mem->listener);
    /* Unregistering tells of every region's end only in some versions. */
    old = mem->windows;
    qatomic_rcu_set(&mem->windows, NULL);
    if (old) {
        drain(mem);
        call_rcu(old, windows_free, rcu);
    }
    g_array_free(mem->sections, true);
    mem->sections = NULL;
    qemu_bh_delete(mem->ask_bh);
    mem->ask_bh = NULL;
    qemu_cond_destroy(&mem->ask_cond);
    qemu_mutex_destroy(&mem->ask_lock);
}

/* Was @windows, which we have just read, only one step to others? RCU. */
static bool in_between(SecmmuMem *mem, SecmmuWindows *windows)
{
    smp_rmb();
    return qatomic_load_acquire(&mem->translating) ||
           qatomic_read(&mem->windows) != windows;
}

bool secmmu_mem_may_map(SecmmuMem *mem)
{
    SecmmuWindows *windows;

    RCU_READ_LOCK_GUARD();
    windows = qatomic_rcu_read(&mem->windows);
    return !windows || secmmu_big_lock_held() ||
           (!windows->iommu && !in_between(mem, windows));
}

void *secmmu_mem_map(SecmmuMem *mem, uint64_t addr, size_t len, bool write,
                     void **cookie)
{
    SecmmuWindows *windows;
    SecmmuWindow *window;
    void *host = NULL;

    *cookie = NULL;
    /* Until unmap: that keeps the array, and what it points to. */
    rcu_read_lock();
    windows = qatomic_rcu_read(&mem->windows);
    if (!len || !windows) {
        host = NULL;
    } else if (windows->iommu && secmmu_big_lock_held()) {
        host = map_translated(mem, addr, len, write);
    } else if (windows->iommu) {
        rcu_read_unlock();
        host = ask(mem, addr, len, write, cookie);
        rcu_read_lock();
    } else {
        window = find(windows, addr, len);
        if (window && (window->writable || !write)) {
            host = window->host + (addr - window->start);
            *cookie = window;
        } else if (in_between(mem, windows)) {
            *cookie = SECMMU_MAP_LATER;
        }
    }
    if (!host) {
        rcu_read_unlock();
    }
    return host;
}

void secmmu_mem_unmap(SecmmuMem *mem, void *host, uint64_t addr, size_t len,
                      bool write, void *cookie)
{
    SecmmuWindow *window = cookie;

    if (!window) {
        address_space_unmap(mem->as, host, len, write, len);
    } else if (write) {
        address_space_cache_invalidate(&window->cache, addr - window->start,
                                       len);
    }
    rcu_read_unlock();
}
