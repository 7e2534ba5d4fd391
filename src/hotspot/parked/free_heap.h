/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Finds the free parts of the Java heap, which need not be in the image.
 */
#ifndef CKPT_HOTSPOT_PARKED_FREE_HEAP_H
#define CKPT_HOTSPOT_PARKED_FREE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/parked_threads.h"
#include "base/range.h"

#define CKPT_HEAP_SPACES_MAX 8

/** A space of a heap without regions, found by following offsets from an address. */
struct ckpt_heap_space {
    char *const *root;
    int64_t generation_at; /**< offset of the generation's address; -1: the root is it */
    int64_t space_at;      /**< offset of the space's address in the generation */
};

/** The structures of this JVM's heap; set by heap.c. */
extern struct ckpt_heap {
    enum { CKPT_HEAP_UNKNOWN, CKPT_HEAP_SPACES, CKPT_HEAP_REGIONS } kind;
    char *const *object; /**< the C++ object of the heap */
    /** offset of the flag that a stop-the-world collection is in progress */
    int64_t collecting_at;
    int64_t bottom_at, top_at, end_at;                   /**< offsets in a space or region */
    struct ckpt_heap_space spaces[CKPT_HEAP_SPACES_MAX]; /**< for CKPT_HEAP_SPACES */
    size_t space_count;
    int64_t table_at;           /**< for CKPT_HEAP_REGIONS: offset of the table in the object */
    int64_t base_at, length_at; /**< offsets in the table */
} ckpt_heap;

/**
 * Whether the heap is at rest. No stop-the-world collection is in progress. No Java thread is
 * inside the JVM, where it might have written an object above a space's top before publishing it
 * (G1's humongous objects); threads in Java code or in native code never do that. And the VM
 * thread, which allocates for others in a safepoint, was waiting for work.
 */
bool ckpt_free_heap_at_rest(const struct ckpt_parked_threads *threads);

/**
 * Find the free memory of the heap, in ascending order: [top, end) of each space or region; none if
 * the collector is not supported. Only if the heap is at rest.
 * @return how many ranges were written to @ret
 */
size_t ckpt_free_heap_find(struct ckpt_range *ret, size_t room);

#endif
