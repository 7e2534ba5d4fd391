/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Serial, Parallel and G1, by HotSpot's own description of its structures (probe/vmstructs.h).  ZGC and
 * Shenandoah are left alone: their free memory is not so easily told, and they give it back to the
 * kernel themselves.
 *
 * Why only inside a collection: outside, a thread may have written the header of an object that lies
 * above a region's top until it is published (G1's humongous objects), and that must not be lost.
 */
#include "agent/heap.h"

#include "probe/vmstructs.h"

#define MOST_SPACES 8

static enum { UNKNOWN, SPACES, REGIONS } kind;

/* Where to read a space's or region's bounds. */
static int64_t bottom_at, top_at, end_at;

/* SPACES: each found by following offsets from an address. */
static struct path {
    char *const *root;
    int64_t offset[2];
} spaces[MOST_SPACES];
static int space_count;

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

    heap = ckpt_vm_static("Universe", "_collectedHeap");
    base_at = ckpt_vm_offset("G1HeapRegionTable", "_base");
    length_at = ckpt_vm_offset("G1HeapRegionTable", "_length");
    table_at = manager + regions;
    return find_bounds(bounds) && heap && manager >= 0 && regions >= 0 && base_at >= 0 &&
           length_at >= 0;
}

void ckpt_heap_init(void)
{
    if (ckpt_vm_flag_is_set("UseG1GC"))
        kind = init_g1() ? REGIONS : UNKNOWN;
    else if (ckpt_vm_flag_is_set("UseParallelGC"))
        kind = init_parallel() ? SPACES : UNKNOWN;
    else if (ckpt_vm_flag_is_set("UseSerialGC"))
        kind = init_serial() ? SPACES : UNKNOWN;
}

bool ckpt_heap_is_known(void)
{
    return kind != UNKNOWN;
}

#define word(pointer, offset) (*(uint64_t const *)((const char *)(pointer) + (offset)))

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
