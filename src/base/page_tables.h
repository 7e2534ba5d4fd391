/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Which pages of this process the kernel has in its page tables.
 */
#ifndef CKPT_BASE_PAGE_TABLES_H
#define CKPT_BASE_PAGE_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum ckpt_page_state {
    /** present or swapped out, and neither a page of a file nor the zero page */
    CKPT_PAGE_OWN,
    CKPT_PAGE_THERE,   /**< present or swapped out, also in a file or shared memory */
    CKPT_PAGE_SWAPPED, /**< swapped out only; a guard page has such an entry too */
};

/**
 * Called for a range of pages in one state.
 * @param swapped  whether the kernel reports the pages as swapped out; they may be guard pages
 * @return 0, or -1 with @error to end
 */
typedef int ckpt_page_range_fn(void *context, uint64_t start, uint64_t end, bool swapped,
                               struct ckpt_error *error);

/**
 * Visit the pages in [@start, @end) that are in @state, in ascending order. A kernel without
 * PAGEMAP_SCAN has no guard pages, so CKPT_PAGE_SWAPPED then finds nothing.
 * @param pagemap  a descriptor of /proc/self/pagemap
 * @return 0, or -1 with @error
 */
int ckpt_page_tables_each(int pagemap, uint64_t start, uint64_t end, enum ckpt_page_state state,
                          ckpt_page_range_fn *visit, void *context, struct ckpt_error *error);

#endif
