/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Which part of the Java heap is free, so that it need not be in the image.
 */
#ifndef CKPT_HOTSPOT_HEAP_H
#define CKPT_HOTSPOT_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/builtin/parked/gather.h"
#include "engine/builtin/parked/park.h"

/** Find the structures of this JVM and its collector. Once, before the functions below. */
void ckpt_heap_init(void);

/** Whether this collector's free memory can be told at all. */
bool ckpt_heap_is_known(void);

/**
 * Whether the heap is at rest: no stopped-world collection, and no Java thread inside the JVM where
 * it might have written an object above a space's top without having published it (G1's humongous
 * objects).  Threads in Java code or in native code never have.  The VM thread, which allocates for
 * others in a safepoint, must have been waiting for something to do.  Only with everyone parked:
 * plain reads, no calls.
 */
bool ckpt_heap_at_rest(const struct ckpt_park *park);

/**
 * Free memory of the heap, ascending: [top, end) of every space or region, none if this collector's
 * is not known.  Only with everyone parked and the heap at rest.
 * @return how many ranges were written to @ret
 */
size_t ckpt_heap_free(struct ckpt_range *ret, size_t room);

#endif
