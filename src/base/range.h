/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Ranges of addresses, for every world.
 */
#ifndef CKPT_BASE_RANGE_H
#define CKPT_BASE_RANGE_H

#include <stddef.h>
#include <stdint.h>

struct ckpt_range {
    uint64_t start, end;
};

/** A list of ranges with a maximum size; further ranges are dropped. */
struct ckpt_ranges {
    struct ckpt_range *list;
    size_t count, room;
};

/** Add [@start, @end), unless it is empty. */
static inline void ckpt_ranges_add(struct ckpt_ranges *ranges, uint64_t start, uint64_t end)
{
    if (start && start < end && ranges->count < ranges->room)
        ranges->list[ranges->count++] = (struct ckpt_range){.start = start, .end = end};
}

/** Shrink to whole pages, sort, merge those that meet; returns how many ranges are left. */
size_t ckpt_ranges_merge(struct ckpt_range *ranges, size_t count);

#endif
