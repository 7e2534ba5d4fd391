/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What no thread uses of the stacks that HotSpot knows.
 */
#ifndef CKPT_HOTSPOT_PARKED_UNUSED_STACKS_H
#define CKPT_HOTSPOT_PARKED_UNUSED_STACKS_H

#include <stddef.h>

#include "base/parked_threads.h"
#include "base/range.h"

/**
 * What is below the stack pointer of each parked Java thread, in the stack that HotSpot has
 * recorded for it: nothing there is read again.
 * @return how many ranges were written to @ret
 */
size_t ckpt_unused_stacks(const struct ckpt_parked_threads *threads, struct ckpt_range *ret,
                          size_t room);

#endif
