/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Which part of the Java heap is free, so that it need not be in the image.
 */
#ifndef CKPT_HOTSPOT_PARKED_FREE_HEAP_H
#define CKPT_HOTSPOT_PARKED_FREE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/parked_threads.h"
#include "base/range.h"

#define CKPT_HEAP_SPACES_MAX 8

/** A space of a heap that is made of a few: found by following offsets from an address. */
struct ckpt_heap_space {
    char *const *root;
    int64_t generation_at; /**< of a pointer in the root; -1: the root is the generation */
    int64_t space_at;      /**< of a pointer in the generation */
};

/** The heap of this JVM; heap.c fills it in. */
extern struct ckpt_heap {
    enum { CKPT_HEAP_UNKNOWN, CKPT_HEAP_SPACES, CKPT_HEAP_REGIONS } kind;
    char *const *object;               /**< HotSpot's object that is the heap */
    int64_t collecting_at;             /**< of a flag in it: a stopped-world collection is on */
    int64_t bottom_at, top_at, end_at; /**< in a space or region */
    struct ckpt_heap_space spaces[CKPT_HEAP_SPACES_MAX]; /**< of SPACES */
    size_t space_count;
    int64_t table_at;           /**< of REGIONS: of the table of regions in the heap's object */
    int64_t base_at, length_at; /**< in the table */
} ckpt_heap;

/**
 * Whether the heap is at rest: no stopped-world collection, and no Java thread inside the JVM where
 * it might have written an object above a space's top without having published it (G1's humongous
 * objects).  Threads in Java code or in native code never have.  The VM thread, which allocates for
 * others in a safepoint, must have been waiting for something to do.
 */
bool ckpt_heap_at_rest(const struct ckpt_parked_threads *threads);

/**
 * Free memory of the heap, ascending: [top, end) of every space or region, none if this collector's
 * is not known.  Only with the heap at rest.
 * @return how many ranges were written to @ret
 */
size_t ckpt_heap_free(struct ckpt_range *ret, size_t room);

#endif
