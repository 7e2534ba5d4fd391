/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Splits a line of /proc/PID/maps, or the first line of a mapping in smaps, into its parts.
 */
#ifndef CKPT_BASE_MAP_LINE_H
#define CKPT_BASE_MAP_LINE_H

#include <stdbool.h>
#include <stdint.h>

struct ckpt_map_line {
    uint64_t start, end, offset;
    uint64_t device; /**< in the form of stat(2)'s st_dev */
    uint64_t inode;
    uint32_t prot; /**< PROT_* */
    bool shared;
    const char *path; /**< points into the line; "" if the mapping has no path */
};

/** Parse a line without its newline. */
void ckpt_map_line_parse(const char *line, struct ckpt_map_line *ret_map);

#endif
