/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Structures and numbers of the kernel that the oldest supported headers do not have, or that libc
 * has in another form.
 */
#ifndef CKPT_BASE_KERNEL_ABI_H
#define CKPT_BASE_KERNEL_ABI_H

#include <linux/ioctl.h>
#include <stdint.h>

/** What getdents64(2) fills its buffer with: entries of `length` bytes each. */
struct ckpt_dirent {
    uint64_t inode, offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

/** PAGEMAP_SCAN, a request to /proc/PID/pagemap (Linux 6.7), and the ranges that it finds. */
struct ckpt_scan_region {
    uint64_t start, end, categories;
};
struct ckpt_scan_argument {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define CKPT_PAGEMAP_SCAN _IOWR('f', 16, struct ckpt_scan_argument)
#define CKPT_PAGE_IS_FILE (1u << 2)
#define CKPT_PAGE_IS_PRESENT (1u << 3)
#define CKPT_PAGE_IS_SWAPPED (1u << 4)
#define CKPT_PAGE_IS_ZERO (1u << 5)

/** An entry of /proc/PID/pagemap, for one page. */
#define CKPT_PAGEMAP_PRESENT (1ull << 63)
#define CKPT_PAGEMAP_SWAPPED (1ull << 62)
#define CKPT_PAGEMAP_FILE (1ull << 61) /* the page belongs to a file or to shared memory */

/** A value of madvise(2)'s advice. */
#define CKPT_MADV_POPULATE_READ 22
#define CKPT_MADV_POPULATE_WRITE 23
#define CKPT_MADV_COLLAPSE 25
#define CKPT_MADV_GUARD_INSTALL 102

/** The ID that the kernel reports for a user or group that has no number in this user namespace. */
#define CKPT_OVERFLOW_UID 65534u

#endif
