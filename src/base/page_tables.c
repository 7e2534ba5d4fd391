/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * May run while threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See page_tables.h. PAGEMAP_SCAN gives ranges; before Linux 6.7 there is an entry for each page.
 */
#include "base/page_tables.h"

#include <errno.h>

#include "base/kernel_abi.h"
#include "base/page.h"
#include "base/syscall.h"

#define REGIONS 128
#define ENTRIES 512

/* Visit the pages by PAGEMAP_SCAN. Returns 1 if the kernel does not have that request. */
static int scan(int pagemap, uint64_t start, uint64_t end, enum ckpt_page_state state,
                ckpt_page_range_fn *visit, void *context, struct ckpt_error *error)
{
    struct ckpt_scan_region regions[REGIONS];
    uint64_t without = state == CKPT_PAGE_OWN     ? CKPT_PAGE_IS_FILE | CKPT_PAGE_IS_ZERO
                       : state == CKPT_PAGE_THERE ? CKPT_PAGE_IS_ZERO
                                                  : 0;
    struct ckpt_scan_argument argument = {
        .size = sizeof argument,
        .start = start,
        .end = end,
        .vec = (uint64_t)regions,
        .vec_len = REGIONS,
        .category_inverted = without,
        .category_mask = without,
        .category_anyof_mask =
            CKPT_PAGE_IS_SWAPPED | (state == CKPT_PAGE_SWAPPED ? 0 : CKPT_PAGE_IS_PRESENT),
        .return_mask = CKPT_PAGE_IS_SWAPPED,
    };

    while (argument.start < end) {
        long count = ckpt_sys_ioctl(pagemap, CKPT_PAGEMAP_SCAN, &argument);

        if (count < 0)
            return argument.start == start && (count == -ENOTTY || count == -EINVAL)
                       ? 1
                       : ckpt_error_set(error, (int)-count, "cannot scan the page tables");
        for (long i = 0; i < count; i++)
            if (visit(context, regions[i].start, regions[i].end,
                      regions[i].categories & CKPT_PAGE_IS_SWAPPED, error) < 0)
                return -1;
        argument.start = argument.walk_end;
    }
    return 0;
}

static int read_entries(int pagemap, uint64_t start, uint64_t end, bool files_too,
                        ckpt_page_range_fn *visit, void *context, struct ckpt_error *error)
{
    uint64_t entries[ENTRIES];

    for (uint64_t at = start; at < end;) {
        uint64_t pages = (end - at) / ckpt_page_size;
        long got = ckpt_sys_pread(pagemap, entries, (pages < ENTRIES ? pages : ENTRIES) * 8,
                                  at / ckpt_page_size * 8);

        if (got < 8)
            return ckpt_error_set(error, got < 0 ? (int)-got : EIO,
                                  "cannot read /proc/self/pagemap");
        for (long i = 0; i < got / 8; i++, at += ckpt_page_size) {
            bool swapped = entries[i] & CKPT_PAGEMAP_SWAPPED;
            bool there = (entries[i] & CKPT_PAGEMAP_PRESENT) &&
                         (files_too || !(entries[i] & CKPT_PAGEMAP_FILE));

            if ((swapped || there) && visit(context, at, at + ckpt_page_size, swapped, error) < 0)
                return -1;
        }
    }
    return 0;
}

int ckpt_page_tables_each(int pagemap, uint64_t start, uint64_t end, enum ckpt_page_state state,
                          ckpt_page_range_fn *visit, void *context, struct ckpt_error *error)
{
    int result = scan(pagemap, start, end, state, visit, context, error);

    if (result <= 0 || state == CKPT_PAGE_SWAPPED)
        return result < 0 ? -1 : 0;
    return read_entries(pagemap, start, end, state == CKPT_PAGE_THERE, visit, context, error);
}
