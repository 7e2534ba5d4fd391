/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * May run while threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See range.h.
 */
#include "base/range.h"

#include "base/page.h"

static void sort(struct ckpt_range *ranges, size_t count)
{
    for (size_t gap = count / 2; gap; gap /= 2)
        for (size_t i = gap; i < count; i++) {
            struct ckpt_range range = ranges[i];
            size_t at = i;

            for (; at >= gap && ranges[at - gap].start > range.start; at -= gap)
                ranges[at] = ranges[at - gap];
            ranges[at] = range;
        }
}

size_t ckpt_ranges_merge(struct ckpt_range *ranges, size_t count)
{
    size_t kept = 0;

    sort(ranges, count);
    for (size_t i = 0; i < count; i++) {
        struct ckpt_range range = {.start = ckpt_page_ceil(ranges[i].start),
                                   .end = ckpt_page_floor(ranges[i].end)};

        if (range.start >= range.end)
            continue;
        if (kept && ranges[kept - 1].end >= range.start) {
            if (ranges[kept - 1].end < range.end)
                ranges[kept - 1].end = range.end;
        } else {
            ranges[kept++] = range;
        }
    }
    return kept;
}
