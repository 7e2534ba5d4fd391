/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See heap.h. Supports Serial, Parallel and G1, by HotSpot's own description of its structures
 * (vmstructs.h). A row of each table is for one collector. ZGC and Shenandoah are not supported:
 * their free memory is hard to find, and they return it to the kernel themselves.
 */
#include "hotspot/heap.h"

#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "hotspot/parked/free_heap.h"
#include "hotspot/parked/java_threads.h"
#include "hotspot/vmstructs.h"

#define NAMES 3

static const char serial[] = "UseSerialGC", parallel[] = "UseParallelGC", g1[] = "UseG1GC";

/*
 * The types whose fields are the bounds of a space or region; the names depend on collector and
 * JDK.
 */
static const struct bounds {
    const char *flag;
    const char *types[NAMES];
} bounds[] = {
    {serial, {"ContiguousSpace", "Space"}},
    {parallel, {"MutableSpace"}},
    {g1, {"G1HeapRegion", "HeapRegion"}},
};

/*
 * The spaces of a heap without regions. The generation is in an instance field or a static field of
 * the heap's type.
 */
static const struct space {
    const char *flag;
    const char *heaps[NAMES], *generation; /* the heap types whose field `generation` is searched */
    /* the type of the generation and its field with the space */
    const char *type, *field;
} spaces[] = {
    {serial, {"SerialHeap", "GenCollectedHeap"}, "_young_gen", "DefNewGeneration", "_eden_space"},
    {serial, {"SerialHeap", "GenCollectedHeap"}, "_young_gen", "DefNewGeneration", "_from_space"},
    {serial, {"SerialHeap", "GenCollectedHeap"}, "_young_gen", "DefNewGeneration", "_to_space"},
    {serial, {"SerialHeap", "GenCollectedHeap"}, "_old_gen", "TenuredGeneration", "_the_space"},
    {parallel, {"ParallelScavengeHeap"}, "_young_gen", "PSYoungGen", "_eden_space"},
    {parallel, {"ParallelScavengeHeap"}, "_young_gen", "PSYoungGen", "_from_space"},
    {parallel, {"ParallelScavengeHeap"}, "_young_gen", "PSYoungGen", "_to_space"},
    {parallel, {"ParallelScavengeHeap"}, "_old_gen", "PSOldGen", "_object_space"},
};

static bool find_bounds(void)
{
    for (size_t i = 0; i < CKPT_COUNT(bounds); i++) {
        const char *const *types = bounds[i].types;
        const struct ckpt_vm_row rows[] = {
            {.offset = &ckpt_heap.bottom_at,
             .names = {{types[0], "_bottom"}, {types[1], "_bottom"}}},
            {.offset = &ckpt_heap.top_at, .names = {{types[0], "_top"}, {types[1], "_top"}}},
            {.offset = &ckpt_heap.end_at, .names = {{types[0], "_end"}, {types[1], "_end"}}},
        };

        if (ckpt_vm_flag_is_set(bounds[i].flag))
            return ckpt_vm_look_up(rows, CKPT_COUNT(rows));
    }
    return false;
}

static bool find_space(const struct space *space, struct ckpt_heap_space *ret)
{
    *ret = (struct ckpt_heap_space){.root = ckpt_heap.object, .generation_at = -1};
    ret->space_at = ckpt_vm_offset(space->type, space->field);
    for (size_t i = 0; i < NAMES && space->heaps[i]; i++) {
        char *const *generation = ckpt_vm_static(space->heaps[i], space->generation);

        if (generation)
            ret->root = generation;
        else
            ret->generation_at = ckpt_vm_offset(space->heaps[i], space->generation);
        if (generation || ret->generation_at >= 0)
            return ret->space_at >= 0;
    }
    return false;
}

/*
 * Finds every space of the collector in use; if one is not found, the heap counts as unknown. With
 * UseNUMA, Parallel splits a space into several, which is not supported.
 */
static bool find_spaces(void)
{
    bool all = !(ckpt_vm_flag_is_set(parallel) && ckpt_vm_flag_is_set("UseNUMA"));

    for (size_t i = 0; i < CKPT_COUNT(spaces); i++)
        if (ckpt_vm_flag_is_set(spaces[i].flag))
            all &= find_space(&spaces[i], &ckpt_heap.spaces[ckpt_heap.space_count++]);
    return all && ckpt_heap.space_count;
}

static bool find_regions(void)
{
    int64_t manager, regions;
    const struct ckpt_vm_row rows[] = {
        {.offset = &manager, .names = {{"G1CollectedHeap", "_hrm"}}},
        {.offset = &regions,
         .names = {{"G1HeapRegionManager", "_regions"}, {"HeapRegionManager", "_regions"}}},
        {.offset = &ckpt_heap.base_at, .names = {{"G1HeapRegionTable", "_base"}}},
        {.offset = &ckpt_heap.length_at, .names = {{"G1HeapRegionTable", "_length"}}},
    };

    if (!ckpt_vm_flag_is_set(g1) || !ckpt_vm_look_up(rows, CKPT_COUNT(rows)))
        return false;
    ckpt_heap.table_at = manager + regions;
    return true;
}

void ckpt_heap_find(void)
{
    const struct ckpt_vm_row rows[] = {
        {.address = &ckpt_heap.object, .names = {{"Universe", "_collectedHeap"}}},
        {.offset = &ckpt_heap.collecting_at,
         .names = {{"CollectedHeap", "_is_stw_gc_active"}, {"CollectedHeap", "_is_gc_active"}}},
    };

    if (!ckpt_vm_look_up(rows, CKPT_COUNT(rows)) || ckpt_java_threads.state_at < 0 ||
        !ckpt_java_threads_are_listed() || !find_bounds())
        return;
    if (find_regions())
        ckpt_heap.kind = CKPT_HEAP_REGIONS;
    else if (find_spaces())
        ckpt_heap.kind = CKPT_HEAP_SPACES;
}

bool ckpt_heap_is_known(void)
{
    return ckpt_heap.kind != CKPT_HEAP_UNKNOWN;
}
