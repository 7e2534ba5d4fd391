/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Serial, Parallel and G1, by HotSpot's own description of its structures (hotspot/vmstructs.h).
 * ZGC and Shenandoah are left alone: their free memory is not so easily told, and they give it back
 * to the kernel themselves.
 *
 * [top, end) holds nothing that matters when nobody is in the middle of something: a thread in Java
 * code moves top before it writes, a collection moves objects about while it lasts, and a thread
 * inside the JVM may write an object's header before it moves top.  Hence ckpt_heap_at_rest().
 */
#include "hotspot/heap.h"

#include "base/raw.h"
#include "hotspot/vmstructs.h"

#define MOST_SPACES 8
#define THREAD_IN_VM 6 /* JavaThreadState::_thread_in_vm, the same in every JDK */

static enum { UNKNOWN, SPACES, REGIONS } kind;

/* Where to read a space's or region's bounds. */
static int64_t bottom_at, top_at, end_at;

/* SPACES: each found by following offsets from an address. */
static struct path {
    char *const *root;
    int64_t offset[2];
} spaces[MOST_SPACES];
static int space_count;

/* Java threads: a list (from JDK 10 on) or a chain. */
static char *const *thread_list, *const *first_thread;
static int64_t threads_at, thread_count_at, next_thread_at, thread_state_at;
static int64_t collecting_at;

/* REGIONS */
static char *const *heap;
static int64_t table_at, base_at, length_at;

static int64_t offset_of(const char *const *types, const char *field)
{
    for (; *types; types++) {
        int64_t offset = ckpt_vm_offset(*types, field);

        if (offset >= 0)
            return offset;
    }
    return -1;
}

static bool find_bounds(const char *const *types)
{
    bottom_at = offset_of(types, "_bottom");
    top_at = offset_of(types, "_top");
    end_at = offset_of(types, "_end");
    return bottom_at >= 0 && top_at >= 0 && end_at >= 0;
}

static void add_space(char *const *root, int64_t generation, int64_t space)
{
    if (root && generation >= 0 && space >= 0 && space_count < MOST_SPACES)
        spaces[space_count++] = (struct path){.root = root, .offset = {generation, space}};
}

static bool init_serial(void)
{
    static const char *const bounds[] = {"ContiguousSpace", "Space", NULL};
    static const char *const heaps[] = {"SerialHeap", "GenCollectedHeap", NULL};
    char *const *collected = ckpt_vm_static("Universe", "_collectedHeap");
    int64_t young = offset_of(heaps, "_young_gen");
    int64_t old = offset_of(heaps, "_old_gen");

    if (!find_bounds(bounds))
        return false;
    add_space(collected, young, ckpt_vm_offset("DefNewGeneration", "_eden_space"));
    add_space(collected, young, ckpt_vm_offset("DefNewGeneration", "_from_space"));
    add_space(collected, young, ckpt_vm_offset("DefNewGeneration", "_to_space"));
    add_space(collected, old, ckpt_vm_offset("TenuredGeneration", "_the_space"));
    return space_count == 4;
}

static bool init_parallel(void)
{
    static const char *const bounds[] = {"MutableSpace", NULL};
    char *const *young = ckpt_vm_static("ParallelScavengeHeap", "_young_gen");
    char *const *old = ckpt_vm_static("ParallelScavengeHeap", "_old_gen");

    if (!find_bounds(bounds) || ckpt_vm_flag_is_set("UseNUMA"))
        return false;
    add_space(young, 0, ckpt_vm_offset("PSYoungGen", "_eden_space"));
    add_space(young, 0, ckpt_vm_offset("PSYoungGen", "_from_space"));
    add_space(young, 0, ckpt_vm_offset("PSYoungGen", "_to_space"));
    add_space(old, 0, ckpt_vm_offset("PSOldGen", "_object_space"));
    for (int i = 0; i < space_count; i++)
        spaces[i].offset[0] = -1; /* the generation is static, not a field of the heap */
    return space_count == 4;
}

static bool init_g1(void)
{
    static const char *const bounds[] = {"G1HeapRegion", "HeapRegion", NULL};
    static const char *const managers[] = {"G1HeapRegionManager", "HeapRegionManager", NULL};
    int64_t manager = ckpt_vm_offset("G1CollectedHeap", "_hrm");
    int64_t regions = offset_of(managers, "_regions");

    base_at = ckpt_vm_offset("G1HeapRegionTable", "_base");
    length_at = ckpt_vm_offset("G1HeapRegionTable", "_length");
    table_at = manager + regions;
    return find_bounds(bounds) && manager >= 0 && regions >= 0 && base_at >= 0 && length_at >= 0;
}

static bool init_threads(void)
{
    static const char *const names[] = {"_is_stw_gc_active", "_is_gc_active"};

    thread_list = ckpt_vm_static("ThreadsSMRSupport", "_java_thread_list");
    threads_at = ckpt_vm_offset("ThreadsList", "_threads");
    thread_count_at = ckpt_vm_offset("ThreadsList", "_length");
    first_thread = ckpt_vm_static("Threads", "_thread_list");
    next_thread_at = ckpt_vm_offset("JavaThread", "_next");
    thread_state_at = ckpt_vm_offset("JavaThread", "_thread_state");
    heap = ckpt_vm_static("Universe", "_collectedHeap");
    collecting_at = -1;
    for (int i = 0; i < 2 && collecting_at < 0; i++)
        collecting_at = ckpt_vm_offset("CollectedHeap", names[i]);
    return heap && collecting_at >= 0 && thread_state_at >= 0 &&
           ((thread_list && threads_at >= 0 && thread_count_at >= 0) ||
            (first_thread && next_thread_at >= 0));
}

void ckpt_heap_init(void)
{
    if (!init_threads())
        return;
    if (ckpt_vm_flag_is_set("UseG1GC"))
        kind = init_g1() ? REGIONS : UNKNOWN;
    else if (ckpt_vm_flag_is_set("UseParallelGC"))
        kind = init_parallel() ? SPACES : UNKNOWN;
    else if (ckpt_vm_flag_is_set("UseSerialGC"))
        kind = init_serial() ? SPACES : UNKNOWN;
}

#define word(pointer, offset) (*(uint64_t const *)((const char *)(pointer) + (offset)))

static bool is_inside(const char *thread)
{
    return *(const int *)(thread + thread_state_at) == THREAD_IN_VM;
}

bool ckpt_heap_is_known(void)
{
    return kind != UNKNOWN;
}

/* No other thread has this name; without it nothing is known. */
static bool vm_thread_waits(const struct ckpt_park *park)
{
    for (uint32_t i = 0; i < park->taken; i++)
        if (ckpt_raw_equal(park->slots[i].name, "VM Thread"))
            return ckpt_park_is_in_futex(&park->slots[i]);
    return false;
}

bool ckpt_heap_at_rest(const struct ckpt_park *park)
{
    if (kind == UNKNOWN || *(*heap + collecting_at) || !vm_thread_waits(park))
        return false;
    if (thread_list) {
        const char *list = *thread_list;
        char *const *threads = (char *const *)word(list, threads_at);
        uint32_t count = *(const uint32_t *)(list + thread_count_at);

        for (uint32_t i = 0; i < count; i++)
            if (is_inside(threads[i]))
                return false;
    } else {
        for (const char *thread = *first_thread; thread;
             thread = (const char *)word(thread, next_thread_at))
            if (is_inside(thread))
                return false;
    }
    return true;
}

static size_t add_free(const char *space, struct ckpt_range *ret, size_t count, size_t room)
{
    uint64_t bottom = word(space, bottom_at);
    uint64_t top = word(space, top_at);
    uint64_t end = word(space, end_at);
    size_t at = count;

    if (top < bottom || top >= end || count == room)
        return count;
    if (count && ret[count - 1].end == top) { /* a free region behind another */
        ret[count - 1].end = end;
        return count;
    }
    for (; at > 0 && ret[at - 1].start > top; at--)
        ret[at] = ret[at - 1];
    ret[at] = (struct ckpt_range){.start = top, .end = end};
    return count + 1;
}

size_t ckpt_heap_free(struct ckpt_range *ret, size_t room)
{
    size_t count = 0;

    if (kind == SPACES) {
        for (int i = 0; i < space_count; i++) {
            const char *at = *spaces[i].root;

            if (spaces[i].offset[0] >= 0)
                at = (const char *)word(at, spaces[i].offset[0]);
            count = add_free((const char *)word(at, spaces[i].offset[1]), ret, count, room);
        }
    } else if (kind == REGIONS) {
        const char *table = *heap + table_at;
        char *const *regions = (char *const *)word(table, base_at);
        uint64_t length = word(table, length_at);

        for (uint64_t i = 0; i < length; i++)
            if (regions[i])
                count = add_free(regions[i], ret, count, room);
    }
    return count;
}
