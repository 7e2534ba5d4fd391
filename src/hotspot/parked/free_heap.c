/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See free_heap.h. Runs while all threads are parked: only raw system calls.
 *
 * [top, end) of a space has no live data unless an operation is in progress: a collection moves
 * objects, and a thread inside the JVM may write an object's header before it moves top. (A thread
 * in Java code moves top first.) So ckpt_free_heap_at_rest() checks that no such operation is in
 * progress.
 */
#include "hotspot/parked/free_heap.h"

#include "base/raw.h"
#include "hotspot/parked/java_threads.h"
#include "hotspot/parked/vm_word.h"

#define THREAD_IN_VM 6 /* JavaThreadState::_thread_in_vm, the same in every JDK */

struct ckpt_heap ckpt_heap;

/* The VM thread is found by its name. If it is not found, the heap is not at rest. */
static bool vm_thread_waits(const struct ckpt_parked_threads *threads)
{
    for (uint32_t i = 0; i < threads->count; i++)
        if (ckpt_raw_equal(threads->list[i].name, "VM Thread"))
            return ckpt_frame_waits(threads->list[i].frame);
    return false;
}

bool ckpt_free_heap_at_rest(const struct ckpt_parked_threads *threads)
{
    struct ckpt_java_thread_pass pass = {.count = 0};
    const char *thread;

    if (ckpt_heap.kind == CKPT_HEAP_UNKNOWN || *(*ckpt_heap.object + ckpt_heap.collecting_at) ||
        !vm_thread_waits(threads))
        return false;
    while ((thread = ckpt_java_threads_next(&pass)))
        if (*(const int *)(thread + ckpt_java_threads.state_at) == THREAD_IN_VM)
            return false;
    return true;
}

static size_t add_free(const char *space, struct ckpt_range *ret, size_t count, size_t room)
{
    uint64_t bottom = CKPT_VM_WORD(space, ckpt_heap.bottom_at);
    uint64_t top = CKPT_VM_WORD(space, ckpt_heap.top_at);
    uint64_t end = CKPT_VM_WORD(space, ckpt_heap.end_at);
    size_t at = count;

    if (top < bottom || top >= end || count == room)
        return count;
    if (count && ret[count - 1].end == top) { /* this free region directly follows another one */
        ret[count - 1].end = end;
        return count;
    }
    for (; at > 0 && ret[at - 1].start > top; at--)
        ret[at] = ret[at - 1];
    ret[at] = (struct ckpt_range){.start = top, .end = end};
    return count + 1;
}

static size_t add_spaces(struct ckpt_range *ret, size_t room)
{
    size_t count = 0;

    for (size_t i = 0; i < ckpt_heap.space_count; i++) {
        const struct ckpt_heap_space *space = &ckpt_heap.spaces[i];
        const char *at = *space->root;

        if (space->generation_at >= 0)
            at = (const char *)CKPT_VM_WORD(at, space->generation_at);
        count = add_free((const char *)CKPT_VM_WORD(at, space->space_at), ret, count, room);
    }
    return count;
}

static size_t add_regions(struct ckpt_range *ret, size_t room)
{
    const char *table = *ckpt_heap.object + ckpt_heap.table_at;
    char *const *regions = (char *const *)CKPT_VM_WORD(table, ckpt_heap.base_at);
    uint64_t length = CKPT_VM_WORD(table, ckpt_heap.length_at);
    size_t count = 0;

    for (uint64_t i = 0; i < length; i++)
        if (regions[i])
            count = add_free(regions[i], ret, count, room);
    return count;
}

size_t ckpt_free_heap_find(struct ckpt_range *ret, size_t room)
{
    return ckpt_heap.kind == CKPT_HEAP_SPACES    ? add_spaces(ret, room)
           : ckpt_heap.kind == CKPT_HEAP_REGIONS ? add_regions(ret, room)
                                                 : 0;
}
