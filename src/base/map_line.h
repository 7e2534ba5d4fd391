/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A line of /proc/PID/maps, or the first one of a mapping in smaps, in its parts.
 */
#ifndef CKPT_BASE_MAP_LINE_H
#define CKPT_BASE_MAP_LINE_H

#include <stdbool.h>
#include <stdint.h>

struct ckpt_map_line {
    uint64_t start, end, offset;
    uint64_t device; /**< as stat(2) has it */
    uint64_t inode;
    uint32_t prot; /**< PROT_* */
    bool shared;
    const char *path; /**< in the line; "" if the mapping has none */
};

/** Parse a line without its newline. */
void ckpt_map_line_parse(const char *line, struct ckpt_map_line *ret_map);

#endif
