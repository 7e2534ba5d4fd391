/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * libjvm as it is loaded in this process: its symbols and segments. It is never unloaded.
 */
#ifndef CKPT_HOTSPOT_LIBJVM_H
#define CKPT_HOTSPOT_LIBJVM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/range.h"

#define CKPT_LIBJVM_SEGMENTS_MAX 16

struct ckpt_libjvm_segment {
    char *start, *file_end, *end; /**< [file_end, end) was zero when libjvm was loaded */
    bool writable, executable;
};

struct ckpt_libjvm {
    struct ckpt_range all;
    struct ckpt_libjvm_segment segments[CKPT_LIBJVM_SEGMENTS_MAX];
    size_t count;
    struct ckpt_range relocated; /**< pages that are read-only after loading (RELRO) */
};

/** Find libjvm; NULL: not loaded in this process. */
const struct ckpt_libjvm *ckpt_libjvm(void);

/** The address of an exported symbol; NULL: there is no such symbol. */
void *ckpt_libjvm_symbol(const char *name);

/** Whether [@at, @at + @size) is in a writable segment of libjvm. */
bool ckpt_libjvm_has_data(const void *at, size_t size);

#endif
