/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Which memory is the JVM's own, used in a way that is known, so that a restore may map it from the
 * image instead of copying it; and which part of the stacks nothing uses.
 */
#ifndef CKPT_HOTSPOT_JVM_MEMORY_H
#define CKPT_HOTSPOT_JVM_MEMORY_H

#include <stddef.h>

#include "engine/builtin/parked/gather.h"
#include "engine/builtin/parked/park.h"

/** Find the structures of this JVM. Once, after ckpt_heap_init(). */
void ckpt_lazy_init(void);

/**
 * Let glibc give back the free memory in its arenas: what a restore copies should be in use.  Of
 * another allocator's memory it knows nothing, and does nothing.  With no thread parked.
 */
void ckpt_lazy_trim(void);

/**
 * Memory that may be lazy, in any order.  Only with everyone parked.
 * @return how many ranges were written to @ret
 */
size_t ckpt_lazy_memory(const struct ckpt_park *park, struct ckpt_range *ret, size_t room);

/**
 * What lies below the stack pointer of each parked Java thread, in the stack that HotSpot has
 * recorded for it: nothing there is read again.
 * @return how many ranges were written to @ret
 */
size_t ckpt_lazy_stacks(const struct ckpt_park *park, struct ckpt_range *ret, size_t room);

#endif
