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
 * Behind an IOMMU there are no lasting pieces, each access is translated.
 */
#include "qemu/osdep.h"

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
        secmmu_core_drain(mem->core);
        call_rcu(old, windows_free, rcu);
    }
}

void secmmu_mem_init(SecmmuMem *mem, AddressSpace *as, SecmmuCore *core)
{
    mem->as = as;
    mem->core = core;
    mem->windows = NULL;
    mem->sections = g_array_new(false, false, sizeof(MemoryRegionSection));
    mem->iommus = 0;
    mem->changed = true;
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
        secmmu_core_drain(mem->core);
        call_rcu(old, windows_free, rcu);
    }
    g_array_free(mem->sections, true);
    mem->sections = NULL;
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
 * Through the IOMMU. Its pages may be smaller than what is asked for, which is
 * fine as long as they lie side by side in one region. The reference is given
 * back by address_space_unmap().
 */
static void *map_translated(AddressSpace *as, uint64_t addr, size_t len,
                            bool write)
{
    MemoryRegion *first = NULL;
    hwaddr start = 0;
    size_t done = 0;

    while (done < len) {
        hwaddr piece = len - done;
        hwaddr xlat;
        MemoryRegion *mr;

        mr = address_space_translate(as, addr + done, &xlat, &piece, write,
                                     MEMTXATTRS_UNSPECIFIED);
        if (!piece || !secmmu_is_direct(mr, write)) {
            return NULL;
        }
        if (!first) {
            first = mr;
            start = xlat;
        } else if (mr != first || xlat != start + done) {
            return NULL;
        }
        done += piece;
    }
    memory_region_ref(first);
    return (uint8_t *)memory_region_get_ram_ptr(first) + start;
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
    } else if (windows->iommu) {
        host = map_translated(mem->as, addr, len, write);
    } else {
        window = find(windows, addr, len);
        if (window && (window->writable || !write)) {
            host = window->host + (addr - window->start);
            *cookie = window;
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
