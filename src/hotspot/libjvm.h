/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * libjvm as it is loaded in this process: its symbols and its segments.  It never goes.
 */
#ifndef CKPT_HOTSPOT_LIBJVM_H
#define CKPT_HOTSPOT_LIBJVM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/range.h"

#define CKPT_LIBJVM_SEGMENTS_MAX 16

struct ckpt_libjvm_segment {
    char *start, *file_end, *end; /**< what is after file_end was zero in the beginning */
    bool writable, executable;
};

struct ckpt_libjvm {
    struct ckpt_range all;
    struct ckpt_libjvm_segment segments[CKPT_LIBJVM_SEGMENTS_MAX];
    size_t count;
    struct ckpt_range relocated; /**< whole pages that are read-only once it is loaded */
};

/** Where it is; NULL: there is no HotSpot in this process. */
const struct ckpt_libjvm *ckpt_libjvm(void);

/** The address of a symbol that it exports; NULL: it has none of that name. */
void *ckpt_libjvm_symbol(const char *name);

/** Whether [@at, @at + @size) is in data of its that can be written. */
bool ckpt_libjvm_has_data(const void *at, size_t size);

#endif
