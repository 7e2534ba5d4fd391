/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Finds the unused parts of Java threads' stacks, which need not be in the image.
 */
#ifndef CKPT_HOTSPOT_PARKED_UNUSED_STACKS_H
#define CKPT_HOTSPOT_PARKED_UNUSED_STACKS_H

#include <stddef.h>

#include "base/parked_threads.h"
#include "base/range.h"

/**
 * Find the memory below the stack pointer of each parked Java thread, in the stack that HotSpot has
 * recorded for it. Its content is never read again.
 * @return how many ranges were written to @ret
 */
size_t ckpt_unused_stacks_find(const struct ckpt_parked_threads *threads, struct ckpt_range *ret,
                               size_t room);

#endif
