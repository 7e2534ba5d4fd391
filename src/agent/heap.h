/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Which part of the Java heap is free, so that it need not be in the image.
 */
#ifndef CKPT_AGENT_HEAP_H
#define CKPT_AGENT_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/builtin/gather.h"

/** Find the structures of this JVM's collector. Once, before the functions below. */
void ckpt_heap_init(void);

/** Whether this collector's free memory is known, and so worth freezing inside a collection. */
bool ckpt_heap_is_known(void);

/**
 * Free memory of the heap, ascending: [top, end) of every space or region.  Only with everyone parked
 * inside a collection, when no allocation is half done.  Plain reads, no calls: runs among the parked.
 * @return how many ranges were written to @ret
 */
size_t ckpt_heap_free(struct ckpt_range *ret, size_t room);

#endif
