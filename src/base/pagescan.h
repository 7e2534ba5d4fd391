/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * PAGEMAP_SCAN, the ioctl of /proc/PID/pagemap that reports which pages are present. linux/fs.h has
 * it from Linux 6.7 on; the names here differ from its names, so that both can be included.
 */
#ifndef CKPT_BASE_PAGESCAN_H
#define CKPT_BASE_PAGESCAN_H

#include <linux/ioctl.h>
#include <stdint.h>

struct scan_region {
    uint64_t start, end, categories;
};
struct scan_argument {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define SCAN _IOWR('f', 16, struct scan_argument)
#define IS_FILE (1u << 2)
#define IS_PRESENT (1u << 3)
#define IS_SWAPPED (1u << 4)
#define IS_ZERO (1u << 5)

#endif
